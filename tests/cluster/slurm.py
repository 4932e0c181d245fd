"""A real Slurm on this one machine: munge, controller, nodes with fake GPUs, maybe accounting.

  python tests/cluster/slurm.py FOLDER [--no-accounting]    starts one, waits for Ctrl-C, stops it

It needs Debian's packages slurm-wlm and munge, for accounting also slurmdbd and mariadb-server, and
root. All daemons listen on loopback at free ports, keep everything in one folder, and are stopped
by their process ids. The GPUs are device files that no driver stands behind. `slurm_conf.py` says
which nodes and partitions there are.
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from slurm_conf import ACCOUNT, GPUS_PER_NODE, NODES, PORTS, configuration_files

CGROUPS = Path("/sys/fs/cgroup")
#: Device number of the first NVIDIA GPU (https://www.kernel.org/doc/Documentation/admin-guide/devices.txt).
NVIDIA_MAJOR = 195


def why_no_cluster(*, accounting: bool) -> str | None:
    """Tell why no cluster can be started here; None if one can."""
    programs = ["munged", "slurmctld", "slurmd", "sbatch"]
    if accounting:
        programs += ["slurmdbd", "mariadbd", "mariadb-install-db"]
    if absent := [name for name in programs if not shutil.which(name)]:
        return f"no {', '.join(absent)}: install slurm-wlm, munge, slurmdbd and mariadb-server"
    return "only root can start slurmd" if os.geteuid() else None


def memory_is_confined() -> bool:
    """Whether Slurm can hold jobs to their memory on this machine."""
    return (CGROUPS / "memory" / "tasks").exists() and os.access(CGROUPS / "memory", os.W_OK)


def wait_for(
    condition: Callable[[], bool],
    *,
    seconds: float,
    what: str | Callable[[], str],
    every: float = 0.1,
) -> None:
    """Wait until `condition` holds.

    Args:
        condition: is asked over and over.
        seconds: how long to wait at most.
        what: what is waited for, in words; or what tells it when it has not come.
        every: seconds between two questions; more where each starts a program.

    Raises:
        TimeoutError: it did not come in time; says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            raise TimeoutError(f"after {seconds} s still not: {text}")
        time.sleep(every)


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """Find a free port for each of these names."""
    sockets = {name: socket.socket() for name in names}
    for one in sockets.values():
        one.bind(("127.0.0.1", 0))
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports


@dataclass(frozen=True)
class QueuedJob:
    """A job that has not ended: its id, its state, and why it is pending."""

    id: str
    state: str
    reason: str


