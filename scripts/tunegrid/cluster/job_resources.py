"""How much memory and time a training job asks for.

The first attempt's numbers are estimates with a margin, from what the job reads: too large, they
cost time in the queue; too small, an attempt. A further attempt gets more of what the last one
lacked.
"""

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import humanfriendly

from tunegrid.cluster.attempts import AttemptEnd, AttemptLog
from tunegrid.cluster.partition_bounds import BOUNDS, UNKNOWN, PartitionBounds
from tunegrid.config.schema import ClusterSettings
from tunegrid.files import read_json
from tunegrid.settings import CellSettings

#: Host memory, MB, that does not depend on the model: Python, torch, CUDA's libraries, Snakemake's
#: two processes in the job, and the activations of a micro-batch on a CPU.
BASE_MEMORY_MB = 4000
#: Host memory in multiples of the weights where all weights train, on a CPU: the weights, their
#: gradients, AdamW's two moments, and a copy of these while a checkpoint is written.
MEMORY_PER_WEIGHTS_ALL_TRAINED = 7
#: The same where only an adapter trains: the weights, and a copy of them while they are loaded.
MEMORY_PER_WEIGHTS_FROZEN = 2
#: The weights, MB, that a model is taken to have that is not fetched yet: a base-size encoder's in
#: fp32.
WEIGHTS_MB_IF_UNKNOWN = 500
#: The tokens that a training split is taken to have that is not encoded yet: some 10,000 sentences.
TOKENS_IF_UNKNOWN = 300_000

#: Minutes for the start, the evaluations, and the checkpoints on a slow shared disk.
BASE_MINUTES = 15
#: The floating point operations a second that an older GPU sustains in fp32: a third of the
#: 8.1e12 that NVIDIA gives for a T4.
OPERATIONS_PER_SECOND = 2.7e12
#: How many times as many operations a step takes whose layers are computed again in the backward
#: pass: one forward pass more, of which the backward pass takes two.
RECOMPUTED = 4 / 3
#: The estimate of the training time is multiplied by this, for what it leaves out; padding is the
#: most of it.
TIME_MARGIN = 3.0

#: How many times as much memory an attempt gets after one that ran out of it.
MORE_MEMORY = 1.5
#: How many times as much time an attempt gets after one that ran out of it.
MORE_TIME = 2.0


def memory_mb(
    *,
    settings: CellSettings,
    model: Path,
    cluster: ClusterSettings,
    attempts: AttemptLog,
    partition: str | None,
) -> int:
    """Tell how much host memory the job of a cell asks for.

    Args:
        settings: the cell's settings.
        model: the folder of fetch_model, which need not be there yet.
        cluster: the section `cluster` of the configuration.
        attempts: the earlier attempts; each that ran out of memory gives this one more, up to what
            the partition's nodes have.
        partition: the partition of the job, or several separated by commas; None if unknown.

    Returns:
        The memory, MB.
    """
    if cluster.mem == "auto":
        if settings.method_source.kind == "full":
            share = MEMORY_PER_WEIGHTS_ALL_TRAINED
        else:
            share = MEMORY_PER_WEIGHTS_FROZEN
        first = BASE_MEMORY_MB + share * weights_mb(model) * settings.train.gpus_per_run
    else:
        first = parse_megabytes(cluster.mem)
    times = attempts.count_ends()[AttemptEnd.OUT_OF_MEMORY]
    return _grown(
        first,
        factor=MORE_MEMORY,
        times=times,
        at_most=min(parse_megabytes(cluster.max_mem), _bounds(partition, times).mem_mb),
    )


