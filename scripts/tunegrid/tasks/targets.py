"""What a task asks for, as a column of its splits: a label, any number of labels, or a number."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from datasets import ClassLabel, Dataset, List, Value

from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.task_values import Target
from tunegrid.errors import UserError
from tunegrid.tasks.label_kinds import label_kind
from tunegrid.tasks.readers import label_order
from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.spelling import as_number, in_order
from tunegrid.tasks.splits import label_counts
from tunegrid.tasks.task_file import SplitFiles

#: More labels than a task has; a column of texts has more.
MOST_LABELS = 1000


class NumberSummary(TypedDict):
    """The numbers that a split of target regression asks for.

    Attributes:
        count: how many there are.
        least: the least of them.
        greatest: the greatest of them.
        mean: their mean.
    """

    count: int
    least: float
    greatest: float
    mean: float


#: What a split holds: of each label, how many examples have it; of numbers, a summary.
SplitSummary = dict[str, int] | NumberSummary


def label_feature(target: Target | None, labels: Sequence[str] | None) -> Any:
    """The type of a split's column `label`.

    Args:
        target: of the entry.
        labels: their names in the order of their ids; None of target regression.

    Returns:
        A ClassLabel; of target multi_label a list of it, of target regression a 64-bit number.
    """
    if labels is None:
        return Value("float64")
    one = ClassLabel(names=list(labels))
    return List(one) if target and target.kind == "multi_label" else one


def label_column(examples: Sequence[Example], labels: Sequence[str] | None) -> list[Any]:
    """The values of that column: label names; sorted ids of several labels; numbers."""
    ids = {name: position for position, name in enumerate(labels or [])}
    return [
        sorted(ids[name] for name in example.label)
        if isinstance(example.label, tuple)
        else example.label
        for example in examples
    ]


def summarise_split(data: Dataset) -> SplitSummary:
    """What a split holds; an example of several labels is counted at each."""
    if label_kind(data) != "regression":
        return label_counts(data)
    values = list(data["label"])
    return {
        "count": len(values),
        "least": min(values),
        "greatest": max(values),
        "mean": math.fsum(values) / len(values),
    }


def labels_of_task(
    entry: TaskEntry, splits: Mapping[str, Sequence[Example]], files: SplitFiles
) -> list[str] | None:
    """The names of a task's labels in the order of their ids; None of target regression.

    Of `labels: auto` those of all splits: in the order of the files' own where all files have the
    same (those that no example has are left out), else sorted.

    Args:
        entry: the catalogue entry.
        splits: the examples of each split, or of `all`.
        files: that they were read from.

    Raises:
        UserError: there are fewer than two labels, more than `MOST_LABELS`, or two that are one
            number.
    """
    if entry.labels != "auto":
        return entry.label_names
    found = {
        name for examples in splits.values() for example in examples for name in example.label_names
    }
    orders = [label_order(file) for of_split in files.values() for file in of_split]
    has_a_column_each = bool(entry.columns and isinstance(entry.columns.label, list))
    if orders[0] and all(order == orders[0] for order in orders) and found <= set(orders[0]):
        labels = [name for name in orders[0] if has_a_column_each or name in found]
    else:
        labels = in_order(found)
    _check_labels(labels, files)
    return labels


def _check_labels(labels: Sequence[str], files: SplitFiles) -> None:
    """Refuse labels that were found and cannot be a task's."""
    paths = [file.path for of_split in files.values() for file in of_split]
    more = f" (and {len(paths) - 1} more files)" if len(paths) > 1 else ""
    where = f"{paths[0]}{more}: `labels: auto` finds"
    if len(labels) < 2:
        found = f"the label {labels[0]!r} alone" if labels else "no label"
        raise UserError(f"{where} {found}; correct where `columns` says that the label is")
    if len(labels) > MOST_LABELS:
        raise UserError(
            f"{where} {len(labels)} labels, such as {labels[0][:40]!r}; a column of texts, ids or"
            " numbers seems to be taken for the label: correct `columns`, or list the `labels`"
        )
    first: dict[Any, str] = {}
    for label in labels:
        number = as_number(label)
        if number is None:
            continue
        if number in first:
            raise UserError(
                f"{where} {first[number]!r} and {label!r}, which are the same number; name in"
                " `values` what each stands for, or list the `labels`"
            )
        first[number] = label
