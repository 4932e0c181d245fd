"""The splits of an encoded task as one run sees them."""

import logging
from collections.abc import Mapping, Set
from typing import Any

from datasets import Dataset, load_from_disk

from tunegrid.errors import UserError
from tunegrid.results import EVALUATED
from tunegrid.tasks.few_shot import FEW_SHOT_SPLITS, draw_few_shot
from tunegrid.tasks.splits import count_encoded
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.run_request import RunRequest


def load_splits(
    request: RunRequest, taken: Set[str]
) -> tuple[dict[str, EncodedSplit], dict[str, Any]]:
    """Train, test and the split that the run's protocol evaluates after each epoch.

    A few-shot task's examples are drawn by the run's seed, where no fixed seed draws them.

    Args:
        request: the run.
        taken: the names of the inputs that the model takes (`input_columns`); what the tokenizer
            gives beside them is left out.

    Returns:
        The splits, and what each split of the task holds for this run (`count_encoded`).

    Raises:
        UserError: the split to evaluate is not among those of the task.
    """
    card, protocol = request.encoding, request.settings.train.protocol
    data, counts = load_from_disk(request.encoded), dict(card["splits"])
    watched = EVALUATED[protocol]
    if watched not in data:
        raise UserError(
            f"train.protocol: {protocol} evaluates {watched}; {request.encoded} has only"
            f" {', '.join(data)}; set data.dev_fraction, or protocol: report"
        )
    if card["few_shot"]:
        data = draw_few_shot(data, card["few_shot"], request.settings.seed)
        counts |= {split: count_encoded(data[split]) for split in FEW_SHOT_SPLITS if split in data}
    if left_out := sorted(card["padding"].keys() - taken):
        logging.info("left out, since the model takes none: %s", ", ".join(left_out))
    splits = {split: as_inputs(data[split], card, taken) for split in {"train", "test", watched}}
    return splits, counts


def as_inputs(data: Dataset, card: Mapping[str, Any], taken: Set[str]) -> EncodedSplit:
    """Encoded examples as the inputs of a model.

    Args:
        data: the examples.
        card: what encoding.json says of them.
        taken: the names of the inputs that the model takes (`input_columns`).
    """
    return EncodedSplit(
        data,
        {key: value for key, value in card["padding"].items() if key in taken},
        card.get("padding_side", "right"),
        masked="attention_mask" in taken,
    )
