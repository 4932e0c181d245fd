"""What each sheet and column of the workbook is: its last sheet, and the columns' formats."""

from dataclasses import dataclass

from tunegrid.config.schema import DataSettings, TrainSection
from tunegrid.memory import KINDS
from tunegrid.metrics import METRICS, Metric
from tunegrid.published.number_comparison import NARROW_POINTS, NARROW_SHARE
from tunegrid.reporting.answer_columns import describe_answer_column
from tunegrid.reporting.answer_sheet import RUN_COUNTS
from tunegrid.reporting.inference_columns import INFERENCE_MEASURES
from tunegrid.reporting.tuning_columns import TUNING_COLUMNS

#: Number formats, as Excel writes them; empty: the general one.
SCORE = "0.0000"
DIFFERENCE = "+0.0000;-0.0000;0.0000"
TRAINABLE_PERCENT = "0.000"
COUNT = "#,##0"
BYTES = "#,##0"
SECONDS = "#,##0.0"
P_VALUE = '[<0.0001]"< 0.0001";0.0000'


@dataclass(frozen=True)
class Column:
    """A column of the workbook.

    Attributes:
        meaning: what it holds, in words.
        number_format: how Excel shows its numbers; empty: in the general format.
    """

    meaning: str
    number_format: str = ""


