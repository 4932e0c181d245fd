"""What fits only some kinds of target: joined and few-shot tasks, and settings of the loss."""

from collections.abc import Iterator

from tunegrid.config.origin import Origins
from tunegrid.config.schema import TrainSettings
from tunegrid.planning.grid import Cell
from tunegrid.planning.project import Project

#: A training setting and what is wrong with it for a cell.
Problem = tuple[str, str]


def tasks_of_other_targets(project: Project, origins: Origins) -> Iterator[str]:
    """Tasks of several labels or numbers where only those of one label can be."""
    told: set[str] = set()
    for index, block in enumerate(project.config.grid):
        for position, name in enumerate(block.tasks):
            where = origins.locate(("grid", index, "tasks", position))
            task = project.grid_tasks[name]
            for part in task.parts:
                target = part.entry.target_kind
                if target == "single_label" or (name in told):
                    continue
                if task.aggregated:
                    told.add(name)
                    yield (
                        f"{where}: task {part.name!r} has target {target}, and only tasks of one"
                        " label are joined; name it by itself"
                    )
                elif part.split_settings(project.config.data).few_shot:
                    told.add(name)
                    yield (
                        f"{where}: task {part.name!r} has target {target}, and few-shot takes so"
                        f" many examples of each label; name {part.source}, and limit its train"
                        f" split: `data: {{tasks: {{{part.source}: {{max_train: 100}}}}}}`"
                    )


def settings_of_other_targets(cells: list[Cell], origins: Origins) -> Iterator[str]:
    """Settings of the loss that do not fit what a cell's task asks for, one line each."""
    found: dict[Problem, Cell] = {}
    for cell in cells:
        source = cell.settings.task_source
        for problem in _problems(cell.settings.train, source.target_kind, source.label_names):
            found.setdefault(problem, cell)
    for (key, what), cell in found.items():
        yield f"{origins.locate(('train', key))}: {what} (cell {cell.path})"


def _problems(
    train: TrainSettings, target: str, label_names: list[str] | None
) -> Iterator[Problem]:
    elsewhere = "set it under `overrides`, for the tasks that it fits"
    if train.label_smoothing and target != "single_label":
        what = f"{train.label_smoothing}, but it is of single labels, and the target is {target}"
        yield "label_smoothing", f"{what}; {elsewhere}"
    if train.class_weights is not None and target == "regression":
        what = f"{train.class_weights}, but numbers have no classes"
        yield "class_weights", f"{what}; {elsewhere}"
    if isinstance(train.class_weights, dict) and label_names is not None:
        unknown = [label for label in train.class_weights if label not in label_names]
        if unknown:
            what = f"names {', '.join(unknown)}; the task's labels are {', '.join(label_names)}"
            yield "class_weights", what
    if train.threshold != TrainSettings().threshold and target != "multi_label":
        what = f"{train.threshold}, but it is of several labels, and the target is {target}"
        yield "threshold", f"{what}; {elsewhere}"
    if train.threshold == "dev" and train.protocol == "report":
        what = "'dev', but protocol: report reads no dev split; set protocol to standard"
        yield "threshold", what
