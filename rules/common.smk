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


def code_of(program):
    """The digest of the code that decides a program's results, asked where the program has a job."""
    return lambda wildcards: code_digest(program)


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
