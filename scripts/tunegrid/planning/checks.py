"""What the configuration's types cannot tell: names, repetitions, files, splits."""

import difflib
import re
from collections.abc import Collection, Iterator

import humanfriendly

from tunegrid.config.catalogue import CATALOGUES
from tunegrid.config.messages import nearest
from tunegrid.config.missing_entries import adapter_entry, hub_entry
from tunegrid.config.origin import KeyPath, Origins
from tunegrid.errors import UserError
from tunegrid.memory.fit import gpu_memory_needed
from tunegrid.paths import user_path
from tunegrid.planning.grid import Cell, expand_grid, without_repeated_seeds
from tunegrid.planning.grid_tasks import find_task, parts_of, parts_without_dev
from tunegrid.planning.memory_cases import least_memory
from tunegrid.planning.name_checks import name_problems
from tunegrid.planning.project import Project
from tunegrid.planning.setting_checks import setting_problems
from tunegrid.planning.target_checks import (
    metrics_of_other_targets,
    settings_of_other_targets,
    tasks_of_other_targets,
)
from tunegrid.planning.tuning_checks import tuning_problems
from tunegrid.published.paper import read_paper
from tunegrid.tasks.reader_options import option_problems
from tunegrid.tasks.readers import reader_names
from tunegrid.tasks.source_paths import held_in_part, paths_missing


def problems(project: Project, origins: Origins) -> Iterator[str]:
    """What the types of a configuration cannot tell, one line each: names, files, splits."""
    yield from _unknown_names(project, origins)
    yield from _unknown_readers(project, origins)
    yield from _repetitions(project, origins)
    yield from name_problems(project, origins)
    yield from _missing_models(project, origins)
    yield from _paper_problems(project, origins)
    if next(_unknown_names(project, origins), None) is None:
        yield from _reference_outside_grid(project, origins)
        yield from _missing_files(project, origins)
        yield from _settings_of_several(project, origins)
        yield from _without_test(project, origins)
        yield from tasks_of_other_targets(project, origins)
        all_cells = expand_grid(project)
        cells = without_repeated_seeds(all_cells)
        yield from _missing_dev_splits(project, cells, origins)
        yield from _contradictions(project, cells, origins)
        yield from setting_problems(project, cells, origins)
        yield from settings_of_other_targets(cells, origins)
        yield from metrics_of_other_targets(project, cells, origins)
        yield from tuning_problems(project, all_cells, origins)
        yield from _unfit_methods(project, cells, origins)
        yield from _too_large(project, cells, origins)


def _names(project: Project) -> Iterator[tuple[KeyPath, str, str]]:
    """Every catalogue name that the configuration uses: its key, its catalogue, the name."""
    for index, block in enumerate(project.config.grid):
        for catalogue in CATALOGUES:
            for position, name in enumerate(getattr(block, catalogue)):
                yield ("grid", index, catalogue, position), catalogue, name
    for index, override in enumerate(project.config.overrides):
        for catalogue in CATALOGUES:
            key = catalogue.removesuffix("s")
            for position, name in enumerate(getattr(override.where, key) or []):
                yield ("overrides", index, "where", key, position), catalogue, name
    for name in project.config.data.tasks:
        yield ("data", "tasks", name), "tasks", name
    for name, entry in project.models.items():
        if entry.tokenizer:
            yield ("models", name, "tokenizer"), "models", entry.tokenizer


def _unknown_names(project: Project, origins: Origins) -> Iterator[str]:
    for path, catalogue, name in _names(project):
        known = getattr(project, catalogue)
        if catalogue == "tasks":
            try:
                find_task(name, known)
            except UserError as error:
                yield f"{origins.locate(path)}: {error}"
        elif name not in known:
            yield f"{origins.locate(path)}: {_unknown_name(name, catalogue, known)}"


def _unknown_name(name: str, catalogue: str, known: Collection[str]) -> str:
    if catalogue == "methods":
        size = re.fullmatch(r"adapter-(\d+)", name)
        hint = f"its entry is {adapter_entry(int(size[1]))}; " if size else ""
        return f"unknown method {name!r}; {hint}{nearest(name, known)}"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return (
        f"unknown model {name!r}; {hint}one of the hub takes an entry,"
        f" {hub_entry(name, f'OWNER/{name}')}; the catalogue has {', '.join(sorted(known))}"
    )


