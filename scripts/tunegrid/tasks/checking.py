"""Checking a task: its data card, composed of everything that is found out about its splits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import DatasetDict, load_from_disk

from tunegrid.files import read_json
from tunegrid.settings import TaskSettings
from tunegrid.tasks.baselines import word_baseline
from tunegrid.tasks.cards import Card, SplitContents, TokenCounts
from tunegrid.tasks.hygiene import SPLITS, check_splits
from tunegrid.tasks.preparing import few_shot_draws, prepare_task
from tunegrid.tasks.splits import label_counts

if TYPE_CHECKING:  # it imports the tokenizers' library, which takes longer than the check
    from tunegrid.tasks.encoding import EncodingCard


def check_task(
    name: str,
    title: str,
    fetched: Sequence[Path],
    settings: TaskSettings,
    encoded: Sequence[Path],
    seeds: Sequence[int],
) -> Card:
    """A task's data card.

    Args:
        name: the task's name.
        title: what is classified.
        fetched: the folders of fetch_task, of each part.
        settings: what is made of its splits.
        encoded: the folders of encode_task, each `<tokenizer>/<task>`.
        seeds: of the runs; a few-shot task's word baseline is the mean over them.

    Raises:
        UserError: a label has fewer examples in train than a few-shot task is to keep.
    """
    task = prepare_task({folder.name: load_from_disk(folder) for folder in fetched}, settings)
    splits = [split for split in SPLITS if split in task]
    draws = few_shot_draws(settings, task["train"].features["label"].names)
    return {
        "task": name,
        "title": title,
        "splits": {split: _contents(task, split) for split in splits},
        "few_shot": draws,
        "word_baseline": word_baseline(task, draws, seeds),
        "tokenizers": {
            folder.parent.name: _token_counts(folder, settings, splits) for folder in encoded
        },
        **check_splits(task),
    }


def _contents(task: DatasetDict, split: str) -> SplitContents:
    return {"examples": len(task[split]), "labels": label_counts(task[split])}


def _token_counts(encoded: Path, settings: TaskSettings, splits: Sequence[str]) -> TokenCounts:
    """The lengths of the examples, as one tokenizer encoded them in this folder."""
    card: EncodingCard = read_json(encoded / "encoding.json")
    return {
        "max_length": settings.max_length,
        "splits": {split: card["splits"][split] for split in splits},
    }
