"""The splits of an encoded task as one run sees them."""

from pathlib import Path
from typing import Any

from datasets import load_from_disk

from tunegrid.errors import UserError
from tunegrid.results import EVALUATED
from tunegrid.tasks.few_shot import FEW_SHOT_SPLITS, draw_few_shot
from tunegrid.tasks.splits import count_encoded
from tunegrid.training.batching import EncodedSplit


def load_splits(
    encoded: Path, card: dict[str, Any], protocol: str, seed: int
) -> tuple[dict[str, EncodedSplit], dict[str, Any]]:
    """Train, test and the split that `protocol` evaluates after each epoch, of an encoded task.

    Args:
        encoded: folder of encode_task.
        card: its encoding.json.
        protocol: "standard" or "report".
        seed: the run's; it draws a few-shot task's examples, where no fixed seed does.

    Returns:
        The splits, and what each split of the task holds for this run (`count_encoded`).

    Raises:
        UserError: that split is not among them.
    """
    data, counts = load_from_disk(encoded), dict(card["splits"])
    evaluated = EVALUATED[protocol]
    if evaluated not in data:
        raise UserError(
            f"train.protocol: {protocol} evaluates {evaluated}; {encoded} has only"
            f" {', '.join(data)}; set data.dev_fraction, or protocol: report"
        )
    if card["few_shot"]:
        data = draw_few_shot(data, card["few_shot"], seed)
        counts |= {split: count_encoded(data[split]) for split in FEW_SHOT_SPLITS if split in data}
    splits = {
        split: EncodedSplit(data[split], card["padding"]) for split in {"train", "test", evaluated}
    }
    return splits, counts