def _unknown_readers(project: Project, origins: Origins) -> Iterator[str]:
    known = reader_names()
    for name, entry in project.tasks.items():
        if entry.reader not in known:
            where = origins.locate(("tasks", name, "reader"))
            yield f"{where}: unknown reader {entry.reader!r}; {nearest(entry.reader, known)}"
            continue
        for problem in option_problems(entry):
            yield f"{origins.locate(('tasks', name))}.{problem}"


def _repetitions(project: Project, origins: Origins) -> Iterator[str]:
    for index, block in enumerate(project.config.grid):
        for key in ("models", "tasks", "methods", "seeds"):
            values = getattr(block, key)
            for value in dict.fromkeys(v for v in values if values.count(v) > 1):
                where = origins.locate(("grid", index, key))
                yield f"{where}: {value!r} stands {values.count(value)} times; name it once"


def _reference_outside_grid(project: Project, origins: Origins) -> Iterator[str]:
    wanted = project.config.compare.reference
    trained = {name for block in project.config.grid for name in block.methods}
    if wanted is not None and wanted not in trained:
        where = origins.locate(("compare", "reference"))
        yield f"{where}: the grid trains no method {wanted!r}; {nearest(wanted, trained)}"


def _missing_files(project: Project, origins: Origins) -> Iterator[str]:
    root, where = project.data_root, origins.locate(("data_root",))
    if root is None:
        return
    if not root.is_dir():
        yield f"{where}: no such folder: {root}; name the one that holds the task files"
        return
    by_source = {part.source: part for part in parts_of(project.grid_tasks.values())}
    for part in by_source.values():
        entry = part.entry
        if not entry.under_data_root and not (entry.url and held_in_part(entry, root)):
            continue
        if missing := paths_missing(entry, root):
            listed = ", ".join(missing)
            line = f"{where}: {root} lacks {listed}, the files of task {part.source!r}"
            others = "; it holds others: complete them, or take them away and all are downloaded"
            yield line + (others if entry.url else "")


def _missing_models(project: Project, origins: Origins) -> Iterator[str]:
    for name in dict.fromkeys(model for block in project.config.grid for model in block.models):
        entry = project.models.get(name)
        if entry and entry.folder and not entry.package and not entry.url:
            folder = user_path(entry.folder)
            if not (folder / "config.json").is_file():
                where = origins.locate(("models", name, "folder"))
                yield f"{where}: no model in {folder}; name the folder that holds its config.json"


def _paper_problems(project: Project, origins: Origins) -> Iterator[str]:
    """Papers that are not there, cannot be read, or do not go together."""
    examples: list[str] = []
    paper_of_key: dict[tuple[str, ...], str] = {}
    for index, given in enumerate(project.config.published):
        where = origins.locate(("published", index))
        if not user_path(given).exists():
            yield (
                f"{where}: no such file or folder: {user_path(given)}; name a paper's folder, a CSV"
                " of numbers, or none: []"
            )
            continue
        try:
            paper = read_paper(given)
        except UserError as error:
            yield from error.problems
            continue
        repeated = [number for number in paper.numbers if number.key in paper_of_key]
        if repeated:
            first = repeated[0]
            names = ", ".join(name for name in first.key if name)
            yield (
                f"{where}: {given} repeats {len(repeated)} of the numbers of"
                f" {paper_of_key[first.key]} ({names}); keep them in one of the two"
            )
        paper_of_key |= dict.fromkeys((number.key for number in paper.numbers), given)
        if paper.memory is None:
            continue
        examples.append(given)
        for method in paper.memory.example.methods:
            if method not in project.methods:
                hint = nearest(method, project.methods)
                yield f"{given}/paper.yaml: memory.methods: unknown method {method!r}; {hint}"
    if len(examples) > 1:
        where = origins.locate(("published",))
        yield (
            f"{where}: {' and '.join(examples)} have a memory example each; the tables hold one,"
            " so leave the block `memory` of the others out"
        )


