"""By what the tasks of tests are measured."""

from tunegrid.metrics import default_metrics


def measured_by_default(target):
    """The columns of a table of cells or runs that say it, of a task that names no metrics."""
    default = default_metrics(target)
    return {
        "target": target,
        "metrics": " ".join(default.names),
        "main_metric": default.main,
        "positive": "",
    }


BY_ACCURACY = measured_by_default("single_label")
