# The checked configuration, the grid's cells, and what rules ask of them. Light: no torch here.
import gc
import inspect
import os
import re
import sys
from dataclasses import asdict

sys.path.insert(0, str(Path(workflow.basedir, "scripts")))
# Jobs run the interpreter that runs Snakemake, unless a software deployment puts its own first,
# and find the programs by a variable: a path in the command would rerun all in a moved checkout.
os.environ |= {
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()]),
    "TUNEGRID": str(workflow.basedir),
}

from snakemake.logging import logger
from tunegrid.errors import UserError
from tunegrid.files import canonical_json, digest, sha256
from tunegrid.planning.grid import (
    cells_to_try,
    expand_grid,
    packs,
    packs_by_method,
    tokenizer_of,
    without_repeated_seeds,
)
from tunegrid.planning.memory_cases import memory_cases
from tunegrid.planning.run_inputs import files_to_wait_for
from tunegrid.planning.tuning_cells import tuning_cells
from tunegrid.planning.unknown_targets import TargetWording
from tunegrid.planning.unused_settings import unused_settings
from tunegrid.paths import user_path
from tunegrid.planning.grid_tasks import find_task
from tunegrid.planning.changes import changes_since_last_start, other_sources
from tunegrid.planning.loading import load_project, typed_command_line
from tunegrid.planning.snapshot import (
    grid_configuration,
    read_snapshot,
    record_start,
    snapshot_digest,
)
from tunegrid.planning.snapshot_files import is_snapshot, snapshot_path
from tunegrid.reporting.table_names import (
    CATEGORY,
    ERRORS,
    FINDING_TABLES,
    MEMORY_EXAMPLE_TABLES,
    MEMORY_TABLES,
    PART_TABLES,
    PUBLISHED_TABLES,
    TABLES,
    TEST_SPLIT_TABLES,
    TUNING_TABLES,
)
from tunegrid.metrics import METRICS
from tunegrid.results import CHOICE_PATH, RUN_PATH, TRAINING, TUNING_PATH
from tunegrid.tasks.source_paths import files_under_root, read_from_root
from tunegrid.status.failed_jobs import FailedJobs
from tunegrid.staleness import code_digest, reader_code, training_code
from tunegrid.submitted_code import declare_submitted_code
from tunegrid.training.finished_runs import can_be_taken
from tunegrid.training.run_request import keeps_weights

logger.addFilter(TargetWording(workflow))
FAILED_JOBS = FailedJobs()
logger.addHandler(FAILED_JOBS)

# The Snakemake processes of jobs read what the start that submitted them has written down.
READS_SNAPSHOT = not workflow.is_main_process and all(map(is_snapshot, workflow.configfiles))

# Snakemake makes some hundred objects for each job and keeps them: looking through all of them again
# and again for cycles takes a fifth of the time of planning, and finds little.
gc.freeze()
gc.set_threshold(100_000, 50, 50)

try:
    if READS_SNAPSHOT:
        PROJECT = read_snapshot(workflow.configfiles[0])
    else:
        PROJECT = load_project(
            workflow.configfiles, typed_command_line(workflow.config_settings.config)
        )
    CELLS = {cell.path: cell for cell in expand_grid(PROJECT)}
    # Of cells that differ in nothing but the seed, the first.
    CELLS_BUT_FOR_SEEDS = without_repeated_seeds(CELLS.values())
    TUNE = PROJECT.config.tune
    TUNING_CELLS = (
        {cell.path: cell for cell in tuning_cells(TUNE, CELLS_BUT_FOR_SEEDS)} if TUNE else {}
    )
except UserError as error:
    print(error.report(), file=sys.stderr)
    sys.exit(1)

if workflow.is_main_process:
    for line in unused_settings(PROJECT):
        print(f"warning: {line}", file=sys.stderr)
    for line in other_sources(PROJECT):
        print(f"warning: {line}", file=sys.stderr)
    for line in changes_since_last_start(PROJECT):
        print(line, file=sys.stderr)
# The folder of the results: below `results` a folder of its own where the configuration has a name.
# In the paths of rules it stands as <results>.
RESULTS = PROJECT.results
SNAPSHOT = str(snapshot_path(snapshot_digest(PROJECT)))

