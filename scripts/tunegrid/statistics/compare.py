"""Every method compared with the reference, for each model and task of a grid.

The reference is the method that trains most parameters. `tunegrid.statistics.paired_tests` says
what is computed of a pair, and `docs/statistics.md` explains all of it in one place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from statsmodels.stats.multitest import multipletests

from tunegrid.metrics import METRICS, Floats, compared_metrics
from tunegrid.results import FINISHED, GROUP, RUN
from tunegrid.statistics.bootstrap import (
    RESAMPLES,
    crossed_bootstrap,
    interval,
    resampled_scores,
)
from tunegrid.statistics.outcomes import Load, load_outcomes
from tunegrid.statistics.paired_tests import compare_pair, mcnemar_test

#: What names a comparison.
PAIR = ["model", "task", "method", "reference"]
#: The columns of the comparisons that are counts.
WHOLE_NUMBERS = [
    "seeds",
    "seeds_planned",
    "examples",
    "degenerate",
    "reference_degenerate",
    "seeds_needed",
]
COLUMNS = [
    *PAIR,
    "metric",
    "seeds",
    "seeds_planned",
    "examples",
    "degenerate",
    "reference_degenerate",
    "mean",
    "reference_mean",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "effect_size",
    "seeds_needed",
    "detectable",
    "aso",
    "aso_false_positives",
]
MCNEMAR = [*PAIR, "seed", "only_method_right", "only_reference_right", "p"]
INTERVALS = [*GROUP, "metric", "crossed_low", "crossed_high"]

Row = dict[str, Any]


def compare_methods(
    runs: pd.DataFrame,
    load: Load,
    label_names: Mapping[str, Sequence[str]] | None = None,
    *,
    resamples: int = RESAMPLES,
    processes: int = 1,
) -> dict[str, pd.DataFrame]:
    """Every method against the one that trains most parameters, for each model and task.

    Two methods are compared over the seeds that both have finished with a finite value of the
    metric, on the test examples that all runs of the task share.

    Args:
        runs: as collect_runs returns it.
        load: reads the predictions of a run.
        label_names: of each task, the names of its labels in the order of their ids; needed only
            where a metric of log-probabilities is compared.
        resamples: how often each bootstrap draws.
        processes: how many share the work; the result is the same.

    Returns:
        Three tables by name.

        comparisons: one row for each model, task, method and compared metric. reference is the
        method that it is compared with, of those that have a finished run; seeds counts the seeds
        that are compared, and seeds_planned those that the grid has of the method; examples are
        those of the test split; degenerate and reference_degenerate count the degenerate runs among
        these seeds. The rest is as in `PairedComparison`, and p_holm is p corrected for all
        comparisons of the metric (`correct_by_holm`). What one seed or equal differences cannot
        tell is missing. A method without a seed to compare has a row of 0 seeds; where no method
        has a finished run there is no reference either.

        mcnemar: one row for each seed that is compared: McNemar's test of the two runs.

        intervals: one row for each model, task, method and compared metric with a finished run:
        crossed_low and crossed_high, the 95 % interval of the method's own mean by the same draws
        of seeds and examples.

    Raises:
        UserError: two runs of a task were not measured on the same examples.
    """
    runs = runs[[*RUN, "state", "degenerate", "trainable_parameters"]]
    names = label_names or {}
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        parts = Parallel()(
            delayed(_compare_group)(group, load, names.get(task, ()), resamples)
            for (_, task), group in runs.groupby(["model", "task"], sort=False)
        )
    comparisons, details, intervals = (list(chain(*rows)) for rows in zip(*parts, strict=True))
    return {
        "comparisons": correct_by_holm(_typed(pd.DataFrame(comparisons, columns=COLUMNS))),
        "mcnemar": pd.DataFrame(details, columns=MCNEMAR),
        "intervals": pd.DataFrame(intervals, columns=INTERVALS),
    }


def correct_by_holm(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `p_holm`: p values corrected for how many comparisons there are.

    Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733) keeps the chance that
    any true null hypothesis is rejected at the level, whatever the comparisons have to do with each
    other. All comparisons of one metric are a family. Rows without a p value count for nothing.
    """
    for _, family in rows.dropna(subset="p").groupby("metric"):
        rows.loc[family.index, "p_holm"] = multipletests(family["p"], method="holm")[1]
    return rows


