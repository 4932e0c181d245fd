# What the rules of `tune.smk` ask of the candidates: which runs decide a choice, and by what metric.
from collections import defaultdict

from tunegrid.config.value_types import MAIN
from tunegrid.tuning.rungs import say_budget


def chosen_together(model, task, method):
    """What a choice is made for: a model and method on a task, or on all of the model's tasks."""
    return model, method, None if TUNE.per == "model" else task


# The runs that decide each choice, found in one pass: a grid may have thousands of them.
TUNING_CELLS_OF = defaultdict(list)
for tuning_cell in TUNING_CELLS.values():
    key = chosen_together(tuning_cell.model, tuning_cell.task, tuning_cell.method)
    TUNING_CELLS_OF[key].append(tuning_cell)

if HALVING and workflow.is_main_process:
    epochs_of = [
        list({cell.candidate: cell.settings.train.epochs for cell in cells}.values())
        for cells in TUNING_PACKS.values()
    ]
    print(say_budget(epochs_of, rate=HALVING, seeds=len(TUNE.seeds)), file=sys.stderr)


def tuned_groups(wildcards):
    """Every model, task and method that is tuned; where nothing is trained, those that are by now."""
    cells = CELLS_BUT_FOR_SEEDS
    groups = list(dict.fromkeys((cell.model, cell.task, cell.method) for cell in cells))
    if PROJECT.config.partial:
        return [group for group in groups if os.path.exists(scores_file(group))]
    return groups


def scores_file(group):
    """What the candidates of a model, task and method score."""
    model, task, method = group
    return f"{RESULTS}/tuning/scores/{model}/{task}/{method}.json"


def all_tuning_scores(wildcards):
    """The files of what the candidates of these score."""
    return [scores_file(group) for group in tuned_groups(wildcards)]


def tuning_data(wildcards):
    """The encoded task that candidates are tried on."""
    return f"{RESULTS}/tuning/data/{tokenizer_of(PROJECT, wildcards.model)}/{wildcards.task}"


def tuning_cells_of(wildcards):
    """The runs of the candidates that decide a choice: of a task, or of all tasks of a model."""
    return TUNING_CELLS_OF[chosen_together(wildcards.model, wildcards.task, wildcards.method)]


def tuning_runs(wildcards):
    """The files of these runs that are waited for."""
    return files_to_wait_for(
        f"{RESULTS}/tuning/runs/{cell.path}" for cell in tuning_cells_of(wildcards)
    )


def tuning_metric(wildcards):
    """The metric on dev by which candidates of a task are chosen."""
    if TUNE.metric != MAIN:
        return TUNE.metric
    return TASKS[wildcards.task].source().task_metrics().main


def halving_argument(wildcards):
    """What tells `tune_pack` to stop candidates early."""
    if HALVING is None:
        return ""
    pack = f"{wildcards.model}/{wildcards.task}/{wildcards.tuning_pack}"
    metric = tuning_metric(wildcards)
    settings = {"rate": HALVING, "metric": metric, "state": f"{RESULTS}/.tuning/{pack}.json"}
    return f"--halving '{canonical_json(settings)}'"


def tuning_candidates(wildcards):
    """The candidates of a model, task and method, and the runs that try each, as JSON."""
    candidates = {}
    for cell in tuning_cells_of(wildcards):
        space = TUNE.space_of(cell.method)
        train = cell.settings.train.model_dump(mode="json")
        settings = {key: train[key] for key in space}
        entry = candidates.setdefault(cell.candidate, {"settings": settings, "runs": []})
        entry["runs"].append({"task": cell.task, "seed": cell.seed, "path": cell.path})
    return canonical_json(list(candidates.values()))
