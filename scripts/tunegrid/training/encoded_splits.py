"""The splits of an encoded task as one run sees them."""

from typing import Any

from datasets import load_from_disk

from tunegrid.errors import UserError
from tunegrid.results import EVALUATED
from tunegrid.tasks.few_shot import FEW_SHOT_SPLITS, draw_few_shot
from tunegrid.tasks.splits import count_encoded
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.run_request import RunRequest


def load_splits(request: RunRequest) -> tuple[dict[str, EncodedSplit], dict[str, Any]]:
    """Train, test and the split that the run's protocol evaluates after each epoch.

    A few-shot task's examples are drawn by the run's seed, where no fixed seed draws them.

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
    splits = {
        split: EncodedSplit(data[split], card["padding"], card.get("padding_side", "right"))
        for split in {"train", "test", watched}
    }
    return splits, counts
