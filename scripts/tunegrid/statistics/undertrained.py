"""Which methods were still getting better when their training ended."""

from collections.abc import Mapping

import pandas as pd

from tunegrid.metrics import Metric
from tunegrid.results import GROUP, RUN

#: A gain of the last epoch below this share of what the metric can reach is no sign of anything:
#: one point of a metric between 0 and 1. Of a metric without a range it is a share of its value.
LEAST_GAIN = 0.01

GAINS = [*GROUP, "last_epoch_gain", "still_rising"]


def last_epoch_gains(evaluations: pd.DataFrame, mains: Mapping[str, Metric]) -> pd.DataFrame:
    """How much the last epoch brought, of every group that was evaluated after several epochs.

    Of several evaluations in an epoch its last one counts. The scores are those of the split that
    is watched during training (dev; under the report's protocol, test), by the task's main metric,
    the mean over the seeds that reached the epoch.

    Args:
        evaluations: as `tunegrid.statistics.score_grid.score_grid` returns them.
        mains: the main metric of each task.

    Returns:
        One row for each group: `GROUP`; last_epoch_gain, the mean at the last epoch less the best
        mean of an earlier one, above 0 where the last epoch is better; and still_rising, whether
        that is `LEAST_GAIN` or more.
    """
    ends = evaluations.sort_values("step", kind="stable").groupby([*RUN, "epoch"], sort=False)
    at_ends = evaluations.loc[ends.tail(1).index.sort_values()]
    rows = []
    for key, epochs in at_ends.groupby(GROUP, sort=False):
        metric = mains[key[GROUP.index("task")]]
        ordered = epochs.groupby("epoch")[metric.name].mean()
        if not metric.higher_is_better:
            ordered = -ordered
        if len(ordered) < 2:
            continue
        best_before = float(ordered.iloc[:-1].max())
        gain = float(ordered.iloc[-1]) - best_before
        least = LEAST_GAIN if metric.bounded else LEAST_GAIN * abs(best_before)
        rows.append((*key, gain, gain >= least))
    return pd.DataFrame(rows, columns=GAINS)
