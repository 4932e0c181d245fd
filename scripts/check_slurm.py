#!/usr/bin/env python
"""Tell what this Slurm cluster offers, and whether the profile fits it.

Asks the controller and, if there is any, accounting; checks the profile's account, partitions and
GPU models against what they offer; then, if all fits, runs one job of a few seconds with a GPU.
Exits with status 1 when something would pend for ever, hang or be refused.

  make slurm-check
"""

import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tunegrid.cli import describe, run_program
from tunegrid.cluster import slurm
from tunegrid.cluster.head import FILL_IN, Request, unfit
from tunegrid.cluster.slurm import Offer
from tunegrid.errors import UserError
from tunegrid.paths import ROOT

PROFILE = ROOT / "profiles/slurm/config.yaml"
#: Seconds: twice the longest time between two questions for the jobs (`cluster.watch.Pace`).
MIN_JOB_AGE = 60


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--profile", type=Path, default=PROFILE, help="the profile's config.yaml")
    parser.add_argument("--wait", type=float, default=300, help="seconds for the small job")
    arguments = parser.parse_args()
    profile = yaml.safe_load(arguments.profile.read_text(encoding="utf-8"))

    offers = slurm.offers()
    if offers is None:
        raise UserError("Slurm does not answer (sinfo); run this where sbatch works")
    for line in description(offers):
        print(line)
    accounts = slurm.accounts()
    print(f"accounting: {accounting(accounts)}")
    age = slurm.setting("MinJobAge")
    print(f"ended jobs are remembered (MinJobAge): {age}")

    wrong = list(problems(profile, offers, accounts, age))
    if wrong:
        raise UserError(*wrong)
    print(f"a small GPU job: {small_job(profile, arguments.wait)}")
    print("profile and cluster fit")


def description(offers: list[Offer]) -> Iterator[str]:
    """A line for each partition."""
    for name in dict.fromkeys(offer.partition for offer in offers):
        nodes = [offer for offer in offers if offer.partition == name]
        limit = nodes[0].minutes
        gpus = {f"{n} × {model or 'GPU'}" for node in nodes for model, n in node.gpus.items()}
        yield (
            f"partition {name}: {len(nodes)} nodes,"
            f" {'no time limit' if limit is None else f'{limit:g} min'},"
            f" {max(node.cpus for node in nodes)} CPUs, {max(node.mem_mb for node in nodes)} MB,"
            f" {', '.join(sorted(gpus)) or 'no GPU'}"
        )


def accounting(accounts: list[str] | None) -> str:
    """In words, what accounting says of the user."""
    if not slurm.has_accounting():
        return "none"
    if accounts is None:
        return "it does not answer"
    return f"your accounts are {', '.join(accounts)}" if accounts else "it does not know you"


def jobs_of(profile: dict[str, Any]) -> Iterator[Request]:
    """What the profile makes jobs ask for, beside what their rules say themselves."""
    default = profile["default-resources"]
    yield Request("default-resources", default)
    for rule, own in profile["set-resources"].items():
        yield Request(f"set-resources: {rule}", default | {"gpu": 1} | own)


def problems(
    profile: dict[str, Any], offers: list[Offer], accounts: list[str] | None, age: str | None
) -> Iterator[str]:
    """What would pend for ever, hang or be refused."""
    requests = list(jobs_of(profile))
    for request in requests:
        for key, value in request.resources.items():
            if value == FILL_IN:
                yield f"{request.rule}: {key} is not filled in"
    filled = [r for r in requests if FILL_IN not in r.resources.values()]
    yield from unfit(filled, offers)
    account = profile["default-resources"].get("slurm_account")
    if accounts and account not in {*accounts, FILL_IN}:
        yield f"slurm_account {account!r} is none of yours: {', '.join(accounts)}"
    if profile.get("slurm-status-command") != "squeue":
        yield "slurm-status-command: only squeue is safe; with sacct a cancelled job hangs for ever"
    if age and age.split()[0].isdigit() and int(age.split()[0]) < MIN_JOB_AGE:
        yield (
            f"MinJobAge is {age}: squeue forgets ended jobs before they are asked for; ask the"
            f" cluster's administrators for at least {MIN_JOB_AGE} s"
        )


def small_job(profile: dict[str, Any], seconds: float) -> str:
    """What a job with one GPU found on its node.

    Raises:
        UserError: it was refused, failed, or did not end in time (and was cancelled).
    """
    asked = profile["default-resources"] | profile["set-resources"]["train"]
    model = asked.get("gpu_model")
    output = Path.cwd() / f"slurm-check-{time.time_ns()}.log"
    tell = "nvidia-smi -L 2> /dev/null"
    tell += ' || echo "no nvidia-smi; CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"'
    command = [
        *("sbatch", "--parsable", "--job-name", "tunegrid-check", "--output", str(output)),
        *("--partition", asked["slurm_partition"], "--time", "5", "--mem", "500"),
        *("--gpus", f"{model}:1" if model else "1", "--ntasks", "1"),
        *shlex.split(str(asked.get("slurm_extra", "")).strip("'")),
        *(("--account", asked["slurm_account"]) if slurm.accounts() else ()),
        *("--wrap", f"hostname; {tell}"),
    ]
    sent = subprocess.run(command, capture_output=True, text=True, check=False)
    if sent.returncode:
        raise UserError(f"the small GPU job was refused: {' '.join(sent.stderr.split())}")
    number, deadline = sent.stdout.strip().split(";")[0], time.monotonic() + seconds
    state = "PENDING"
    while state in {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"}:
        if time.monotonic() > deadline:
            slurm.ask("scancel", number)
            raise UserError(
                f"the small GPU job {number} has not ended after {seconds:g} s: {state}"
            )
        time.sleep(1)
        state = slurm.job_state(number) or "gone"
    found = " ".join(output.read_text().split()) if output.exists() else "it left no log"
    output.unlink(missing_ok=True)
    if state != "COMPLETED":
        raise UserError(f"the small GPU job {number} ended as {state}: {found}")
    return found


if __name__ == "__main__":
    run_program(main)