PACKS = packs(CELLS.values(), PROJECT.config.train.pack)
PACK_OF = {cell.path: name for name, cells in PACKS.items() for cell in cells}
HALVING = TUNE.halving if TUNE else None
# The candidates of a method are trained round by round, by one process.
TUNING_PACKS = (
    packs_by_method(TUNING_CELLS.values())
    if HALVING
    else packs(TUNING_CELLS.values(), PROJECT.config.train.pack)
)
TUNING_PACK_OF = {cell.path: name for name, cells in TUNING_PACKS.items() for cell in cells}
TRIED = cells_to_try(CELLS_BUT_FOR_SEEDS)
PACKED = PROJECT.config.train.pack > 1
TUNING_PACKED = PACKED or HALVING is not None
# What the tasks of the grid are measured by, in the registry's order.
METRICS_OF_CELLS = {name for cell in CELLS_BUT_FOR_SEEDS for name in cell.task_metrics.names}
GRID_METRICS = [name for name in METRICS if name in METRICS_OF_CELLS]
MODELS = list(dict.fromkeys(cell.model for cell in CELLS_BUT_FOR_SEEDS))
TASKS = PROJECT.grid_tasks
CARDS = [f"{RESULTS}/cards/{name}.json" for name in TASKS]
# A task has a card whether the grid trains it or not; lengths in tokens, only where it does.
CARD_TASKS = {name: find_task(name, PROJECT.tasks) for name in PROJECT.tasks} | TASKS
# Those with one label an example: others have no confusions.
SINGLE_LABEL = [name for name, task in TASKS.items() if task.target_kind == "single_label"]
AGGREGATED = any(task.aggregated for task in TASKS.values())
SEVERAL_TEST_SPLITS = any(task.test_splits for task in TASKS.values())
GRID_TABLES = TABLES + (PART_TABLES if AGGREGATED else []) + (TUNING_TABLES if TUNE else [])
GRID_TABLES += TEST_SPLIT_TABLES if SEVERAL_TEST_SPLITS else []
# Of tuning there is something only where the configuration asks for it.
TUNING_RUNS = [f"{RESULTS}/tuning.parquet"] if TUNE else []
GRID_FILES = {"cells": f"{RESULTS}/cells.csv"} | (
    {"tuning": f"{RESULTS}/tuning/cells.csv"} if TUNE else {}
)
# Of papers there is something only where the configuration names them.
# Papers are compared on the head: jobs need not read what is edited meanwhile.
PAPERS = [] if READS_SNAPSHOT else PROJECT.papers
PAPER_WITH_MEMORY = next((paper for paper in PAPERS if paper.memory), None)
PUBLISHED_NUMBERS = [f"{RESULTS}/tables/published.csv"] if PAPERS else []
FIGURES = ["png", "svg", "pdf"]
# The files of a table beside its HTML, which the report shows.
TABLE_FILES = ["md", "tex", "csv"]
RUN = f"{RESULTS}/runs/{RUN_PATH}"
TUNING_RUN = f"{RESULTS}/tuning/runs/{TUNING_PATH}"
# What says that a cell's model, task and method fit.
CHECK = "<results>/checks/{model}/{task}/{method}.json"


pathvars:
    results=RESULTS,


wildcard_constraints:
    model="|".join(map(re.escape, PROJECT.models)),
    tokenizer="|".join(map(re.escape, PROJECT.models)),
    source="|".join(map(re.escape, PROJECT.tasks)),
    task="|".join(map(re.escape, TASKS)),
    method="|".join(map(re.escape, PROJECT.methods)),
    metric="|".join(GRID_METRICS),
    seed=r"\d+",
    candidate=r"\d+",
    pack=r"\d+",
    tuning_pack=r"\d+",


def results_folder(wildcards):
    """The folder of the results, for commands that name folders in it."""
    return RESULTS


def asked_for_each_job(function):
    """Keep an input function's signature with it (`__signature__`, PEP 362).

    Snakemake asks what a function takes three times a job, which takes longer than most answers.
    """
    function.__signature__ = inspect.signature(function)
    return function


