"""What runs get wrong, in tables: labels, agreement of seeds, examples that no run gets right."""

from collections.abc import Sequence

import pandas as pd

from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.number_formats import PERCENT
from tunegrid.reporting.report_table import (
    DASH,
    ReportTable,
    format_mean,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP
from tunegrid.tasks.cards import Card

#: Scores of a label: column of the data → what readers see.
CLASS_SCORES = {"precision": "precision", "recall": "recall", "f1": "F1"}
CLASSES_NOTE = (
    "Support: test examples of the label. Predicted: how many examples are given the label, the"
    " mean over runs. A label that a run never predicts has precision 0 there. Where a label has"
    " few examples these scores jump: one example is 1/support of its recall."
)
AGREEMENT_NOTE = (
    "Shares of the test examples. Two seeds agree: the mean over all pairs of seeds, whether they"
    " are right or wrong. Kappa: Fleiss' kappa (1971), the agreement beyond chance. Where seeds"
    " agree on a wrong label, the data or the model is the reason; where they do not, it is chance."
)
HARD_NOTE = (
    "Named by the ids of the task's files; look at these examples first when you look for wrong"
    " labels."
)
NO_HARD_NOTE = (
    "Each test example of a task that has finished runs is right in at least one of them."
)


def classes_table(per_class: pd.DataFrame, cards: Sequence[Card]) -> ReportTable:
    """Precision, recall and F1 of every label.

    Args:
        per_class: as count_errors returns it.
        cards: the data cards of the tasks, which hold the order of their labels.
    """
    data = _sort_by_label(per_class, cards)
    columns = {
        "label": data["label"].fillna(DASH),
        "runs": [format_run_count(row) for row in data.itertuples()],
        "support": format_numbers(data["support"], "{:.0f}"),
        "predicted": format_numbers(data["predicted"], "{:.1f}"),
    }
    columns |= {
        header: [
            format_mean(mean, deviation)
            for mean, deviation in zip(data[name], data[f"{name}_sd"], strict=True)
        ]
        for name, header in CLASS_SCORES.items()
    }
    return ReportTable(
        "Labels: test scores, mean ± standard deviation over seeds",
        data[GROUP].assign(**columns),
        data,
        join_notes(CLASSES_NOTE, explain_marks(data.drop_duplicates(GROUP))),
        dict.fromkeys(CLASS_SCORES.values(), link_groups(data)),
    )


def _sort_by_label(per_class: pd.DataFrame, cards: Sequence[Card]) -> pd.DataFrame:
    """The rows of each cell group by the ids of their labels; the groups keep their order."""
    labels = {card["task"]: list(card["splits"]["train"]["labels"]) for card in cards}
    # A group without a finished run has one row, which names no label.
    label_ids = [
        -1 if pd.isna(label) else labels[task].index(label)
        for task, label in zip(per_class["task"], per_class["label"], strict=True)
    ]
    keys = pd.DataFrame(
        {"group": per_class.groupby(GROUP, sort=False).ngroup().array, "label_id": label_ids}
    )
    order = keys.sort_values(["group", "label_id"], kind="stable").index
    return per_class.iloc[order].reset_index(drop=True)


def agreement_table(agreement: pd.DataFrame) -> ReportTable:
    """How far the seeds of a cell group agree on single examples.

    Args:
        agreement: as count_errors returns it.
    """
    examples = agreement["examples"]
    shares = {
        "all seeds right": agreement["always_right"] / examples,
        "none right": agreement["never_right"] / examples,
        "two seeds agree": agreement["agreement"],
    }
    columns = {
        "runs": [format_run_count(row) for row in agreement.itertuples()],
        "examples": format_numbers(examples, "{:.0f}"),
    }
    columns |= {
        header: format_numbers(100 * share.astype(float), PERCENT)
        for header, share in shares.items()
    }
    columns["kappa"] = format_numbers(agreement["kappa"], "{:.3f}")
    return ReportTable(
        "Seeds: do they get the same examples right?",
        agreement[GROUP].assign(**columns),
        agreement,
        join_notes(AGREEMENT_NOTE, explain_marks(agreement)),
        dict.fromkeys([*shares, "kappa"], link_groups(agreement)),
    )


def hard_table(hard: pd.DataFrame) -> ReportTable:
    """The examples that every finished run of a task gets wrong, whatever its model and method.

    Args:
        hard: as count_errors returns it.
    """
    return ReportTable(
        "Test examples that every finished run gets wrong",
        hard.rename(columns={"most_predicted": "mostly predicted"}),
        hard,
        NO_HARD_NOTE if hard.empty else HARD_NOTE,
    )
