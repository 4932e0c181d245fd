"""The names that runs write and every later stage reads."""

#: What names a run, and what names the group whose seeds are averaged.
RUN = ["model", "task", "method", "seed"]
GROUP = RUN[:-1]

#: The metrics of a run, in the order that tables show them, and how a reader calls them.
METRICS = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "micro_f1": "Micro-F1",
    "macro_f1": "Macro-F1",
}
