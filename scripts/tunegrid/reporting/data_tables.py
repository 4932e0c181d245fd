"""Data cards: what a task's splits hold, and what is wrong with them, in tables and in words."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.reporting.readable import Table, join_notes
from tunegrid.tasks.cards import Card, find_leak, leaks

WORDS = {
    "smallest": "rarest label",
    "repeated": "repeated",
    "repeated_near": "nearly",
    "in_train": "in train",
    "in_train_near": "nearly in train",
    "conflicting": "contradicting labels",
}
NOTE = (
    "Repeated: examples whose text (or pair) stands before them in the same split; in train:"
    " examples of dev and test that stand there. Nearly: at least {threshold:.0%} of the character"
    " 5-grams in common, and not the same. Contradicting labels: examples whose text stands with"
    " another label, too, in any split."
)


def card_tables(card: Card) -> list[Table]:
    """A card's tables: labels of each split, what is wrong with it, lengths, and some findings."""
    tables = [_labels_table(card), data_table([card]), lengths_table([card])]
    return tables + [table for table in (_leaks_table(card), _conflicts_table(card)) if table]


def data_table(cards: Sequence[Card]) -> Table:
    """The splits of all tasks: examples, duplicates, leaks from train, contradictions."""
    data = pd.DataFrame(
        [_row(card, split) for card in cards for split in card["splits"]], dtype=object
    )
    readable = data.rename(columns=WORDS).where(data.notna().to_numpy(), "—")
    note = NOTE.format(threshold=cards[0]["threshold"])
    return Table(
        "Data: what each split holds", readable, data, join_notes(note, leak_note(leaks(cards)))
    )


def _row(card: Card, split: str) -> dict[str, Any]:
    labels = card["splits"][split]["labels"]
    rarest = min(labels, key=lambda label: labels[label])
    leak = find_leak(card, "train", split)
    return {
        "task": card["task"],
        "split": split,
        "examples": card["splits"][split]["examples"],
        "labels": len(labels),
        "smallest": f"{rarest}: {labels[rarest]}",
        "repeated": card["within"][split]["exact"],
        "repeated_near": card["within"][split]["near"],
        "in_train": leak["exact"] if leak else None,
        "in_train_near": leak["near"] if leak else None,
        "conflicting": card["conflicts"]["examples"][split],
    }


def leak_note(found: pd.DataFrame) -> str:
    """A warning that names the tasks whose test examples stand in train; empty without any.

    Args:
        found: columns of `leaks`, each task in one row or more.
    """
    texts = []
    for row in found.drop_duplicates("task").dropna(subset="test_in_train").itertuples():
        if not row.test_in_train + row.test_nearly_in_train:
            continue
        share = (row.test_in_train + row.test_nearly_in_train) / row.test_examples
        counts = [f"{row.test_in_train}"] if row.test_in_train else []
        counts += [f"{row.test_nearly_in_train} nearly"] if row.test_nearly_in_train else []
        texts.append(f"{row.task} {' and '.join(counts)} of {row.test_examples} ({share:.1%})")
    if not texts:
        return ""
    return (
        "Warning, leakage: examples of test stand in train, too, and flatter every method that"
        f" remembers: {'; '.join(texts)}."
    )


def lengths_table(cards: Sequence[Card]) -> Table:
    """Tokens of the examples of all tasks by each tokenizer, and how many are cut."""
    rows = [
        {
            "task": card["task"],
            "tokenizer": tokenizer,
            "split": split,
            "median": counts["median"],
            "p95": counts["p95"],
            "longest": counts["longest"],
            "max_length": encoded["max_length"],
            "truncated": counts["truncated"],
            "truncated_share": counts["truncated"] / counts["examples"],
        }
        for card in cards
        for tokenizer, encoded in card["tokenizers"].items()
        for split, counts in encoded["splits"].items()
    ]
    data = pd.DataFrame(rows)
    shown = data.assign(
        median=data["median"].map("{:.0f}".format),
        p95=data["p95"].map("{:.0f}".format),
        truncated_share=data["truncated_share"].map("{:.1%}".format),
    )
    words = {"p95": "95 % are at most", "max_length": "cut at", "truncated": "cut"}
    return Table(
        "Lengths in tokens, special ones included, before the cut",
        shown.rename(columns=words | {"truncated_share": "share cut"}),
        data,
    )


def _labels_table(card: Card) -> Table:
    data = pd.DataFrame({split: held["labels"] for split, held in card["splits"].items()})
    total = data.sum()
    readable = data.apply(
        lambda column: [f"{n} ({n / max(1, total[column.name]):.1%})" for n in column]
    )
    readable.loc["all"] = [str(n) for n in total]
    notes = [
        f"Few-shot: each run trains on {draw['examples']} examples of each label, drawn from these"
        + (" by its own seed." if draw["seed"] is None else f" by seed {draw['seed']}.")
        for draw in card["few_shot"]
    ]
    return Table(
        f"{card['task']}: {card['title']}",
        readable.rename_axis("label").reset_index(),
        data.rename_axis("label").reset_index(),
        " ".join(dict.fromkeys(notes)),
    )


def _leaks_table(card: Card) -> Table | None:
    rows = [
        {"example": f"{row['target']} {pair['target']}", "stands in": f"{row['source']} "
         f"{pair['source']}", "similarity": f"{pair['similarity']:.3g}"}
        for row in card["across"]
        for pair in row["pairs"]
    ]  # fmt: skip
    if not rows:
        return None
    data = pd.DataFrame(rows)
    return Table("Examples of one split that stand in another (the first of each)", data, data)


def _conflicts_table(card: Card) -> Table | None:
    rows = [
        {"text": number, "split": row["split"], "example": row["id"], "label": row["label"]}
        for number, group in enumerate(card["conflicts"]["listed"], start=1)
        for row in group
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    texts = card["conflicts"]["texts"]
    return Table(f"Texts that stand with different labels (the first of {texts})", data, data)
