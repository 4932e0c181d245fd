"""Data cards: what check_task finds out about a task. Light: no data set is opened here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

import pandas as pd

if TYPE_CHECKING:
    from tunegrid.tasks.few_shot import Draw
    from tunegrid.tasks.splits import EncodedCounts

#: A dev split on which chance alone makes runs differ by more is too small to choose settings by.
LARGE_DIFFERENCE = 0.05


class SplitContents(TypedDict):
    """What a split holds.

    Attributes:
        examples: how many there are.
        labels: how many examples have each label, in the order of the label ids; empty where the
            label is a number.
        labels_of_examples: of a task of several labels, how many examples have so many of them.
        numbers: where the label is a number: least, quarter, median, three_quarters, greatest and
            mean.
    """

    examples: int
    labels: dict[str, int]
    labels_of_examples: NotRequired[dict[str, int]]
    numbers: NotRequired[dict[str, float]]


class ShownExample(TypedDict):
    """An example to look at.

    Attributes:
        split, id: where it stands.
        label: its label, labels or number, as text.
        text: the beginning and the end of its text.
        text_pair: those of the second text of a pair; None of another task.
        characters: of its text, or texts, as a whole.
    """

    split: str
    id: str
    label: str
    text: str
    text_pair: str | None
    characters: int


class FoundSign(TypedDict):
    """What some texts hold (`tunegrid.tasks.text_signs`).

    Attributes:
        sign: what it is.
        examples: of each split, how many of its examples hold it.
        split, id: the first of them.
        excerpt: what stands around it there.
    """

    sign: str
    examples: dict[str, int]
    split: str
    id: str
    excerpt: str


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
        word_baseline: what a linear model on TF-IDF weights scores, by metric; empty for a task
            without test.
        tokenizers: lengths by each tokenizer, by the name of its model.
        warnings: what should be looked at, a sentence each.
        shown: the first examples of each label.
        ends: the shortest and the longest example.
        signs: what some texts hold, such as line ends.
        dropped: of each split, or of `all`, how many rows were no examples, by the reason.
    """

    task: str
    title: str
    splits: dict[str, SplitContents]
    few_shot: list[Draw]
    word_baseline: dict[str, float]
    tokenizers: dict[str, TokenCounts]
    warnings: list[str]
    shown: list[ShownExample]
    ends: list[ShownExample]
    signs: list[FoundSign]
    dropped: dict[str, dict[str, int]]


def unseen_labels(splits: Mapping[str, Mapping[str, int]], split: str) -> list[str]:
    """The labels that a split has examples of and train has none of.

    Args:
        splits: of each split, how many examples have each label.
        split: the split's name.
    """
    trained = splits.get("train", {})
    return [label for label, count in splits[split].items() if count and not trained.get(label)]


def unseen_label_warnings(splits: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A warning for each split with labels that train lacks; `splits` as of `unseen_labels`."""
    warnings = []
    for split, counts in splits.items():
        unseen = unseen_labels(splits, split)
        if unseen and split != "train":
            there = sum(counts[label] for label in unseen)
            one = len(unseen) == 1
            warnings.append(
                f"{split}: {there} {'example has' if there == 1 else 'examples have'}"
                f" {'a label' if one else 'labels'} that train lacks ({', '.join(unseen)}); no"
                f" method can learn {'it' if one else 'them'}"
            )
    return warnings


def small_dev_warnings(examples: int, accuracy: float) -> list[str]:
    """A warning of a dev split that is too small to choose settings by.

    Two runs of one accuracy a that err independently differ on n examples with a standard error of
    √(2·a·(1−a)/n), of which 1.96 are not exceeded by chance in 95 of 100 cases. Runs that err on
    the same examples differ by less; what the candidates themselves show stands in the table of
    tuning.

    Args:
        examples: of dev.
        accuracy: that a run may have, such as the word baseline's.
    """
    # With two hits and two errors added, so that no accuracy is taken to be sure (Agresti & Coull
    # 1998, https://doi.org/10.1080/00031305.1998.10480550).
    share = (accuracy * examples + 2) / (examples + 4)
    least = 1.96 * math.sqrt(2 * share * (1 - share) / examples)
    if least <= LARGE_DIFFERENCE:
        return []
    warning = (
        f"dev: with {examples} examples, chance alone makes two runs differ by up to"
        f" {100 * least:.0f} points of accuracy, too many to choose settings by; keep more of dev"
        " (data.max_dev), or cut more from train (data.dev_fraction)"
    )
    return [warning]


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
    """What a linear model on TF-IDF weights scores: columns task, metric, tfidf_baseline."""
    rows = [
        (card["task"], metric, value)
        for card in cards
        for metric, value in card["word_baseline"].items()
    ]
    return pd.DataFrame(rows, columns=["task", "metric", "tfidf_baseline"])


def leaks(cards: Sequence[Card]) -> pd.DataFrame:
    """How many test examples of each task stand in train, and how many have labels it lacks.

    Returns:
        Columns task, test_in_train, test_nearly_in_train, test_examples, unseen_labels (the labels
        that test has and train lacks, joined by a comma; missing if there are none) and test_unseen
        (how many test examples have them). A task without test has no row.
    """
    rows = []
    for card in cards:
        if "test" not in card["splits"]:
            continue
        leak = find_leak(card, "train", "test")
        exact, near = (leak["exact"], leak["near"]) if leak else (0, 0)
        counts = {split: held["labels"] for split, held in card["splits"].items()}
        unseen = unseen_labels(counts, "test")
        rows.append(
            {
                "task": card["task"],
                "test_in_train": exact,
                "test_nearly_in_train": near,
                "test_examples": card["splits"]["test"]["examples"],
                "unseen_labels": ", ".join(unseen) or None,
                "test_unseen": sum(counts["test"][label] for label in unseen),
            }
        )
    columns = [
        "task",
        "test_in_train",
        "test_nearly_in_train",
        "test_examples",
        "unseen_labels",
        "test_unseen",
    ]
    return pd.DataFrame(rows, columns=columns)
