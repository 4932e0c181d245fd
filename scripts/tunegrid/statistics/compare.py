"""Every method of a grid compared with others: differences, intervals, p values and verdicts.

`tunegrid.statistics.pairs` says what is compared with what, `components` how surely a difference
is known, `moderation` what the grid's other cells add to that, and `verdicts` what follows.
`docs/statistics.md` explains all of it in one place.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import pandas as pd
from joblib import Parallel, delayed, parallel_config

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.results import GROUP, RUN
from tunegrid.statistics.components import VarianceComponents, df_of_sum
from tunegrid.statistics.measured_tasks import measured_tasks
from tunegrid.statistics.measurements import GroupKey, GroupMean, Measurement, Row, measure_task
from tunegrid.statistics.moderation import VariancePrior, fit_prior
from tunegrid.statistics.outcomes import Load
from tunegrid.statistics.overall import compare_over_tasks
from tunegrid.statistics.power import detectable_difference, examples_needed, seeds_needed
from tunegrid.statistics.verdicts import (
    ALPHA,
    DIFFERENCE_COLUMNS,
    Judgement,
    Verdict,
    judge_family,
)

#: What names a comparison.
PAIR = ["question", "model", "task", "method", "reference_model", "reference"]
#: The columns of the comparisons that are counts.
WHOLE_NUMBERS = [
    "seeds",
    "reference_seeds",
    "seeds_planned",
    "examples",
    "degenerate",
    "reference_degenerate",
    "family",
    "seeds_needed",
    "examples_needed",
]
COLUMNS = [
    *PAIR,
    "metric",
    "main",
    "verdict",
    "seeds",
    "reference_seeds",
    "seeds_planned",
    "paired",
    "examples",
    "degenerate",
    "reference_degenerate",
    "mean",
    "reference_mean",
    *DIFFERENCE_COLUMNS,
    "margin",
    "p_equivalence",
    "effect_size",
    "detectable",
    "seeds_needed",
    "examples_needed",
]
MCNEMAR = [*PAIR, "seed", "only_method_right", "only_reference_right", "p"]
INTERVALS = [*GROUP, "metric", "standard_error", "crossed_low", "crossed_high"]
#: A variance between seeds below this share of what the rest alone would give is an accident of
#: rounding: as a logarithm it would outweigh all others.
LEAST_SHARE_OF_REST = 0.01


def compare_methods(
    runs: pd.DataFrame,
    load: Load,
    label_names: Mapping[str, Sequence[str]] | None = None,
    *,
    settings: CompareSettings | None = None,
    processes: int = 1,
) -> dict[str, pd.DataFrame]:
    """Compare the methods of each model, and the models, on each task and over all of them.

    Args:
        runs: as collect_runs returns it.
        load: reads the predictions of a run.
        label_names: of each task, the names of its labels in the order of their ids; needed only
            of several labels, and where a metric of log-probabilities is compared.
        settings: which reference, which pairs, which margin; None: the defaults.
        processes: how many share the work; the result is the same.

    Returns:
        Four tables by name.

        comparisons: one row for each pair (`find_pairs`) and compared metric of its task, with
        `COLUMNS`.

        - main: whether the metric is the task's main one.
        - verdict: one of `Verdict`, by the corrected interval.
        - seeds and reference_seeds: that are compared; seeds_planned: that the grid has of the
          method; paired: whether seed by seed; examples: of the test split; degenerate and
          reference_degenerate: how many of the compared runs are.
        - difference: mean − reference_mean; standard_error and df as in `VarianceComponents`, the
          variance between seeds moderated; low and high: its 95 % interval; p: two-sided.
        - family: how many comparisons are corrected together (`Pair.family`); p_holm: p corrected;
          level: the level of this comparison's test; verdict_low and verdict_high: the interval of
          level 1 − level, which the verdict is read from.
        - margin: below which a difference counts as none, in the metric's unit; p_equivalence:
          that the difference is as large as that.
        - effect_size: Cohen's d_z, the mean of the paired seeds' differences over their standard
          deviation (Lakens 2013, https://doi.org/10.3389/fpsyg.2013.00863).
        - detectable, seeds_needed, examples_needed: what these seeds and examples would find at
          this level with a power of 80 %, and how many would find this difference.

        What cannot be said is missing. Intervals end where the metric's range does.

        overall: as `compare_over_tasks` returns it.

        mcnemar: one row for each seed at which a pair of methods is compared: McNemar's test of the
        two runs.

        intervals: one row for each group and compared metric with a finished run: standard_error
        of the method's own mean over seeds and examples, and crossed_low and crossed_high, its
        95 % interval.

    Raises:
        UserError: two runs of a task were not measured on the same examples.
    """
    settings = settings or CompareSettings()
    measured_by = measured_tasks(runs)
    runs = runs[[*RUN, "state", "degenerate", "trainable_parameters"]]
    names = label_names or {}
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        parts = Parallel()(
            delayed(measure_task)(
                group, task, load, names.get(task, ()), settings, measured_by[task]
            )
            for task, group in runs.groupby("task", sort=False)
        )
    measured, details, groups = (list(chain(*rows)) for rows in zip(*parts, strict=True))
    moderated = moderate_over_grid(groups, settings)
    comparisons = judge(measured, moderated, settings)
    mains = {task: measured_task.metrics.main for task, measured_task in measured_by.items()}
    comparisons["main"] = comparisons["metric"] == comparisons["task"].map(mains)
    return {
        "comparisons": comparisons,
        "overall": compare_over_tasks(comparisons, settings),
        "mcnemar": pd.DataFrame(details, columns=MCNEMAR),
        "intervals": pd.DataFrame(_intervals(moderated.values()), columns=INTERVALS),
    }


def judge(
    measured: Sequence[Measurement], groups: Mapping[GroupKey, GroupMean], settings: CompareSettings
) -> pd.DataFrame:
    """The table of comparisons: what each measurement says once all are known.

    Args:
        measured: of the whole grid.
        groups: as `moderate_over_grid` returns them.
        settings: as of `compare_methods`.

    Returns:
        The table `comparisons` of `compare_methods`.
    """
    moderated = [with_moderated_seeds(one, groups) for one in measured]
    families: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, one in enumerate(moderated):
        if one.several_seeds and not one.identical:
            families[one.family].append(at)
    rows = [one.row | _describe_difference(one, settings) for one in moderated]
    for members in families.values():
        together = [moderated[at] for at in members]
        metric = together[0].metric
        judgements = judge_family(
            [one.estimate() for one in together], metric, settings.margin_of(metric)
        )
        for at, one, judgement in zip(members, together, judgements, strict=True):
            rows[at] |= _describe_verdict(one, judgement)
    table = pd.DataFrame(rows, columns=COLUMNS)
    texts = (*PAIR, "metric", "main", "verdict", "paired")
    numbers = [name for name in COLUMNS if name not in texts]
    floats = table.astype(dict.fromkeys(numbers, float)).astype({"paired": "boolean"})
    return floats.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


def moderate_over_grid(
    groups: Sequence[GroupMean], settings: CompareSettings
) -> dict[GroupKey, GroupMean]:
    """The groups of a grid, the variance between seeds of each drawn to what is typical.

    Args:
        groups: of the whole grid.
        settings: whether to moderate.

    Returns:
        The groups by their keys. A group of one seed stays as it is, and so does one that predicts
        the same at every seed: it has no spread that could be drawn anywhere.
    """
    if not settings.moderate:
        return {group.key: group for group in groups}
    varying: dict[str, list[VarianceComponents]] = defaultdict(list)
    for group in groups:
        if group.components.rest > 0:
            varying[group.metric.name].append(group.components)
    moderated = {}
    priors = {name: _fit_seed_prior(components) for name, components in varying.items()}
    for group in groups:
        moderated[group.key] = group
        if group.components.rest > 0:
            moderated[group.key] = _moderate(group, priors[group.metric.name])
    return moderated


def _moderate(group: GroupMean, prior: VariancePrior) -> GroupMean:
    """The group with the variance between its seeds drawn to what is typical."""
    components = group.components
    variance, df = prior.moderate(components.seed_variance, components.seed_df)
    components = components.with_between_seeds(variance / components.seeds, df)
    return replace(group, components=components, grid_df=prior.total_df if prior.df > 0 else None)


def _fit_seed_prior(components: Sequence[VarianceComponents]) -> VariancePrior:
    """What the variance between seeds is typically, of groups that vary."""
    return fit_prior(
        [max(one.seed_variance, LEAST_SHARE_OF_REST * one.seeds * one.rest) for one in components],
        [one.seed_df for one in components],
    )


def with_moderated_seeds(one: Measurement, groups: Mapping[GroupKey, GroupMean]) -> Measurement:
    """The measurement with the moderated variances between seeds of its two sides.

    The effects of seeds on both sides are taken to be independent, so that their variances add up.
    Without moderation, the differences at paired seeds speak for themselves.

    Args:
        one: the measurement of a pair.
        groups: as `moderate_over_grid` returns them.
    """
    if one.components is None or not one.several_seeds:
        return one
    side, reference = groups[one.side_key], groups[one.reference_key]
    moderated = [group.grid_df for group in (side, reference) if group.grid_df is not None]
    if not moderated:
        return one
    own = side.components.seed_variance / one.row["seeds"]
    other = reference.components.seed_variance / one.row["reference_seeds"]
    df = df_of_sum(own, side.components.seed_df, other, reference.components.seed_df)
    # Both were drawn to the same variance, which is known no better than all groups together tell.
    df = min(df, *moderated)
    return replace(one, components=one.components.with_between_seeds(own + other, df))


def _describe_difference(one: Measurement, settings: CompareSettings) -> Row:
    """What is said of a difference by itself."""
    if one.components is None:
        return {"verdict": str(Verdict.NOT_COMPARED)}
    estimate = one.estimate()
    row: Row = estimate.describe(one.metric)
    if one.identical:
        return row | {"verdict": str(Verdict.IDENTICAL)}
    if not one.several_seeds:
        return row | {"verdict": str(Verdict.ONE_SEED)}
    margin = settings.margin_of(one.metric)
    if margin is not None:
        row |= {"margin": margin, "p_equivalence": estimate.equivalence_p_value(margin)}
    return row


def _describe_verdict(one: Measurement, judgement: Judgement) -> Row:
    """The verdict on a difference, the interval that it is read from, and what would say more."""
    assert one.components is not None
    difference, level = one.row["difference"], judgement.level
    return judgement.describe() | {
        "detectable": detectable_difference(one.components, level),
        "seeds_needed": seeds_needed(difference, one.components, level),
        "examples_needed": examples_needed(difference, one.components, level),
    }


def _intervals(groups: Iterable[GroupMean]) -> list[Row]:
    """The interval of each group's own mean, as far as the metric's range goes."""
    rows = []
    for group in groups:
        lowest, highest = group.metric.bounds
        estimate = group.components.estimate(group.mean)
        half = estimate.half_width(ALPHA)
        row: Row = dict(zip([*GROUP, "metric"], group.key, strict=True))
        row["standard_error"] = estimate.standard_error
        row["crossed_low"] = max(group.mean - half, lowest)
        row["crossed_high"] = min(group.mean + half, highest)
        rows.append(row)
    return rows
