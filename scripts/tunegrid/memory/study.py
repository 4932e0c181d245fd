"""What the memory analysis asks of a model and a method: prediction, growth, what it fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transformers import PretrainedConfig

from tunegrid.errors import UserError
from tunegrid.memory.closed_form import closed_form
from tunegrid.memory.fitting import gpus, largest_micro_batch, needed
from tunegrid.memory.parameters import method_of, shape_of
from tunegrid.memory.predicting import predict
from tunegrid.memory.workload import Workload

#: Micro-batches and lengths at which growth is shown.
BATCHES, LENGTHS = (1, 4, 16, 64, 256), (32, 64, 128, 256, 512)
#: Positions that a RoBERTa's table holds beyond the tokens that it takes.
OFFSET = 2

Case = dict[str, Any]


def workload(config: PretrainedConfig, case: Case) -> Workload:
    """The step of a case; it has no more tokens than the model takes.

    Args:
        config: the model's.
        case: the attributes of `Workload` but the configuration, and `method_source` for `method`.
    """
    keys = Workload.__dataclass_fields__.keys() - {"config", "method"}
    options = {key: case[key] for key in keys & case.keys()}
    work = Workload(config, case["method_source"], **options)
    return replace(work, tokens=min(work.tokens, most_tokens(config)))


def most_tokens(config: PretrainedConfig) -> int:
    """The longest example that a model takes."""
    offset = OFFSET if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0
    return config.max_position_embeddings - offset


def prediction(work: Workload) -> dict[str, Any]:
    """The traced prediction and the formula's, as JSON values; bytes.

    Raises:
        UserError: as of `predict`.
    """
    traced = predict(work)
    found = {
        "batch": work.batch,
        "tokens": work.tokens,
        "precision": work.precision,
        "attention": work.attention,
        "checkpointing": work.checkpointing,
        "traced": traced.peak,
        "parts": traced.parts,
        "total_parameters": traced.total_parameters,
        "trainable_parameters": traced.trainable_parameters,
    }
    try:
        form = _formula(work)
    except UserError as reason:
        return found | {"closed_form": None, "no_closed_form": str(reason)}
    return found | {"closed_form": form.peak, "terms": form.terms, "moment": form.moment}


def fits(peak_of: Callable[[int], int]) -> dict[str, int]:
    """The largest micro-batch of each GPU; 0 where not one example fits."""
    return {
        name: largest_micro_batch(lambda batch: needed(peak_of(batch)), size)
        for name, size in gpus().items()
    }


def growth(work: Workload, peak_of: Callable[[int], int]) -> dict[str, Any]:
    """How the peak grows, bytes: with the micro-batch, and with the length."""
    lengths = [length for length in LENGTHS if length <= most_tokens(work.config)]
    return {
        "by_batch": {batch: peak_of(batch) for batch in BATCHES},
        "by_tokens": {
            length: predict(replace(work, tokens=length, accumulated=1)).peak for length in lengths
        },
    }


def _formula(work: Workload) -> Any:
    if work.labels is None:
        raise UserError("no closed form for language models")
    if work.optimizer != "adamw" or work.accumulated > 1:
        raise UserError("the closed form is of one micro-batch with fused AdamW")
    return closed_form(
        shape_of(work.config, work.labels),
        method_of(work.method, work.config.hidden_size),
        *(work.batch, work.tokens),
        precision="fp32" if work.precision == "tf32" else work.precision,
        attention="sdpa" if work.attention == "auto" else work.attention,
        checkpointing=work.checkpointing,
    )
