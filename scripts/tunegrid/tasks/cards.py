"""What check_task found out about a task, as its readers take it. Light: no data set is opened."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

#: A task's data card, as check_task writes it.
Card = dict[str, Any]


def find_leak(card: Card, source: str, target: str) -> dict[str, Any] | None:
    """What of split `target` stands in `source` (`check_splits`); None without such splits."""
    found = (row for row in card["across"] if (row["source"], row["target"]) == (source, target))
    return next(found, None)


def word_baselines(cards: Sequence[Card]) -> pd.DataFrame:
    """What logistic regression on TF-IDF weights scores: columns task, metric, tfidf_baseline."""
    rows = [
        (card["task"], metric, value)
        for card in cards
        for metric, value in card["word_baseline"].items()
    ]
    return pd.DataFrame(rows, columns=["task", "metric", "tfidf_baseline"])


def leaks(cards: Sequence[Card]) -> pd.DataFrame:
    """How many test examples of each task stand in train, and nearly so.

    Returns:
        Columns task, test_in_train, test_nearly_in_train, test_examples.
    """
    rows = []
    for card in cards:
        leak = find_leak(card, "train", "test")
        rows.append((card["task"], leak["exact"], leak["near"], card["splits"]["test"]["examples"]))
    columns = ["task", "test_in_train", "test_nearly_in_train", "test_examples"]
    return pd.DataFrame(rows, columns=columns)
