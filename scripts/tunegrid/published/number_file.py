"""The numbers that a paper prints, as its CSV holds them. Light: the planning reads them, too.

Values are kept as text: how many digits were printed says how exact they are.
"""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.metrics import METRICS

COLUMNS = ["source", "model", "task", "method", "metric", "value"]
#: Of how many runs a value is the mean; empty where the paper does not tell.
MEAN_OF = "mean_of"
#: The metric that belongs to a model and a method, whatever the task.
TRAINABLE_PERCENT = "trainable_percent"


@dataclass(frozen=True)
class PublishedNumber:
    """One number of a paper.

    Attributes:
        source: what the paper is called.
        model, task, method: catalogue names; the task is empty for `TRAINABLE_PERCENT`.
        metric: one of `tunegrid.metrics.METRICS`, or `TRAINABLE_PERCENT`.
        value: as printed.
        mean_of: of how many runs it is the mean; None where the paper does not tell.
    """

    source: str
    model: str
    task: str
    method: str
    metric: str
    value: str
    mean_of: int | None


def read_numbers(path: Path, label: str) -> list[PublishedNumber]:
    """The numbers in a CSV with the columns `COLUMNS` and, where the paper tells it, `MEAN_OF`.

    Args:
        path: of the file.
        label: what messages call it.

    Raises:
        UserError: the file is no such table, or one of its values is no number; one line for each
            problem.
    """
    numbers, problems = [], []
    for line, cells in read_rows(path, label, COLUMNS, MEAN_OF):
        row = dict(zip([*COLUMNS, MEAN_OF], cells, strict=True))
        if problem := _problem(row):
            problems.append(f"{label}:{line}: {problem}")
            continue
        mean_of = row.pop(MEAN_OF)
        numbers.append(PublishedNumber(**row, mean_of=int(mean_of) if mean_of else None))
    if problems:
        raise UserError(*problems)
    return numbers


def _problem(row: dict[str, str]) -> str | None:
    """What is wrong with a row, in words; None where nothing is."""
    known = (*METRICS, TRAINABLE_PERCENT)
    if row["metric"] not in known:
        return f"metric {row['metric']!r} is none of {', '.join(known)}"
    if not is_number(row["value"]):
        return f"value {row['value']!r} is not a number"
    if row[MEAN_OF] and not re.fullmatch("[1-9][0-9]{,3}", row[MEAN_OF]):
        return (
            f"{MEAN_OF} {row[MEAN_OF]!r} is no number of runs: 1, 5, or nothing where the paper"
            " does not tell"
        )
    return None


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def decimals(text: str) -> int:
    """How many digits a printed number has behind its point."""
    return len(text.partition(".")[2])


def half_digit(text: str) -> float:
    """Half of the last printed digit: how far a printed number may be from the true one."""
    return 0.5 * 10.0 ** -decimals(text) + 1e-12


def read_rows(
    path: Path, label: str, columns: list[str], optional: str
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV whose columns are known, each with its line.

    Args:
        path: of the file.
        label: what messages call it.
        columns: the columns that it must have, in this order.
        optional: a column that may follow; its cells are empty where the file does not have it.

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
    if header not in (columns, [*columns, optional]):
        raise UserError(
            f"{label}: has the columns {', '.join(header)}; they must be {', '.join(columns)},"
            f" and may be followed by {optional}"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(
                f"{label}:{line}: has {len(cells)} cells, but the first line names {len(header)}"
                " columns"
            )
        yield line, cells if len(header) > len(columns) else [*cells, ""]
