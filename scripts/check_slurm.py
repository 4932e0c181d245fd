#!/usr/bin/env python
"""Tell what this Slurm cluster offers, and whether the profile fits it.

Asks the controller and, if there is any, accounting; checks the profile's account, partitions and
GPU models against what they offer; then, if all fits, lets Snakemake run a job of a few seconds for
each kind of job in the profile, as it runs a grid's: submitted by the plugin, begun by srun, with
the environment's Python from the shared folder, and a step on the GPU. Exits with status 1 when
something would stay pending for ever, hang, be refused or fail.

  make slurm-check
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tunegrid.cli import describe, run_program
from tunegrid.cluster import slurm
from tunegrid.cluster.job_requests import FILL_IN, JobRequest, explain_misfits
from tunegrid.cluster.slurm import NodeOffer
from tunegrid.cluster.trial_submission import refusals_of_plugin
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.paths import ROOT

PROFILE = ROOT / "profiles/slurm/config.yaml"
#: The workflow of the jobs that are tried.
CHECK = ROOT / "profiles/slurm/check.smk"
#: The least MinJobAge, seconds: twice the longest time between two questions for the jobs
#: (`tunegrid.cluster.job_watch.PollingPace`).
LEAST_MIN_JOB_AGE = 60
#: A rule whose jobs have no GPU, and so the profile's default resources.
CPU_RULE = "encode_task"
#: Seconds for the jobs' cancellation.
CANCELLATION = 60
#: How many of the last lines are shown of what failed.
LAST_LINES = 15


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--profile", type=Path, default=PROFILE, help="the config.yaml of the profile to check"
    )
    parser.add_argument(
        "--wait", type=float, default=300, help="seconds after which the jobs are given up"
    )
    arguments = parser.parse_args()
    profile = yaml.safe_load(arguments.profile.read_text(encoding="utf-8"))
    slurm.drop_option_variables()

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
    for line in describe_jobs(run_jobs(arguments.profile, profile, arguments.wait)):
        print(line)
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
    for request in filled_in:
        yield from refusals_of_plugin(request)
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


def rules_to_try(profile: dict[str, Any]) -> list[str]:
    """Choose of the rules with a GPU one for each kind of job that the profile makes of them."""
    kinds: dict[str, str] = {}
    for rule in sorted(profile["set-resources"], key=lambda rule: rule != "train"):
        resources = profile["set-resources"][rule]
        kinds.setdefault(json.dumps(resources, sort_keys=True), rule)
    return list(kinds.values())


def run_jobs(profile_file: Path, profile: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Run a job of each kind, as Snakemake runs those of a grid.

    Args:
        profile_file: the profile's file.
        profile: its content.
        seconds: how long to wait for the jobs' end.

    Returns:
        What each job found on its node (`scripts/check_node.py`), by the rule that it stands for.

    Raises:
        UserError: a job was refused, failed, or did not end in time (and was cancelled).
    """
    rules = {"gpu_rules": rules_to_try(profile), "cpu_rules": [CPU_RULE]}
    folder = Path(tempfile.mkdtemp(prefix="slurm-check-", dir=Path.cwd()))
    try:
        output = run_check_workflow(profile_file, folder, rules, seconds)
        names = [*rules["gpu_rules"], *rules["cpu_rules"]]
        if failed := [name for name in names if not (folder / f"{name}.json").exists()]:
            raise UserError(*explain_failures(folder, failed, output))
        return {name: read_json(folder / f"{name}.json") for name in names}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_check_workflow(
    profile_file: Path, folder: Path, rules: dict[str, list[str]], seconds: float
) -> str:
    """Run the workflow of the jobs that are tried.

    Args:
        profile_file: the profile's file.
        folder: its working directory, which the nodes must share.
        rules: its configuration.
        seconds: how long to wait for its end.

    Returns:
        All that Snakemake has printed.

    Raises:
        UserError: it did not end in time; its jobs are cancelled.
    """
    command = [sys.executable, "-m", "snakemake"]
    command += [f"--snakefile={CHECK}", f"--profile={profile_file.resolve().parent}"]
    command += [f"--directory={folder}", "--retries=0", "--config"]
    command += [f"{key}={json.dumps(value)}" for key, value in rules.items()]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        jobs = slurm.workflow_jobs(folder)
        raise UserError(
            f"the jobs have not ended after {seconds:g} s and are cancelled; --wait gives more",
            *(f"{job.comment} is {job.state} ({job.reason})" for job in jobs),
        ) from None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=CANCELLATION)
        process.kill()


def explain_failures(folder: Path, failed: Sequence[str], output: str) -> Iterator[str]:
    """Explain why jobs have left no answer: by their logs, or by what Snakemake has printed.

    Args:
        folder: the working directory.
        failed: the rules whose jobs have failed.
        output: all that Snakemake has printed.
    """
    refusals = [line for line in output.splitlines() if line.startswith("error: ")]
    if refusals:
        yield from (line.removeprefix("error: ") for line in refusals)
        return
    for name in failed:
        log = folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        said = lines or output.splitlines()
        yield f"the job of {name} failed: " + " | ".join(said[-LAST_LINES:])


def describe_jobs(answers: dict[str, Any]) -> Iterator[str]:
    """Describe in a line what each job found on its node."""
    for name, answer in answers.items():
        line = f"a job of {name}: node {answer['node']}, Python {answer['python']}"
        if "torch" in answer:
            line += f", torch {answer['torch']}, a step on {answer['gpu'] or 'no GPU'}"
        yield line
    if any("torch" in answer and answer["gpu"] is None for answer in answers.values()):
        yield (
            "warning: torch here is built for CPUs alone, so that runs would train on the CPUs of"
            " the GPU's node"
        )


if __name__ == "__main__":
    run_program(main)
