"""The names that runs write and every later stage reads."""

#: What names a run, and what names the group whose seeds are averaged.
RUN = ["model", "task", "method", "seed"]
GROUP = RUN[:-1]
#: A run's folder below `results/runs`.
RUN_PATH = "{model}/{task}/{method}/seed{seed}"

#: Joins the names of the tasks that an aggregated task is made of.
JOINED = "+"

#: The split that is evaluated after each epoch, by `train.protocol`.
EVALUATED = {"standard": "dev", "report": "test"}

#: The metrics of a run, in the order that tables show them, and how a reader calls them.
METRICS = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "micro_f1": "Micro-F1",
    "macro_f1": "Macro-F1",
}