def cell_of(wildcards):
    """The cell of these wildcards; a path that is not in the grid, or in its tuning, is refused."""
    if hasattr(wildcards, "candidate"):
        folder, path, cells = (
            f"{RESULTS}/tuning/runs",
            TUNING_PATH.format_map(wildcards),
            TUNING_CELLS,
        )
    else:
        folder, path, cells = f"{RESULTS}/runs", RUN_PATH.format_map(wildcards), CELLS
    if path not in cells:
        print(
            f"error: {folder}/{path}: the configuration's grid has no such cell;"
            " list its cells with: python scripts/expand_grid.py --configfile FILE",
            file=sys.stderr,
        )
        sys.exit(1)
    return cells[path]


def task_metrics_json(source):
    """By what a task is measured, as JSON."""
    return canonical_json(asdict(source.task_metrics()))


def code_of(program):
    """The digest of the code that decides a program's results, asked where the program has a job."""
    return lambda wildcards: code_digest(program)


def of_each_cell(value_of):
    """A value of every cell for a rule: the one that all share, or else an input function.

    Snakemake asks an input function of each of thousands of jobs.

    Args:
        value_of: tells the value of a cell, whatever its seed.
    """
    values = {value_of(cell) for cell in (*CELLS_BUT_FOR_SEEDS, *TUNING_CELLS.values())}
    return values.pop() if len(values) == 1 else lambda wildcards: value_of(cell_of(wildcards))


@asked_for_each_job
def cell_settings(wildcards):
    """A cell's resolved settings as JSON: an edit that changes them reruns the cell.

    Those that tuning chooses are an input, and not among them.
    """
    cell = cell_of(wildcards)
    return canonical_json(cell.open_settings()) if cell.tuned else cell.settings.json


@asked_for_each_job
def choice_of_cell(wildcards):
    """The file of what tuning has chosen for a cell; none for one that is not tuned."""
    return cell_of(wildcards).choice or []


@asked_for_each_job
def choice_argument(wildcards, input):
    """What tells `train` to take the settings that tuning has chosen."""
    return f"--choice {input.choice}" if cell_of(wildcards).choice else ""


def all_choices(wildcards):
    """The files of all that tuning has chosen; where nothing is trained, those that are there."""
    files = list(dict.fromkeys(cell.choice for cell in CELLS_BUT_FOR_SEEDS if cell.choice))
    if PROJECT.config.partial:
        return [file for file in files if os.path.exists(file)]
    return files


@asked_for_each_job
def pack_of_cell(wildcards):
    """The file of the pack that trains a cell; none where cells are trained alone."""
    cell = cell_of(wildcards)
    if cell.candidate is None:
        return f"{RESULTS}/packs/{PACK_OF[cell.path]}.json" if PACKED else []
    return f"{RESULTS}/tuning/packs/{TUNING_PACK_OF[cell.path]}.json" if TUNING_PACKED else []


@asked_for_each_job
def pack_argument(wildcards, input):
    """What tells `train` to take the run from its pack; nothing where cells are trained alone."""
    return f"--pack {input.pack} --path {cell_of(wildcards).path}" if input.pack else ""


def take_argument(wildcards, input):
    """What tells `train` to take a finished run, and to train none."""
    return f"{pack_argument(wildcards, input)} --take-only"


@asked_for_each_job
def finished_elsewhere(wildcards):
    """No file where a finished run of a cell's settings can be taken; else one that nothing makes.

    Snakemake then asks the next rule that makes the run.
    """
    cell = cell_of(wildcards)
    settings = cell.closed_settings()
    folder = Path("results/.finished", settings.hash)
    kept = keeps_weights(cell.keep, settings.method_source)
    if not kept and can_be_taken(folder, code=training_code(settings)):
        return []
    return str(folder / "is-not-there")


def cells_of_pack(wildcards):
    """The cells of a pack, of the grid's or of those that try candidates."""
    if "tuning_pack" in wildcards.keys():
        return TUNING_PACKS["{model}/{task}/{tuning_pack}".format(**wildcards)]
    return PACKS["{model}/{task}/{pack}".format(**wildcards)]


