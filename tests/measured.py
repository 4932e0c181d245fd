"""By what the tasks of tests are measured."""

#: By what a task is measured that names no metrics: the columns of a table of cells or runs.
BY_ACCURACY = {
    "target": "single_label",
    "metrics": "loss accuracy micro_f1 macro_f1",
    "main_metric": "accuracy",
    "positive": "",
}
