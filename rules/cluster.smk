# What jobs ask a cluster for, and what the head process does about the cluster.
import uuid

from tunegrid.cluster import head, needs
from tunegrid.cluster.attempts import START, Attempts
from tunegrid.files import digest

# Jobs inherit it, and know by it which of a cell's attempts belong to this start.
os.environ.setdefault(START, uuid.uuid4().hex)
# The nodes' fast disk. Not a parameter: where a run reads from is no reason to make it again.
os.environ |= {"TUNEGRID_SCRATCH": PROJECT.config.cluster.scratch or ""}

ATTEMPTS = f"results/.attempts/{RUN_PATH}.jsonl"
PACK_ATTEMPTS = "results/.attempts/packs/{model}/{task}/{pack}.jsonl"


def cell_attempts(wildcards):
    """The file of a cell's attempts."""
    return ATTEMPTS.format(**wildcards)


def cell_memory(wildcards, input):
    """The host memory of a cell's job, MB."""
    cell = cell_of(wildcards)
    before = Attempts(Path(cell_attempts(wildcards)), cell.hash)
    return needs.memory_mb(cell.settings, Path(input.model), PROJECT.config.cluster, before)


def cell_runtime(wildcards, input):
    """The time limit of a cell's job, minutes."""
    cell = cell_of(wildcards)
    before = Attempts(Path(cell_attempts(wildcards)), cell.hash)
    return _runtime([cell], input, before)


def pack_attempts(wildcards):
    """The file of a pack's attempts."""
    return PACK_ATTEMPTS.format(**wildcards)


def pack_memory(wildcards, input):
    """The host memory of a pack's job, MB: that of its largest cell."""
    before = Attempts(Path(pack_attempts(wildcards)), digest(pack_cells(wildcards)))
    return max(
        needs.memory_mb(cell.settings, Path(input.model), PROJECT.config.cluster, before)
        for cell in cells_of_pack(wildcards)
    )


def pack_runtime(wildcards, input):
    """The time limit of a pack's job, minutes: of all its cells."""
    before = Attempts(Path(pack_attempts(wildcards)), digest(pack_cells(wildcards)))
    return _runtime(cells_of_pack(wildcards), input, before)


def _runtime(cells, input, before):
    return needs.runtime_minutes(
        [cell.settings for cell in cells],
        *(Path(input.model), Path(input.encoded)),
        *(PROJECT.config.cluster, before),
    )


onstart:
    try:
        head.begin(workflow, wait=PROJECT.config.cluster.left_over_jobs == "wait")
    except UserError as error:
        print(error.report(), file=sys.stderr)
        sys.exit(1)