@dataclass
class Cluster:
    """One cluster, in a folder of its own.

    Attributes:
        base: the folder. It must lie where every user may enter, since munge wants that.
        accounting: whether it has accounting.
        name: its name, which no other cluster on this machine may have, not even one that was left
            running by tests that were killed.
    """

    base: Path
    accounting: bool = True
    name: str = field(default_factory=lambda: f"tunegrid-{secrets.token_hex(3)}")
    ports: dict[str, int] = field(default_factory=lambda: free_ports(PORTS + NODES))

    @property
    def nodes(self) -> list[str]:
        """The names of its nodes."""
        return [f"{self.name}-{node}" for node in NODES]

    @property
    def environment(self) -> dict[str, str]:
        """What a user of this cluster has in the environment."""
        return os.environ | {
            "SLURM_CONF": str(self.base / "etc/slurm.conf"),
            "PATH": f"/usr/bin:/usr/sbin:{os.environ['PATH']}",
        }

    @property
    def environment_for_any_workflow(self) -> dict[str, str]:
        """The same for workflows that do not see to it themselves that jobs find slurm.conf."""
        from tunegrid.cluster.stand_ins import FOR_JOBS, KEPT_CONFIGURATION

        environment = self.environment
        return environment | {
            KEPT_CONFIGURATION: environment["SLURM_CONF"],
            "PATH": f"{FOR_JOBS}:{environment['PATH']}",
        }

    def start(self) -> None:
        """Start all daemons, and wait until jobs can run."""
        for name in ("etc", "run", "log", "state", "dev", "mysql"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            (self.base / "spool" / node).mkdir(parents=True, exist_ok=True)
        self._configure()
        self._start_munge()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_for(lambda: set(self.states().values()) == {"idle"}, seconds=60, what="idle nodes")

    def _configure(self) -> None:
        for index in range(GPUS_PER_NODE):
            with suppress(FileExistsError):
                device = os.makedev(NVIDIA_MAJOR, index)
                os.mknod(self.base / f"dev/gpu{index}", 0o20666, device)
        files = configuration_files(
            name=self.name,
            base=self.base,
            ports=self.ports,
            accounting=self.accounting,
            confined=memory_is_confined(),
        )
        for name, text in files.items():
            path = self.base / "etc" / name
            path.write_text(text)
            path.chmod(0o600 if name in {"munge.key", "slurmdbd.conf"} else 0o644)

    def _start_munge(self) -> None:
        self.call(
            "munged",
            "--num-threads=2",
            f"--key-file={self.base}/etc/munge.key",
            f"--socket={self.base}/run/munge.socket",
            f"--pid-file={self.base}/run/munged.pid",
            f"--log-file={self.base}/log/munged.log",
            f"--seed-file={self.base}/run/seed",
        )

    def _start_accounting(self) -> None:
        options = f"--defaults-file={self.base}/etc/mariadb.cnf"
        if not (self.base / "mysql/mysql").is_dir():
            self.call(
                "mariadb-install-db",
                options,
                "--user=root",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            )
        self.call("sh", "-c", f"mariadbd {options} > /dev/null 2>&1 &")
        sql = ("mariadb", "-S", f"{self.base}/run/mariadb.sock", "-uroot", "-e")
        wait_for(
            lambda: self.succeeds(*sql, "select 1"), seconds=60, what="an answer of the database"
        )
        self.call(
            *sql,
            "create database if not exists slurm_acct_db;"
            "create user if not exists 'slurm'@'127.0.0.1' identified by 'slurm';"
            "grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1'",
        )
        self.start_accounting_daemon()
        # The daemon takes a cluster a moment after it answers.
        wait_for(
            lambda: self.succeeds("sacctmgr", "-i", "add", "cluster", self.name),
            seconds=60,
            what="the cluster's entry in accounting",
        )
        self.call("sacctmgr", "-i", "add", "account", ACCOUNT, "Description=ml", "Organization=ml")
        self.call("sacctmgr", "-i", "add", "user", "root", f"Account={ACCOUNT}")

    def start_accounting_daemon(self) -> None:
        self.call("slurmdbd")
        wait_for(
            lambda: self.succeeds("sacctmgr", "-n", "show", "cluster"),
            seconds=60,
            what="an answer of slurmdbd",
        )

    def start_controller(self) -> None:
        self.call("slurmctld")

    def start_node(self, node: str) -> None:
        self.call("slurmd", "-N", node)

    def lose_node(self, node: str) -> None:
        """Let a node go down with all that runs on it, without telling anybody."""
        self.kill_daemon(f"slurmd-{node}")
        for pid in self._job_daemons(node) + self.processes(f"SLURMD_NODENAME={node}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self, variable: str, program: str = "") -> list[int]:
        """Find processes of jobs.

        Args:
            variable: what is among their environment variables, as NAME=VALUE.
            program: what is in their command line.

        Returns:
            Their process ids.
        """
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = (process / "environ").read_bytes()
                command = (process / "cmdline").read_bytes()
                if (
                    str(self.base).encode() in environment  # it belongs to this cluster
                    and variable.encode() in environment.split(b"\0")
                    and program.encode() in command
                ):
                    found.append(int(process.name))
        return found

    def _job_daemons(self, node: str) -> list[int]:
        """Find the daemons (slurmstepd) of a node's jobs: they write into the node's log."""
        log = self.base / f"log/slurmd-{node}.log"
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if any(opened.readlink() == log for opened in (process / "fd").iterdir()):
                    found.append(int(process.name))
        return found

    def kill_daemon(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """End a daemon: slurmctld, slurmdbd, slurmd-<node>, munged or mariadbd."""
        pid = self._pid(daemon)
        if pid is None:
            return
        os.kill(pid, number)
        wait_for(lambda: self._pid(daemon) is None, seconds=30, what=f"the end of {daemon}")

    def _pid(self, daemon: str) -> int | None:
        """The process id of a daemon of this cluster; None if it does not run."""
        path = self.base / "run" / f"{daemon}.pid"
        with suppress(OSError, ValueError):
            pid = int(path.read_text())
            status = Path(f"/proc/{pid}/stat").read_text()
            if daemon.split("-", maxsplit=1)[0] in status and ") Z " not in status:
                return pid
        return None

    def stop(self) -> None:
        """End all jobs and daemons, and remove what they have left among the control groups."""
        with suppress(subprocess.SubprocessError):
            self.cancel_all_jobs()
        daemons = ["slurmctld", *(f"slurmd-{node}" for node in self.nodes)]
        for daemon in [*daemons, "slurmdbd", "mariadbd", "munged"]:
            self.kill_daemon(daemon, signal.SIGTERM)
        for group in CGROUPS.glob(f"*/slurm_{self.name}-*"):
            for folder in [*sorted(group.rglob("*"), reverse=True), group]:
                if folder.is_dir():
                    with suppress(OSError):
                        folder.rmdir()

    def call(self, *command: str, timeout: float = 60) -> str:
        """Run a command as a user of this cluster.

        Returns:
            What it prints.

        Raises:
            subprocess.SubprocessError: it failed or took too long; says what it printed.
        """
        run = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
        )
        if run.returncode:
            raise subprocess.SubprocessError(f"{' '.join(command)}: {run.stdout}{run.stderr}")
        return run.stdout

    def succeeds(self, *command: str) -> bool:
        """Whether a command succeeds within ten seconds."""
        try:
            self.call(*command, timeout=10)
        except (subprocess.SubprocessError, OSError):
            return False
        return True

    def states(self) -> dict[str, str]:
        """The state of every node, by its name."""
        rows = self.call("sinfo", "-h", "-N", "-o", "%N %t").splitlines()
        return dict(row.split() for row in rows)

    def queue(self) -> list[QueuedJob]:
        """All jobs that have not ended."""
        rows = self.call("squeue", "-h", "-o", "%i|%T|%r").splitlines()
        return [QueuedJob(*row.split("|", 2)) for row in rows]

    def cancel_all_jobs(self) -> None:
        """Cancel all jobs, and wait until they have ended."""
        self.call("scancel", "--user=root")
        wait_for(lambda: not self.queue(), seconds=60, what="the end of all jobs")

    def start_requeued_jobs(self) -> None:
        """Let requeued jobs start now, which Slurm holds for two minutes."""
        with suppress(subprocess.SubprocessError):  # the controller may be away
            for job in self.queue():
                if job.state == "PENDING" and job.reason == "BeginTime":
                    self.call("scontrol", "update", f"jobid={job.id}", "StartTime=now")

    def job(self, job_id: str) -> dict[str, str]:
        """What the controller knows of a job."""
        text = self.call("scontrol", "-o", "show", "job", job_id)
        return dict(part.split("=", 1) for part in text.split() if "=" in part)

    def wait_until_saved(self, job_id: str) -> None:
        """Wait until a controller that is killed and started again would know that a job runs."""
        started = datetime.fromisoformat(self.job(job_id)["StartTime"]).timestamp()
        saved = self.base / "state/job_state"
        wait_for(
            lambda: saved.stat().st_mtime > started + 1,
            seconds=60,
            what="the controller's saved state",
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the cluster keeps everything")
    parser.add_argument("--no-accounting", action="store_true", help="start it without accounting")
    arguments = parser.parse_args()
    if why := why_no_cluster(accounting=not arguments.no_accounting):
        sys.exit(f"error: {why}")
    cluster = Cluster(arguments.folder.resolve(), accounting=not arguments.no_accounting)
    start = time.monotonic()
    try:
        cluster.start()
        print(f"started in {time.monotonic() - start:.1f} s; use it with:")
        for key in ("SLURM_CONF", "PATH"):
            print(f"export {key}='{cluster.environment[key]}'")
        sys.stdout.flush()
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