def runtime_minutes(
    *,
    cells: Iterable[CellSettings],
    model: Path,
    encoded: Path,
    cluster: ClusterSettings,
    attempts: AttemptLog,
    partition: str | None,
) -> int:
    """Tell the time limit that the job of these cells asks for.

    Training takes 6 floating point operations per weight and token (Kaplan et al. 2020,
    https://arxiv.org/abs/2001.08361, table 1, forward and backward pass).

    Args:
        cells: the settings of the cells that the job trains, one after the other.
        model: the folder of fetch_model, which need not be there yet.
        encoded: the folder of encode_task, which need not be there yet.
        cluster: the section `cluster` of the configuration.
        attempts: the earlier attempts; each that ran out of time gives this one more, up to the
            partition's limit.
        partition: the partition of the job, or several separated by commas; None if unknown.

    Returns:
        The time limit, minutes.
    """
    if cluster.runtime == "auto":
        weights = weights_mb(model) * 1e6 / 4
        operations_per_epoch = 6 * weights * training_tokens(encoded)
        seconds = sum(
            operations_per_epoch
            * _epochs(cell, encoded)
            * (RECOMPUTED if cell.train.gradient_checkpointing else 1)
            / (OPERATIONS_PER_SECOND * cell.train.gpus_per_run)
            for cell in cells
        )
        first = BASE_MINUTES + TIME_MARGIN * seconds / 60
    else:
        first = parse_minutes(cluster.runtime)
    times = attempts.count_ends()[AttemptEnd.TIME_LIMIT]
    return _grown(
        first,
        factor=MORE_TIME,
        times=times,
        at_most=min(parse_minutes(cluster.max_runtime), _bounds(partition, times).minutes),
    )


def weights_mb(model: Path) -> float:
    """Tell the size of a fetched model's weights, MB; a guess if it is not fetched yet."""
    try:
        changed = model.stat().st_mtime_ns
    except FileNotFoundError:
        return WEIGHTS_MB_IF_UNKNOWN
    return _weights_mb(model, changed)


@cache
def _weights_mb(model: Path, _changed: int) -> float:
    """The same of a folder that was changed at this time: thousands of cells ask for one model."""
    files = list(model.glob("*.safetensors"))
    if not files:
        return WEIGHTS_MB_IF_UNKNOWN
    return sum(path.stat().st_size for path in files) / 1e6


def _epochs(cell: CellSettings, encoded: Path) -> float:
    """Passes over the training split; of a run of `max_steps`, whose split is not encoded, one."""
    if cell.train.max_steps is None:
        return cell.train.epochs
    counts = _training_counts(encoded)
    if counts is None:
        return 1
    return cell.train.max_steps * cell.train.batch_size / counts["examples"]


def training_tokens(encoded: Path) -> int:
    """Count the tokens of an encoded task's training split; a guess if it is not encoded yet."""
    counts = _training_counts(encoded)
    return TOKENS_IF_UNKNOWN if counts is None else counts["tokens"]


def _training_counts(encoded: Path) -> dict[str, int] | None:
    """What the card of an encoded task counts of its training split; None before it is encoded."""
    card = encoded / "encoding.json"
    try:
        changed = card.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _counts_of_card(card, changed)


@cache
def _counts_of_card(card: Path, _changed: int) -> dict[str, int]:
    """The same of a card that was written at this time: thousands of cells ask for one task."""
    counts: dict[str, int] = read_json(card)["splits"]["train"]
    return counts


@cache
def parse_megabytes(size: str) -> int:
    """Convert a size such as "8GB" to MB."""
    return humanfriendly.parse_size(size) // 10**6


@cache
def parse_minutes(time: str) -> int:
    """Convert a time such as "4h" to minutes, rounded up."""
    return math.ceil(humanfriendly.parse_timespan(time) / 60)


def _bounds(partition: str | None, times: int) -> PartitionBounds:
    """The most that a further attempt gets; for a first one Slurm is not asked."""
    return BOUNDS.of(partition) if times else UNKNOWN


def _grown(first: float, *, factor: float, times: int, at_most: float) -> int:
    """Multiply the first attempt's number by `factor` as often as it was too small.

    `at_most` bounds the growth; a first number that is over it already stays as it is.
    """
    smallest = math.ceil(max(first, 1))
    return max(smallest, min(math.ceil(max(first, 1) * factor**times), math.floor(at_most)))