#: Columns that mean the same on every sheet.
COLUMNS = {
    "model": Column("The catalogue name of the model."),
    "task": Column("The name of the task."),
    "method": Column("The catalogue name of the method."),
    "seed": Column("The seed of the run."),
    "metric": Column("The metric that the row is of."),
    "target": Column("What the task asks for: single_label, multi_label or regression (a number)."),
    "label": Column("The name of the label."),
    "main": Column("Whether it is the main metric of the task, or of all tasks."),
    "main_metric": Column("The main metric of the task."),
    "metrics": Column("The metrics of the task."),
    "positive": Column("The label that the metric f1 is of."),
    # Of cell groups: summary, comparisons, cost, published, per class.
    "n": Column("Runs whose value is finite."),
    "n_runs": Column("Cells of the grid in this group."),
    "n_degenerate": Column(
        "Runs of them that predict the same for every example, or whose loss is not finite."
    ),
    "n_failed": Column("Cells of them whose run failed."),
    "n_missing": Column("Cells of them that have no run."),
    "mean": Column("Mean over these runs.", SCORE),
    "trainable_parameters": Column(
        "Parameters that receive a gradient, the classification head included.", COUNT
    ),
    "total_parameters": Column("All parameters of the model with what the method adds.", COUNT),
    "trainable_percent": Column(
        "The trainable parameters as a share of all parameters of the trained model, percent.",
        TRAINABLE_PERCENT,
    ),
    "high": Column("The upper end of the interval that begins at low.", SCORE),
    # summary
    "variance": Column("Variance over seeds (n−1).", "0.00E+00"),
    "sd": Column("Standard deviation over seeds (n−1).", SCORE),
    "standard_error": Column(
        "Standard error of the mean (or mean difference), over seeds and test examples.", SCORE
    ),
    "crossed_low": Column(
        "Lower end of the 95 % interval of the mean over seeds and test examples, by variance"
        " components.",
        SCORE,
    ),
    "crossed_high": Column("The upper end of the interval that begins at crossed_low.", SCORE),
    "median": Column("Median over these runs.", SCORE),
    "min": Column("Smallest value of these runs.", SCORE),
    "max": Column("Largest value of these runs.", SCORE),
    "majority_baseline": Column(
        "Score of predicting train's most frequent label for every example.", SCORE
    ),
    "tfidf_baseline": Column("Score of logistic regression on TF-IDF weights.", SCORE),
    "steps_min": Column("Fewest optimizer steps of these runs.", COUNT),
    "steps_max": Column("Most optimizer steps of these runs.", COUNT),
    "padding_dependent": Column(
        "Whether the model's predictions depend on the padding of their batch, and the"
        " configuration accepts it."
    ),
    "test_in_train": Column("Test examples that stand in train, too.", COUNT),
    "test_nearly_in_train": Column("Other test examples that nearly stand in train.", COUNT),
    "test_examples": Column("All test examples.", COUNT),
    "unseen_labels": Column("Labels that test examples have and no train example has."),
    "test_unseen": Column("Test examples with these labels.", COUNT),
    "last_epoch_gain": Column(
        "What the last epoch brought on the watched split, in the main metric: the mean over seeds"
        " less the best mean of an earlier epoch.",
        SCORE,
    ),
    "still_rising": Column(
        "Whether that is a point or more: more epochs may make the method better."
    ),
    # comparisons
    "question": Column(
        "What the comparison answers: against the reference, among the methods, among the models."
    ),
    "reference_model": Column("The model compared with; the same, where methods are compared."),
    "reference": Column("The method compared with; the same, where models are compared."),
    # answer, overall and comparisons
    "verdict": Column(
        "better, worse, same (closer than the margin), cannot be told; identical predictions; one"
        " seed (these two runs alone); not compared. On the sheet answer: reference, of the method"
        " that the others are compared with."
    ),
    "seeds": Column("Seeds that are compared.", COUNT),
    "reference_seeds": Column("Seeds of the reference that are compared.", COUNT),
    "seeds_planned": Column("Seeds that the grid has of the method.", COUNT),
    "paired": Column("Whether seed by seed: both have two or more seeds in common."),
    "reference_degenerate": Column("Runs of the reference at these seeds that are degenerate."),
    "reference_mean": Column("Mean of the reference over these seeds.", SCORE),
    "df": Column("Degrees of freedom of the standard error (Satterthwaite).", "0.0"),
    "p": Column("Two-sided p that the true difference is 0, by Student's t.", P_VALUE),
    "family": Column("How many comparisons were corrected together.", COUNT),
    "p_holm": Column("The same p, corrected by Holm's method for these.", P_VALUE),
    "level": Column("The level at which Holm's method tested the difference.", P_VALUE),
    "verdict_low": Column(
        "Lower end of the interval that the verdict is read from: wider than 95 %, corrected as p"
        " is.",
        DIFFERENCE,
    ),
    "verdict_high": Column("The upper end of the interval that begins at verdict_low.", DIFFERENCE),
    "margin": Column("A difference that is shown to be smaller counts as the same.", SCORE),
    "p_equivalence": Column(
        "p that the true difference is as large as the margin: two one-sided tests, not corrected.",
        P_VALUE,
    ),
    "effect_size": Column(
        "Mean of the seeds' differences, divided by their standard deviation (d_z).", "0.00"
    ),
    "detectable": Column(
        "The difference that these seeds and examples would find with power 80 %.", SCORE
    ),
    "seeds_needed": Column(
        "Seeds that would find this difference, on the same test examples, with power 80 %; empty:"
        " no number would.",
        COUNT,
    ),
    "examples_needed": Column(
        "Test examples that would find it with as many seeds; empty: no number would.", COUNT
    ),
    # overall
    "tasks": Column("Tasks that the mean difference is over.", COUNT),
    "speaks_of": Column("What the interval speaks of: these tasks, or tasks like these."),
    "wins": Column("Tasks on which it is better.", COUNT),
    "ties": Column("Tasks on which it is the same, or identical.", COUNT),
    "untold": Column("Tasks on which it cannot be told.", COUNT),
    "losses": Column("Tasks on which it is worse.", COUNT),
    # cost
    "quality": Column("The task's main metric, the mean over seeds.", SCORE),
    "train_seconds_sd": Column("Standard deviation of train_seconds over seeds (n−1).", SECONDS),
    "peak_memory_of": Column("Of what peak_memory is: tensors on a GPU, the process on a CPU."),
    "devices": Column("The kinds of device that the runs were made on."),
    # published
    "source": Column("The paper."),
    "published": Column("The paper's number.", SCORE),
    "mean_of": Column("Of how many runs it is the mean, where the paper tells.", COUNT),
    "ours": Column("The grid's mean.", SCORE),
    "note": Column("What must be known of a published number."),
    "where": Column("The place in the paper, of a number that it prints in several."),
    "published_sd": Column("The paper's own standard deviation over its runs.", SCORE),
    "published_standard_error": Column("The paper's own standard error of its mean.", SCORE),
    "expected_low": Column(
        "A mean of as many runs as the paper's, were they like the grid's, lies below this in 1 of"
        " 40 cases; with the paper's own spread, by Welch's test.",
        SCORE,
    ),
    "expected_high": Column("Such a mean lies above this in 1 of 40 cases.", SCORE),
    # memory
    "batch": Column("Examples of the traced training step."),
    "tokens": Column("Tokens of each of these examples."),
    "attention": Column("The implementation of attention; in settings: as asked for."),
    "closed_form": Column("Peak of the step by formula.", BYTES),
    "traced": Column("Peak of the step by trace, with a GPU's kernels.", BYTES),
    "measured_batch": Column("Examples of the measured training step."),
    "measured_tokens": Column("Tokens of each of these examples."),
    "measured": Column("Peak of live tensors as measured.", BYTES),
    "reserved": Column("What CUDA's allocator held at that peak.", BYTES),
    "traced_for_device": Column(
        "Peak of the measured step by trace, as the measuring device computes.", BYTES
    ),
    "error_percent": Column("How far that trace is off the measurement, percent.", "0.000"),
    # per class
    "support": Column("Test examples of the label.", COUNT),
    "predicted": Column("Test examples that are given the label, the mean over runs.", "#,##0.0"),
    "recall": Column("Recall of the label, the mean over runs.", SCORE),
    "f1": Column("F1 of the label, the mean over runs.", SCORE),
    "precision_sd": Column("Standard deviation of precision over seeds (n−1).", SCORE),
    "recall_sd": Column("Standard deviation of recall over seeds (n−1).", SCORE),
    "f1_sd": Column("Standard deviation of F1 over seeds (n−1).", SCORE),
    # data
    "split": Column("The split."),
    "labels": Column("Labels that the split has."),
    "smallest": Column("The rarest label, and how many examples it has."),
    "repeated": Column("Examples whose text stands before them in the split.", COUNT),
    "repeated_near": Column("Other examples whose text nearly stands before them.", COUNT),
    "in_train": Column("Examples that stand in train, too.", COUNT),
    "in_train_near": Column("Other examples that nearly stand in train.", COUNT),
    "conflicting": Column("Examples whose text stands with another label, too.", COUNT),
    # runs
    "hash": Column("Stands for the settings of the run; leads to what made it."),
    "state": Column("finished, failed or missing."),
    "problem": Column("Why the run is not finished."),
    "degenerate_reason": Column("Why the run is degenerate."),
    "steps": Column("Optimizer steps taken.", COUNT),
    "selected_epoch": Column("The epoch whose weights were measured."),
    "selected_step": Column("The optimizer step whose weights were measured.", COUNT),
    "skipped_steps": Column(
        "Optimizer steps that changed no weight, since a gradient overflowed in fp16.", COUNT
    ),
    "live_tensors": Column(
        "The most bytes of tensors that lived at once in the largest batch; of a run on a CPU.",
        BYTES,
    ),
    "micro_batch": Column("Examples computed at once; in settings: as asked for."),
    "out_of_memory": Column("How often memory ran out and the micro-batch was halved."),
    "test_score": Column(
        "first: the scores are of the first of the task's test splits alone, not of all pooled."
    ),
    "test_split": Column("The test split, or all of the task's together."),
    # provenance
    "commit": Column("The commit of the workflow."),
    "dirty": Column("Whether files of the workflow had been changed since that commit."),
    "code": Column("The digest of the code that trains."),
    "threads": Column("The threads that torch used."),
    "deterministic": Column("Whether only deterministic kernels ran."),
    "host": Column("The machine."),
    "slurm_job": Column("The Slurm job."),
    "started": Column("When the run began (UTC)."),
    "seconds": Column("How long the last process took from start to end.", SECONDS),
    "python": Column("The version of Python."),
}

