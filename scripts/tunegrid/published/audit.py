"""Published numbers that cannot be, or that say another thing than they seem to.

An audit speaks of the paper. What is wrong with the file that holds its numbers is refused before
anything runs (`tunegrid.published.number_file`).
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from tunegrid.files import read_json
from tunegrid.metrics import METRICS
from tunegrid.published.memory_access import find_shape
from tunegrid.published.number_file import COLUMNS, MEAN_OF, TRAINABLE_PERCENT, half_digit
from tunegrid.tasks.cards import Card

#: What is audited together: the values of one source, model, task and method.
PLACE = COLUMNS[:4]
#: Where a paper does not tell of how many runs a mean is, it is tried as that of 1 to so many.
MOST_RUNS = 10
#: A loss is doubted where it is less than so many times what the errors alone cost …
NEAR_LEAST = 1.5
#: … and where the errors alone cost at least so much (nats).
SMALL_LOSS = 0.1
#: A share of parameters with fewer digits than this may be another one that rounds to it.
SURE_DIGITS = 3

#: The metrics of one place → their values, as printed.
Values = dict[str, str]
#: What is told of (values, as printed), and what is told, in words.
Remark = tuple[str, str]


def audit_published(
    published: pd.DataFrame, cards: Sequence[Card], summary: pd.DataFrame
) -> pd.DataFrame:
    """What in papers' numbers cannot be, or says another thing than it seems to.

    Args:
        published: as `number_table` returns it.
        cards: of the grid's tasks (check_task): their test examples and labels.
        summary: as summarise returns it: the parameters of the grid's models.

    Returns:
        source, model, task, method, value (what is told of), finding.
    """
    splits_of_task = {card["task"]: card["splits"] for card in cards}
    rows = []
    for (source, model, task, method), group in published.groupby(PLACE, sort=False):
        remarks = [*_remark_on_repetitions(group), *_remark_on_ranges(group)]
        # A metric that is printed in several places is audited further as it stands in the first.
        possible = group[[_is_possible(row) for row in group.itertuples()]]
        first = possible.drop_duplicates("metric").set_index("metric")
        values = first["value"].to_dict()
        remarks += _remark_on_loss(values)
        remarks += _remark_on_share(values, model, summary[summary["method"] == method])
        if task in splits_of_task:
            splits = splits_of_task[task]
            mean_of = first[MEAN_OF].get("accuracy")
            remarks += _remark_on_mean(values, mean_of, splits["test"]["examples"])
            remarks += _remark_on_majority(values, mean_of, splits)
            remarks += _remark_on_micro_f1(values)
        rows += [(source, model, task, method, value, finding) for value, finding in remarks]
    return pd.DataFrame(rows, columns=[*PLACE, "value", "finding"])


def _write_value(metric: str, text: str) -> str:
    """A printed value and what it is of: `accuracy 0.7822`."""
    if metric == TRAINABLE_PERCENT:
        return f"{text} % trainable"
    return f"{METRICS[metric].noun} {text}"


def _bounds(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a printed value can have."""
    return (0.0, 100.0) if metric == TRAINABLE_PERCENT else METRICS[metric].bounds


def _is_possible(row: Any) -> bool:
    """Whether a published number lies in the range of its metric."""
    lowest, highest = _bounds(row.metric)
    return lowest <= float(row.value) <= highest


def _remark_on_ranges(group: pd.DataFrame) -> Iterator[Remark]:
    """Tell of values out of the range of their metric."""
    for row in group.itertuples():
        lowest, highest = _bounds(row.metric)
        value = _write_value(row.metric, row.value)
        if float(row.value) < lowest:
            yield value, f"cannot be: the least possible value is {lowest:g}"
        elif float(row.value) > highest:
            yield value, f"cannot be: the greatest possible value is {highest:g}"


def _remark_on_repetitions(group: pd.DataFrame) -> Iterator[Remark]:
    """Tell of a number that a paper prints in several places, and not the same there."""
    for metric, rows in group.groupby("metric", sort=False):
        first, *others = rows.itertuples()
        for other in others:
            if not _are_same(first.value, other.value):
                here = f" ({first.where})" if first.where else ""
                there = f" ({other.where})" if other.where else ""
                value = f"{_write_value(metric, first.value)}{here}"
                yield value, f"is {other.value} elsewhere in the paper{there}"


def _are_same(one: str, other: str) -> bool:
    """Whether two printed numbers may be of one number, as far as each was printed."""
    return abs(float(one) - float(other)) <= half_digit(one) + half_digit(other)


def _remark_on_mean(values: Values, mean_of: int | None, examples: int) -> Iterator[Remark]:
    """Tell of an accuracy that no such number of runs on so many examples can have as their mean.

    The GRIM test (Brown & Heathers 2017, https://doi.org/10.1177/1948550616673876), of any number
    of runs up to `MOST_RUNS` where the paper does not tell.
    """
    if "accuracy" not in values:
        return
    text = values["accuracy"]
    value = float(text)
    if pd.isna(mean_of):
        tried, number = [*range(1, MOST_RUNS + 1)], f"1 to {MOST_RUNS} runs"
    else:
        tried, number = [mean_of], "one run" if mean_of == 1 else f"{mean_of} runs"
    for runs in tried:
        right = round(value * examples * runs)
        if abs(right / (examples * runs) - value) <= half_digit(text):
            return
    yield f"accuracy {text}", f"is no mean of {number} on {examples} test examples (GRIM)"


