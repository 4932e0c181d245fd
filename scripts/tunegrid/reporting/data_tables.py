"""Tables of the tasks: what their splits hold, and what is wrong with them."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.config.task_splits import SPLITS
from tunegrid.metrics import titles
from tunegrid.reporting.baseline_names import name_baselines
from tunegrid.reporting.number_formats import PERCENT, SCORE
from tunegrid.reporting.report_table import DASH, ReportTable, format_numbers, join_notes
from tunegrid.reporting.text_tables import (
    dropped_table,
    ends_table,
    label_sizes_table,
    numbers_table,
    signs_table,
    texts_table,
    warnings_table,
)
from tunegrid.results import FINISHED
from tunegrid.statistics.measured_tasks import measured_tasks
from tunegrid.tasks.cards import (
    Card,
    Leak,
    Repetitions,
    SplitContents,
    all_splits,
    find_leak,
    leaks,
)

#: Columns of `data_table` → what readers see.
DATA_HEADERS = {
    "smallest": "rarest label",
    "repeated": "repeated",
    "repeated_near": "nearly",
    "in_train": "in train",
    "in_train_near": "nearly in train",
    "conflicting": "contradicting labels",
}
#: Columns of `lengths_table` → what readers see.
LENGTH_HEADERS = {
    "p95": "95 % are at most",
    "max_length": "cut at",
    "truncated": "cut",
    "truncated_share": "share cut",
    "control_tokens": "control tokens",
}
#: Under the table of lengths, where examples spell control tokens.
CONTROL_NOTE = (
    "Control tokens: examples whose texts spell one of the tokenizer's own, such as [SEP]. They are"
    " read as text."
)
DATA_NOTE = (
    "Repeated: examples whose text (or pair) stands before them in the same split. In train:"
    " examples of dev and test that stand in train, too. Nearly: at least {threshold:.0f} % of the"
    " character 5-grams are the same, and the texts are not equal. Contradicting labels: examples"
    " whose text stands with another label, too, in any split."
)


def tasks_table(runs: pd.DataFrame, cards: Sequence[Card]) -> ReportTable:
    """The tasks: what is classified, how many labels, and the examples of each split as used."""
    titles_of_tasks = {card["task"]: card["title"] for card in cards}
    finished = runs[runs["state"] == FINISHED].drop_duplicates("task").set_index("task")
    # A task without a finished run has a row, too.
    first = finished.reindex(runs["task"].unique())
    data = pd.DataFrame({"task": first.index, "classified": first.index.map(titles_of_tasks)})
    data["labels"] = first["labels.train"].astype("Int64").array
    for split in SPLITS:
        if f"examples.{split}" in first:
            data[split] = first[f"examples.{split}"].astype("Int64").array
    readable = data.astype(object).where(data.notna(), DASH)
    measured = measured_tasks(runs)
    mains = {of_task.main for of_task in measured.values()}
    baseline = name_baselines(mains)["majority_baseline"]
    if len(mains) == 1:
        (metric,) = mains
        majority, header = f"majority_{metric.name}", f"{baseline}, test {metric.noun}"
        data[majority] = _majority_scores(first, [metric.name] * len(first))
    else:
        names = [measured[task].main.name for task in first.index]
        majority, header = "majority", f"{baseline}, test, by the main metric"
        data["main_metric"] = names
        readable["main metric"] = data["main_metric"].map(titles())
        data[majority] = _majority_scores(first, names)
    if data[majority].notna().any():
        readable[header] = format_numbers(data[majority], SCORE)
    else:
        data = data.drop(columns=majority)
    return ReportTable(
        "Tasks, and the examples of each split that were used",
        readable,
        data,
        data_warnings(leaks(cards)),
    )


def _majority_scores(first: pd.DataFrame, metrics: Sequence[str]) -> list[float]:
    """What the majority class scores on each task; not a number where no run states it.

    Args:
        first: a run of each task, as collect_runs returns it.
        metrics: by which the score of each task is.
    """
    return [
        float(run.get(f"majority_{metric}", math.nan))
        for run, metric in zip(first.to_dict("records"), metrics, strict=True)
    ]


def data_table(cards: Sequence[Card]) -> ReportTable:
    """The splits of all tasks: examples, duplicates, leaks from train, contradictions."""
    rows = [row for card in cards for row in _describe_splits(card)]
    data = pd.DataFrame(rows, dtype=object)
    return ReportTable(
        "Data: what each split holds",
        data.rename(columns=DATA_HEADERS).where(data.notna().to_numpy(), DASH),
        data,
        join_notes(
            DATA_NOTE.format(threshold=100 * cards[0]["threshold"]), data_warnings(leaks(cards))
        ),
    )


def _describe_splits(card: Card) -> list[dict[str, Any]]:
    """A row for each split; of several test splits a row for each below that of all of them."""
    rows = [
        _describe_split(
            card["splits"][split], card["within"][split], find_leak(card, "train", split)
        )
        | {"conflicting": card["conflicts"]["examples"][split], "split": split}
        for split in card["splits"]
    ]
    rows += [
        _describe_split(held, hygiene["within"], hygiene["in_train"]) | {"split": f"test: {name}"}
        for name, held in card["test_splits"].items()
        for hygiene in [card["of_test_splits"][name]]
    ]
    order = ["task", "split", "examples", "labels", *list(DATA_HEADERS)]
    return [{key: ({"task": card["task"]} | row).get(key) for key in order} for row in rows]


def _describe_split(held: SplitContents, within: Repetitions, leak: Leak | None) -> dict[str, Any]:
    labels = held["labels"]
    rarest = min(labels, key=lambda label: labels[label], default=None)
    return {
        "examples": held["examples"],
        "labels": len(labels) or None,
        "smallest": None if rarest is None else f"{rarest}: {labels[rarest]}",
        "repeated": within["exact"],
        "repeated_near": within["near"],
        "in_train": leak["exact"] if leak else None,
        "in_train_near": leak["near"] if leak else None,
    }


def data_warnings(leaked: pd.DataFrame) -> str:
    """What must be known of the data wherever test results stand; empty if there is nothing.

    Args:
        leaked: the columns of `leaks`; a task may have several rows.
    """
    return join_notes(leak_note(leaked), unseen_note(leaked))


def unseen_note(leaked: pd.DataFrame) -> str:
    """A warning that names labels that test has and train lacks; arguments as of `leak_note`."""
    rows = leaked.drop_duplicates("task").dropna(subset="unseen_labels")
    texts = [
        f"{row.task} {row.test_unseen:.0f} of {row.test_examples:.0f} ({row.unseen_labels})"
        for row in rows.itertuples()
    ]
    if not texts:
        return ""
    return (
        "Warning, labels: examples of test have labels that train lacks, and no method can learn"
        f" them: {'; '.join(texts)}."
    )


def leak_note(leaked: pd.DataFrame) -> str:
    """A warning that names the tasks whose test examples stand in train; empty if none do.

    Args:
        leaked: the columns of `leaks`; a task may have several rows.
    """
    texts = []
    for row in leaked.drop_duplicates("task").dropna(subset="test_in_train").itertuples():
        exact, near = row.test_in_train, row.test_nearly_in_train
        if not exact + near:
            continue
        counts = []
        if exact:
            counts.append(f"{exact}")
        if near:
            counts.append(f"{near} nearly")
        share = PERCENT.format(100 * (exact + near) / row.test_examples)
        texts.append(f"{row.task} {' and '.join(counts)} of {row.test_examples} ({share})")
    if not texts:
        return ""
    return (
        "Warning, leakage: examples of test stand in train, too, and flatter every method that"
        f" remembers: {'; '.join(texts)}."
    )


def lengths_table(cards: Sequence[Card]) -> ReportTable:
    """Tokens of the examples of all tasks by each tokenizer, and how many are cut.

    How many spell control tokens is shown only where some do.
    """
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
            "control_tokens": counts["control_tokens"],
        }
        for card in cards
        for tokenizer, encoded in card["tokenizers"].items()
        for split, counts in encoded["splits"].items()
    ]
    data = pd.DataFrame(rows)
    readable = data.assign(
        median=format_numbers(data["median"], "{:.0f}"),
        p95=format_numbers(data["p95"], "{:.0f}"),
        truncated_share=format_numbers(100 * data["truncated_share"], PERCENT),
    )
    spelled = bool(data["control_tokens"].any())
    if not spelled:
        readable = readable.drop(columns="control_tokens")
    return ReportTable(
        "Lengths in tokens, special ones included, before the cut",
        readable.rename(columns=LENGTH_HEADERS),
        data,
        CONTROL_NOTE if spelled else "",
    )


def card_tables(card: Card) -> list[ReportTable]:
    """The tables of one data card; those of what there is none of are left out."""
    has_numbers = "numbers" in card["splits"]["train"]
    tables = [numbers_table(card) if has_numbers else _labels_table(card)]
    if "labels_of_examples" in card["splits"]["train"]:
        tables.append(label_sizes_table(card))
    if card["warnings"]:
        tables.append(warnings_table(card))
    if card["dropped"]:
        tables.append(dropped_table(card))
    tables += [texts_table(card), ends_table(card), signs_table(card), data_table([card])]
    if card["tokenizers"]:
        tables.append(lengths_table([card]))
    if any(leak["pairs"] for leak in card["across"]):
        tables.append(_leaks_table(card))
    if card["conflicts"]["listed"]:
        tables.append(_conflicts_table(card))
    return tables


def _labels_table(card: Card) -> ReportTable:
    """The examples of each label in each split."""
    splits = all_splits(card)
    data = pd.DataFrame({split: held["labels"] for split, held in splits.items()})
    totals = pd.Series({split: held["examples"] for split, held in splits.items()})
    readable = data.apply(
        lambda counts: [_format_count(count, totals[counts.name]) for count in counts]
    )
    readable.loc["all"] = [str(total) for total in totals]
    notes = _absent_notes(card)
    for draw in card["few_shot"]:
        whose = "by its own seed" if draw["seed"] is None else f"by seed {draw['seed']}"
        notes.append(
            f"Few-shot: each run trains on {draw['examples']} examples of each label, drawn from"
            f" these {whose}."
        )
    return ReportTable(
        f"{card['task']}: {card['title']}",
        readable.rename_axis("label").reset_index(),
        data.rename_axis("label").reset_index(),
        # Parts of an aggregated task that are drawn alike are said once.
        join_notes(*dict.fromkeys(notes)),
    )


def _absent_notes(card: Card) -> list[str]:
    """A note for each split that has no example of labels that train has."""
    trained = card["splits"]["train"]["labels"]
    notes = []
    for split, held in all_splits(card).items():
        absent = [label for label, count in held["labels"].items() if trained[label] and not count]
        if absent:
            notes.append(f"No example of {split} has a label of these: {', '.join(absent)}.")
    return notes


def _format_count(count: int, total: int) -> str:
    """A count and its share of all, as `12 (25.0 %)`."""
    return f"{count} ({PERCENT.format(100 * count / max(1, total))})"


def _leaks_table(card: Card) -> ReportTable:
    """The first examples of a split that stand in another split."""
    rows = [
        {
            "example": f"{leak['target']} {pair['target']}",
            "stands in": f"{leak['source']} {pair['source']}",
            "similarity": f"{pair['similarity']:.3g}",
        }
        for leak in card["across"]
        for pair in leak["pairs"]
    ]
    data = pd.DataFrame(rows)
    return ReportTable(
        "Examples of one split that stand in another (the first of each)", data, data
    )


def _conflicts_table(card: Card) -> ReportTable:
    """The first texts that stand with different labels, an example a row."""
    rows = [
        {
            "text": number,
            "split": example["split"],
            "example": example["id"],
            "label": example["label"],
        }
        for number, examples in enumerate(card["conflicts"]["listed"], start=1)
        for example in examples
    ]
    data = pd.DataFrame(rows)
    texts = card["conflicts"]["texts"]
    return ReportTable(f"Texts that stand with different labels (the first of {texts})", data, data)