#: (sheet, column) for the columns that mean different things on different sheets.
COLUMNS_OF_SHEETS = {
    ("summary", "low"): Column(
        "Lower end of the 95 % interval of the mean over seeds, by Student's t.", SCORE
    ),
    ("published", "verdict"): Column(
        "within: the published number lies in low … high, as far as it was printed; within chance:"
        " in expected_low … expected_high; too wide to tell: in one of both, but that reaches more"
        f" than {NARROW_POINTS:g} points (of the loss: {100 * NARROW_SHARE:g} % of our mean) to"
        " either side; outside: in neither; equal, differs: of what does not vary; otherwise the"
        " reason why there is no verdict."
    ),
    ("published", "low"): Column(
        "Lower end of the 95 % interval of the grid's mean over seeds, by Student's t.", SCORE
    ),
    ("published", "difference"): Column("Ours − published.", DIFFERENCE),
    ("comparisons", "low"): Column(
        "Lower end of the 95 % interval of this difference alone, over seeds and test examples.",
        DIFFERENCE,
    ),
    ("comparisons", "high"): Column(
        "The upper end of the interval that begins at low.", DIFFERENCE
    ),
    ("comparisons", "difference"): Column(
        "Method − reference (or model − reference_model), the mean over the seeds, in the metric's"
        " own unit: 0.01 is a point.",
        DIFFERENCE,
    ),
    ("overall", "low"): Column(
        "Lower end of the 95 % interval of this mean difference alone.", DIFFERENCE
    ),
    ("overall", "high"): Column("The upper end of the interval that begins at low.", DIFFERENCE),
    ("overall", "difference"): Column(
        "Method − reference (or model − reference_model), the mean over the tasks, in the metric's"
        " own unit: 0.01 is a point.",
        DIFFERENCE,
    ),
    ("comparisons", "degenerate"): Column("Runs of the method at these seeds that are degenerate."),
    ("runs", "degenerate"): Column(
        "Whether the run predicts the same for every example, or its loss is not finite."
    ),
    ("comparisons", "examples"): Column("Test examples that were compared.", COUNT),
    ("data", "examples"): Column("Examples of the split.", COUNT),
    ("test splits", "examples"): Column("Examples of the test split.", COUNT),
    ("runs", "examples"): Column("Test examples that were measured.", COUNT),
    ("runs", "split"): Column("The split that was measured."),
    ("per class", "precision"): Column("Precision of the label, the mean over runs.", SCORE),
    ("provenance", "precision"): Column("What the run computed in: what auto has become."),
    ("memory", "precision"): Column("The number format that the step computes in."),
    ("memory", "device"): Column("What it was measured on."),
    ("provenance", "device"): Column("What the run was made on."),
}
COLUMNS_OF_SHEETS |= {key: Column(*described) for key, described in TUNING_COLUMNS.items()}
#: Measures of a run → (what it is, format). The sheet runs shows them, the sheet cost their means.
MEASURES = {
    "train_seconds": ("Seconds of training and its evaluations", SECONDS),
    "peak_memory": ("The most bytes that the run took", BYTES),
    "train_joules": ("Joules that the GPUs took meanwhile, where they tell", COUNT),
    **INFERENCE_MEASURES,
}
#: Columns whose names begin alike.
PREFIXES = {
    "examples.": Column("Examples of that split as used.", COUNT),
    "labels.": Column("Labels of that split.", COUNT),
    "truncated.": Column("Examples of that split that are cut to the longest length.", COUNT),
    "parts.": Column("A measure of that part of an aggregated task.", SCORE),
    "test_splits.": Column("A measure of that one of the task's test splits.", SCORE),
}
#: The name of a metric behind this is a column, too.
MAJORITY = "majority_"


