"""What the columns of tuning are in the workbook, on its own sheet and on the sheet cost."""

#: Number formats, as Excel writes them.
_SCORE, _COUNT, _SECONDS = "0.0000", "#,##0", "#,##0.0"

#: (sheet, column) → what it holds, and how Excel shows its numbers. A setting's column is described
#: by the configuration's schema.
TUNING_COLUMNS: dict[tuple[str, str], tuple[str, str]] = {
    ("tuning", "task"): ("The task, or all tasks, on which the choice was made.", ""),
    ("tuning", "metric"): ("The metric on dev by which candidates are chosen.", ""),
    ("tuning", "mean"): ("Mean of the chosen candidate on dev, over the seeds of tuning.", _SCORE),
    ("tuning", "sd"): (
        "Standard deviation of the chosen candidate over the seeds of tuning (n−1).",
        _SCORE,
    ),
    ("tuning", "next_best"): (
        "The best mean on dev of the other candidates that were trained to their end.",
        _SCORE,
    ),
    ("tuning", "next_standard_error"): (
        "Standard error of its difference from the chosen one, over dev examples and seeds.",
        _SCORE,
    ),
    ("tuning", "lowest_edges"): ("Settings whose chosen value is the least that was tried.", ""),
    ("tuning", "highest_edges"): (
        "Settings whose chosen value is the greatest that was tried.",
        "",
    ),
    ("tuning", "not_told"): (
        "Other candidates whose difference from the chosen one is within 1.96 standard errors.",
        _COUNT,
    ),
    ("tuning", "others"): ("All other candidates that were trained to their end.", _COUNT),
    ("tuning", "dev_too_small"): (
        "Whether half of the other candidates or more are not told from the chosen one.",
        "",
    ),
    ("tuning", "examples"): ("Dev examples.", _COUNT),
    ("tuning", "candidates"): ("Combinations of settings that were tried.", _COUNT),
    ("tuning", "stopped"): ("Candidates of them that successive halving has stopped.", _COUNT),
    ("tuning", "seeds"): ("Seeds of tuning that each candidate was trained from.", _COUNT),
    ("tuning", "runs"): ("Runs of tuning: of each candidate from each of its seeds.", _COUNT),
    ("tuning", "degenerate"): ("Runs of them that are degenerate.", _COUNT),
    ("tuning", "train_seconds"): ("Seconds of all these runs together.", _SECONDS),
    ("tuning", "train_joules"): (
        "Joules that the GPUs took in all these runs together, where they tell.",
        _COUNT,
    ),
    ("cost", "tuning_runs"): ("Runs that tried candidates of the method.", _COUNT),
    ("cost", "tuning_seconds"): ("Seconds of all these runs together.", _SECONDS),
    ("cost", "tuning_joules"): ("Joules of all these runs together, where they tell.", _COUNT),
    ("cost", "tuned_seconds"): (
        "tuning_seconds and train_seconds together: what a tuned model takes in all.",
        _SECONDS,
    ),
    ("cost", "tuned_joules"): ("The same in joules, where they are told.", _COUNT),
}
