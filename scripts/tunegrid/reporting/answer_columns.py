"""What the columns of the workbook's first sheet are, those that no other sheet has."""

from tunegrid.reporting.answer_sheet import MEMORY, METRIC, PARAMETERS, SCORE, TIME, UNIT

#: Column → what it holds, and how Excel shows its numbers.
ANSWER_COLUMNS = {
    "task": ("The name of the task, or how many tasks the row is over.", ""),
    METRIC: ("The main metric of the task, which the row is of.", ""),
    UNIT: (
        "The unit of the difference and its interval; points are hundredths. Empty: the metric's.",
        "",
    ),
    SCORE: ("The main metric on the test split, the mean over seeds (and tasks).", "0.0000"),
    PARAMETERS: (
        (
            "The parameters that receive a gradient, the classification head included, as a share"
            " of all parameters of the trained model, percent."
        ),
        "0.000",
    ),
    MEMORY: (
        (
            "Peak of a training step by trace, with a GPU's kernels, at the method's largest batch"
            " and length; GB of 10^9 bytes."
        ),
        "#,##0.000",
    ),
    TIME: ("Minutes of training and its evaluations, the mean over seeds (and tasks).", "#,##0.00"),
}
#: Columns of differences, without their unit → what each holds.
DIFFERENCES = {
    "difference": "Method − reference, in the main metric of the task.",
    "from": "Lower end of the interval that the verdict is read from: wider than 95 % where several"
    " differences are judged together.",
    "to": "The upper end of that interval.",
}


def describe_answer_column(name: str) -> tuple[str, str] | None:
    """What a column holds, and how Excel shows its numbers; None if other sheets have it, too."""
    what, _, unit = name.partition(" (")
    if what in DIFFERENCES:
        digits = "0" if unit == "points)" else "0000"
        return DIFFERENCES[what], f"+0.{digits};-0.{digits};0.{digits}"
    return ANSWER_COLUMNS.get(name)
