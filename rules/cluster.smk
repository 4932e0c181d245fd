# What jobs ask a cluster for, and what the head process does about the cluster.
import uuid

from tunegrid.cluster import job_resources
from tunegrid.cluster.attempts import WORKFLOW_START, AttemptLog
from tunegrid.cluster.head_process import prepare_head_process
from tunegrid.cluster.partition_bounds import partition_of
from tunegrid.cluster.stand_ins import keep_slurm_configuration
from tunegrid.files import digest
from tunegrid.status.job_journal import JOURNALS, JournalWriter, this_start

# Jobs inherit this variable; a run knows by it which of its earlier attempts belong to this start.
os.environ.setdefault(WORKFLOW_START, uuid.uuid4().hex)
keep_slurm_configuration()
# The nodes' fast disk reaches the jobs as a variable and not as a parameter of the rule: where a
# run reads its data from is no reason to train it again.
os.environ |= {"TUNEGRID_SCRATCH": PROJECT.config.cluster.scratch or ""}

ATTEMPTS = f"{RESULTS}/.attempts/{RUN_PATH}.jsonl"
TUNING_ATTEMPTS = f"{RESULTS}/.attempts/tuning/{TUNING_PATH}.jsonl"
PACK_ATTEMPTS = f"{RESULTS}/.attempts/packs/{{model}}/{{task}}/{{pack}}.jsonl"
TUNING_PACK_ATTEMPTS = f"{RESULTS}/.attempts/packs/{{model}}/{{task}}/tuning{{tuning_pack}}.jsonl"


def cell_attempts(wildcards):
    """The file of the attempts at a cell."""
    pattern = TUNING_ATTEMPTS if hasattr(wildcards, "candidate") else ATTEMPTS
    return pattern.format_map(wildcards)


def cell_attempt_log(wildcards):
    """The attempts at a cell."""
    return AttemptLog(path=Path(cell_attempts(wildcards)), target=cell_of(wildcards).hash)


@asked_for_each_job
def cell_memory(wildcards, input, rulename):
    """The host memory of a cell's job, MB."""
    return job_resources.memory_mb(
        settings=cell_of(wildcards).closed_settings(),
        model=Path(input.model),
        cluster=PROJECT.config.cluster,
        attempts=cell_attempt_log(wildcards),
        partition=partition_of(workflow.get_rule(rulename)),
    )


@asked_for_each_job
def cell_runtime(wildcards, input, rulename):
    """The time limit of a cell's job, minutes."""
    return job_resources.runtime_minutes(
        cells=[cell_of(wildcards).closed_settings()],
        model=Path(input.model),
        encoded=Path(input.encoded),
        cluster=PROJECT.config.cluster,
        attempts=cell_attempt_log(wildcards),
        partition=partition_of(workflow.get_rule(rulename)),
    )


def pack_attempts(wildcards):
    """The file of the attempts at a pack."""
    if "tuning_pack" in wildcards.keys():
        return TUNING_PACK_ATTEMPTS.format(**wildcards)
    return PACK_ATTEMPTS.format(**wildcards)


def pack_attempt_log(wildcards):
    """The attempts at a pack."""
    return AttemptLog(path=Path(pack_attempts(wildcards)), target=digest(pack_cells(wildcards)))


def pack_memory(wildcards, input, rulename):
    """The host memory of a pack's job, MB: that of its largest cell."""
    attempts = pack_attempt_log(wildcards)
    return max(
        job_resources.memory_mb(
            settings=cell.closed_settings(),
            model=Path(input.model),
            cluster=PROJECT.config.cluster,
            attempts=attempts,
            partition=partition_of(workflow.get_rule(rulename)),
        )
        for cell in cells_of_pack(wildcards)
    )


def pack_runtime(wildcards, input, rulename):
    """The time limit of a pack's job, minutes: that of all its cells together."""
    return job_resources.runtime_minutes(
        cells=[cell.closed_settings() for cell in cells_of_pack(wildcards)],
        model=Path(input.model),
        encoded=Path(input.encoded),
        cluster=PROJECT.config.cluster,
        attempts=pack_attempt_log(wildcards),
        partition=partition_of(workflow.get_rule(rulename)),
    )


onstart:
    if workflow.is_main_process:
        wanted = [
            RUN_PATH.format(**job.wildcards_dict)
            for job in workflow.dag.needrun_jobs()
            if job.rule.name in ("train", "take_run")
        ]
        start = this_start(
            command=sys.argv[1:],
            grid=[block.model_dump() for block in PROJECT.config.grid],
            wanted=wanted,
            partial=PROJECT.config.partial,
            results=RESULTS,
            packs={
                name: [cell.path for cell in cells] for name, cells in PACKS.items() if PACKED
            },
            candidates=list(TUNING_CELLS),
        )
        logger.addHandler(
            JournalWriter(JOURNALS / f"{os.environ[WORKFLOW_START]}.jsonl", start)
        )
    try:
        prepare_head_process(
            workflow,
            wait_for_left_over_jobs=PROJECT.config.cluster.left_over_jobs == "wait",
        )
    except UserError as error:
        print(error.report(), file=sys.stderr)
        sys.exit(1)
    begin_start()
