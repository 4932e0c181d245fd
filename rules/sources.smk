# What rules ask of the models and tasks that cells are made of.


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


def task_metrics_json(source):
    """By what a task is measured, as JSON."""
    return canonical_json(asdict(source.task_metrics()))


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
