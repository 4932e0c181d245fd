"""Published numbers that cannot be, or that say another thing than they seem to."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from tunegrid.files import read_json
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
        values = dict(zip(group["metric"], group["value"], strict=True))
        remarks = [
            *_remark_on_loss(values),
            *_remark_on_share(values, model, summary[summary["method"] == method]),
        ]
        if task in splits_of_task:
            splits = splits_of_task[task]
            mean_of = dict(zip(group["metric"], group[MEAN_OF], strict=True)).get("accuracy")
            remarks += _remark_on_mean(values, mean_of, splits["test"]["examples"])
            remarks += _remark_on_majority(values, splits)
        rows += [(source, model, task, method, value, finding) for value, finding in remarks]
    return pd.DataFrame(rows, columns=[*PLACE, "value", "finding"])


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


def _remark_on_majority(values: Values, splits: dict[str, Any]) -> Iterator[Remark]:
    """Tell of scores that are exactly those of predicting train's most frequent label always."""
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
        finding = f"is that of predicting {top} for every example ({right} of {total})"
        yield f"accuracy {text}{also}", f"{finding}: nothing need have been learnt"


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
    for row in known.drop_duplicates("task").itertuples():
        trained = row.trainable_parameters + head
        for total in (row.total_parameters + head, row.total_parameters + head + pooler):
            share = 100 * trained / total
            if abs(share - float(text)) <= half_digit(text):
                finding = (
                    f"counts an unused head of masked language modelling ({head:,} parameters);"
                    f" without it {row.trainable_percent:.3f} %"
                )
                yield f"{text} % trainable", finding
                return
