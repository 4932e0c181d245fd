"""The names that runs write and every later stage reads."""

#: What names a run, and what names the cell group whose seeds are averaged.
RUN = ["model", "task", "method", "seed"]
GROUP = RUN[:-1]
#: A run's folder below `results/runs`.
RUN_PATH = "{model}/{task}/{method}/seed{seed}"

#: The folder of a run that tries a candidate, below `results/tuning/runs`.
TUNING_PATH = "{model}/{task}/{method}/candidate{candidate}/seed{seed}"

#: What tuning has chosen for a model, task and method, below `results`.
CHOICE_PATH = "tuning/choices/{model}/{task}/{method}.json"

#: The files that training writes into a run's folder, in this order: where the last one stands, the
#: run is finished.
HISTORY, EVALUATIONS, PREDICTIONS = "history.csv", "evaluations.parquet", "predictions.parquet"
PROVENANCE, TRAINING = "provenance.json", "training.json"
RUN_FILES = (HISTORY, EVALUATIONS, PREDICTIONS, PROVENANCE, TRAINING)

#: The column that says of which test split an example is, of tasks with several test splits alone.
TEST_SPLIT = "test_split"

#: Joins the names of the tasks that an aggregated task is made of.
JOINED = "+"

#: The split that is evaluated after each epoch, by `train.protocol`.
EVALUATED = {"standard": "dev", "report": "test"}

#: The folders below `results` that hold files of the workflow: no configuration has such a name.
FOLDERS = frozenset(
    {
        "benchmarks",
        "cards",
        "checks",
        "encoded",
        "errors",
        "figures",
        "logs",
        "memory",
        "packs",
        "runs",
        "tables",
        "trials",
        "tuning",
    }
)

#: What a cell of the grid is to those who read results; no run knows of it.
STATES = FINISHED, FAILED, MISSING = "finished", "failed", "missing"
