"""What the planning says of tasks of several labels and of numbers."""

import pytest
import yaml

from tunegrid.config.memory_settings import MemorySettings
from tunegrid.errors import UserError
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.planning.memory_cases import least_memory, memory_cases
from tunegrid.settings import CellSettings, positive_label

FILES = {"files": {"train": "a.csv", "dev": "b.csv", "test": "c.csv"}}
TASKS = {
    "one": FILES | {"labels": ["x", "y"]},
    "several": FILES | {"target": {"kind": "multi_label"}, "labels": ["x", "y", "z"]},
    "number": FILES | {"target": {"kind": "regression"}},
}


def project(folder, *names, **changes):
    config = {
        "grid": [{"models": ["minilm-l6"], "tasks": [*names], "methods": ["full"], "seeds": [1]}],
        "tasks": TASKS,
    } | changes
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    return load_project([folder / "my.yaml"])


def test_all_kinds_of_target_are_planned(tmp_path):
    cells = list(expand_grid(project(tmp_path, "one", "several", "number")))
    kinds = [cell.settings.task_source.target_kind for cell in cells]
    assert kinds == ["single_label", "multi_label", "regression"]
    for cell in cells:
        assert CellSettings.from_json(cell.settings.to_json()).hash == cell.settings.hash
    assert [case["labels"] for case in memory_cases(cells, "minilm-l6")] == [3]
    assert [case["labels"] for case in memory_cases(cells[2:], "minilm-l6")] == [1]
    assert least_memory(cells[2]) < least_memory(cells[0])


SMOOTH = {"label_smoothing": 0.1}
TUNE = {"space": {"learning_rate": [1.0e-4, 1.0e-3]}, "trials": 2, "seeds": [101]}
DEV = {"dev_fraction": 0.1}


@pytest.mark.parametrize(
    ("names", "changes", "line"),
    [
        (["one+several"], {}, "grid[0].tasks[0]: task 'several' has target multi_label, and only"),
        (["number+one"], {}, "grid[0].tasks[0]: task 'number' has target regression, and only"),
        (["several_fs"], {}, "few-shot takes so many examples of each label; name several, and"),
        (["number"], {"data": {"few_shot": 4}}, "few-shot takes so many examples of each label"),
        (["one", "number"], {"train": SMOOTH}, "train.label_smoothing: 0.1, but it is of single"),
        (["several"], {"train": SMOOTH}, "and the target is multi_label; set it under `overrides`"),
        (["number"], {"train": {"class_weights": "balanced"}}, "numbers have no classes"),
        (["several"], {"train": {"class_weights": {"q": 2}}}, "names q; the task's labels are x,"),
        (["one", "several"], {"train": {"threshold": 0.3}}, "train.threshold: 0.3, but it is of s"),
        (
            ["several"],
            {"train": {"threshold": "dev", "protocol": "report"}},
            "protocol: report reads no dev split",
        ),
        (["number"], {"train": {"select_metric": "accuracy"}},
         "train.select_metric: accuracy cannot be computed of task 'number', whose target is"),
        (["number"], {"tune": TUNE | {"metric": "macro_f1"}, "data": DEV},
         "tune.metric: macro_f1 cannot be computed of task 'number'"),
        (["one"], {"train": {"select_metric": "f1"}}, "name it in the entry of task 'one'"),
        (["one", "number"], {"tune": TUNE | {"per": "model"}, "data": DEV},
         "whose main metrics differ (accuracy, pearson); name one as `metric`"),
        (["one"], {"train": {"threshold": 1.0}}, "1.0 is neither a probability between 0 and 1"),
        (["one"], {"train": {"class_weights": {"x": 0}}}, "0 is no weight of 'x'; write a number"),
        (["one"], {"train": {"class_weights": "even"}}, "'even' is neither null, balanced nor"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_target_is_refused_in_one_line(tmp_path, names, changes, line):
    with pytest.raises(UserError) as error:
        project(tmp_path, *names, **changes)
    (problem,) = error.value.problems
    assert line in problem


def test_the_remedy_that_is_named_works(tmp_path):
    overrides = [
        {"where": {"task": ["one"]}, "set": SMOOTH | {"class_weights": {"x": 2}}},
        {"where": {"task": ["several"]}, "set": {"threshold": "dev", "class_weights": "balanced"}},
    ]
    data = {"tasks": {"several": {"max_train": 100}}}
    cells = expand_grid(
        project(tmp_path, "one", "several", "number", overrides=overrides, data=data)
    )
    one, several, number = [cell.settings.train for cell in cells]
    assert (one.label_smoothing, one.class_weights, one.threshold) == (0.1, {"x": 2.0}, 0.5)
    assert (several.threshold, several.class_weights) == ("dev", "balanced")
    assert (number.label_smoothing, number.threshold) == (0.0, 0.5)


def test_an_epoch_is_chosen_by_the_main_metric_of_its_task(tmp_path):
    by_f1 = {"metrics": ["accuracy", "f1"], "main_metric": "f1", "positive": "y"}
    tasks = TASKS | {"pairs": TASKS["one"] | by_f1}
    cells = list(expand_grid(project(tmp_path, "one", "several", "number", "pairs", tasks=tasks)))
    chosen = [cell.settings.train.select_metric for cell in cells]
    assert chosen == ["accuracy", "micro_f1", "pearson", "f1"]
    assert [cell.main_metric for cell in cells] == chosen
    read = CellSettings.from_json(cells[3].settings.to_json())
    assert positive_label(read) == "y"


def test_a_step_that_is_asked_for_is_shown_in_the_place_of_the_cells_own(tmp_path):
    cells = list(expand_grid(project(tmp_path, "one")))
    (own,) = memory_cases(cells, "minilm-l6")
    (asked,) = memory_cases(cells, "minilm-l6", MemorySettings(batch=4, tokens=64))
    assert asked == own | {"batch": 4, "tokens": 64}
    assert memory_cases(cells, "minilm-l6", MemorySettings()) == [own]