def choices_of_pack(wildcards):
    """The files of what tuning has chosen for the cells of a pack."""
    chosen = (cell.choice for cell in cells_of_pack(wildcards))
    return list(dict.fromkeys(file for file in chosen if file))


def pack_cells(wildcards):
    """The cells of a pack as JSON."""
    return canonical_json([cell.to_json() for cell in cells_of_pack(wildcards)])


def pack_code(wildcards):
    """The digest of the code that decides the results of a pack's cells."""
    codes = {training_code(cell.settings) for cell in cells_of_pack(wildcards)}
    return "+".join(sorted(codes))


def pack_threads(wildcards):
    """The torch threads of a pack's cells, the same for all."""
    return cells_of_pack(wildcards)[0].settings.train.threads


@asked_for_each_job
def encoded_task(wildcards):
    """The encoded task that a cell trains on."""
    return f"{RESULTS}/encoded/{tokenizer_of(PROJECT, wildcards.model)}/{wildcards.task}"


def tried_cell(wildcards):
    """What is tried of a model, task and method, as JSON."""
    return canonical_json(TRIED["{model}/{task}/{method}".format(**wildcards)])


def tried_siblings(wildcards, input):
    """The same of the other methods, as JSON.

    That it asks for `input` keeps it out of what makes a trial stale.
    """
    others = [method for method in methods_of(wildcards) if method != wildcards.method]
    return canonical_json([TRIED[f"{wildcards.model}/{wildcards.task}/{one}"] for one in others])


def methods_of(wildcards):
    """The methods that a model and task are trained with, in the grid's order."""
    begin = f"{wildcards.model}/{wildcards.task}/"
    return [name.removeprefix(begin) for name in TRIED if name.startswith(begin)]


def trials_of_pack(wildcards):
    """The trials of a pack's methods; of those that do not fit, the pack trains no cell."""
    methods = dict.fromkeys(cell.method for cell in cells_of_pack(wildcards))
    return [f"{RESULTS}/trials/{wildcards.model}/{wildcards.task}/{one}.json" for one in methods]


def model_entry(wildcards):
    """A model's catalogue entry as JSON."""
    return canonical_json(PROJECT.models[wildcards.model].settings())


def model_sources(wildcards):
    """The files of a model that lies in a folder of the user's."""
    entry = PROJECT.models[wildcards.model]
    if entry.package or entry.url or not entry.folder:
        return []
    return sorted(str(path) for path in user_path(entry.folder).iterdir() if path.is_file())


def task_entry(wildcards):
    """The catalogue entry of a task as JSON."""
    return canonical_json(PROJECT.tasks[wildcards.source].settings())


def task_sources(wildcards):
    """The files under data_root that a task is read from: texts, labels, what else it names."""
    entry = PROJECT.tasks[wildcards.source]
    return [str(path) for path in files_under_root(entry, PROJECT.data_root)]


def data_root_argument(wildcards):
    """The data root, for a task that is read from there."""
    from_root = read_from_root(PROJECT.tasks[wildcards.source], PROJECT.data_root)
    return ["--data-root", str(PROJECT.data_root)] if from_root else []


def task_code(wildcards):
    """The code that reads a task: its own reader, not those of other tasks."""
    return reader_code(PROJECT.tasks[wildcards.source].reader)


def task_folders(wildcards):
    """The fetched task that a task of the grid is made of; of an aggregated one, each part's."""
    return [f"resources/tasks/{part.source}" for part in CARD_TASKS[wildcards.task].parts]


def task_settings(wildcards):
    """A task's split settings as JSON."""
    settings = CARD_TASKS[wildcards.task].split_settings(PROJECT.config.data)
    return canonical_json(settings.model_dump(mode="json"))


def task_title(wildcards):
    """What a task classifies, in words."""
    return CARD_TASKS[wildcards.task].title


def few_shot_seeds(wildcards):
    """The seeds of a few-shot task's runs, each of which draws its own examples."""
    parts = CARD_TASKS[wildcards.task].parts
    if not any(part.split_settings(PROJECT.config.data).few_shot for part in parts):
        return []
    seeds = {cell.seed for cell in CELLS.values() if cell.task == wildcards.task}
    return ["--seeds", *map(str, sorted(seeds))] if seeds else []