def describe_column(sheet: str, column: str) -> Column:
    """What a column of a sheet is; without a meaning if that is not known."""
    if described := _describe_on_sheet(sheet, column):
        return described
    if column in COLUMNS:
        return COLUMNS[column]
    if column in METRICS:
        return _describe_metric(METRICS[column], mean=sheet in ("answer", "cost"))
    if column.removeprefix(MAJORITY) in METRICS:
        title = METRICS[column.removeprefix(MAJORITY)].title
        return Column(
            f"{title} of predicting the same for every example: train's most frequent label, or the"
            " mean of its numbers.",
            SCORE,
        )
    if column in MEASURES:
        meaning, number_format = MEASURES[column]
        return Column(_finish(meaning, mean=sheet == "cost"), number_format)
    if column in KINDS:
        return Column(f"The part of the traced peak that is {column}.", BYTES)
    for prefix, described in PREFIXES.items():
        if column.startswith(prefix):
            return described
    # The other columns of provenance are the libraries, by their names.
    return Column(f"The version of {column}." if sheet == "provenance" else "")


def _describe_on_sheet(sheet: str, column: str) -> Column | None:
    """A column that means on this sheet what it means on no other; None for all others."""
    if sheet in ("settings", "tuning") and (setting := _describe_setting(column)):
        return setting
    if sheet == "answer" and (described := describe_answer_column(column)):
        return Column(*described)
    if sheet == "test splits" and column.removesuffix("_sd") in METRICS:
        title = METRICS[column.removesuffix("_sd")].title
        what = "standard deviation (n−1)" if column.endswith("_sd") else "mean"
        return Column(f"{title} on the test split, the {what} over seeds.", SCORE)
    if sheet == "answer" and column in RUN_COUNTS.values():
        return COLUMNS[f"n_{column}"]
    return COLUMNS_OF_SHEETS.get((sheet, column))


def _describe_setting(name: str) -> Column | None:
    """A setting of a run by the words of the configuration's schema; None for other columns."""
    fields = DataSettings.model_fields | TrainSection.model_fields
    if name not in fields:
        return None
    return Column(fields[name].description or "", "0.0E+00" if name == "learning_rate" else "")


def _describe_metric(metric: Metric, *, mean: bool) -> Column:
    """A metric by the words of its registry.

    Args:
        metric: the registry's entry.
        mean: whether the column holds means over seeds.
    """
    direction = "Higher" if metric.higher_is_better else "Lower"
    text = _finish(f"{metric.with_unit(metric.title)} on the test split", mean=mean)
    return Column(f"{text} {direction} is better. Definition: {metric.source}.", SCORE)


def _finish(meaning: str, *, mean: bool) -> str:
    """The meaning as a sentence, which says if the column holds means over seeds."""
    return f"{meaning}, the mean over seeds." if mean else f"{meaning}."