def _without_test(project: Project, origins: Origins) -> Iterator[str]:
    """Tasks of the grid that can be read and described, but not trained."""
    told: set[str] = set()
    for index, block in enumerate(project.config.grid):
        for position, name in enumerate(block.tasks):
            where = origins.locate(("grid", index, "tasks", position))
            for part in project.grid_tasks[name].parts:
                if not part.entry.has_test and part.source not in told:
                    told.add(part.source)
                    yield (
                        f"{where}: task {part.source!r} has no test split; name its file in"
                        " `files: {test: …}`, or cut it from train:"
                        " `split: {by: label, test: 0.1, seed: 0}`"
                    )


def _missing_dev_splits(project: Project, cells: list[Cell], origins: Origins) -> Iterator[str]:
    where = origins.locate(("train", "protocol"))
    evaluated = {cell.task for cell in cells if cell.settings.train.protocol == "standard"}
    tasks = (project.grid_tasks[task] for task in sorted(evaluated))
    for part in parts_without_dev(tasks, project.config.data):
        yield (
            f"{where}: 'standard' evaluates dev, but task {part.name!r} ships no dev split;"
            f" set data.tasks.{part.name}.dev_fraction to 0.1, say, or protocol to report"
        )


def _settings_of_several(project: Project, origins: Origins) -> Iterator[str]:
    for name in project.config.data.tasks:
        task = find_task(name, project.tasks)
        if task.aggregated:
            where = origins.locate(("data", "tasks", name))
            parts = ", ".join(part.name for part in task.parts)
            yield f"{where}: an aggregated task has no settings of its own; set those of {parts}"


def _contradictions(project: Project, cells: list[Cell], origins: Origins) -> Iterator[str]:
    """Training settings, each right for itself, that no run can follow together."""
    pack = project.config.train.pack
    found: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        train = cell.settings.train
        if train.select == "best_dev" and train.protocol == "report":
            what = "'best_dev', but protocol: report reads no dev split; set protocol to standard"
            found.setdefault(("select", what), cell)
        if train.early_stopping and train.select != "best_dev":
            what = f"{train.early_stopping}, but select: {train.select} looks for no best"
            found.setdefault(("early_stopping", f"{what} weights; set select to best_dev"), cell)
        if train.gpus_per_run > 1 and pack > 1:
            what = f"{pack}, but gpus_per_run: {train.gpus_per_run}; set one of them to 1"
            found.setdefault(("pack", what), cell)
    for (key, what), cell in found.items():
        yield f"{origins.locate(('train', key))}: {what} (cell {cell.path})"


def _unfit_methods(project: Project, cells: list[Cell], origins: Origins) -> Iterator[str]:
    """Methods that a model's entry says it cannot be trained with."""
    for model in dict.fromkeys(cell.model for cell in cells):
        without = project.models[model].without or []
        used = dict.fromkeys(cell.method for cell in cells if cell.model == model)
        if wrong := [method for method in used if method in without]:
            fit = ", ".join(method for method in project.methods if method not in without)
            yield (
                f"{origins.locate(('grid',))}: model {model!r} cannot be trained with"
                f" {', '.join(wrong)}; it takes {fit}"
            )


def _too_large(project: Project, cells: list[Cell], origins: Origins) -> Iterator[str]:
    """Models and methods that cannot fit the GPU, as far as the formula knows them."""
    limit = project.config.cluster.gpu_memory
    if limit is None:
        return
    capacity, told = humanfriendly.parse_size(limit), set()
    for cell in cells:
        key = (cell.model, cell.method)
        if key in told:
            continue
        told.add(key)
        least = least_memory(cell)
        if least is None:
            continue
        needed = gpu_memory_needed(least)
        if needed > capacity:
            where = origins.locate(("cluster", "gpu_memory"))
            yield (
                f"{where}: {limit}, but model {cell.model!r} with method {cell.method!r} needs at"
                f" least {needed / 1e9:.1f} GB ({least / 1e9:.1f} GB of tensors, and the"
                " margins); take a larger GPU, or leave it out of the grid"
            )
