"""What jobs ask the cluster for, and whether any node could ever give it.

Slurm accepts a job that no node can run and keeps it pending for ever, and Snakemake then waits for
ever. So what the jobs ask for is compared with what the nodes offer before the first is submitted
(`tunegrid.cluster.request_checks`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunegrid.cluster.slurm import NodeOffer

#: What stands in profiles/slurm/config.yaml where a site must say something of its own.
FILL_IN = "FILL-IN"
#: The resources of a job that hold a text; the others that matter are whole numbers. `reservation`
#: is none that Snakemake's plugin knows, and is refused.
TEXT_RESOURCES = {
    "clusters",
    "constraint",
    "gpu_model",
    "gres",
    "qos",
    "reservation",
    "slurm_account",
    "slurm_extra",
    "slurm_partition",
}


@dataclass(frozen=True)
class JobRequest:
    """What the jobs of a rule ask for.

    Attributes:
        rule: the rule's name, which messages begin with.
        resources: what is asked for, by Snakemake's names: slurm_account, slurm_partition, mem_mb,
            runtime (minutes), gpu, gpu_model, threads, and those of `TEXT_RESOURCES`. Those that
            are not known yet are left out.
    """

    rule: str
    resources: Mapping[str, Any]

    def partitions(self) -> list[str]:
        """List the partitions that it may run in: Slurm takes several, separated by commas."""
        return str(self.resources.get("slurm_partition", "")).split(",")

    def unfilled_settings(self) -> list[str]:
        """List the settings of the profile that the site has not filled in."""
        return [name for name, value in self.resources.items() if value == FILL_IN]


def explain_misfits(requests: Iterable[JobRequest], offers: Iterable[NodeOffer]) -> list[str]:
    """Explain why jobs would stay pending for ever.

    Args:
        requests: what the jobs ask for.
        offers: what the cluster's nodes offer.

    Returns:
        One line for each reason, each only once; none if all jobs could start.
    """
    offers_by_partition: dict[str, list[NodeOffer]] = {}
    for offer in offers:
        offers_by_partition.setdefault(offer.partition, []).append(offer)
    lines = [
        f"{request.rule}: {problem}"
        for request in requests
        for problem in _misfits_of(request.resources, offers_by_partition)
    ]
    return list(dict.fromkeys(lines))


def _misfits_of(
    resources: Mapping[str, Any], offers_by_partition: Mapping[str, Sequence[NodeOffer]]
) -> Iterator[str]:
    """Explain why one job would stay pending for ever."""
    partitions = resources.get("slurm_partition")
    if partitions is None:
        return
    # Slurm takes several partitions, separated by commas, and starts the job where it can first.
    nodes = [
        offer
        for partition in str(partitions).split(",")
        for offer in offers_by_partition.get(partition, [])
    ]
    if not nodes:
        known = ", ".join(sorted(offers_by_partition))
        yield f"slurm_partition {partitions!r} is none of this cluster's: {known}"
        return

    limits = [node.time_limit_minutes for node in nodes]
    most_minutes = max(float("inf") if limit is None else limit for limit in limits)
    most_memory = max(node.mem_mb for node in nodes)
    most_cpus = max(node.cpus for node in nodes)
    runtime = resources.get("runtime", 0)
    memory = resources.get("mem_mb", 0)
    threads = resources.get("threads", 1)
    if runtime > most_minutes:
        yield f"runtime {runtime} min is over the {most_minutes:g} min of partition {partitions}"
    if memory > most_memory:
        yield f"mem {memory} MB is over the {most_memory} MB of partition {partitions}'s nodes"
    if threads > most_cpus:
        yield f"threads {threads} is over the {most_cpus} CPUs of partition {partitions}'s nodes"
    yield from _gpu_misfits(resources, partitions, nodes)


def _gpu_misfits(
    resources: Mapping[str, Any], partitions: str, nodes: Sequence[NodeOffer]
) -> Iterator[str]:
    """Explain why one job would wait for ever for its GPUs, as far as all nodes are known."""
    gpus_of_nodes = [node.gpus for node in nodes if node.gpus is not None]
    if len(gpus_of_nodes) < len(nodes):
        return
    wanted = resources.get("gpu", 0)
    model = resources.get("gpu_model")
    models = {name for gpus in gpus_of_nodes for name in gpus}
    most_gpus = max(sum(gpus.values()) for gpus in gpus_of_nodes)
    if model and model not in models:
        known = ", ".join(sorted(name for name in models if name)) or "none with a name"
        yield f"gpu_model {model!r} is none of partition {partitions}'s: {known}"
    elif wanted > most_gpus:
        yield f"gpu {wanted} is over the {most_gpus} GPUs of partition {partitions}'s nodes"
