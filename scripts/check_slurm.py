#!/usr/bin/env python
"""Tell what this Slurm cluster offers, and whether the profile fits it.

Asks the controller and, if there is any, accounting; checks the profile's account, partitions and
GPU models against what they offer; then, if all fits, runs one job of a few seconds with a GPU.
Exits with status 1 when something would stay pending for ever, hang or be refused.

  make slurm-check
"""

import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tunegrid.cli import describe, run_program
from tunegrid.cluster import slurm
from tunegrid.cluster.job_requests import FILL_IN, JobRequest, explain_misfits
from tunegrid.cluster.slurm import NodeOffer
from tunegrid.errors import UserError
from tunegrid.paths import ROOT

PROFILE = ROOT / "profiles/slurm/config.yaml"
#: The least MinJobAge, seconds: twice the longest time between two questions for the jobs
#: (`tunegrid.cluster.job_watch.PollingPace`).
LEAST_MIN_JOB_AGE = 60
#: States of a job that has not ended.
UNFINISHED = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"}
#: What the small job runs: the node's name, and the GPU that it was given.
SMALL_JOB = (
    "hostname; nvidia-smi -L 2> /dev/null"
    ' || echo "no nvidia-smi; CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"'
)


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--profile", type=Path, default=PROFILE, help="the config.yaml of the profile to check"
    )
    parser.add_argument(
        "--wait", type=float, default=300, help="seconds after which the small job is given up"
    )
    arguments = parser.parse_args()
    profile = yaml.safe_load(arguments.profile.read_text(encoding="utf-8"))

    offers = slurm.node_offers()
    if offers is None:
        raise UserError("Slurm does not answer (sinfo); run this where sbatch works")
    for line in describe_partitions(offers):
        print(line)
    accounts = slurm.user_accounts()
    print(f"accounting: {describe_accounting(accounts)}")
    min_job_age = slurm.cluster_setting("MinJobAge")
    print(f"ended jobs are remembered (MinJobAge): {min_job_age}")

    problems = list(find_problems(profile, offers, accounts, min_job_age))
    if problems:
        raise UserError(*problems)
    print(f"a small GPU job: {run_small_job(profile, arguments.wait)}")
    print("profile and cluster fit")


def describe_partitions(offers: Sequence[NodeOffer]) -> Iterator[str]:
    """Describe each partition in a line."""
    for name in dict.fromkeys(offer.partition for offer in offers):
        nodes = [offer for offer in offers if offer.partition == name]
        minutes = nodes[0].time_limit_minutes
        time_limit = "no time limit" if minutes is None else f"{minutes:g} min"
        if unlisted := sum(not node.is_listed for node in nodes):
            yield (
                f"partition {name}: {unlisted} nodes of {len(nodes)} that are not listed, such as a"
                f" cloud's that are powered off, {time_limit}"
            )
        nodes = [node for node in nodes if node.is_listed]
        if not nodes:
            continue
        cpus = max(node.cpus for node in nodes)
        memory = max(node.mem_mb for node in nodes)
        gpus = {
            f"{count} × {model or 'GPU'}"
            for node in nodes
            for model, count in (node.gpus or {}).items()
        }
        yield (
            f"partition {name}: {len(nodes)} nodes, {time_limit}, {cpus} CPUs, {memory} MB,"
            f" {', '.join(sorted(gpus)) or 'no GPU'}"
        )


def describe_accounting(accounts: Sequence[str] | None) -> str:
    """Describe what accounting says of the user."""
    if not slurm.has_accounting():
        return "none"
    if accounts is None:
        return "it does not answer"
    if not accounts:
        return "it does not know you"
    return f"your accounts are {', '.join(accounts)}"


def profile_requests(profile: dict[str, Any]) -> list[JobRequest]:
    """List what the profile makes jobs ask for, beside what their rules ask for themselves."""
    default = profile["default-resources"]
    requests = [JobRequest(rule="default-resources", resources=default)]
    for rule, resources in profile["set-resources"].items():
        requests.append(
            JobRequest(rule=f"set-resources: {rule}", resources={**default, "gpu": 1, **resources})
        )
    return requests


