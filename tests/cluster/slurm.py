"""A real Slurm on this one machine: munge, controller, nodes with fake GPUs, maybe accounting.

  python tests/cluster/slurm.py FOLDER [--no-accounting]    starts one, waits for Ctrl-C, stops it

Debian's packages slurm-wlm and munge, for accounting slurmdbd and mariadb-server; root. All daemons
listen on loopback and free ports, keep everything in one folder, and are stopped by their process
ids. Two nodes have four GPUs each, which are device files that no driver stands behind; two have
none. Partition `gpu` is preempted (its jobs are requeued) by `urgent`.
"""

import argparse
import os
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

GPU_NODES, CPU_NODES = ("g1", "g2"), ("c1", "c2")
NODES = GPU_NODES + CPU_NODES
CGROUPS = Path("/sys/fs/cgroup")
ACCOUNT = "ml"

CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainCores=no
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainDevices=no
AllowedSwapSpace=0
"""

SLURM_CONF = """\
ClusterName=tunegrid
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmctldPidFile={base}/run/slurmctld.pid
SlurmdPidFile={base}/run/slurmd-%n.pid
SlurmdSpoolDir={base}/spool/%n
StateSaveLocation={base}/state
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd-%n.log
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/run/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
{confinement}
SlurmctldTimeout=30
SlurmdTimeout=20
MinJobAge={min_job_age}
KillWait=5
Waittime=0
OverTimeLimit=0
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=100000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=g1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} {node} Gres=gpu:a100:4
NodeName=g2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} {node} Gres=gpu:a100:4
NodeName=c1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[4]} {node}
NodeName=c2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[5]} {node}
PartitionName=cpu Nodes=c[1-2] Default=YES MaxTime=1-00:00:00 DefMemPerCPU=500 State=UP
PartitionName=gpu Nodes=g[1-2] MaxTime=1-00:00:00 DefMemPerCPU=500 PriorityTier=10 State=UP
PartitionName=short Nodes=g[1-2] MaxTime=00:30:00 DefMemPerCPU=500 PriorityTier=10 State=UP
PartitionName=urgent Nodes=g[1-2] DefMemPerCPU=500 PriorityTier=100 PreemptMode=OFF State=UP
{accounting}
"""

CONFINED = """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=2
"""
UNCONFINED = """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
"""

ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[1]}
AccountingStoragePass=socket={base}/run/munge.socket
AccountingStorageTRES=gres/gpu,gres/gpu:a100
AccountingStorageEnforce=associations,limits,qos
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={base}/run/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[1]}
SlurmUser=root
LogFile={base}/log/slurmdbd.log
PidFile={base}/run/slurmdbd.pid
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[6]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""

MARIADB_CONF = """\
[mysqld]
datadir={base}/mysql
socket={base}/run/mariadb.sock
pid-file={base}/run/mariadbd.pid
log-error={base}/log/mariadbd.log
port={ports[6]}
bind-address=127.0.0.1
user=root
innodb_buffer_pool_size=64M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=2
skip-name-resolve
"""


def missing(*, accounting: bool) -> str | None:
    """Why no cluster can be started here; None if it can."""
    programs = ["munged", "slurmctld", "slurmd", "sbatch"]
    programs += ["slurmdbd", "mariadbd", "mariadb-install-db"] if accounting else []
    if absent := [name for name in programs if not shutil.which(name)]:
        return f"no {', '.join(absent)}: install slurm-wlm, munge, slurmdbd and mariadb-server"
    return "only root can start slurmd" if os.geteuid() else None


def memory_is_confined() -> bool:
    """Whether Slurm can hold jobs to their memory on this machine."""
    return (CGROUPS / "memory" / "tasks").exists() and os.access(CGROUPS / "memory", os.W_OK)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `condition` holds; a TimeoutError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@dataclass
class Cluster:
    """One cluster, in a folder of its own."""

    base: Path
    accounting: bool = True
    min_job_age: int = 300
    ports: list[int] = field(default_factory=lambda: free_ports(7))

    @property
    def environment(self) -> dict[str, str]:
        """What a user of this cluster has in the environment."""
        return os.environ | {
            "SLURM_CONF": str(self.base / "etc/slurm.conf"),
            "PATH": f"{self.base}/bin:/usr/bin:/usr/sbin:{os.environ['PATH']}",
        }

    def start(self) -> None:
        for name in ("etc", "run", "log", "state", "dev", "mysql", "bin"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        for name in NODES:
            (self.base / "spool" / name).mkdir(parents=True, exist_ok=True)
        self._configure()
        self._start_munge()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for name in NODES:
            self.start_node(name)
        wait_for(lambda: self.states() == {"idle"}, 30, "all nodes are idle")

    def _configure(self) -> None:
        for index in range(4):
            with suppress(FileExistsError):
                os.mknod(self.base / f"dev/gpu{index}", 0o20666, os.makedev(195, index))
        confined = memory_is_confined()
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        values = {
            "base": self.base,
            "host": socket.gethostname().split(".")[0],
            "ports": self.ports,
            "min_job_age": self.min_job_age,
            "node": f"CPUs=8 RealMemory={memory // 3}",
            "confinement": CONFINED if confined else UNCONFINED,
        }
        accounting = ACCOUNTING.format(**values) if self.accounting else NO_ACCOUNTING
        self._write("slurm.conf", SLURM_CONF.format(accounting=accounting, **values))
        if confined:
            self._write("cgroup.conf", CGROUP_CONF)
        gpus = f"NodeName=g[1-2] Name=gpu Type=a100 File={self.base}/dev/gpu[0-3]\n"
        self._write("gres.conf", gpus)
        self._write("munge.key", os.urandom(512).hex())
        self._write("slurmdbd.conf", SLURMDBD_CONF.format(**values))
        self._write("mariadb.cnf", MARIADB_CONF.format(**values))
        # The plugin's job step drops SLURM_CONF, which only a cluster off the standard path needs.
        shim = self.base / "bin/srun"
        srun = shutil.which("srun")
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={self.base}/etc/slurm.conf exec {srun} "$@"\n')
        shim.chmod(0o755)

    def _write(self, name: str, text: str) -> None:
        path = self.base / "etc" / name
        path.write_text(text)
        path.chmod(0o600 if name in {"munge.key", "slurmdbd.conf"} else 0o644)

    def _start_munge(self) -> None:
        self.call(
            *("munged", f"--key-file={self.base}/etc/munge.key", "--num-threads=2"),
            *(f"--socket={self.base}/run/munge.socket", f"--pid-file={self.base}/run/munged.pid"),
            *(f"--log-file={self.base}/log/munged.log", f"--seed-file={self.base}/run/seed"),
        )

    def _start_accounting(self) -> None:
        options = f"--defaults-file={self.base}/etc/mariadb.cnf"
        if not (self.base / "mysql/mysql").is_dir():
            self.call(
                *("mariadb-install-db", options, "--user=root", "--skip-test-db"),
                "--auth-root-authentication-method=normal",
            )
        self._database = subprocess.Popen(
            ["mariadbd", options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        sql = ("mariadb", "-S", f"{self.base}/run/mariadb.sock", "-uroot", "-e")
        wait_for(lambda: self.succeeds(*sql, "select 1"), 30, "the database answers")
        self.call(
            *sql,
            "create database if not exists slurm_acct_db;"
            "create user if not exists 'slurm'@'127.0.0.1' identified by 'slurm';"
            "grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1'",
        )
        self.start_database()
        # The daemon knows the cluster a moment after it answers.
        wait_for(
            lambda: self.succeeds("sacctmgr", "-i", "add", "cluster", "tunegrid"), 30, "accounting"
        )
        self.call("sacctmgr", "-i", "add", "account", ACCOUNT, "Description=ml", "Organization=ml")
        self.call("sacctmgr", "-i", "add", "user", "root", f"Account={ACCOUNT}")

    def start_database(self) -> None:
        """Start slurmdbd."""
        self.call("slurmdbd")
        wait_for(lambda: self.succeeds("sacctmgr", "-n", "show", "cluster"), 30, "slurmdbd answers")

    def start_controller(self) -> None:
        self.call("slurmctld")

    def start_node(self, name: str) -> None:
        self.call("slurmd", "-N", name)

    def lose_node(self, name: str) -> None:
        """A node goes down with all that runs on it, and nobody is told."""
        self.kill(f"slurmd-{name}")
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = (process / "environ").read_bytes().split(b"\0")
                command = (process / "cmdline").read_bytes()
                of_node = f"SLURMD_NODENAME={name}".encode() in environment
                if of_node or (b"slurmstepd" in command and self._steps_on(name, command)):
                    os.kill(int(process.name), signal.SIGKILL)

    def _steps_on(self, name: str, command: bytes) -> bool:
        """Whether a step's daemon (`slurmstepd: [job.step]`) is of a job on a node."""
        numbers = self.call("squeue", "-h", "-w", name, "-o", "%i").split()
        return any(f"[{number}.".encode() in command for number in numbers)

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """End a daemon: slurmctld, slurmdbd, slurmd-<node>, munged or mariadbd."""
        pid = self._pid(daemon)
        if pid is None:
            return
        os.kill(pid, number)
        database = getattr(self, "_database", None)
        if database and database.pid == pid:
            database.wait(30)
        wait_for(lambda: self._pid(daemon) is None, 30, f"{daemon} ends")

    def _pid(self, daemon: str) -> int | None:
        """The process of a daemon that this cluster started and that still runs."""
        path = self.base / "run" / f"{daemon}.pid"
        with suppress(OSError, ValueError):
            pid = int(path.read_text())
            status = Path(f"/proc/{pid}/stat").read_text()
            if daemon.split("-", maxsplit=1)[0] in status and ") Z " not in status:
                return pid
        return None

    def stop(self) -> None:
        """End every daemon, the jobs first, and take away what they left in the cgroups."""
        with suppress(subprocess.SubprocessError):
            self.call("scancel", "--user=root", timeout=20)
            wait_for(lambda: not self.jobs(), 20, "all jobs are cancelled")
        self.kill("slurmctld", signal.SIGTERM)
        for name in NODES:
            self.kill(f"slurmd-{name}", signal.SIGTERM)
        for daemon in ("slurmdbd", "mariadbd", "munged"):
            self.kill(daemon, signal.SIGTERM)
        for left in CGROUPS.glob("*/slurm*"):
            for folder in sorted(left.rglob("*"), reverse=True):
                if folder.is_dir():
                    with suppress(OSError):
                        folder.rmdir()
            with suppress(OSError):
                left.rmdir()

    def call(self, *command: str, timeout: float = 60) -> str:
        """A command's standard output; an error with what it said if it fails."""
        run = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout,
            check=False, start_new_session=True,
        )  # fmt: skip
        if run.returncode:
            raise subprocess.SubprocessError(f"{' '.join(command)}: {run.stdout}{run.stderr}")
        return run.stdout

    def succeeds(self, *command: str) -> bool:
        try:
            self.call(*command, timeout=10)
        except (subprocess.SubprocessError, OSError):
            return False
        return True

    def states(self) -> set[str]:
        """The states of all nodes."""
        return set(self.call("sinfo", "-h", "-N", "-o", "%t").split())

    def jobs(self, *states: str) -> list[str]:
        """The ids of jobs in any of `states`, or that have not ended."""
        chosen = ("--states", ",".join(states)) if states else ()
        return self.call("squeue", "-h", "-o", "%i", *chosen).split()

    def hasten(self) -> None:
        """Let requeued jobs start now, which Slurm holds for two minutes."""
        with suppress(subprocess.SubprocessError):
            shown = self.call("squeue", "-h", "-t", "PENDING", "-o", "%i %r").splitlines()
            for line in shown:
                if line.endswith(" BeginTime"):
                    self.call("scontrol", "update", f"jobid={line.split()[0]}", "StartTime=now")

    def job(self, number: str) -> dict[str, str]:
        """What the controller knows of a job."""
        text = self.call("scontrol", "-o", "show", "job", number)
        return dict(part.split("=", 1) for part in text.split() if "=" in part)

    def wait_until_saved(self, number: str) -> None:
        """Wait until a controller that is killed would know that a job has started."""
        started = datetime.fromisoformat(self.job(number)["StartTime"]).timestamp()
        saved = self.base / "state/job_state"
        wait_for(lambda: saved.stat().st_mtime > started + 1, 30, "the controller saves its state")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-accounting", action="store_true")
    arguments = parser.parse_args()
    if why := missing(accounting=not arguments.no_accounting):
        sys.exit(f"error: {why}")
    cluster = Cluster(arguments.folder.resolve(), accounting=not arguments.no_accounting)
    begun = time.monotonic()
    try:
        cluster.start()
        print(f"started in {time.monotonic() - begun:.1f} s; use it with:")
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
