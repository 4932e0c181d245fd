"""The most that a partition gives to a job: further attempts do not ask for more."""

from dataclasses import dataclass
from typing import Any

from tunegrid.cluster import slurm


@dataclass(frozen=True)
class PartitionBounds:
    """The most that one job gets.

    Attributes:
        minutes: the partition's time limit; infinite where there is none or it is not known.
        mem_mb: the memory of its largest node, MB; infinite where that is not known.
    """

    minutes: float = float("inf")
    mem_mb: float = float("inf")


UNKNOWN = PartitionBounds()


class BoundsOfPartitions:
    """Asks Slurm what partitions give, once, since thousands of jobs want to know."""

    def __init__(self) -> None:
        self._known: dict[str, PartitionBounds] = {}

    def of(self, partitions: str | None) -> PartitionBounds:
        """Tell the most that a job gets in these partitions.

        Args:
            partitions: a partition's name, or several separated by commas, in any of which Slurm
                may start the job; None if the job names none.

        Returns:
            The bounds; `UNKNOWN` if Slurm does not answer or has no such partition.
        """
        if partitions is None:
            return UNKNOWN
        if not self._known:
            self._known = _ask()
        bounds = [self._known.get(name.strip(), UNKNOWN) for name in partitions.split(",")]
        return PartitionBounds(
            minutes=max(one.minutes for one in bounds), mem_mb=max(one.mem_mb for one in bounds)
        )


def partition_of(rule: Any) -> str | None:
    """The partition that the profile gives to the jobs of one of Snakemake's rules.

    It may be written in quotes, or as an expression, which names no partition.

    Returns:
        Its name, or several separated by commas; None where the profile gives none.
    """
    resource = rule.resources.get("slurm_partition")
    if resource is None or resource.raw is None:
        return None
    return str(resource.raw).strip("'\"")


def _ask() -> dict[str, PartitionBounds]:
    """Ask Slurm for the bounds of every partition; nothing is told if it does not answer."""
    bounds: dict[str, PartitionBounds] = {}
    for offer in slurm.node_offers() or []:
        limit = offer.time_limit_minutes
        before = bounds[offer.partition].mem_mb if offer.partition in bounds else 0
        bounds[offer.partition] = PartitionBounds(
            minutes=float("inf") if limit is None else limit,
            mem_mb=max(before, offer.mem_mb),
        )
    return bounds


#: What this process has asked.
BOUNDS = BoundsOfPartitions()
