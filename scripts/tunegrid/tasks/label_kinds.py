"""What a split's column `label` holds: one label of several, any number of them, or a number."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from datasets import ClassLabel, Dataset

from tunegrid.predictions import TargetKind

#: Parts of equal size that numbers are drawn from.
PARTS_OF_NUMBERS = 10


def label_kind(data: Dataset) -> TargetKind:
    """What the column holds: a ClassLabel, a sequence of them, or a number."""
    feature = data.features["label"]
    if isinstance(feature, ClassLabel):
        return "single_label"
    inner = getattr(feature, "feature", None)
    return "multi_label" if isinstance(inner, ClassLabel) else "regression"


def names_of_labels(data: Dataset) -> list[str]:
    """The label names in the order of their ids; none where the label is a number."""
    feature = data.features["label"]
    named = feature if label_kind(data) == "single_label" else getattr(feature, "feature", None)
    return list(named.names) if isinstance(named, ClassLabel) else []


def label_array(data: Dataset) -> npt.NDArray[Any]:
    """The column as an array: label ids (n,), which labels are true (n, k), or numbers (n,)."""
    column = data.with_format("arrow")[:]["label"]
    if label_kind(data) != "multi_label":
        return np.asarray(column.to_numpy())
    lists = column.combine_chunks()
    sets = np.zeros((len(lists), len(names_of_labels(data))), dtype=bool)
    rows = np.repeat(np.arange(len(lists)), lists.value_lengths().to_numpy())
    sets[rows, lists.flatten().to_numpy()] = True
    return sets


def label_text(data: Dataset, value: Any) -> str:
    """An example's label as people read it.

    Args:
        data: the split that it is of.
        value: what its column holds.
    """
    kind = label_kind(data)
    if kind == "regression":
        return f"{value:g}"
    names = names_of_labels(data)
    if kind == "single_label":
        return names[value]
    return ", ".join(names[label] for label in sorted(value)) or "none"


def strata(data: Dataset) -> list[int]:
    """The group of every example, each of which a cut takes the same share of.

    One label: the label's id. Several: the id of the rarest of them, and one group more for the
    examples that have none, so that rare labels keep their share; Sechidis, Tsoumakas & Vlahavas
    (2011, https://doi.org/10.1007/978-3-642-23808-6_10) go on to balance the others, which is not
    done here. A number: which of ten parts of equal size it falls into.
    """
    kind = label_kind(data)
    values = list(data["label"])
    if kind == "single_label":
        return values
    if kind == "regression":
        edges = np.quantile(values, np.linspace(0, 1, PARTS_OF_NUMBERS + 1)[1:-1])
        return [int(part) for part in np.searchsorted(edges, values, side="right")]
    seen = Counter(label for labels in values for label in set(labels))
    without = len(names_of_labels(data))
    return [
        min(labels, key=lambda label: (seen[label], label), default=without) for labels in values
    ]
