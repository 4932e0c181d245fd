"""Where the cells of the workbook lead: to the rows of other sheets that they are made of."""

from collections.abc import Mapping

import pandas as pd

from tunegrid.reporting.answer_sheet import difference_columns, is_over_tasks, score_column
from tunegrid.results import FINISHED, GROUP
from tunegrid.statistics.pairs import Question

#: Excel does not open a sheet with more links than this.
MOST_LINKS = 65_530

#: The links of a sheet: column → row of its table → address that the cell leads to.
Links = Mapping[str, Mapping[int, str]]


def sheet_links(sheets: Mapping[str, pd.DataFrame], runs: pd.DataFrame) -> dict[str, Links]:
    """The links of each sheet that has some; none of a sheet that would have too many.

    Args:
        sheets: as `tunegrid.reporting.workbook.workbook_sheets` returns them.
        runs: as collect_runs returns it; the sheets runs, settings and provenance have its rows.
    """
    links = {
        "answer": _link_answer(sheets),
        "summary": _link_summary(sheets["summary"], runs),
        "runs": _link_hashes(runs, "provenance"),
        "settings": _link_hashes(runs, "runs"),
        "provenance": _link_hashes(runs, "runs"),
    }
    return {name: of_sheet for name, of_sheet in links.items() if _count(of_sheet) <= MOST_LINKS}


def _count(links: Links) -> int:
    return sum(len(rows) for rows in links.values())


def _address(sheet: str, row: int) -> str:
    """The address of a table's row on its sheet, whose first row is the header."""
    return f"internal:'{sheet}'!A{row + 2}"


def _link_hashes(runs: pd.DataFrame, sheet: str) -> Links:
    """From the hash of each run to its row on another sheet."""
    return {"hash": {row: _address(sheet, row) for row in range(len(runs))}}


def _link_answer(sheets: Mapping[str, pd.DataFrame]) -> Links:
    """From a difference to the row that it is taken from, and from a mean to its distribution."""
    answer = sheets["answer"]
    over_tasks = is_over_tasks(answer)
    of_tasks = _link_rows(answer[~over_tasks], sheets, "comparisons", GROUP)
    of_all = _link_rows(answer[over_tasks], sheets, "overall", ["model", "method"])
    metrics = sheets["cost"]["main_metric"].unique()
    return {
        difference_columns(metrics)["difference"]: of_tasks | of_all,
        score_column(metrics): _link_rows(answer, sheets, "summary", GROUP),
    }


def _link_rows(
    rows: pd.DataFrame, sheets: Mapping[str, pd.DataFrame], sheet: str, names: list[str]
) -> dict[int, str]:
    """From rows of the answer to the rows of another sheet that have the same names.

    Args:
        rows: of the answer.
        sheets: all sheets by name.
        sheet: the other one's name. Of it the rows of main metrics are meant, and of comparisons
            those with the reference.
        names: the columns that name a row of both.
    """
    table = sheets[sheet].reset_index(drop=True)
    meant = table[table["main"].astype(bool)]
    if "question" in meant:
        meant = meant[meant["question"] == Question.AGAINST_REFERENCE]
    places = dict(zip(meant[names].itertuples(index=False, name=None), meant.index, strict=True))
    return {
        row: _address(sheet, places[key])
        for row, key in zip(rows.index, rows[names].itertuples(index=False, name=None), strict=True)
        if key in places
    }


def _link_summary(summary: pd.DataFrame, runs: pd.DataFrame) -> Links:
    """From a group's mean to its first run that has the metric, from its extremes to theirs."""
    finished = runs[runs["state"] == FINISHED]
    links: dict[str, dict[int, str]] = {"mean": {}, "min": {}, "max": {}}
    for metric, rows in summary.reset_index(drop=True).groupby("metric"):
        measured = finished.dropna(subset=metric).astype({metric: float})
        groups = measured.assign(run_row=measured.index).groupby(GROUP)
        run_rows = {
            "mean": groups["run_row"].first(),
            "min": groups[metric].idxmin(),
            "max": groups[metric].idxmax(),
        }
        names = pd.MultiIndex.from_frame(rows[GROUP])
        for column, by_group in run_rows.items():
            targets = pd.Series(by_group.reindex(names).to_numpy(), index=rows.index).dropna()
            for row, target in targets.items():
                links[column][row] = _address("runs", int(target))
    return links
