"""Where the numbers of a table come from: the folders and files of their runs, below `results/`."""

from urllib.parse import quote

import pandas as pd

from tunegrid.results import FINISHED, GROUP, PROVENANCE, RUN, RUN_PATH


def link_groups(groups: pd.DataFrame) -> list[str]:
    """The folder with the runs of each row; empty where no run is finished, or no task is named.

    Args:
        groups: has `GROUP` and the columns of `tunegrid.statistics.run_counts.COUNTS`.
    """
    finished = groups["n_runs"] - groups["n_failed"] - groups["n_missing"]
    # A paper's share of parameters is of no task.
    has_task = groups["task"].notna() & (groups["task"] != "")
    return _link_folders(groups, (finished.fillna(0) > 0) & has_task)


def link_comparisons(comparisons: pd.DataFrame) -> list[str]:
    """The folder with the runs of the method that each row compares; empty if none is compared.

    Args:
        comparisons: as compare_methods returns it.
    """
    return _link_folders(comparisons, comparisons["seeds"].fillna(0) > 0)


def link_runs(runs: pd.DataFrame) -> list[str]:
    """The file that says what made each run; empty for a cell without a finished run.

    Args:
        runs: as collect_runs returns it.
    """
    return [
        quote(f"runs/{RUN_PATH.format(**run)}/{PROVENANCE}") if state == FINISHED else ""
        for run, state in zip(runs[RUN].to_dict("records"), runs["state"], strict=True)
    ]


def _link_folders(rows: pd.DataFrame, linked: pd.Series) -> list[str]:
    return [
        quote(f"runs/{group['model']}/{group['task']}/{group['method']}/") if is_linked else ""
        for group, is_linked in zip(rows[GROUP].to_dict("records"), linked, strict=True)
    ]
