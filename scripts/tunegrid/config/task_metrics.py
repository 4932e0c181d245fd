"""By what a task is measured, as its entry says it."""

from functools import lru_cache

from tunegrid.config.messages import nearest
from tunegrid.metrics import METRICS, TargetKind, TaskMetrics, default_metrics

#: The metric that every task has: training minimises it.
OBJECTIVE = "loss"


@lru_cache  # a grid asks for each of its cells
def resolve_metrics(
    target: TargetKind,
    *,
    names: tuple[str, ...] | None,
    main: str | None,
    positive: str | None,
) -> TaskMetrics:
    """The metrics of a task, in the registry's order.

    Args:
        target: what the task asks for.
        names: those that its entry names; None: the defaults of its target.
        main: the one that its entry calls the main one. None: that of its target if the task has
            it, else the first by which methods can be compared.
        positive: the label that `f1` is of.

    Raises:
        ValueError: a metric is unknown or of another target, `f1` has no label, or methods cannot
            be compared by the main one.
    """
    default = default_metrics(target)
    asked = list(names) if names is not None else [*default.names]
    if main is not None and main not in asked:
        if names is not None:
            raise ValueError(f"names `main_metric: {main}`, which `metrics` does not name; add it")
        asked.append(main)
    for name in asked:
        _check_metric(name, target, positive)
    comparable = [name for name in METRICS if name in asked and METRICS[name].compared_for(target)]
    if not comparable:
        raise ValueError(
            "names no metric by which methods can be compared; add one to `metrics`, such as"
            f" {default.main}"
        )
    if main is not None and main not in comparable:
        raise ValueError(
            f"names `main_metric: {main}`, by which methods cannot be compared; name one of"
            f" {', '.join(comparable)}"
        )
    if main is None:
        main = default.main if default.main in comparable else comparable[0]
    kept = tuple(name for name in METRICS if name in asked or name == OBJECTIVE)
    return TaskMetrics(names=kept, main=main, positive=positive)


def _check_metric(name: str, target: TargetKind, positive: str | None) -> None:
    """Refuse a metric that the task cannot have.

    Raises:
        ValueError: it is unknown, of another target, or needs a label that is not named.
    """
    if name not in METRICS:
        raise ValueError(f"names the unknown metric {name!r}; {nearest(name, METRICS)}")
    if target not in METRICS[name].targets:
        fitting = [known for known, entry in METRICS.items() if target in entry.targets]
        raise ValueError(
            f"names the metric {name}, which a task of target {target} does not have; name some of"
            f" {', '.join(fitting)}"
        )
    if name == "f1" and positive is None:
        raise ValueError("names the metric f1, but not of which label; name it as `positive`")
