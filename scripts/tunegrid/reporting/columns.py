"""What each sheet and column of the workbook is: its first sheet, and the columns' formats."""

from tunegrid.config.schema import DataSettings, TrainSection
from tunegrid.memory import KINDS
from tunegrid.metrics import METRICS

SHEETS = {
    "README": "This page: what each sheet and column is.",
    "summary": "A row a cell group (model, task, method) and metric: its distribution over seeds."
    " Mean, min and max lead to their runs.",
    "comparisons": "A row a method and metric: the method against that which trains most, paired by"
    " seed and by test example.",
    "cost": "A row a cell group: what it costs beside what it scores.",
    "published": "A row a published number: beside it the grid's own.",
    "memory": "A row a model and method: the memory of one training step, in bytes.",
    "per class": "A row a cell group and label: its test scores.",
    "data": "A row a task and split: what it holds, and what is wrong with it.",
    "runs": "A row a cell of the grid: what its run measured, or why there is none.",
    "settings": "A row a cell: every setting of its run.",
    "provenance": "A row a cell: what made its run.",
}

_SCORE, _BYTES, _COUNT, _SECONDS = "0.0000", "#,##0", "#,##0", "#,##0.0"
_P = '[<0.0001]"< 0.0001";0.0000'

#: Column → (number format; "": the general one, what it is).
COLUMNS: dict[str, tuple[str, str]] = {
    "model": ("", "The model's catalogue name."),
    "task": ("", "The task's name."),
    "method": ("", "The method's catalogue name."),
    "seed": ("", "The run's seed."),
    "metric": ("", "Which metric the row is of."),
    "label": ("", "The label's name."),
    # summary
    "n": ("", "Runs with a finite value."),
    "mean": (_SCORE, "Mean over these runs."),
    "variance": ("0.00E+00", "Variance over seeds (n−1)."),
    "sd": (_SCORE, "Standard deviation over seeds (n−1)."),
    "low": (_SCORE, "Lower end of the mean's 95 % t interval over seeds."),
    "high": (_SCORE, "Its upper end."),
    "crossed_low": (
        _SCORE,
        "Lower end of its 95 % interval over seeds and test examples: a crossed bootstrap.",
    ),
    "crossed_high": (_SCORE, "Its upper end."),
    "median": (_SCORE, "Median over these runs."),
    "min": (_SCORE, "Smallest value."),
    "max": (_SCORE, "Largest value."),
    "majority_baseline": (_SCORE, "Score of predicting train's most frequent label every time."),
    "tfidf_baseline": (_SCORE, "Score of logistic regression on TF-IDF weights."),
    "n_runs": ("", "Cells of the grid in this group."),
    "n_degenerate": ("", "Of these, runs that predict one class, or whose loss is not finite."),
    "n_failed": ("", "Of these, cells whose run failed."),
    "n_missing": ("", "Of these, cells without a run."),
    "steps_min": (_COUNT, "Fewest optimizer steps of its runs."),
    "steps_max": (_COUNT, "Most optimizer steps of its runs."),
    "trainable_parameters": (_COUNT, "Parameters that receive a gradient, the head included."),
    "total_parameters": (_COUNT, "All parameters."),
    "trainable_percent": ("0.000", "The former's share of the latter, percent."),
    "test_in_train": (_COUNT, "Test examples that stand in train, too."),
    "test_nearly_in_train": (_COUNT, "Test examples that nearly do."),
    "test_examples": (_COUNT, "Test examples."),
    # comparisons
    "reference": ("", "The method compared with: of those that finished, it trains most."),
    "seeds": ("", "Seeds that both methods have finished."),
    "seeds_planned": ("", "Seeds that the grid has of the method."),
    "examples": (_COUNT, "Examples that were measured; in data: of the split."),
    "reference_degenerate": ("", "The reference's runs of these seeds that are degenerate."),
    "reference_mean": (_SCORE, "The reference's mean over these seeds."),
    "difference": (_SCORE, "Method − reference; in published: ours − published."),
    "p": (_P, "Two-sided p: seeds by Student's t, test examples by the bootstrap."),
    "p_holm": (_P, "p by Holm's method for all comparisons of the metric."),
    "effect_size": ("0.00", "Mean over standard deviation of the seeds' differences (d_z)."),
    "seeds_needed": (_COUNT, "Seeds that would show such an effect with power 80 % (t test)."),
    "detectable": (
        _SCORE,
        "Difference that these seeds and examples show with power 80 %, before Holm.",
    ),
    "aso": ("0.00", "Almost stochastic order of the higher mean over the lower, on seeds alone."),
    "aso_false_positives": (
        "0%",
        "How often it is below 0.2 at so many seeds where there is no difference.",
    ),
    # cost
    **dict.fromkeys(METRICS, (_SCORE, "Of that name, on the test split; in cost: the mean.")),
    "train_seconds": (_SECONDS, "Seconds of training and its evaluations; in cost: the mean."),
    "train_seconds_sd": (_SECONDS, "Standard deviation of that over seeds (n−1)."),
    "peak_memory": (_BYTES, "Bytes that the run took at most; in cost: the mean."),
    "peak_memory_of": ("", "Of what: tensors on a GPU, the process on a CPU."),
    "train_joules": (_COUNT, "Joules that the GPUs took meanwhile, where they tell."),
    "devices": ("", "The kinds of device that its runs were made on."),
    # published
    "source": ("", "The paper."),
    "published": (_SCORE, "Its number."),
    "mean_of": (_COUNT, "Of how many runs it is the mean, where the paper tells."),
    "ours": (_SCORE, "The grid's mean."),
    "expected_low": (_SCORE, "Below it a mean of so many runs like the grid's lies in 1 of 40."),
    "expected_high": (_SCORE, "Above it such a mean lies in 1 of 40."),
    "verdict": (
        "",
        (
            "within: in low … high, as far as it was printed; within chance: in what is expected;"
            " outside: in neither; equal, differs: of what does not vary; else why none is told."
        ),
    ),
    # memory
    "batch": ("", "Examples of the step."),
    "tokens": ("", "Tokens of each."),
    "precision": ("", "Arithmetic of the step."),
    "attention": ("", "Implementation of attention."),
    "closed_form": (_BYTES, "Peak by formula."),
    "traced": (_BYTES, "Peak by trace, with a GPU's kernels."),
    **dict.fromkeys(KINDS, (_BYTES, "Part of the traced peak.")),
    "device": ("", "What it was measured, or run, on."),
    "measured_batch": ("", "Examples of the measured step."),
    "measured_tokens": ("", "Tokens of each."),
    "measured": (_BYTES, "Peak of live tensors as measured."),
    "reserved": (_BYTES, "What CUDA's allocator held."),
    "traced_for_device": (_BYTES, "Peak by trace, as the measuring device computes."),
    "error_percent": ("0.000", "That trace against the measurement, percent."),
    # per class
    "support": (_COUNT, "Test examples of the label."),
    "predicted": ("#,##0.0", "Test examples that are given it, the mean over runs."),
    "recall": (_SCORE, "Recall, the mean over runs."),
    "f1": (_SCORE, "F1, the mean over runs."),
    **dict.fromkeys(
        ("precision_sd", "recall_sd", "f1_sd"), (_SCORE, "Standard deviation of that (n−1).")
    ),
    # data
    "split": ("", "The split."),
    "labels": ("", "Labels that the split has."),
    "smallest": ("", "The rarest label and how many examples it has."),
    "repeated": (_COUNT, "Examples whose text stands before them in the split."),
    "repeated_near": (_COUNT, "Examples that nearly do."),
    "in_train": (_COUNT, "Examples that stand in train, too."),
    "in_train_near": (_COUNT, "Examples that nearly do."),
    "conflicting": (_COUNT, "Examples whose text stands with another label, too."),
    # runs
    "hash": ("", "Stands for the run's settings; leads to what made it."),
    "state": ("", "finished, failed or missing."),
    "problem": ("", "Why it is not finished."),
    "degenerate": ("", "Whether it predicts one class, or its loss is not finite."),
    "degenerate_reason": ("", "Which of both."),
    "majority_accuracy": (_SCORE, "Accuracy of predicting train's most frequent label."),
    "majority_macro_f1": (_SCORE, "Macro-F1 of that."),
    "steps": (_COUNT, "Optimizer steps taken."),
    "selected_epoch": ("", "The epoch whose weights were measured."),
    "micro_batch": ("", "Examples computed at once; in settings: as asked for."),
    "out_of_memory": ("", "How often memory ran out and the micro-batch was halved."),
    # provenance
    "commit": ("", "Commit of the workflow."),
    "dirty": ("", "Whether its files had been changed."),
    "code": ("", "Digest of the code that trains."),
    "threads": ("", "Torch's threads."),
    "deterministic": ("", "Whether only deterministic kernels ran."),
    "host": ("", "The machine."),
    "slurm_job": ("", "The Slurm job."),
    "started": ("", "When it began (UTC)."),
    "seconds": (_SECONDS, "How long the last process took, start to end."),
    "python": ("", "Version of Python."),
}

