"""What runs get wrong, in tables: classes, agreement of seeds, examples that none gets right."""

from collections.abc import Sequence

import pandas as pd

from tunegrid.reporting.marks import runs_text, table_note
from tunegrid.reporting.readable import Table, join_notes, or_dash
from tunegrid.results import GROUP
from tunegrid.tasks.cards import Card

SCORE = or_dash("{:.4f}")


def label_orders(cards: Sequence[Card]) -> dict[str, list[str]]:
    """The labels of each task in the order of its ids."""
    return {card["task"]: list(card["splits"]["train"]["labels"]) for card in cards}


def in_label_order(table: pd.DataFrame, orders: dict[str, list[str]]) -> pd.DataFrame:
    """The rows of each cell group by their labels' ids, groups as they stand."""
    places = [
        # A group without a finished run has no label.
        -1 if pd.isna(label) else orders[task].index(label)
        for task, label in zip(table["task"], table["label"], strict=True)
    ]
    keys = pd.DataFrame({"group": table.groupby(GROUP, sort=False).ngroup().array, "at": places})
    order = keys.sort_values(["group", "at"], kind="stable").index
    return table.iloc[order].reset_index(drop=True)


def classes_table(per_class: pd.DataFrame, cards: Sequence[Card]) -> Table:
    """Precision, recall and F1 of every label."""
    data = in_label_order(per_class, label_orders(cards))
    shown = data[GROUP].assign(
        label=data["label"].fillna("—"),
        runs=[runs_text(row) for row in data.itertuples()],
        support=data["support"].map(or_dash("{:.0f}")),
        predicted=data["predicted"].map(or_dash("{:.1f}")),
        **{
            name: [
                SCORE(mean) if pd.isna(sd) else f"{mean:.4f} ± {sd:.4f}"
                for mean, sd in zip(data[key], data[f"{key}_sd"], strict=True)
            ]
            for key, name in (("precision", "precision"), ("recall", "recall"), ("f1", "F1"))
        },
    )
    note = (
        "Support: test examples of the label; predicted: how many are given it, the mean over runs."
        " A label that a run never predicts has precision 0 there. Few examples make these scores"
        " jump: one of a label's is 1/support of its recall."
    )
    title = "Labels: test scores, mean ± standard deviation over seeds"
    return Table(title, shown, data, join_notes(note, table_note(data.drop_duplicates(GROUP))))


def agreement_table(agreement: pd.DataFrame) -> Table:
    """How far the seeds of a cell group agree on single examples."""
    data = agreement
    shown = data[GROUP].assign(
        runs=[runs_text(row) for row in data.itertuples()],
        examples=data["examples"].map(or_dash("{:.0f}")),
        **{
            "all seeds right": data["always_right"] / data["examples"],
            "none right": data["never_right"] / data["examples"],
            "two seeds agree": data["agreement"],
            "kappa": data["kappa"].map(or_dash("{:.3f}")),
        },
    )
    for name in ("all seeds right", "none right", "two seeds agree"):
        shown[name] = shown[name].astype(float).map(or_dash("{:.1%}"))
    note = (
        "Shares of the test examples. Two seeds agree: the mean over pairs of seeds, right or"
        " wrong. Kappa: Fleiss' 1971, agreement beyond chance. What agrees on wrong labels is the"
        " data's or the model's doing; what does not is chance."
    )
    title = "Seeds: do they get the same examples right?"
    return Table(title, shown, data, join_notes(note, table_note(data)))


def hard_table(hard: pd.DataFrame) -> Table:
    """The examples that every finished run of a task gets wrong, whatever its model and method."""
    shown = hard.rename(columns={"most_predicted": "mostly predicted"})
    note = (
        "By the ids of the task's files; look at these first for wrong labels."
        if len(hard)
        else "Each test example of a task that has finished runs is right in at least one of them."
    )
    return Table("Test examples that every finished run gets wrong", shown, hard, note)
