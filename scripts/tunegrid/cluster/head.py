"""What the head process, which is Snakemake's own, does before it submits the first job.

It checks that none would pend for ever, and sees to the jobs that a killed head process has left.
At its end it leaves none behind itself.
"""

import atexit
import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.cluster import slurm, watch
from tunegrid.cluster.slurm import Offer, QueuedJob
from tunegrid.errors import UserError
from tunegrid.paths import ROOT

#: Not the root logger: Snakemake's own lines must not be printed twice.
LOG = logging.getLogger(__name__)

#: What stands in the profile where a site must say something.
FILL_IN = "FILL-IN"
#: Seconds between two looks at jobs that are waited for.
WAIT = 10.0
#: A stand-in for sacct, where there is no accounting.
STAND_INS = ROOT / "profiles/slurm/bin"


@dataclass(frozen=True)
class Request:
    """What jobs of a rule ask for.

    Attributes:
        resources: by Snakemake's names; slurm_partition, mem_mb, runtime (minutes), gpu,
            gpu_model, threads. What is not known yet is not among them.
    """

    rule: str
    resources: Mapping[str, Any]


def begin(workflow: Any, *, wait: bool) -> None:
    """All of it, if the workflow's jobs run on Slurm; and begin to watch them.

    Args:
        workflow: Snakemake's, when it is about to start (`onstart`).
        wait: for left-over jobs that run; else they are cancelled.

    Raises:
        UserError: as of `check`.
    """
    if not workflow.is_main_process or workflow.executor_plugin.name != "slurm":
        return
    jobs = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
    check(map(_request, jobs))
    attend_left_over_jobs(Path.cwd(), wait=wait)
    stand_in_for_accounting()
    if jobs:
        first = workflow.executor_settings.init_seconds_before_status_checks
        executor = workflow.scheduler.get_executor(jobs[0])
        watch.start(executor, Path.cwd(), first)
        atexit.register(leave_none_behind, Path.cwd(), executor.run_uuid)


def _request(job: Any) -> Request:
    """What one of Snakemake's jobs asks for, as far as it is known."""
    known = {
        key: value
        for key, value in job.resources.items()
        if key in ("slurm_account", "slurm_partition", "gpu_model") or isinstance(value, int)
    }
    return Request(job.rule.name, known | {"threads": job.threads})


def unfit(requests: Iterable[Request], offers: Iterable[Offer]) -> list[str]:
    """Why jobs would pend for ever, one line for each reason."""
    by_partition: dict[str, list[Offer]] = {}
    for offer in offers:
        by_partition.setdefault(offer.partition, []).append(offer)
    lines = [
        f"{request.rule}: {line}"
        for request in requests
        for line in _unfit(request.resources, by_partition)
    ]
    return list(dict.fromkeys(lines))


def _unfit(asked: Mapping[str, Any], offers: Mapping[str, list[Offer]]) -> Iterable[str]:
    name = asked.get("slurm_partition")
    if name is None:
        return
    nodes = [offer for part in str(name).split(",") for offer in offers.get(part, [])]
    if not nodes:
        yield f"slurm_partition {name!r} is none of this cluster's: {', '.join(sorted(offers))}"
        return
    limits = [node.minutes for node in nodes]
    if asked.get("runtime", 0) > (most := max((m or float("inf")) for m in limits)):
        yield f"runtime {asked['runtime']} min is over the {most:g} min of partition {name}"
    if asked.get("mem_mb", 0) > (most := max(node.mem_mb for node in nodes)):
        yield f"mem {asked['mem_mb']} MB is over the {most} MB of partition {name}'s nodes"
    if asked.get("threads", 1) > (most := max(node.cpus for node in nodes)):
        yield f"threads {asked['threads']} is over the {most} CPUs of partition {name}'s nodes"
    yield from _unfit_gpus(asked, name, nodes)


def _unfit_gpus(asked: Mapping[str, Any], name: str, nodes: list[Offer]) -> Iterable[str]:
    wanted, model = asked.get("gpu", 0), asked.get("gpu_model")
    models = {key: count for node in nodes for key, count in node.gpus.items()}
    if model and model not in models:
        known = ", ".join(sorted(filter(None, models))) or "none with a name"
        yield f"gpu_model {model!r} is none of partition {name}'s: {known}"
    elif wanted > (most := max(sum(node.gpus.values()) for node in nodes)):
        yield f"gpu {wanted} is over the {most} GPUs of partition {name}'s nodes"


def check(requests: Iterable[Request]) -> None:
    """Check, before the first is submitted, that none of the jobs would pend for ever.

    Raises:
        UserError: the profile is not filled in, Slurm does not answer, or a job asks for what its
            partition does not have.
    """
    requests = list(requests)
    for request in requests:
        for key, value in request.resources.items():
            if value == FILL_IN:
                raise UserError(
                    f"profiles/slurm/config.yaml: {key} is not filled in; see the comment beside"
                    " it, and `make slurm-check` for what this cluster offers"
                )
    offers = slurm.offers()
    if offers is None:
        raise UserError(
            "Slurm does not answer here (sinfo); start the workflow where sbatch works, or use"
            " --profile profiles/local"
        )
    if lines := unfit(requests, offers):
        lines.append("correct profiles/slurm/config.yaml, or the configuration's `cluster`")
        raise UserError(*lines)


def stand_in_for_accounting() -> None:
    """See to it that without accounting the plugin is never left with a question to `sacct`.

    The plugin asks it whenever the controller does not say its MinJobAge, and then asks nothing
    else as long as that fails, which without accounting it always does.
    """
    if not slurm.has_accounting():
        os.environ["PATH"] = f"{STAND_INS}{os.pathsep}{os.environ['PATH']}"


def attend_left_over_jobs(folder: Path, *, wait: bool) -> None:
    """See to the jobs that an earlier head process of this folder has left in the queue.

    Nothing waits for those that pend: they are cancelled. What those that run have finished is
    taken by the jobs that this head process submits for the same cells.

    Args:
        folder: the working directory.
        wait: wait for those that run; else they are cancelled, too, and go on from their
            checkpoints.
    """
    cancelled: set[str] = set()
    told = False
    while left := slurm.jobs_of(folder):
        over = [job for job in left if job.pending or not wait]
        if new := [job for job in over if job.number not in cancelled]:
            LOG.warning("left over by an earlier start, cancelled: %s", _names(new))
            slurm.cancel(new)
            cancelled |= {job.number for job in new}
        elif not told and len(left) > len(over):
            told = True
            LOG.warning("left over by an earlier start, waited for: %s", _names(left))
        time.sleep(1.0 if over else WAIT)


def _names(jobs: list[QueuedJob]) -> str:
    return ", ".join(f"{job.number} ({job.comment or job.name})" for job in jobs)


def leave_none_behind(folder: Path, name: str) -> None:
    """Cancel the jobs that still run when the head process ends: nobody would learn of their end.

    Ctrl-C makes the plugin cancel its jobs, but not those that it is being told of or is asking
    Slurm about in that moment: they are on no list of its own then (plugin issue 397).

    Args:
        folder: the working directory.
        name: the jobs', Snakemake's run.
    """
    left = [job for job in slurm.jobs_of(folder) if job.name == name and not job.ending]
    if left:
        LOG.warning("not waited for any more, cancelled: %s", _names(left))
        slurm.cancel(left)
