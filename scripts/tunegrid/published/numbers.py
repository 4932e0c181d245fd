"""Numbers of a paper beside those of the grid: how far they agree, and which cannot be.

A paper's table is a CSV with the columns of `COLUMNS` and, where the paper tells it, `MEAN_OF`.
Values are kept as text: how many digits were printed says how exact they are.
"""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.model_shapes import shape_file
from tunegrid.metrics import METRICS
from tunegrid.statistics.bootstrap import t_quantile
from tunegrid.statistics.run_counts import COUNTS
from tunegrid.tasks.cards import Card

COLUMNS = ["source", "model", "task", "method", "metric", "value"]
#: Of how many runs a value is the mean; empty where the paper does not tell.
MEAN_OF = "mean_of"
EXPECTED = ["expected_low", "expected_high"]
#: The metric that is of a model and method, whatever the task.
SHARE = "trainable_percent"
#: A printed mean is tried as that of so many runs.
MOST_RUNS = 10
#: A loss below so many times what the errors alone cost is told of, from this cost on (nats).
NEAR_LEAST, SMALL_LOSS = 1.5, 0.1


def read_published(paths: Sequence[Path]) -> pd.DataFrame:
    """The numbers of one or more papers, as text; `MEAN_OF` is a number, or missing.

    Raises:
        UserError: a file is not such a table, or a value is no number.
    """
    tables = []
    for path in paths:
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as e:
            raise UserError(f"{path}: is no CSV that can be read: {e}") from None
        if list(table) not in (COLUMNS, [*COLUMNS, MEAN_OF]):
            raise UserError(
                f"{path}: has the columns {', '.join(table)}; they must be {', '.join(COLUMNS)},"
                f" and may be followed by {MEAN_OF}"
            )
        table = table.reindex(columns=[*COLUMNS, MEAN_OF], fill_value="")
        for line, row in enumerate(table.itertuples(), start=2):
            if row.metric not in (*METRICS, SHARE):
                known = ", ".join((*METRICS, SHARE))
                raise UserError(f"{path}:{line}: metric {row.metric!r} is none of {known}")
            if not _is_number(row.value):
                raise UserError(f"{path}:{line}: value {row.value!r} is not a number")
            if row.mean_of and not re.fullmatch("[1-9][0-9]{,3}", row.mean_of):
                raise UserError(
                    f"{path}:{line}: {MEAN_OF} {row.mean_of!r} is no number of runs: 1, 5, or"
                    " nothing where the paper does not tell"
                )
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    return table.assign(**{MEAN_OF: pd.to_numeric(table[MEAN_OF]).astype("Int64")})


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def compare_published(published: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Every published number beside the grid's.

    Args:
        published: as `read_published` returns it.
        summary: as summarise returns it.

    Returns:
        Its rows with printed (text) and published (a number), ours (the mean), n and `COUNTS`, low
        and high (95 % t interval over seeds), expected_low and expected_high (`_expected`),
        difference (ours − published) and verdict: where there are several runs, "within" our
        interval, "within chance": within what is expected, or "outside"; "equal" or "differs" for
        what does not vary, as printed; "one run", "no finished run" or "not in the grid" where it
        cannot be told.
    """
    rows = [row._asdict() | _found(row, summary) for row in published.itertuples(index=False)]
    columns = [*published, "published", "ours", "n", *COUNTS, "low", "high", *EXPECTED]
    columns += ["difference", "verdict"]
    table = pd.DataFrame(rows, columns=columns).rename(columns={"value": "printed"})
    return table.astype(dict.fromkeys(["n", *COUNTS, MEAN_OF], "Int64"))


def _found(row: Any, summary: pd.DataFrame) -> dict[str, Any]:
    value = float(row.value)
    mine = summary[(summary["model"] == row.model) & (summary["method"] == row.method)]
    if row.metric == SHARE:
        if mine.empty:
            return {"published": value, "verdict": "not in the grid"}
        shares = mine[SHARE].dropna().drop_duplicates()
        if shares.empty:
            return {"published": value, "verdict": "no finished run"}
        same = (shares.sub(value).abs() <= _half_digit(row.value)).any()
        nearest = shares.loc[shares.sub(value).abs().idxmin()]
        return {
            "published": value, "ours": nearest, "difference": nearest - value,
            "verdict": "equal" if same else "differs",
        }  # fmt: skip
    mine = mine[(mine["task"] == row.task) & (mine["metric"] == row.metric)]
    if mine.empty:
        return {"published": value, "verdict": "not in the grid"}
    own = mine.iloc[0]
    found = {"published": value, "ours": own["mean"], "n": own["n"], "low": own["low"],
             "high": own["high"], "difference": own["mean"] - value}  # fmt: skip
    found |= own[COUNTS].to_dict()
    if own["n"] < 2:
        return found | {"verdict": "one run" if own["n"] else "no finished run"}
    if pd.notna(row.mean_of):
        ends = _expected(own["n"], own["mean"], own["sd"], row.mean_of)
        found |= dict(zip(EXPECTED, ends, strict=True))
    return found | {"verdict": _verdict(value, _half_digit(row.value), found)}


def _verdict(value: float, half_digit: float, found: dict[str, Any]) -> str:
    if found["low"] - half_digit <= value <= found["high"] + half_digit:
        return "within"
    low, high = (found.get(end, math.nan) for end in EXPECTED)
    if low - half_digit <= value <= high + half_digit:
        return "within chance"
    return "outside"


def _expected(n: int, mean: float, sd: float, runs: int) -> tuple[float, float]:
    """Where the mean of so many more runs falls in 95 of 100 cases, after n with this mean and sd.

    The prediction interval mean ± t(n−1)·sd·√(1/n + 1/runs) (Hahn & Meeker 1991, Statistical
    Intervals, chapter 4).
    """
    reach = t_quantile(n) * sd * math.sqrt(1 / n + 1 / runs)
    return mean - reach, mean + reach


def _half_digit(text: str) -> float:
    """Half of the last printed digit: how far a printed number may be from the true one."""
    return 0.5 * 10.0 ** -_decimals(text) + 1e-12


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def audit_published(
    published: pd.DataFrame, cards: Sequence[Card], summary: pd.DataFrame
) -> pd.DataFrame:
    """What in a paper's numbers cannot be, or says another thing than it seems to.

    Args:
        published: as `read_published` returns it.
        cards: of the grid's tasks (check_task): their test examples and labels.
        summary: as summarise returns it: the parameters of the grid's models.

    Returns:
        source, model, task, method, value (what is told of), finding.
    """
    held = {card["task"]: card["splits"] for card in cards}
    rows = []
    for (source, model, task, method), group in published.groupby(COLUMNS[:4], sort=False):
        values = dict(zip(group["metric"], group["value"], strict=True))
        findings = [*_impossible_loss(values), *_head_counted(model, method, values, summary)]
        if task in held:
            runs = dict(zip(group["metric"], group[MEAN_OF], strict=True)).get("accuracy")
            findings += _impossible_mean(values, runs, held[task])
            findings += _majority(values, held[task])
        rows += [(source, model, task, method, value, finding) for value, finding in findings]
    return pd.DataFrame(rows, columns=[*COLUMNS[:4], "value", "finding"])


Finding = Iterator[tuple[str, str]]


def _impossible_mean(
    values: dict[str, str], mean_of: int | None, splits: dict[str, Any]
) -> Finding:
    """Accuracies that no such number of runs on so many examples can have as their mean.

    The GRIM test (Brown & Heathers 2017, https://doi.org/10.1177/1948550616673876), of any number
    up to `MOST_RUNS` where the paper does not tell.
    """
    if (text := values.get("accuracy")) is None:
        return
    examples, value = splits["test"]["examples"], float(text)
    if pd.isna(mean_of):
        tried, number = range(1, MOST_RUNS + 1), f"1 to {MOST_RUNS} runs"
    else:
        tried, number = [mean_of], "one run" if mean_of == 1 else f"{mean_of} runs"
    for runs in tried:
        right = round(value * examples * runs)
        if abs(right / (examples * runs) - value) <= _half_digit(text):
            return
    yield f"accuracy {text}", f"is no mean of {number} on {examples} test examples (GRIM)"


def _majority(values: dict[str, str], splits: dict[str, Any]) -> Finding:
    """Scores that are exactly those of predicting train's most frequent class every time."""
    if (text := values.get("accuracy")) is None:
        return
    labels = splits["test"]["labels"]
    train = splits["train"]["labels"]
    top = max(train, key=train.get)
    right, total = labels[top], sum(labels.values())
    macro = 2 * right / (right + total) / sum(count > 0 for count in labels.values())
    equal = abs(right / total - float(text)) <= _half_digit(text)
    other = values.get("macro_f1")
    if equal and (other is None or abs(macro - float(other)) <= _half_digit(other)):
        also = f", macro-F1 {other}" if other else ""
        finding = f"is that of predicting {top} for every example ({right} of {total})"
        yield f"accuracy {text}{also}", f"{finding}: nothing need have been learnt"


def _impossible_loss(values: dict[str, str]) -> Finding:
    """Losses below what the errors alone cost, each at least ln 2 (see `check_laws`), or so near
    it that all other examples would have to be all but certain."""
    loss, accuracy = values.get("loss"), values.get("accuracy")
    if loss is None or accuracy is None:
        return
    least = (1 - float(accuracy) - _half_digit(accuracy)) * math.log(2)
    if float(loss) + _half_digit(loss) < least:
        finding = f"cannot be of the same predictions as accuracy {accuracy}"
        yield f"loss {loss}", f"{finding}: the errors alone cost {least:.3f}"
    elif float(loss) < NEAR_LEAST * least and least > SMALL_LOSS:
        left = float(loss) - least
        finding = f"leaves {left:.3f} for all that is no error at accuracy {accuracy}"
        yield f"loss {loss}", f"{finding} (errors cost {least:.3f} at least): hardly of that split"


def _head_counted(
    model: str, method: str, values: dict[str, str], summary: pd.DataFrame
) -> Finding:
    """Shares that count the unused head of a masked language model among what trains."""
    text = values.get(SHARE)
    mine = summary[(summary["model"] == model) & (summary["method"] == method)]
    path = shape_file(model, None)
    if text is None or mine.empty or path is None:
        return
    shape = read_json(path)
    hidden, vocabulary = shape["hidden_size"], shape["vocab_size"]
    head = (
        hidden * hidden + 3 * hidden + vocabulary
    )  # a linear map, a layer norm, the output's bias
    pooler = hidden * hidden + hidden
    known = mine.dropna(subset=["trainable_parameters", "total_parameters"])
    for own in known.drop_duplicates("task").itertuples():
        trained = own.trainable_parameters + head
        for total in (own.total_parameters + head, own.total_parameters + head + pooler):
            share = 100 * trained / total
            if abs(share - float(text)) <= _half_digit(text):
                finding = (
                    f"counts an unused head of masked language modelling ({head:,} parameters)"
                )
                yield f"{text} % trainable", f"{finding}; without it {own.trainable_percent:.3f} %"
                return
