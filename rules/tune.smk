# Each method's settings by its score on dev: candidates are trained, and the best is chosen. Without
# `tune` in the configuration no cell asks for any of these files.
from collections import defaultdict

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
    groups = list(dict.fromkeys((cell.model, cell.task, cell.method) for cell in CELLS.values()))
    if PROJECT.config.partial:
        return [group for group in groups if os.path.exists(scores_file(group))]
    return groups


def scores_file(group):
    """What the candidates of a model, task and method score."""
    return "results/tuning/scores/{}/{}/{}.json".format(*group)


def all_tuning_scores(wildcards):
    """The files of what the candidates of these score."""
    return [scores_file(group) for group in tuned_groups(wildcards)]


def tuning_data(wildcards):
    """The encoded task that candidates are tried on."""
    return f"results/tuning/data/{tokenizer_of(PROJECT, wildcards.model)}/{wildcards.task}"


def tuning_cells_of(wildcards):
    """The runs of the candidates that decide a choice: of a task, or of all tasks of a model."""
    return TUNING_CELLS_OF[chosen_together(wildcards.model, wildcards.task, wildcards.method)]


def tuning_runs(name):
    """A file of each of these runs."""
    return lambda wildcards: [
        f"results/tuning/runs/{cell.path}/{name}" for cell in tuning_cells_of(wildcards)
    ]


def halving_argument(wildcards):
    """What tells `tune_pack` to stop candidates early."""
    if HALVING is None:
        return ""
    state = "results/.tuning/{model}/{task}/{tuning_pack}.json".format(**wildcards)
    settings = {"rate": HALVING, "metric": TUNE.metric, "state": state}
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


# What tuning sees of a task: train, and dev in the place of test.
rule hide_test:
    input:
        "results/encoded/{tokenizer}/{task}",
    output:
        directory("results/tuning/data/{tokenizer}/{task}"),
    params:
        code=code_digest("hide_test"),
    log:
        "results/logs/hide_test/{tokenizer}/{task}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/hide_test.py --encoded {input} --output {output} > {log} 2>&1'


# A run of a candidate is a run like any other, on other data. With `halving` a pack trains all
# candidates of a method, round by round.
use rule train as tune with:
    input:
        model="resources/models/{model}",
        encoded=tuning_data,
        check=check_of_cell,
        choice=[],
        pack=pack_of_cell,
    output:
        history=f"{TUNING_RUN}/history.csv",
        evaluations=f"{TUNING_RUN}/evaluations.parquet",
        predictions=f"{TUNING_RUN}/predictions.parquet",
        provenance=f"{TUNING_RUN}/provenance.json",
        training=f"{TUNING_RUN}/training.json",
    log:
        f"results/logs/tune/{TUNING_PATH}.log",
    benchmark:
        f"results/benchmarks/tune/{TUNING_PATH}.tsv"
    localrule: TUNING_PACKED


use rule train_pack as tune_pack with:
    input:
        model="resources/models/{model}",
        encoded=tuning_data,
        trials=trials_of_pack,
        choices=[],
    output:
        "results/tuning/packs/{model}/{task}/{tuning_pack}.json",
    params:
        runs="results/tuning/runs",
        logs="results/logs/tune_pack",
        run_attempts="results/.attempts/tuning",
        halving=halving_argument,
    log:
        "results/logs/tune_pack/{model}/{task}/{tuning_pack}.log",
    benchmark:
        "results/benchmarks/tune_pack/{model}/{task}/{tuning_pack}.tsv"


# The choice stands alone in its file: runs are trained again where it changes, and not where a score
# does.
rule choose_settings:
    input:
        training=tuning_runs("training.json"),
        predictions=tuning_runs("predictions.parquet"),
    output:
        choice=CHOICE_PATH,
        scores="results/tuning/scores/{model}/{task}/{method}.json",
    params:
        code=code_digest("choose_settings"),
        candidates=tuning_candidates,
        metric=TUNE.metric if TUNE else "",
    log:
        "results/logs/choose_settings/{model}/{task}/{method}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/choose_settings.py --candidates {params.candidates:q}'
        " --runs results/tuning/runs --metric {params.metric}"
        " --choice {output.choice} --scores {output.scores} > {log} 2>&1"


# Every run of every candidate in one table, of which tables and figures are made.
rule collect_tuning:
    input:
        all_tuning_scores,
    output:
        parquet="results/tuning.parquet",
        csv="results/tuning.csv",
    params:
        code=code_digest("collect_tuning"),
        groups=lambda wildcards: canonical_json(tuned_groups(wildcards)),
    log:
        "results/logs/collect_tuning.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/collect_tuning.py --groups {params.groups:q}'
        " --scores results/tuning/scores --parquet {output.parquet} --csv {output.csv} > {log} 2>&1"


use rule plot_figure as plot_rates with:
    input:
        tuning="results/tuning.parquet",
    output:
        **figure_files(
            "tuning_rates",
            caption="captions/tuning_rates.rst",
            category="Quality",
            labels={"shows": "tuning: dev score against the learning rate"},
        ),
    params:
        code=code_digest("plot_rates"),
        program="plot_rates",
    log:
        "results/logs/plot_rates.log",


use rule plot_figure as plot_budget with:
    input:
        tuning="results/tuning.parquet",
    output:
        **figure_files(
            "tuning_budget",
            caption="captions/tuning_budget.rst",
            category="Quality",
            labels={"shows": "tuning: dev score against the number of candidates"},
        ),
    params:
        code=code_digest("plot_budget"),
        program="plot_budget",
    log:
        "results/logs/plot_budget.log",
