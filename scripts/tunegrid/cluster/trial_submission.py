"""Asks Slurm, before anything is submitted, whether it would take the jobs as they will be.

The options of `sbatch` are those that Snakemake's plugin will pass, built by the plugin itself
(`snakemake_executor_plugin_slurm.submit_string.get_submit_command`). What the plugin would refuse
at every submission is refused here, with the setting that does what was meant.
"""

import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError

from tunegrid.cluster import slurm
from tunegrid.cluster.job_requests import TEXT_RESOURCES, JobRequest
from tunegrid.cluster.submission_answers import (
    SubmissionAnswer,
    controller_answer,
    describe_failure,
    read_answer,
)

#: The resources that do what the plugin refuses in `slurm_extra`, by the plugin's names for it.
RESOURCES_INSTEAD = {
    "account": "slurm_account",
    "partition": "slurm_partition",
    "quality of service": "qos",
    "node constraints": "constraint",
    "number of nodes": "nodes",
    "number of tasks": "tasks",
    "tasks per GPU": "tasks_per_gpu",
    "CPUs per task": "cpus_per_task",
    "CPUs per GPU": "cpus_per_gpu",
    "cluster specification": "clusters",
}
#: The settings that do what the workflow computes for each job, by the plugin's names for it.
SETTINGS_INSTEAD = {
    "memory": "the configuration's cluster.min_mem",
    "memory per CPU": "the configuration's cluster.min_mem",
    "runtime/time limit": "the configuration's cluster.runtime",
    "GPU allocation": "gpu_model, and the configuration's train.gpus_per_run",
    "generic resources (GRES)": "gpu_model, and the configuration's train.gpus_per_run",
}
#: The answer for a job that no node can run: as the nodes are now, not as they are made.
NO_NODE_NOW = "Requested node configuration is not available"
#: What is no reason to refuse a job: Slurm takes it, now or later.
PASSES = {SubmissionAnswer.ACCEPTED, SubmissionAnswer.LIMITED, SubmissionAnswer.AWAY}
#: The resources whose largest value is asked about, and those of which each value is: all that
#: become options of `sbatch`.
SIZES = ("runtime", "mem_mb", "mem_mb_per_cpu", "threads", "gpu")
KINDS = TEXT_RESOURCES | {"cpus_per_gpu", "cpus_per_task", "nodes", "tasks", "tasks_per_gpu"}


@dataclass(frozen=True)
class TrialAnswer:
    """What Slurm says of a job that it was only asked about.

    Attributes:
        rule: the rule whose job it is.
        reason: why it would not take the job, or why no node can run it now.
        refused: whether it would never take the job.
    """

    rule: str
    reason: str
    refused: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


class _Resources(dict[str, Any]):
    """Resources as the plugin reads those of a job: by `get` and as attributes."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


@dataclass(frozen=True)
class _RequestedJob:
    """A request in the place of Snakemake's job, as far as the plugin looks at one."""

    resources: _Resources
    threads: int


def refusals_of_plugin(request: JobRequest) -> Iterator[str]:
    """Find what the plugin refuses at each submission, and say what to write instead."""
    from snakemake_executor_plugin_slurm.validation import get_forbidden_slurm_options

    extra = request.resources.get("slurm_extra")
    if isinstance(extra, str):
        for pattern, name in get_forbidden_slurm_options().items():
            if found := re.search(rf"(?:{pattern})\s*([^\s'\"]*)", extra):
                option = found.group().split("=")[0].split()[0]
                instead = _instead_of(name, value=found.group(1))
                yield f"{request.rule}: slurm_extra may not have {option}: {instead}"
    if "reservation" in request.resources:
        name = request.resources["reservation"]
        yield (
            f"{request.rule}: reservation is no resource of the plugin: write slurm_extra:"
            f" \"'--reservation={name}'\""
        )
    model = request.resources.get("gpu_model")
    if isinstance(model, str) and not re.fullmatch(r"[a-zA-Z0-9_.]+", model):
        count = request.resources.get("gpu", 1)
        yield (
            f"{request.rule}: gpu_model {model!r} has characters that the plugin refuses: write"
            f" gpu: 0 and slurm_extra: \"'--gpus-per-node={model}:{count}'\" in its place"
        )


def _instead_of(name: str, *, value: str) -> str:
    """Say what to write for an option that the plugin sets itself."""
    if resource := RESOURCES_INSTEAD.get(name):
        return f"write {resource}: {value or '…'} beside it"
    if setting := SETTINGS_INSTEAD.get(name):
        return f"the workflow sets it; see {setting}"
    return f"the plugin sets the {name} itself"


def submission_options(request: JobRequest, settings: Any = None) -> list[str]:
    """Build the options of `sbatch` that the plugin will submit such a job with.

    Args:
        request: what the job asks for. What is not known yet is left out.
        settings: the plugin's own settings, which may name a QOS or a reservation for all jobs.

    Raises:
        snakemake_interface_common.exceptions.WorkflowError: the plugin refuses the request.
    """
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    job = _RequestedJob(
        resources=_Resources(request.resources), threads=request.resources.get("threads", 1)
    )
    account = request.resources.get("slurm_account")
    partition = request.resources.get("slurm_partition")
    parameters = {
        "run_uuid": "tunegrid-check",
        "slurm_logfile": "/dev/null",
        "comment_str": f"rule_{request.rule}",
        "account": f"-A {shlex.quote(str(account))}" if account else "",
        "partition": f"-p {shlex.quote(str(partition))}" if partition else "",
        "workdir": None,
    }
    call = get_submit_command(job, parameters, settings=settings) + set_gres_string(job)
    return shlex.split(call)[1:]


def largest_requests(requests: Iterable[JobRequest]) -> list[JobRequest]:
    """Choose the requests that ask for most: of ten thousand cells, a few.

    Of those of a rule that differ in sizes alone, the one with the longest time limit is kept, that
    with most memory, and so on; each once.
    """
    groups: dict[tuple[Any, ...], list[JobRequest]] = {}
    for request in requests:
        kinds = [(name, str(request.resources.get(name))) for name in sorted(KINDS)]
        groups.setdefault((request.rule, *kinds), []).append(request)
    largest: dict[int, JobRequest] = {}
    for group in groups.values():
        for size in SIZES:
            most = max(group, key=lambda request: request.resources.get(size, 0))
            largest[id(most)] = most
    return list(largest.values())


def try_request(
    request: JobRequest, unavailable_partitions: set[str], settings: Any = None
) -> TrialAnswer | None:
    """Ask Slurm whether it would take a job.

    Args:
        request: what the job asks for.
        unavailable_partitions: the partitions of which a node, or all, cannot start jobs now.
        settings: the plugin's own settings, as of `submission_options`.

    Returns:
        What speaks against it; None if nothing does, or if Slurm takes no job at all for now, for
        which submission waits (`tunegrid.cluster.patient_submission`).
    """
    try:
        options = submission_options(request, settings)
        status, errors = slurm.try_submission(options)
    except WorkflowError as error:
        return TrialAnswer(request.rule, " ".join(str(error).split()), refused=True)
    except subprocess.TimeoutExpired:
        return None
    if read_answer(status, errors) in PASSES:
        return None
    reason = describe_failure(status, errors)
    depends_on_nodes = controller_answer(errors) == NO_NODE_NOW
    if depends_on_nodes and unavailable_partitions.intersection(request.partitions()):
        return TrialAnswer(request.rule, f"no node can start it now ({reason})", refused=False)
    return TrialAnswer(request.rule, f"Slurm refuses it ({reason})", refused=True)
