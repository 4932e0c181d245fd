"""What a grid's own runs show of each pair and group, before the grid is looked at as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.metrics import Floats, Metric
from tunegrid.results import FINISHED, GROUP
from tunegrid.statistics.components import (
    VarianceComponents,
    estimate_components,
    estimate_unpaired_components,
)
from tunegrid.statistics.mcnemar import mcnemar_test
from tunegrid.statistics.measured_tasks import MeasuredTask
from tunegrid.statistics.outcomes import Load, Outcomes, load_outcomes
from tunegrid.statistics.pairs import ComparedRuns, Pair, Question, choose_runs, find_pairs
from tunegrid.statistics.verdicts import Estimate

#: What is smaller than this is a rounding error, in the units of a metric.
NEGLIGIBLE = 1e-12

Row = dict[str, Any]
#: Model, task, method and metric.
GroupKey = tuple[str, str, str, str]


@dataclass(frozen=True)
class Measurement:
    """One pair by one metric, as its own runs show it.

    Attributes:
        pair: what is compared.
        metric: by what.
        row: what is counted and averaged; columns of the table.
        components: how surely the difference is known; None if there is nothing to compare.
        identical: whether both sides predict the same label of every example at every seed.
    """

    pair: Pair
    metric: Metric
    row: Row
    components: VarianceComponents | None
    identical: bool

    @property
    def several_seeds(self) -> bool:
        """Whether other seeds are spoken of, too."""
        return self.components is not None and self.components.seeds > 1

    def estimate(self) -> Estimate:
        """The difference and how surely it is known; only where there is one."""
        assert self.components is not None
        return self.components.estimate(self.row["difference"])

    @property
    def side_key(self) -> GroupKey:
        """The group of the one side."""
        return self.pair.side.model, self.pair.task, self.pair.side.method, self.metric.name

    @property
    def reference_key(self) -> GroupKey:
        """The group of the other side; only where there is one."""
        assert self.pair.reference is not None
        reference = self.pair.reference
        return reference.model, self.pair.task, reference.method, self.metric.name

    @property
    def family(self) -> tuple[str, ...]:
        """What names the comparisons whose p values are corrected together."""
        return (*self.pair.family, self.metric.name)


@dataclass(frozen=True)
class GroupMean:
    """The mean of one group by one metric.

    Attributes:
        key: model, task, method and the metric's name.
        metric: by what.
        mean: over seeds.
        components: how surely it is known.
        grid_df: where the variance between seeds is drawn to what is typical of the grid, the
            degrees of freedom of all groups together; None where it stands by itself.
    """

    key: GroupKey
    metric: Metric
    mean: float
    components: VarianceComponents
    grid_df: float | None = None


def measure_task(
    runs: pd.DataFrame,
    task: str,
    load: Load,
    label_names: Sequence[str],
    settings: CompareSettings,
    measured_task: MeasuredTask,
) -> tuple[list[Measurement], list[Row], list[GroupMean]]:
    """Everything that is measured on one task.

    Args:
        runs: those of the task, as collect_runs returns them.
        task: its name.
        load: reads the predictions of a run.
        label_names: as of `load_outcomes`.
        settings: which reference, which pairs, which margin.
        target: what the task asks for.
        task_metrics: by what it is measured; None: the defaults of its target.
    """
    pairs = find_pairs(runs, task, settings)
    metrics = measured_task.compared
    finished = runs[runs["state"] == FINISHED].reset_index(drop=True)
    if finished.empty:
        nothing = [_nothing_to_compare(pair, metric) for pair in pairs for metric in metrics]
        return nothing, [], []
    _, _, outcomes = load_outcomes(
        load, finished, label_names, measured_task.target, measured_task.metrics
    )
    measured: list[Measurement] = []
    groups: list[GroupMean] = []
    by_metric: dict[str, list[Measurement]] = {}
    for metric in metrics:
        values = outcomes.values(metric)
        finite = [bool(np.isfinite(row).all()) for row in values]
        by_metric[metric.name] = [
            _measure_pair(pair, metric, values, finite, finished, outcomes) for pair in pairs
        ]
        groups += _measure_groups(finished, metric, values, finite)
    # All metrics of a pair stand together.
    for together in zip(*by_metric.values(), strict=True):
        measured += together
    return measured, _mcnemar_rows(pairs, outcomes), groups


def _nothing_to_compare(pair: Pair, metric: Metric) -> Measurement:
    row = pair.key | {"metric": metric.name, "seeds": 0, "seeds_planned": pair.side.planned}
    return Measurement(pair=pair, metric=metric, row=row, components=None, identical=False)


def _measure_pair(
    pair: Pair,
    metric: Metric,
    values: Floats,
    finite: Sequence[bool],
    finished: pd.DataFrame,
    outcomes: Outcomes,
) -> Measurement:
    """One pair by one metric.

    Args:
        pair: what is compared.
        metric: by what.
        values: of each finished run of the task on each example, (runs, n).
        finite: whether all values of a run are, (runs,).
        finished: the finished runs of the task.
        outcomes: what they predicted.
    """
    chosen = choose_runs(pair, finite)
    nothing = _nothing_to_compare(pair, metric)
    if chosen is None:
        return nothing
    own, others = values[chosen.positions], values[chosen.reference_positions]
    degenerate = finished["degenerate"].to_numpy()
    row = nothing.row | {
        "seeds": len(own),
        "reference_seeds": len(others),
        "paired": chosen.paired,
        "examples": values.shape[1],
        "degenerate": degenerate[chosen.positions].sum(),
        "reference_degenerate": degenerate[chosen.reference_positions].sum(),
        "mean": own.mean(),
        "reference_mean": others.mean(),
        "difference": own.mean() - others.mean(),
    }
    if chosen.paired or len(own) == 1:
        components = estimate_components(own - others)
    else:
        components = estimate_unpaired_components(own, others)
    if chosen.paired and len(own) > 1:
        row["effect_size"] = _effect_size((own - others).mean(axis=1))
    return replace(
        nothing, row=row, components=components, identical=_are_identical(chosen, outcomes)
    )


def _are_identical(chosen: ComparedRuns, outcomes: Outcomes) -> bool:
    """Whether both sides predict the same label of every example, whatever the seed pairs."""
    own = outcomes.predicted[chosen.positions]
    others = outcomes.predicted[chosen.reference_positions]
    if chosen.paired:
        return bool((own == others).all())
    return bool((own == own[0]).all() and (others == own[0]).all())


def _effect_size(differences: Floats) -> float | None:
    """Cohen's d_z of the seeds' differences, (k,); None where they are equal."""
    spread = float(differences.std(ddof=1))
    return float(differences.mean()) / spread if spread > NEGLIGIBLE else None


def _measure_groups(
    finished: pd.DataFrame, metric: Metric, values: Floats, finite: Sequence[bool]
) -> Iterable[GroupMean]:
    """The mean of each model and method by one metric, over its runs that have a value."""
    for key, rows in finished.groupby(GROUP, sort=False):
        known = [at for at in rows.index if finite[at]]
        if known:
            yield GroupMean(
                key=(*key, metric.name),
                metric=metric,
                mean=float(values[known].mean()),
                components=estimate_components(values[known]),
            )


def _mcnemar_rows(pairs: Sequence[Pair], outcomes: Outcomes) -> list[Row]:
    """McNemar's test of each pair of methods at each seed that both have finished."""
    if outcomes.target == "regression":
        return []  # no number is right or wrong
    rights = outcomes.rights
    rows = []
    for pair in pairs:
        if pair.reference is None or pair.question == Question.AMONG_MODELS:
            continue
        for seed in sorted(pair.side.positions.keys() & pair.reference.positions.keys()):
            own = rights[pair.side.positions[seed]]
            other = rights[pair.reference.positions[seed]]
            rows.append(pair.key | {"seed": seed} | asdict(mcnemar_test(own, other)))
    return rows