def tokenizers_of(wildcards):
    """The models whose tokenizers encode a task, in the grid's order; none of a task outside it."""
    cells = (cell for cell in CELLS_BUT_FOR_SEEDS if cell.task == wildcards.task)
    return list(dict.fromkeys(tokenizer_of(PROJECT, cell.model) for cell in cells))


def encodings_of(wildcards):
    """The task as each of those tokenizers encoded it."""
    return [f"{RESULTS}/encoded/{name}/{wildcards.task}" for name in tokenizers_of(wildcards)]


def compared_content():
    """What is compared of the papers, as JSON: an edit of it reruns the comparison.

    The files are no inputs: those of the workflow's own may move with it.
    """
    return canonical_json(
        [
            {
                "numbers": sha256(paper.numbers_file),
                "notes": list(paper.notes),
                "findings": [finding.model_dump(mode="json") for finding in paper.findings],
            }
            for paper in PAPERS
        ]
    )


def recount_setup():
    """What of a paper's memory example is traced again, as JSON."""
    entries = {name: entry.settings() for name, entry in PROJECT.methods.items()}
    return canonical_json(PAPER_WITH_MEMORY.memory.recount_setup(entries))


def memory_example_content():
    """What the tables of a paper's memory example show of it, as JSON."""
    case = PAPER_WITH_MEMORY.memory
    figures = [[figure.method, figure.component, figure.gigabytes] for figure in case.figures]
    return canonical_json({"example": case.example.model_dump(mode="json"), "figures": figures})


def grid_threads(wildcards):
    """The processes that share the scoring and comparing of a grid: one more each 1,000 runs."""
    return min(4, 1 + len(CELLS) // 1000)


def all_runs(wildcards):
    """What stands for every run in the grid: the file that it writes last."""
    return [f"{RESULTS}/runs/{path}/{TRAINING}" for path in CELLS]


def wanted_runs(wildcards):
    """The files of every run that is waited for (`partial`: of none)."""
    if PROJECT.config.partial:
        return []
    return files_to_wait_for(f"{RESULTS}/runs/{path}" for path in CELLS)


def runs_found(wildcards):
    """What stands for the runs that `partial` finds, so that a further one renews the aggregates."""
    if not PROJECT.config.partial:
        return ""
    paths = [Path(path) for path in all_runs(wildcards)]
    paths += [Path(f"{RESULTS}/.attempts/{path}.jsonl") for path in CELLS]
    paths += [Path(f"{RESULTS}/trials/{name}.json") for name in TRIED]
    found = [(str(path), path.stat().st_mtime_ns) for path in paths if path.is_file()]
    return digest(str(found))


def model_cases(wildcards):
    """The steps of a model whose memory is predicted and measured, as JSON."""
    return canonical_json(memory_cases(CELLS_BUT_FOR_SEEDS, wildcards.model, PROJECT.config.memory))


def input_options(wildcards, input):
    """Every named input as an option of the program: `--<name> <path>`."""
    return [f"--{name} {path}" for name, path in input.items()]


def begin_start():
    """Write down what this start trains, and have its jobs read that, not the user's files.

    Snakemake hands the settings of its command line to the processes of jobs (spawn_jobs.py,
    `general_args`): here the snapshot takes the place of `--configfile` and `--config`.
    """
    workflow.config_settings.configfiles = [record_start(PROJECT)]
    workflow.config_settings.config_args = []
    declare_submitted_code()


def snapshot_file(wildcards, input):
    """The snapshot of this start, relative to the working directory.

    That it asks for `input` keeps it out of what makes a result stale: it is named by settings of
    which most decide nothing there.
    """
    return SNAPSHOT


def figure_files(name, **shown):
    """The files of a figure by format, for the output of its rule; the report shows the PNG.

    Args:
        name: path below the results' folder figures/, without a suffix.
        shown: caption, category and labels in the report, as Snakemake's `report` takes them.
    """
    paths = {suffix: f"{RESULTS}/figures/{name}.{suffix}" for suffix in FIGURES}
    return paths | {"png": report(paths["png"], **shown)}
