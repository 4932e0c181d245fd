"""The numbers that a paper prints, as its CSV holds them. Light: the planning reads them, too.

Values are kept as text: how many digits were printed says how exact they are. What is refused here
is a slip of whoever wrote the file: no number, percent in place of a share, a number that stands
twice. A number that cannot be, but that the paper may print all the same, is left to
`tunegrid.published.audit`.
"""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.metrics import METRICS, Metric

COLUMNS = ["source", "model", "task", "method", "metric", "value"]
#: Of how many runs a value is the mean; empty where the paper does not tell.
MEAN_OF = "mean_of"
#: The paper's own standard deviation over these runs, and its standard error of their mean.
SD, STANDARD_ERROR = "sd", "standard_error"
#: The place in the paper, for a number that it prints in several places.
WHERE = "where"
#: What a reader must know of a number, in a few words.
NOTE = "note"
#: The columns that may follow `COLUMNS`, in any order.
OPTIONAL = [MEAN_OF, SD, STANDARD_ERROR, WHERE, NOTE]
#: The metric that belongs to a model and a method, whatever the task.
TRAINABLE_PERCENT = "trainable_percent"
#: Up to so many times the largest value of a metric, a value out of bounds is no percent.
LITTLE_OUT = 2.0


@dataclass(frozen=True)
class PublishedNumber:
    """One number of a paper.

    Attributes:
        source: what the paper is called.
        model, task, method: catalogue names; the task is empty for `TRAINABLE_PERCENT`.
        metric: one of `tunegrid.metrics.METRICS`, or `TRAINABLE_PERCENT`.
        value: as printed.
        mean_of: of how many runs it is the mean; None where the paper does not tell.
        sd: the paper's standard deviation over these runs (n−1); None where it does not tell.
        standard_error: the paper's standard error of the mean; None where it does not tell. At most
            one of the two is given, and only of a mean of two runs or more.
        where: the place in the paper; empty where one place is enough.
        note: what a reader must know of it; empty where there is nothing to know.
    """

    source: str
    model: str
    task: str
    method: str
    metric: str
    value: str
    mean_of: int | None = None
    sd: float | None = None
    standard_error: float | None = None
    where: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What may stand once: the number's names, and its place in the paper."""
        return self.source, self.model, self.task, self.method, self.metric, self.where


def read_numbers(path: Path, label: str) -> list[PublishedNumber]:
    """The numbers in a CSV with the columns `COLUMNS` and, where the paper tells it, `OPTIONAL`.

    Args:
        path: of the file.
        label: what messages call it.

    Raises:
        UserError: the file is no such table, one of its values is no number or is percent, or a
            number stands there twice; one line for each problem.
    """
    numbers, problems = [], []
    line_of_key: dict[tuple[str, ...], int] = {}
    for line, cells in read_rows(path, label, COLUMNS, OPTIONAL):
        row = dict(zip([*COLUMNS, *OPTIONAL], cells, strict=True))
        if problem := _problem(row):
            problems.append(f"{label}:{line}: {problem}")
            continue
        number = _to_number(row)
        first = line_of_key.setdefault(number.key, line)
        if first != line:
            problems.append(
                f"{label}:{line}: repeats {', '.join(COLUMNS[:-1])} of line {first}; keep one of"
                f" them, or, if the paper prints both, name the place of each in a column {WHERE!r}"
            )
        numbers.append(number)
    if problems:
        raise UserError(*problems)
    return numbers


def _to_number(row: dict[str, str]) -> PublishedNumber:
    """The number of a row with which nothing is wrong."""
    return PublishedNumber(
        **{column: row[column] for column in COLUMNS},
        mean_of=int(row[MEAN_OF]) if row[MEAN_OF] else None,
        sd=float(row[SD]) if row[SD] else None,
        standard_error=float(row[STANDARD_ERROR]) if row[STANDARD_ERROR] else None,
        where=row[WHERE],
        note=row[NOTE],
    )


def _problem(row: dict[str, str]) -> str | None:
    """What is wrong with a row, in words; None where nothing is."""
    known = (*METRICS, TRAINABLE_PERCENT)
    if row["metric"] not in known:
        return f"metric {row['metric']!r} is none of {', '.join(known)}"
    if problem := _value_problem(row["metric"], row["value"]):
        return problem
    if row[MEAN_OF] and not re.fullmatch("[1-9][0-9]{,3}", row[MEAN_OF]):
        return (
            f"{MEAN_OF} {row[MEAN_OF]!r} is no number of runs: 1, 5, or nothing where the paper"
            " does not tell"
        )
    return _spread_problem(row)