#: (sheet, column) where a name means another thing than elsewhere.
SPECIAL = {
    ("comparisons", "degenerate"): ("", "The method's runs of these seeds that are degenerate."),
    ("per class", "precision"): (_SCORE, "Precision, the mean over runs."),
    ("comparisons", "low"): (
        _SCORE,
        "Lower end of its 95 % interval: a crossed bootstrap over seeds and test examples.",
    ),
}
#: Columns of a kind, by the beginnings of their names.
PREFIXES = {
    "examples.": ("#,##0", "Examples of that split as used."),
    "labels.": ("", "Labels of that split."),
    "truncated.": ("#,##0", "Examples of that split that are cut to the longest length."),
    "parts.": (_SCORE, "Of that part of an aggregated task."),
}
SETTINGS = {
    name: ("0.0E+00" if name == "learning_rate" else "", field.description)
    for name, field in (DataSettings.model_fields | TrainSection.model_fields).items()
}


def describe_column(sheet: str, column: str) -> tuple[str, str]:
    """A column's number format and what it is."""
    if sheet == "settings" and column in SETTINGS:
        return SETTINGS[column]
    if (sheet, column) in SPECIAL:
        return SPECIAL[sheet, column]
    if column in COLUMNS:
        return COLUMNS[column]
    for prefix, described in PREFIXES.items():
        if column.startswith(prefix):
            return described
    # What is left of provenance are the libraries, by their names.
    return "", f"Version of {column}." if sheet == "provenance" else ""
