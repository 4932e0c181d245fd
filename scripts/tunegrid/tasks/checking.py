"""Checking a task: its data card, composed of everything that is found out about its splits."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datasets import Dataset, load_from_disk

from tunegrid.config.task_splits import SPLITS
from tunegrid.files import read_json
from tunegrid.metrics import TaskMetrics
from tunegrid.settings import TaskSettings
from tunegrid.tasks.baselines import word_baseline
from tunegrid.tasks.cards import (
    Card,
    SplitContents,
    TokenCounts,
    small_dev_warnings,
    unseen_label_warnings,
)
from tunegrid.tasks.hygiene import check_splits
from tunegrid.tasks.label_kinds import label_kind, names_of_labels
from tunegrid.tasks.preparing import few_shot_draws, prepare_task
from tunegrid.tasks.splits import label_counts, split_test
from tunegrid.tasks.text_contents import constant_texts, find_signs, show_ends, show_labels

if TYPE_CHECKING:  # it imports the tokenizers' library, which takes longer than the check
    from tunegrid.tasks.encoding import EncodingCard


def check_task(
    name: str,
    title: str,
    fetched: Sequence[Path],
    settings: TaskSettings,
    encoded: Sequence[Path],
    seeds: Sequence[int],
    *,
    task_metrics: TaskMetrics | None = None,
    tuned: bool = False,
) -> Card:
    """A task's data card.

    Args:
        name: the task's name.
        title: what is classified.
        fetched: the folders of fetch_task, of each part.
        settings: what is made of its splits.
        encoded: the folders of encode_task, each `<tokenizer>/<task>`; none of a task that no grid
            trains.
        seeds: of the runs; a few-shot task's word baseline is the mean over them.
        task_metrics: by what it is measured; None: the defaults of its kind of target.
        tuned: whether settings are chosen on dev, which must then be large enough.

    Raises:
        UserError: a label has fewer examples in train than a few-shot task is to keep.
    """
    warnings: list[str] = []
    task = prepare_task(
        {folder.name: load_from_disk(folder) for folder in fetched}, settings, warnings.append
    )
    splits = [split for split in SPLITS if split in task]
    draws = few_shot_draws(settings, names_of_labels(task["train"]))
    contents = {split: _contents(task[split]) for split in splits}
    warnings += unseen_label_warnings({split: held["labels"] for split, held in contents.items()})
    warnings += constant_texts(task)
    baseline = word_baseline(task, draws, seeds, task_metrics) if "test" in task else {}
    # How small a dev split is, is known of shares of right examples.
    if tuned and "accuracy" in baseline and "dev" in task:
        warnings += small_dev_warnings(len(task["dev"]), baseline["accuracy"])
    test_splits = split_test(task["test"]) if "test" in task else {}
    return {
        "task": name,
        "title": title,
        "splits": contents,
        "test_splits": {own: _contents(data) for own, data in test_splits.items()},
        "few_shot": draws,
        "word_baseline": baseline,
        "tokenizers": {
            folder.parent.name: _token_counts(folder, settings, splits) for folder in encoded
        },
        "warnings": warnings,
        "shown": show_labels(task),
        "ends": show_ends(task),
        "signs": find_signs(task),
        "dropped": _dropped(fetched),
        **check_splits(task),
    }


def _contents(data: Dataset) -> SplitContents:
    held: SplitContents = {"examples": len(data), "labels": label_counts(data)}
    kind = label_kind(data)
    if kind == "multi_label":
        sizes = Counter(len(set(labels)) for labels in data["label"])
        held["labels_of_examples"] = {str(size): sizes[size] for size in sorted(sizes)}
    if kind == "regression":
        numbers = np.asarray(data["label"], dtype=float)
        parts = np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1])
        names = ["least", "quarter", "median", "three_quarters", "greatest"]
        held["numbers"] = dict(zip(names, map(float, parts), strict=True))
        held["numbers"]["mean"] = float(numbers.mean())
    return held


def _dropped(fetched: Sequence[Path]) -> dict[str, dict[str, int]]:
    """The rows that fetch_task dropped, by split and reason; of several tasks with their names."""
    dropped: dict[str, dict[str, int]] = {}
    for folder in fetched:
        card = folder / "task.json"
        of_task = read_json(card).get("dropped", {}) if card.is_file() else {}
        for split, reasons in of_task.items():
            for reason, count in reasons.items():
                named = reason if len(fetched) == 1 else f"{folder.name}: {reason}"
                dropped.setdefault(split, {})[named] = count
    return dropped


def _token_counts(encoded: Path, settings: TaskSettings, splits: Sequence[str]) -> TokenCounts:
    """The lengths of the examples, as one tokenizer encoded them in this folder."""
    card: EncodingCard = read_json(encoded / "encoding.json")
    return {
        "max_length": settings.max_length,
        "splits": {split: card["splits"][split] for split in splits},
    }
