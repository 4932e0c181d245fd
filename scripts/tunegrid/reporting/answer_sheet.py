"""The first sheet of the workbook: what each method loses, and what it costs."""

from collections.abc import Collection, Iterable

import pandas as pd

from tunegrid.metrics import MAIN_METRICS, find_metric, titles
from tunegrid.reporting.answer_table import OVER_TASKS, select_rows
from tunegrid.reporting.difference_format import DifferenceFormat
from tunegrid.reporting.number_formats import BYTES_OF_GIGABYTE
from tunegrid.results import GROUP
from tunegrid.statistics.pairs import Question
from tunegrid.statistics.run_counts import COUNTS

#: Stands for a verdict in the rows of the method that the others are compared with.
REFERENCE = "reference"
#: Columns of the sheet. The differences' own names hold their unit (`difference_columns`).
PARAMETERS, MEMORY, TIME = "parameters trained (%)", "memory of a step (GB)", "training time (min)"
#: What became of the runs behind a row: column of `COUNTS` → the same on this sheet.
RUN_COUNTS = {name: name.removeprefix("n_") for name in COUNTS}
#: What a row takes of the comparisons, and of the lines over all tasks.
COMPARED = ["reference", "verdict", "difference", "verdict_low", "verdict_high"]
#: Where tasks have different main metrics: which one a row is of, and its mean; the unit of the
#: differences, where these have different ones.
METRIC, SCORE, UNIT = "main metric", "score", "unit"


def difference_columns(metrics: Iterable[str]) -> dict[str, str]:
    """Columns of the comparisons → the same on this sheet, with their unit if all have one.

    Args:
        metrics: the main metrics of all tasks.
    """
    units = {DifferenceFormat.of(find_metric(name)).unit for name in metrics}
    unit = units.pop() if len(units) == 1 else ""
    in_unit = f" ({unit})" if unit else ""
    return {
        "difference": f"difference{in_unit}",
        "verdict_low": f"from{in_unit}",
        "verdict_high": f"to{in_unit}",
    }


def score_column(metrics: Collection[str]) -> str:
    """The column of the mean of the main metric.

    Args:
        metrics: the main metrics of all tasks, each once.
    """
    return next(iter(metrics)) if len(metrics) == 1 else SCORE


def answer_sheet(
    comparisons: pd.DataFrame, overall: pd.DataFrame, costs: pd.DataFrame
) -> pd.DataFrame:
    """Each method against the reference by main metrics, on each task and over all of them.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `tunegrid.statistics.overall.compare_over_tasks` returns it.
        costs: as `tunegrid.statistics.costs.cost` returns it.

    Returns:
        The rows of each model together: those of its tasks, in the grid's order, then those over
        all tasks. The reference has rows, too, whose verdict is `REFERENCE`. The columns: `GROUP`,
        the reference, the verdict, `difference_columns`, the mean of the main metric
        (`score_column`), `PARAMETERS`, `MEMORY`, `TIME`, seeds and `RUN_COUNTS`; where main metrics
        differ, `METRIC` and, of different units, `UNIT`, too. Over all tasks, what a method scores
        and costs is the mean over the tasks.
    """
    compared = select_rows(comparisons, Question.AGAINST_REFERENCE)
    of_tasks = costs.merge(
        compared[[*GROUP, *COMPARED, "seeds"]], on=GROUP, how="left", validate="one_to_one"
    )
    references = set(compared[["model", "task", "reference"]].itertuples(index=False, name=None))
    is_reference = [key in references for key in of_tasks[GROUP].itertuples(index=False, name=None)]
    of_tasks["verdict"] = of_tasks["verdict"].mask(is_reference, REFERENCE)
    over_tasks = select_rows(overall, Question.AGAINST_REFERENCE)
    of_tasks["metric"] = of_tasks["main_metric"]
    rows = pd.concat([of_tasks, _rows_over_tasks(over_tasks, costs)])
    order = rows["model"].map({name: at for at, name in enumerate(costs["model"].unique())})
    rows = rows.iloc[order.argsort(kind="stable")].reset_index(drop=True)
    return _in_readers_units(rows)


def is_over_tasks(sheet: pd.DataFrame) -> pd.Series:
    """Of each row of the sheet, whether it is one over all tasks."""
    return sheet["task"].str.fullmatch(OVER_TASKS.format(r"\d+"))


def _rows_over_tasks(overall: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """The lines over all tasks, with the means of what the method costs on each."""
    measured = ["quality", "trainable_percent", "traced", "train_seconds"]
    means = costs.groupby(["model", "method"])[measured].mean()
    counts = costs.groupby(["model", "method"])[COUNTS].sum()
    rows = overall.join(means.join(counts), on=["model", "method"])
    return rows.assign(task=[OVER_TASKS.format(tasks) for tasks in rows["tasks"]])


def _in_readers_units(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of the sheet: points, GB and minutes."""
    metrics = list(rows["main_metric"].dropna().unique())
    styles = [DifferenceFormat.of(find_metric(name)) for name in rows["metric"]]
    sheet = rows[[*GROUP, "reference", "verdict"]].copy()
    if len(metrics) > 1:
        sheet[METRIC] = rows["metric"].map(titles() | {MAIN_METRICS.name: MAIN_METRICS.title})
    for column, title in difference_columns(metrics).items():
        sheet[title] = [style.factor for style in styles] * rows[column].astype(float)
    if len({style.unit for style in styles}) > 1:
        sheet[UNIT] = [style.unit for style in styles]
    sheet[score_column(metrics)] = rows["quality"]
    sheet[PARAMETERS] = rows["trainable_percent"]
    sheet[MEMORY] = rows["traced"] / BYTES_OF_GIGABYTE
    sheet[TIME] = rows["train_seconds"] / 60
    sheet["seeds"] = rows["seeds"].astype("Int64")
    return sheet.join(rows[COUNTS].astype("Int64").rename(columns=RUN_COUNTS))