def _compare_group(
    group: pd.DataFrame, load: Load, label_names: Sequence[str], resamples: int
) -> tuple[list[Row], list[Row], list[Row]]:
    """The rows of all three tables of one model and task."""
    finished = group[group["state"] == FINISHED].reset_index(drop=True)
    if finished.empty:
        return list(_nothing_finished(group)), [], []
    comparisons, details = [], []
    _, _, outcomes = load_outcomes(load, finished, label_names)
    drawn = resampled_scores(outcomes, resamples)
    whole = outcomes.scores(np.ones((1, len(outcomes.labels))))
    scores = {metric: values[0] for metric, values in whole.items()}
    rights = outcomes.predicted == outcomes.labels
    for pair in _pairs(group, finished):
        for metric in compared_metrics():
            known = pair.where_finite(scores[metric])
            row = pair.key | {"metric": metric, "seeds": len(known.seeds)}
            if known.seeds:
                of_method, of_reference = known.positions, known.reference_positions
                comparison = compare_pair(
                    scores[metric][of_method],
                    scores[metric][of_reference],
                    drawn[metric][:, of_method] - drawn[metric][:, of_reference],
                    higher_is_better=METRICS[metric].higher_is_better,
                )
                row |= asdict(comparison)
                row["examples"] = len(outcomes.labels)
                row["degenerate"] = finished["degenerate"][of_method].sum()
                row["reference_degenerate"] = finished["degenerate"][of_reference].sum()
            comparisons.append(row)
        for seed, right, reference_right in zip(
            pair.seeds, rights[pair.positions], rights[pair.reference_positions], strict=True
        ):
            details.append(pair.key | {"seed": seed} | asdict(mcnemar_test(right, reference_right)))
    return comparisons, details, list(_intervals(finished, scores, drawn))


def _nothing_finished(group: pd.DataFrame) -> Iterator[Row]:
    """Rows that say so of each method of a model and task, where there are several."""
    planned = group.groupby(GROUP, sort=False).size()
    if len(planned) == 1:
        return
    for key, count in planned.items():
        here = dict(zip(GROUP, key, strict=True)) | {"seeds": 0, "seeds_planned": int(count)}
        yield from (here | {"metric": metric} for metric in compared_metrics())


def _intervals(
    finished: pd.DataFrame, scores: Mapping[str, Floats], drawn: Mapping[str, Floats]
) -> Iterator[Row]:
    """The interval of each method's mean.

    Args:
        finished: the finished runs of a model and task.
        scores: of each metric, the score of each run, (runs,).
        drawn: the same on draws of the examples, (b, runs).
    """
    for key, runs in finished.groupby(GROUP, sort=False):
        here = dict(zip(GROUP, key, strict=True))
        for metric in compared_metrics():
            known = [at for at in runs.index if np.isfinite(scores[metric][at])]
            if known:
                low, high = interval(crossed_bootstrap(drawn[metric][:, known]))
                yield here | {"metric": metric, "crossed_low": low, "crossed_high": high}


@dataclass(frozen=True)
class _Pair:
    """A method and the reference.

    Attributes:
        key: the columns that name the row: `PAIR` and seeds_planned.
        seeds: that both have finished.
        positions: where the method's runs of these seeds stand among the finished runs.
        reference_positions: where the reference's stand.
    """

    key: Row
    seeds: list[int]
    positions: list[int]
    reference_positions: list[int]

    def where_finite(self, scores: Floats) -> "_Pair":
        """The pair with the seeds alone of which both runs have a finite score, of (runs,)."""
        kept = [
            at
            for at, positions in enumerate(
                zip(self.positions, self.reference_positions, strict=True)
            )
            if np.isfinite(scores[list(positions)]).all()
        ]
        return _Pair(
            key=self.key,
            seeds=[self.seeds[at] for at in kept],
            positions=[self.positions[at] for at in kept],
            reference_positions=[self.reference_positions[at] for at in kept],
        )


def _pairs(group: pd.DataFrame, finished: pd.DataFrame) -> Iterator[_Pair]:
    """Each method of a model and task with the reference."""
    trained = finished.groupby("method", sort=False)["trainable_parameters"].first()
    reference = trained.astype(float).idxmax()
    positions = {
        method: dict(zip(seeds, seeds.index, strict=True))
        for method, seeds in finished.groupby("method")["seed"]
    }
    for key, planned in group.groupby(GROUP, sort=False).size().items():
        here = dict(zip(GROUP, key, strict=True))
        if here["method"] == reference:
            continue
        of_method, of_reference = positions.get(here["method"], {}), positions[reference]
        seeds = sorted(of_method.keys() & of_reference.keys())
        yield _Pair(
            key=here | {"reference": reference, "seeds_planned": int(planned)},
            seeds=seeds,
            positions=[of_method[seed] for seed in seeds],
            reference_positions=[of_reference[seed] for seed in seeds],
        )


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with measures as floats and counts as whole numbers, also where some are missing."""
    numbers = [name for name in COLUMNS if name not in (*PAIR, "metric")]
    floats = rows.astype(dict.fromkeys(numbers, float))
    return floats.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))
