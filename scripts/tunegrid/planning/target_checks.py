"""What fits only some kinds of target: joined and few-shot tasks, settings of the loss, metrics."""

from collections.abc import Iterator

from tunegrid.config.origin import Origins
from tunegrid.config.schema import TrainSettings
from tunegrid.config.value_types import MAIN
from tunegrid.metrics import METRICS
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


def metrics_of_other_targets(
    project: Project, cells: list[Cell], origins: Origins
) -> Iterator[str]:
    """Metrics on dev that a cell's task does not have, one line each."""
    found: dict[str, None] = {}
    tune = project.config.tune
    for cell in cells:
        asked = {("train", "select_metric"): cell.settings.train.select_metric}
        if tune is not None and tune.metric != MAIN:
            asked["tune", "metric"] = tune.metric
        for key, name in asked.items():
            if cell.target not in METRICS[name].targets:
                found[
                    f"{origins.locate(key)}: {name} cannot be computed of task {cell.task!r}, whose"
                    f" target is {cell.target}; write main, which is each task's main metric"
                ] = None
            elif name == "f1" and not cell.positive:
                found[
                    f"{origins.locate(key)}: f1 needs to know of which label; name it in the entry"
                    f" of task {cell.task!r} as `positive`"
                ] = None
    yield from found
    if tune is not None and tune.per == "model" and tune.metric == MAIN:
        mains = sorted({cell.main_metric for cell in cells})
        if len(mains) > 1:
            yield (
                f"{origins.locate(('tune', 'per'))}: chooses by the mean over tasks, whose main"
                f" metrics differ ({', '.join(mains)}); name one as `metric`, or write `per: task`"
            )


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
