"""Duplicates, leaks and contradictions in data made by hand, whose answers are known."""

import random
import string

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.tasks.hygiene import NEAR, _candidates, _jaccard, _shingles, check_splits, normalised

FEATURES = Features(
    {
        "id": Value("string"),
        "text": Value("string"),
        "text_pair": Value("string"),
        "label": ClassLabel(names=["x", "y"]),
    }
)
LONG = "a sentence that is long enough to differ from another one in a single word only, here"


def task(**splits):
    """Splits of (text, label) or (text, pair, label)."""
    made = {}
    for name, rows in splits.items():
        columns = {"id": [f"{name}{at}" for at in range(len(rows))]}
        columns["text"] = [row[0] for row in rows]
        columns["text_pair"] = [row[1] if len(row) == 3 else None for row in rows]
        columns["label"] = [row[-1] for row in rows]
        made[name] = Dataset.from_dict(columns, features=FEATURES)
    return DatasetDict(made)


def across(card, source, target):
    (row,) = (r for r in card["across"] if (r["source"], r["target"]) == (source, target))
    return row


def test_a_clean_task_has_no_findings():
    card = check_splits(task(train=[("one", 0), ("two", 1)], test=[("three", 0)]))
    assert card["within"] == {split: {"exact": 0, "near": 0} for split in ("train", "test")}
    assert card["across"] == [
        {"source": "train", "target": "test", "exact": 0, "near": 0, "pairs": []}
    ]
    assert card["conflicts"]["texts"] == 0


def test_texts_are_the_same_in_spite_of_case_spaces_and_ligatures():
    assert normalised("  The ﬁrst\tONE ") == normalised("the first one")
    card = check_splits(task(train=[("The ﬁrst one", 0)], test=[("the  first ONE", 0)]))
    assert across(card, "train", "test")["pairs"] == [
        {"target": "test0", "source": "train0", "similarity": 1.0}
    ]


def test_repetitions_are_counted_from_the_second_on():
    card = check_splits(task(train=[("a", 0), ("a", 0), ("b", 0), ("a", 0), ("b", 0)], test=[]))
    assert card["within"]["train"] == {"exact": 3, "near": 0}


def test_leaks_are_counted_by_example_of_the_later_split():
    card = check_splits(
        task(
            train=[("a", 0), ("a", 0), ("b", 0)],
            dev=[("b", 0), ("c", 0)],
            test=[("a", 0), ("a", 0), ("c", 0), ("d", 0)],
        )
    )
    exact = {(row["source"], row["target"]): row["exact"] for row in card["across"]}
    assert exact == {("train", "dev"): 1, ("train", "test"): 2, ("dev", "test"): 1}


def test_near_duplicates_are_told_from_exact_ones():
    near = LONG.replace("here", "there")
    other = LONG[:30] + " and then goes on in quite another way, about something else"
    card = check_splits(task(train=[(LONG, 0), (near, 0)], test=[(near, 0), (other, 0)]))
    assert card["within"]["train"] == {"exact": 0, "near": 1}
    assert across(card, "train", "test")["exact"] == 1
    leaked = check_splits(task(train=[(LONG, 0)], test=[(near, 0), (other, 0)]))
    found = across(leaked, "train", "test")
    assert (found["exact"], found["near"]) == (0, 1)
    expected = _jaccard(*map(_shingles, map(normalised, (LONG, near))))
    assert found["pairs"][0]["similarity"] == round(expected, 3)
    assert NEAR <= expected < 1


def test_one_sentence_with_two_aspects_is_no_duplicate():
    card = check_splits(
        task(train=[("food", LONG, 0), ("service", LONG, 0), ("food", LONG, 0)], test=[])
    )
    assert card["within"]["train"] == {"exact": 1, "near": 0}


def test_contradicting_labels_are_found_across_splits():
    card = check_splits(
        task(train=[("a", 0), ("a", 1), ("b", 0), ("c", 0)], test=[("b", 1), ("c", 0)])
    )
    conflicts = card["conflicts"]
    assert conflicts["texts"] == 2
    assert conflicts["examples"] == {"train": 3, "test": 1}
    assert conflicts["listed"][1] == [
        {"split": "train", "id": "train2", "label": "x"},
        {"split": "test", "id": "test0", "label": "y"},
    ]


@pytest.mark.parametrize("seed", range(3))
def test_hashing_finds_what_comparing_every_pair_finds(seed):
    draw = random.Random(seed)
    texts = ["".join(draw.choices(string.ascii_lowercase[:6], k=80)) for _ in range(60)]
    texts += [text[: draw.randrange(60, 80)] + "z" for text in texts]
    shingles = [(_shingles(text),) for text in texts]
    near = {
        (one, other)
        for other in range(len(texts))
        for one in range(other)
        if _jaccard(*shingles[one], *shingles[other]) >= NEAR
    }
    assert 10 < len(near) < 60  # the data has both kinds
    assert near <= set(_candidates(shingles))


def test_a_text_shorter_than_a_shingle_is_one():
    assert len(_shingles("abc")) == len(_shingles("abcde")) == 1
    assert _jaccard(_shingles("abc"), _shingles("abd")) == 0
