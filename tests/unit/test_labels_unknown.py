"""Planning where the labels of a task are told by its files alone, and what no grid trains."""

import pytest
import tiny
import yaml

from tunegrid.errors import UserError
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.planning.memory_cases import ASSUMED_LABELS, least_memory, memory_cases
from tunegrid.settings import CellSettings

MINE = {"files": {"train": "a.csv", "dev": "b.csv", "test": "c.csv"}, "labels": "auto"}


def project(folder, tasks, grid, **blocks):
    config = {
        "grid": [{"models": ["minilm-l6"], "tasks": grid, "methods": ["full"], "seeds": [1]}],
        "tasks": {"mine": MINE} | tasks,
    } | blocks
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    return load_project([folder / "my.yaml"])


@pytest.mark.parametrize("name", ["mine", "mine_fs", "mine+questions"])
def test_a_cell_s_settings_say_no_labels_that_are_not_known(tmp_path, name):
    (cell,) = expand_grid(project(tmp_path, {}, [name]))
    assert cell.settings.task_source.label_names is None
    again = CellSettings.from_json(cell.settings.to_json())
    assert again.hash == cell.settings.hash


def test_memory_is_predicted_for_an_assumed_number_of_labels(tmp_path):
    cells = list(expand_grid(project(tmp_path, {}, ["mine", "questions"])))
    (case,) = memory_cases(cells, "minilm-l6")
    assert case["labels"] == ASSUMED_LABELS
    auto, listed = map(least_memory, cells)
    assert auto < listed


def test_memory_is_predicted_of_what_trains_and_of_the_optimizer(tmp_path):
    train = {
        "optimizer": "adafactor", "frozen_layers": 2, "gradient_checkpointing": True,
        "precision": "fp16",
    }  # fmt: skip
    (plain,) = expand_grid(project(tmp_path, {}, ["questions"]))
    (cell,) = expand_grid(project(tmp_path, {}, ["questions"], train=train))
    (case,) = memory_cases([cell], "minilm-l6")
    assert (case["optimizer"], case["precision"]) == ("adafactor", "fp16")
    assert (case["frozen_layers"], case["checkpointing"]) == (2, True)
    (mixed,) = memory_cases([cell, plain], "minilm-l6")
    assert (mixed["frozen_layers"], mixed["checkpointing"]) == (0, False), "what takes most"
    # Where a run may take less than the formula says, only what it takes at least is claimed.
    assert least_memory(cell) < least_memory(plain) / 2


def test_the_settings_of_listed_labels_are_what_they_were():
    labels = tiny.cell().task_source
    assert labels.settings()["labels"] == tiny.LABELS


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"files": {"train": "a.csv", "dev": "b.csv"}}, "has no test split; name its file in"),
    ],
)
@pytest.mark.parametrize("name", ["other", "other+questions"])
def test_what_no_grid_trains_is_refused_in_one_line(tmp_path, changes, line, name):
    tasks = {"other": MINE | changes}
    with pytest.raises(UserError) as error:
        project(tmp_path, tasks, ["mine", name])
    (problem,) = error.value.problems
    assert f"grid[0].tasks[1]: task 'other' {line}" in problem
    project(tmp_path, tasks, ["mine"])
