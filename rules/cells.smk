# What rules ask of the cells of the grid and of its tuning, of their packs, and of all runs.


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
def run_options(wildcards, input, output):
    """What tells `train` the files of a run: where it reads, writes, and is taken from.

    They are one parameter, since Snakemake writes each job's command three times as it plans.
    """
    cell = cell_of(wildcards)
    options = [
        f"--model {input.model}",
        f"--encoded {input.encoded}",
        f"--output {os.path.dirname(output.training)}",
        f"--keep {cell.keep}",
        f"--attempts {cell_attempts(wildcards)}",
    ]
    if cell.choice:
        options.append(f"--choice {input.choice}")
    if input.pack:
        options.append(f"--pack {input.pack} --path {cell.path}")
    return " ".join(options)


def take_options(wildcards, input, output):
    """The same, where a finished run is taken and none is trained."""
    return f"{run_options(wildcards, input, output)} --take-only"


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