def _remark_on_majority(
    values: Values, mean_of: int | None, splits: dict[str, Any]
) -> Iterator[Remark]:
    """Tell of scores that are, or round to, those of always predicting train's most frequent label.

    They are, where no other number of right predictions rounds to what was printed.
    """
    if "accuracy" not in values:
        return
    text = values["accuracy"]
    labels = splits["test"]["labels"]
    in_train = splits["train"]["labels"]
    top = max(in_train, key=in_train.__getitem__)
    right, total = labels[top], sum(labels.values())
    # Only the predicted label has an F1 above 0: 2·hits / (predicted + true).
    macro = 2 * right / (right + total) / sum(count > 0 for count in labels.values())
    equal = abs(right / total - float(text)) <= half_digit(text)
    printed_macro = values.get("macro_f1")
    if equal and (
        printed_macro is None or abs(macro - float(printed_macro)) <= half_digit(printed_macro)
    ):
        also = f", macro-F1 {printed_macro}" if printed_macro else ""
        that_score = f"that of predicting {top} for every example ({right} of {total})"
        predictions = total * (1 if pd.isna(mean_of) else mean_of)
        if _count_fitting(text, predictions) == 1:
            finding = f"is {that_score}"
        else:
            finding = f"may be {that_score}, which rounds to it"
        yield f"accuracy {text}{also}", f"{finding}: nothing need have been learnt"


def _count_fitting(text: str, predictions: int) -> int:
    """How many numbers of right ones among so many predictions give a printed accuracy."""
    most = math.floor((float(text) + half_digit(text)) * predictions)
    least = math.ceil((float(text) - half_digit(text)) * predictions)
    return most - least + 1


def _remark_on_micro_f1(values: Values) -> Iterator[Remark]:
    """Tell of an accuracy that is not the micro-F1 beside it.

    Each example of the grid's tasks has one label and is given one, so that each error is one false
    positive and one false negative: precision, recall, their F1 and the accuracy are one number.
    """
    if "accuracy" not in values or "micro_f1" not in values:
        return
    accuracy, micro_f1 = values["accuracy"], values["micro_f1"]
    if not _are_same(accuracy, micro_f1):
        finding = "differ, but are one number where each example has one label"
        yield (
            f"accuracy {accuracy}, micro-F1 {micro_f1}",
            f"{finding}: they are of other predictions, or one leaves labels out",
        )


def _remark_on_loss(values: Values) -> Iterator[Remark]:
    """Tell of a loss below what the errors alone cost, or hardly above it.

    An example is predicted wrongly only where its label has a probability of at most one half, so
    each error costs at least ln 2. A loss near that leaves so little for all other examples that
    they would have to be all but certain.
    """
    if "loss" not in values or "accuracy" not in values:
        return
    loss, accuracy = values["loss"], values["accuracy"]
    least = (1 - float(accuracy) - half_digit(accuracy)) * math.log(2)
    if float(loss) + half_digit(loss) < least:
        finding = f"cannot be of the same predictions as accuracy {accuracy}"
        yield f"loss {loss}", f"{finding}: the errors alone cost {least:.3f}"
    elif float(loss) < NEAR_LEAST * least and least > SMALL_LOSS:
        left = float(loss) - least
        finding = f"leaves {left:.3f} for all that is no error at accuracy {accuracy}"
        yield f"loss {loss}", f"{finding} (errors cost {least:.3f} at least): hardly of that split"


def _remark_on_share(values: Values, model: str, summary: pd.DataFrame) -> Iterator[Remark]:
    """Tell of a share of trainable parameters that counts the checkpoint's unused head.

    The head of masked language modelling comes along with a checkpoint and trains nowhere. It has
    a linear map of the hidden size with its bias, a layer norm, and the bias of the output, whose
    weights are those of the embeddings (Devlin et al. 2019, https://arxiv.org/abs/1810.04805). The
    whole may be counted with or without the pooler, a linear map of the hidden size.

    Args:
        values: of one place.
        model: its model.
        summary: the rows of the place's method, of all models.
    """
    summary = summary[summary["model"] == model]
    path = find_shape(model)
    if TRAINABLE_PERCENT not in values or summary.empty or path is None:
        return
    text = values[TRAINABLE_PERCENT]
    shape = read_json(path)
    if not {"hidden_size", "vocab_size"} <= shape.keys():
        return  # its configuration names them otherwise, so the head's size is not known
    hidden, vocabulary = shape["hidden_size"], shape["vocab_size"]
    head = (hidden * hidden + hidden) + 2 * hidden + vocabulary
    pooler = hidden * hidden + hidden
    known = summary.dropna(subset=["trainable_parameters", "total_parameters"])
    if (abs(known[TRAINABLE_PERCENT] - float(text)) <= half_digit(text)).any():
        return  # the printed share may well be the right one
    for row in known.drop_duplicates("task").itertuples():
        honest = f"without it {row.trainable_percent:.3f} %"
        trained = row.trainable_parameters + head
        for total in (row.total_parameters + head, row.total_parameters + head + pooler):
            share = 100 * trained / total
            if abs(share - float(text)) <= half_digit(text):
                head_in_words = f"an unused head of masked language modelling ({head:,} parameters)"
                if _count_digits(text) >= SURE_DIGITS:
                    finding = f"counts {head_in_words}; {honest}"
                else:
                    counted = f"counting {head_in_words} gives {share:.3f} %"
                    finding = f"{counted}, which rounds to it; {honest}"
                yield _write_value(TRAINABLE_PERCENT, text), finding
                return


def _count_digits(text: str) -> int:
    """How many significant digits a printed number has: 3 of "0.882"."""
    return len(Decimal(text).as_tuple().digits)
