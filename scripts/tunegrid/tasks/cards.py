"""Data cards: what check_task finds out about a task. Light: no data set is opened here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import pandas as pd

if TYPE_CHECKING:
    from tunegrid.tasks.few_shot import Draw
    from tunegrid.tasks.splits import EncodedCounts


class SplitContents(TypedDict):
    """What a split holds.

    Attributes:
        examples: how many there are.
        labels: how many examples have each label, in the order of the label ids.
    """

    examples: int
    labels: dict[str, int]


class TokenCounts(TypedDict):
    """The lengths of a task's examples by one tokenizer.

    Attributes:
        max_length: tokens that examples are cut to.
        splits: what each split holds.
    """

    max_length: int
    splits: dict[str, EncodedCounts]


class Repetitions(TypedDict):
    """How many examples of a split repeat one before them in it, exactly and nearly."""

    exact: int
    near: int


class Twins(TypedDict):
    """An example of one split and the one of another split that it is like.

    Attributes:
        target: the id of the example.
        source: the id of the example that it repeats.
        similarity: of their texts, at most 1.
    """

    target: str
    source: str
    similarity: float


class Leak(TypedDict):
    """What of one split stands in another.

    Attributes:
        source: the split in which it stands, too.
        target: the split whose examples are counted.
        exact: how many of them stand in source.
        near: how many others nearly do.
        pairs: the first of both.
    """

    source: str
    target: str
    exact: int
    near: int
    pairs: list[Twins]


class LabelledExample(TypedDict):
    """An example of a text that stands with different labels."""

    split: str
    id: str
    label: str


class Conflicts(TypedDict):
    """Texts that stand with different labels.

    Attributes:
        texts: how many there are.
        examples: of each split, how many of its examples have such a text.
        listed: the first of these texts, each as its examples.
    """

    texts: int
    examples: dict[str, int]
    listed: list[list[LabelledExample]]


class Hygiene(TypedDict):
    """What is wrong with a task's splits (`tunegrid.tasks.hygiene.check_splits`).

    Attributes:
        threshold: similarity from which on texts are near duplicates.
        within: what each split repeats.
        across: what of each split stands in one before it, in the order train, dev, test.
        conflicts: texts with different labels, in all splits together.
    """

    threshold: float
    within: dict[str, Repetitions]
    across: list[Leak]
    conflicts: Conflicts


class Card(Hygiene):
    """A task's data card, `results/cards/<task>.json`.

    Attributes:
        task: its name.
        title: what is classified.
        splits: what each split holds, train before dev before test.
        few_shot: what makes it few-shot; empty for another task.
        word_baseline: what logistic regression on TF-IDF weights scores, by metric.
        tokenizers: lengths by each tokenizer, by the name of its model.
    """

    task: str
    title: str
    splits: dict[str, SplitContents]
    few_shot: list[Draw]
    word_baseline: dict[str, float]
    tokenizers: dict[str, TokenCounts]


def label_names(card: Card) -> list[str]:
    """The labels of a task in the order of their ids."""
    return list(card["splits"]["train"]["labels"])


def find_leak(card: Card, source: str, target: str) -> Leak | None:
    """What of split `target` stands in split `source`; None without such splits."""
    for leak in card["across"]:
        if (leak["source"], leak["target"]) == (source, target):
            return leak
    return None


def word_baselines(cards: Sequence[Card]) -> pd.DataFrame:
    """What logistic regression on TF-IDF weights scores: columns task, metric, tfidf_baseline."""
    rows = [
        (card["task"], metric, value)
        for card in cards
        for metric, value in card["word_baseline"].items()
    ]
    return pd.DataFrame(rows, columns=["task", "metric", "tfidf_baseline"])


def leaks(cards: Sequence[Card]) -> pd.DataFrame:
    """How many test examples of each task stand in train, and how many others nearly do.

    Returns:
        Columns task, test_in_train, test_nearly_in_train, test_examples.
    """
    rows = []
    for card in cards:
        leak = find_leak(card, "train", "test")
        exact, near = (leak["exact"], leak["near"]) if leak else (0, 0)
        rows.append((card["task"], exact, near, card["splits"]["test"]["examples"]))
    columns = ["task", "test_in_train", "test_nearly_in_train", "test_examples"]
    return pd.DataFrame(rows, columns=columns)
