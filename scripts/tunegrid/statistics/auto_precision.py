"""That `precision: auto` has become one precision in all runs that are compared."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tunegrid.errors import UserError


@dataclass(frozen=True)
class AutoPrecisionRun:
    """A finished run of `precision: auto`: its folder, what that became, and on which device."""

    folder: Path
    precision: str
    device: str


def refuse_several_precisions(runs: Iterable[AutoPrecisionRun]) -> None:
    """Refuse runs in which `precision: auto` has become several: they are not comparable.

    Raises:
        UserError: it has; names a run of each.
    """
    became: dict[str, list[AutoPrecisionRun]] = defaultdict(list)
    for run in runs:
        became[run.precision].append(run)
    if len(became) < 2:
        return
    by_number = sorted(became, key=lambda precision: len(became[precision]))
    told = [
        f"{precision} in {len(became[precision])} (such as {became[precision][0].folder}, on"
        f" {became[precision][0].device})"
        for precision in by_number
    ]
    raise UserError(
        f"train.precision: auto has become {' and '.join(told)}, and these runs are not comparable;"
        f" write another precision into the configuration, which trains them all again in it, or"
        f" delete the folders of the runs in {by_number[0]} and start again where there are none"
        " but GPUs of the other kind"
    )