def find_problems(
    profile: dict[str, Any],
    offers: Sequence[NodeOffer],
    accounts: Sequence[str] | None,
    min_job_age: str | None,
) -> Iterator[str]:
    """Find what would stay pending for ever, hang or be refused.

    Args:
        profile: the profile's content.
        offers: what the nodes offer.
        accounts: those that the user may charge; None without accounting.
        min_job_age: the cluster's setting, such as "300 sec"; None if it is not known.
    """
    requests = profile_requests(profile)
    for request in requests:
        for name in request.unfilled_settings():
            yield f"{request.rule}: {name} is not filled in"
    filled_in = [request for request in requests if not request.unfilled_settings()]
    yield from explain_misfits(filled_in, offers)
    account = profile["default-resources"].get("slurm_account")
    if accounts and account not in {*accounts, FILL_IN}:
        yield f"slurm_account {account!r} is none of yours: {', '.join(accounts)}"
    if profile.get("slurm-status-command") != "squeue":
        yield "slurm-status-command: only squeue is safe; with sacct a cancelled job hangs for ever"
    if min_job_age is not None and _seconds(min_job_age) < LEAST_MIN_JOB_AGE:
        yield (
            f"MinJobAge is {min_job_age}: squeue forgets ended jobs before they are asked for; ask"
            f" the cluster's administrators for at least {LEAST_MIN_JOB_AGE} s"
        )


def _seconds(setting: str) -> float:
    """Read a number of seconds such as "300 sec"; infinite if it is none."""
    number = setting.partition(" ")[0]
    return int(number) if number.isdigit() else float("inf")


def run_small_job(profile: dict[str, Any], seconds: float) -> str:
    """Run a job with one GPU, as the profile asks for it.

    Args:
        profile: the profile's content.
        seconds: how long to wait for the job's end.

    Returns:
        What the job found on its node.

    Raises:
        UserError: the job was refused, failed, or did not end in time (and was cancelled).
    """
    log = Path.cwd() / f"slurm-check-{time.time_ns()}.log"
    command = small_job_command(profile, log)
    submission = subprocess.run(command, capture_output=True, text=True, check=False)
    if submission.returncode:
        raise UserError(f"the small GPU job was refused: {' '.join(submission.stderr.split())}")
    job_id = submission.stdout.strip().split(";")[0]  # behind it may stand the cluster's name
    state = wait_for_end(job_id, seconds)
    found = " ".join(log.read_text().split()) if log.exists() else "it left no log"
    log.unlink(missing_ok=True)
    if state != "COMPLETED":
        raise UserError(f"the small GPU job {job_id} ended as {state}: {found}")
    return found


def small_job_command(profile: dict[str, Any], log: Path) -> list[str]:
    """Build the command that submits the small job."""
    resources = {**profile["default-resources"], **profile["set-resources"]["train"]}
    model = resources.get("gpu_model")
    command = [
        "sbatch",
        "--parsable",
        "--job-name=tunegrid-check",
        f"--output={log}",
        f"--partition={resources['slurm_partition']}",
        "--time=5",
        "--mem=500",
        f"--gpus={model}:1" if model else "--gpus=1",
        "--ntasks=1",
    ]
    # The profile holds these options in quotes within quotes, as Snakemake's plugin wants them.
    command += shlex.split(str(resources.get("slurm_extra", "")).strip("'"))
    if slurm.user_accounts():
        command.append(f"--account={resources['slurm_account']}")
    return [*command, f"--wrap={SMALL_JOB}"]


def wait_for_end(job_id: str, seconds: float) -> str:
    """Wait until a job has ended.

    Returns:
        The state that it ended in, or "gone" if Slurm no longer knows the job.

    Raises:
        UserError: it did not end in time; it is cancelled.
    """
    deadline = time.monotonic() + seconds
    state = "PENDING"
    while state in UNFINISHED:
        if time.monotonic() > deadline:
            slurm.run_slurm_command("scancel", job_id)
            raise UserError(
                f"the small GPU job {job_id} has not ended after {seconds:g} s: {state}"
            )
        time.sleep(1)
        state = slurm.job_state(job_id) or "gone"
    return state


if __name__ == "__main__":
    run_program(main)