def _value_problem(name: str, text: str) -> str | None:
    """That a value is no number, or is percent where a share is meant; None if neither.

    Args:
        name: of the metric, or `TRAINABLE_PERCENT`.
        text: the value as the file holds it.
    """
    number = text.strip().removesuffix("%").strip()
    if not is_number(number):
        return f"value {text!r} is not a number"
    has_sign = "%" in text
    if name == TRAINABLE_PERCENT or not METRICS[name].bounded:
        return f"value {text!r} is not a number; write {number}" if has_sign else None
    if has_sign or _is_percent(METRICS[name], float(number)):
        return f"value {text!r} looks like percent: write {_as_share(number)}"
    return None


def _is_percent(metric: Metric, value: float) -> bool:
    """Whether a value of a metric with bounds is one in percent.

    A value that is only a little out of bounds, as an accuracy of 1.2, would be a very low one in
    percent: it rather is an error of the paper.
    """
    lowest, highest = metric.bounds
    little_out = LITTLE_OUT * max(abs(lowest), abs(highest))
    return abs(value) > little_out and lowest <= value / 100 <= highest


def _as_share(number: str) -> str:
    """A number in percent as a share, with as many digits as were printed."""
    return f"{Decimal(number).scaleb(-2):f}"


def _spread_problem(row: dict[str, str]) -> str | None:
    """What is wrong with the paper's own spread, in words; None where nothing is."""
    given = [name for name in (SD, STANDARD_ERROR) if row[name]]
    if not given:
        return None
    if len(given) == 2:
        return f"has both {SD} and {STANDARD_ERROR}; give the one that the paper prints"
    name = given[0]
    text = row[name]
    if row["metric"] == TRAINABLE_PERCENT:
        return f"{name} {text!r}: a share of parameters does not vary over runs; leave it empty"
    if not is_number(text) or float(text) < 0:
        return f"{name} {text!r} is not a number of 0 or more"
    if not row[MEAN_OF] or int(row[MEAN_OF]) < 2:
        return (
            f"{name} {text!r} needs {MEAN_OF}, of how many runs it is, 2 or more; leave {name}"
            " empty where the paper does not tell"
        )
    runs = int(row[MEAN_OF])
    largest = _largest_sd(METRICS[row["metric"]], row["value"], runs)
    if name == STANDARD_ERROR:
        largest /= math.sqrt(runs)
    if float(text) - half_digit(text) > largest:
        return (
            f"{name} {text!r} is more than {runs} runs with a mean {row['metric']} of"
            f" {row['value']} can have ({largest:.3f}); if it is percent, write {_as_share(text)}"
        )
    return None


def _largest_sd(metric: Metric, text: str, runs: int) -> float:
    """The largest standard deviation (n−1) that runs with a printed mean of a metric can have.

    The variance (n) is at most (highest − mean) · (mean − lowest) (Bhatia & Davis 2000,
    https://doi.org/10.2307/2589180). It is infinite for a metric without bounds, and for a mean
    that is itself out of bounds.
    """
    lowest, highest = metric.bounds
    value, rounding = float(text), half_digit(text)
    if not metric.bounded or not lowest <= value <= highest:
        return math.inf
    # Of all means that round to the printed one, the nearest to the middle allows the most.
    mean = min(max((lowest + highest) / 2, value - rounding), value + rounding)
    return math.sqrt((highest - mean) * (mean - lowest) * runs / (runs - 1))


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def last_digit(text: str) -> float:
    """What one step of the last printed digit is worth: 0.01 of "0.88", 10 of "1.2e2"."""
    return 10.0 ** int(Decimal(text).as_tuple().exponent)


def half_digit(text: str) -> float:
    """Half of the last printed digit: how far a printed number may be from the true one."""
    return 0.5 * last_digit(text) + 1e-12


def read_rows(
    path: Path, label: str, columns: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV whose columns are known, each with its line.

    Args:
        path: of the file.
        label: what messages call it.
        columns: the columns that it must have, in this order.
        optional: the columns that may follow, in any order.

    Returns:
        Of each row its line and its cells, those of `columns` and then those of `optional`, which
        are empty where the file does not have the column.

    Raises:
        UserError: the file cannot be read, has other columns, or a row has more or fewer cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{label}: is no CSV that can be read: {error}") from None
    if header is None:
        raise UserError(f"{label}: is no CSV that can be read: it is empty")
    further = header[len(columns) :]
    is_known = set(further) <= set(optional) and len(set(further)) == len(further)
    if header[: len(columns)] != list(columns) or not is_known:
        raise UserError(
            f"{label}: has the columns {', '.join(header)}; they must be {', '.join(columns)},"
            f" and may be followed by {', '.join(optional)}"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(
                f"{label}:{line}: has {len(cells)} cells, but the first line names {len(header)}"
                " columns"
            )
        by_name = dict(zip(header, cells, strict=True))
        yield line, [by_name.get(name, "") for name in [*columns, *optional]]
