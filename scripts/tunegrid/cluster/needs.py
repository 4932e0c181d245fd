"""What a job needs: memory and time, from what it reads, and from why it failed before.

The first attempt's numbers are estimates with a margin; they cost queueing time when they are too
large and an attempt when they are too small.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import humanfriendly

from tunegrid.cluster.attempts import MEMORY, TIME, Attempts
from tunegrid.config.schema import ClusterSettings
from tunegrid.files import read_json
from tunegrid.settings import CellSettings

#: Host memory of Python, torch, CUDA's libraries, Snakemake's two processes in the job, and the
#: activations of a micro-batch on a CPU, MB.
BASE_MB = 4000
#: Host memory in multiples of the weights. Where all train, on a CPU: weights, gradients, AdamW's
#: two moments, and a copy of these in the making of a checkpoint.
TRAINED, FROZEN = 7, 2
#: Weights of a model that has not been fetched yet, MB: a base-size encoder in fp32.
UNKNOWN_MB = 500
#: Tokens of a training split that has not been encoded yet: 10,000 sentences.
UNKNOWN_TOKENS = 300_000
#: Start, evaluation and checkpoints on a slow shared disk, minutes.
BASE_MINUTES = 15
#: FLOPs per second that an older GPU sustains in fp32: a third of a T4's 8.1e12.
THROUGHPUT = 2.7e12
#: For what such an estimate leaves out, padding first.
MARGIN = 3.0
#: How much more memory and time than before a job gets that had too little.
MORE_MEMORY, MORE_TIME = 1.5, 2.0


def memory_mb(
    settings: CellSettings, model: Path, cluster: ClusterSettings, before: Attempts
) -> int:
    """The host memory of a cell's job, MB: more after each attempt that ran out of it.

    Args:
        settings: the cell's.
        model: folder of fetch_model, which may not be there yet.
        cluster: the configuration's.
        before: the attempts at this cell.
    """
    if cluster.mem == "auto":
        share = TRAINED if settings.method_source.kind == "full" else FROZEN
        first = BASE_MB + share * weights_mb(model) * settings.train.gpus_per_run
    else:
        first = megabytes(cluster.mem)
    return _more(first, MORE_MEMORY, before.failures()[MEMORY], megabytes(cluster.max_mem))


def runtime_minutes(
    cells: Iterable[CellSettings],
    model: Path,
    encoded: Path,
    cluster: ClusterSettings,
    before: Attempts,
) -> int:
    """The time limit of the job of these cells: more after each attempt that ran out of it.

    Training takes 6 FLOPs per weight and token (Kaplan et al. 2020, https://arxiv.org/abs/2001.08361,
    table 1).

    Args:
        cells: settings of the cells that the job trains, one after the other.
        model: folder of fetch_model, which may not be there yet.
        encoded: folder of encode_task, likewise.
        cluster: the configuration's.
        before: the attempts at these cells.
    """
    if cluster.runtime == "auto":
        weights = weights_mb(model) * 1e6 / 4
        seconds = sum(
            6 * weights * tokens(encoded) * cell.train.epochs
            / (THROUGHPUT * cell.train.gpus_per_run)
            for cell in cells
        )  # fmt: skip
        first = BASE_MINUTES + MARGIN * seconds / 60
    else:
        first = to_minutes(cluster.runtime)
    return _more(first, MORE_TIME, before.failures()[TIME], to_minutes(cluster.max_runtime))


def weights_mb(model: Path) -> float:
    """The size of a fetched model's weights, MB."""
    files = list(model.glob("*.safetensors"))
    return sum(path.stat().st_size for path in files) / 1e6 if files else UNKNOWN_MB


def tokens(encoded: Path) -> int:
    """The tokens of an encoded task's training split."""
    try:
        card: dict[str, Any] = read_json(encoded / "encoding.json")
    except FileNotFoundError:
        return UNKNOWN_TOKENS
    return card["splits"]["train"]["tokens"]


def megabytes(size: str) -> int:
    """MB of a size such as 8GB."""
    return humanfriendly.parse_size(size) // 10**6


def to_minutes(time: str) -> int:
    """Minutes of a time such as 4h."""
    return math.ceil(humanfriendly.parse_timespan(time) / 60)


def _more(first: float, factor: float, failures: int, most: float) -> int:
    return math.ceil(min(max(first, 1) * factor**failures, max(first, most)))
