"""Tables of a data card that show what was read: texts of each label, and what is odd in some."""

from collections.abc import Sequence

import pandas as pd

from tunegrid.reporting.cell_text import Verbatim
from tunegrid.reporting.report_table import DASH, ReportTable
from tunegrid.tasks.cards import Card, ShownExample, all_splits
from tunegrid.tasks.text_signs import SIGNS, visible

TEXTS_NOTE = (
    "The first two examples of each label in train, or in the first split that has the label."
    " Long texts are shown by their beginning and end. ↵ is a line end, → a tab, ␣ a blank at an"
    " end, ‹U+…› a character that would not be seen. Is this what the files hold, and does each"
    " text fit its label?"
)
SIGNS_NOTE = (
    "How many examples hold it in one of their texts. A line end or a tab inside a text may be a"
    " quotation that has swallowed rows; quotation marks around or doubled inside a text, and"
    " backslashes, are left over where `dialect: {quoting: …}` or `escapechar` is not the file's"
    " own; replacement characters and Ã© come from a wrong `encoding`."
)


def warnings_table(card: Card) -> ReportTable:
    """What should be looked at before anything trains on the task."""
    data = pd.DataFrame({"warning": card["warnings"]})
    readable = data.map(Verbatim)
    return ReportTable("Warnings: look at these first", readable, data)


def texts_table(card: Card) -> ReportTable:
    """Examples of each label, as they were read."""
    return ReportTable(
        "Texts of each label, as they were read",
        _readable(card["shown"]),
        pd.DataFrame(card["shown"]),
        TEXTS_NOTE,
    )


def ends_table(card: Card) -> ReportTable:
    """The shortest and the longest example of all splits."""
    readable = _readable(card["ends"])
    readable.insert(0, "text of", ["the fewest characters", "the most characters"])
    characters = [f"{shown['characters']:,}" for shown in card["ends"]]
    readable.insert(1, "characters", characters)
    return ReportTable("The shortest and the longest text", readable, pd.DataFrame(card["ends"]))


def _readable(examples: Sequence[ShownExample]) -> pd.DataFrame:
    """The label, the place and the text, or texts, of each example."""
    rows = []
    for shown in examples:
        row = {
            "label": Verbatim(shown["label"]),
            "example": Verbatim(f"{shown['split']} {shown['id']}"),
            "text": Verbatim(visible(shown["text"])),
        }
        if any(one["text_pair"] is not None for one in examples):
            pair = shown["text_pair"]
            row["second text"] = Verbatim(DASH if pair is None else visible(pair))
        rows.append(row)
    return pd.DataFrame(rows, dtype=object)


def signs_table(card: Card) -> ReportTable:
    """What some texts hold, how many examples do, and where the first of them is."""
    rows, data = [], []
    for found in card["signs"]:
        counts = {split: found["examples"][split] for split in card["splits"]}
        data.append({"sign": found["sign"], **counts})
        rows.append(
            {
                "texts with": found["sign"],
                **{split: str(count) for split, count in counts.items()},
                "the first": Verbatim(f"{found['split']} {found['id']}"),
                "there": Verbatim(visible(found["excerpt"])),
            }
        )
    absent = [sign for sign in SIGNS if sign not in {found["sign"] for found in card["signs"]}]
    none = f" No text has {', '.join(absent)}." if absent else ""
    readable = pd.DataFrame(rows or [{"texts with": "none of what is looked for"}], dtype=object)
    return ReportTable("What texts hold", readable, pd.DataFrame(data), SIGNS_NOTE + none)


def dropped_table(card: Card) -> ReportTable:
    """How many rows were no examples, and why."""
    data = pd.DataFrame(
        [
            {"split": split, "reason": reason, "rows": count}
            for split, reasons in card["dropped"].items()
            for reason, count in reasons.items()
        ]
    )
    readable = data.astype(object).map(lambda value: Verbatim(f"{value}"))
    return ReportTable("Rows that were dropped, as `drop` in the task's entry says", readable, data)


def numbers_table(card: Card) -> ReportTable:
    """The numbers that a task of a number asks for, in each split."""
    data = pd.DataFrame(
        [
            {"split": split, "examples": held["examples"], **held.get("numbers", {})}
            for split, held in all_splits(card).items()
        ]
    )
    readable = data.astype(object).map(
        lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    )
    headers = {"quarter": "25 %", "three_quarters": "75 %"}
    return ReportTable(f"{card['task']}: {card['title']}", readable.rename(columns=headers), data)


def label_sizes_table(card: Card) -> ReportTable:
    """How many labels the examples of a task of several labels have."""
    sizes = {split: held.get("labels_of_examples", {}) for split, held in all_splits(card).items()}
    data = pd.DataFrame(sizes).fillna(0).astype(int)
    data = data.loc[sorted(data.index, key=int)].rename_axis("labels").reset_index()
    return ReportTable("How many labels an example has", data.astype(str), data)
