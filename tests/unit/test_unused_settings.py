"""What a configuration says and no run uses is a warning that names where it stands."""

import pytest
import yaml
from paths import ROOT

from tunegrid.planning.loading import load_project
from tunegrid.planning.unused_settings import unused_settings

GRID = """
grid:
  - {models: [minilm-l6], tasks: [reviews], methods: [full, adapter-64], seeds: [1, 2]}
  - {models: [minilm-l6], tasks: [questions], methods: [full], seeds: [1]}
"""


def warnings(folder, text):
    path = folder / "my.yaml"
    path.write_text(text)
    return list(unused_settings(load_project([path])))


def override(where, settings="{epochs: 2}"):
    return f"overrides: [{{where: {where}, set: {settings}}}]"


def two_overrides(where, settings, later_where, later_settings):
    return override(where, settings)[:-1] + f", {{where: {later_where}, set: {later_settings}}}]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (override("{method: [adapter-8, lora]}"), "the grid has no method adapter-8, method lora"),
        (override("{method: [full], seed: [3]}"), "overrides[0].where: matches no cell"),
        (override("{task: [questions], method: [adapter-64]}"), "no block has all of it at once"),
        (
            two_overrides("{seed: [1]}", "{epochs: 2}", "{seed: 1..2}", "{epochs: 3, keep: all}"),
            "overrides[0]: overrides[1] sets the same for the same cells",
        ),
        (
            "data: {tasks: {agnews: {max_train: 9}}}",
            "data.tasks.agnews: changes nothing, since the",
        ),
        ("data: {few_shot_seed: 3}", "data.few_shot_seed: 3 draws nothing"),
        ("train: {select_metric: accuracy}", "train.select_metric: accuracy selects nothing"),
    ],
)
def test_each_setting_that_no_run_uses_is_one_warning(tmp_path, text, told):
    [warning] = warnings(tmp_path, GRID + text)
    assert "my.yaml: " in warning
    assert told in warning


def test_a_block_that_adds_no_cell_is_a_warning(tmp_path):
    block = "  - {models: [minilm-l6], tasks: [reviews], methods: [full], seeds: [2]}\n"
    [warning] = warnings(tmp_path, GRID + block)
    assert "grid[2]: adds no cell" in warning


@pytest.mark.parametrize(
    "text",
    [
        "",
        override("{method: [adapter-64, lora]}"),
        override("{task: [questions]}"),
        two_overrides("{seed: [1]}", "{epochs: 2}", "{seed: [1], method: [full]}", "{epochs: 3}"),
        two_overrides("{seed: [1]}", "{epochs: 2, keep: all}", "{seed: [1]}", "{epochs: 3}"),
        "data: {few_shot_seed: 3, few_shot: 4}",
        "train: {select_metric: accuracy, select: best_dev}",
        "data: {tasks: {reviews: {max_train: 9}}}",
    ],
)
def test_settings_that_some_run_uses_are_none(tmp_path, text):
    assert warnings(tmp_path, GRID + text) == []


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((ROOT / "config").glob("*.yaml"))
        if "grid" in yaml.safe_load(path.read_text())
    ],
    ids=lambda path: path.name,
)
def test_no_shipped_configuration_is_warned_of(path):
    assert list(unused_settings(load_project([path]))) == []
