import json

import pytest
import tiny
import yaml

from tunegrid.files import canonical_json
from tunegrid.planning.grid import expand_grid, without_repeated_seeds
from tunegrid.planning.loading import load_project
from tunegrid.settings import CellSettings


def cells(tmp_path, **changes):
    path = tmp_path / "my.yaml"
    (tmp_path / "config.json").write_text("{}")
    path.write_text(yaml.safe_dump(tiny.config(tmp_path, None, **changes)))
    return {cell.path: cell for cell in expand_grid(load_project([path]))}


def test_the_later_override_wins_and_reaches_only_its_cells(tmp_path):
    found = cells(
        tmp_path,
        overrides=[
            {"where": {"method": ["full"]}, "set": {"epochs": 5, "batch_size": 4}},
            {"where": {"method": ["full"], "seed": [2]}, "set": {"epochs": 6}},
        ],
    )
    epochs = {path: cell.settings.train.epochs for path, cell in found.items()}
    assert epochs == {
        "tiny-bert/tiny/full/seed1": 5,
        "tiny-bert/tiny/full/seed2": 6,
        "tiny-bert/tiny/adapter-4/seed1": 2,
        "tiny-bert/tiny/adapter-4/seed2": 2,
    }
    assert found["tiny-bert/tiny/full/seed2"].settings.train.batch_size == 4


def test_cells_that_share_all_but_the_seed_are_what_they_are_alone(tmp_path):
    """What seeds share is made once; an override of one seed and each seed's JSON are its own."""
    block = {"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["full"], "seeds": [1, 2, 30]}
    override = {"where": {"seed": [2]}, "set": {"epochs": 9}}
    together = cells(tmp_path, grid=[block], overrides=[override])
    assert [cell.settings.train.epochs for cell in together.values()] == [2, 9, 2]
    for path, cell in together.items():
        (alone,) = cells(
            tmp_path, grid=[block | {"seeds": [cell.seed]}], overrides=[override]
        ).values()
        assert cell.settings == alone.settings
        assert cell.settings.json == canonical_json(alone.settings.to_json()), path
        assert CellSettings.from_json(json.loads(cell.settings.json)) == alone.settings
    first = next(iter(together.values())).settings
    closed = first.closed({"learning_rate": 0.5})
    assert json.loads(closed.json)["train"]["learning_rate"] == 0.5
    assert json.loads(closed.with_seed(7).json) == json.loads(closed.json) | {"seed": 7}


def test_planning_asks_one_cell_of_those_that_share_all_but_the_seed(tmp_path):
    found = cells(tmp_path, overrides=[{"where": {"seed": [2]}, "set": {"epochs": 9}}])
    assert [cell.path for cell in without_repeated_seeds(found.values())] == list(found)
    alike = cells(tmp_path)
    assert [cell.path for cell in without_repeated_seeds(alike.values())] == [
        path for path in alike if path.endswith("/seed1")
    ]


def test_one_method_s_rate_changes_exactly_that_method_s_hashes(tmp_path):
    before = cells(tmp_path)
    after = cells(
        tmp_path, overrides=[{"where": {"method": ["adapter-4"]}, "set": {"learning_rate": 0.01}}]
    )
    changed = {path for path in before if before[path].hash != after[path].hash}
    assert changed == {path for path in before if "adapter-4" in path}


def test_descriptions_do_not_change_a_hash(tmp_path):
    described = tiny.TASK | {"title": "Something else", "licence": "none"}
    before, after = cells(tmp_path), cells(tmp_path, tasks={"tiny": described})
    assert {p: c.hash for p, c in before.items()} == {p: c.hash for p, c in after.items()}


def test_the_split_settings_of_a_task_reach_its_cells(tmp_path):
    found = cells(tmp_path, data={"max_length": 32, "tasks": {"tiny": {"max_train": 10}}})
    data = found["tiny-bert/tiny/full/seed1"].settings.data
    assert (data.max_length, data.max_train, data.max_test) == (32, 10, None)


def test_blocks_are_united(tmp_path):
    block = {"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["full"], "seeds": [1, 2]}
    assert list(cells(tmp_path, grid=[block, block | {"seeds": [2, 3]}])) == [
        f"tiny-bert/tiny/full/seed{seed}" for seed in (1, 2, 3)
    ]


@pytest.mark.parametrize("task", ["tiny", "tiny_fs", "other+tiny_fs"])
def test_settings_are_read_back_from_what_a_program_is_told(tmp_path, task):
    other = {"other": tiny.TASK | {"labels": ["x", "y", "z"]}}
    found = cells(
        tmp_path,
        grid=[{"models": ["tiny-bert"], "tasks": [task], "methods": ["adapter-4"], "seeds": [1]}],
        tasks={"tiny": tiny.TASK} | other,
    )
    (cell,) = found.values()
    told = json.loads(json.dumps(cell.to_json()))["settings"]
    again = CellSettings.from_json(told)
    assert again.hash == cell.hash
    assert again.train == cell.settings.train
    assert again.method_source == cell.settings.method_source
    assert again.task_source.labels == cell.settings.task_source.labels


def test_a_null_that_means_never_is_no_default(tmp_path):
    """`max_grad_norm: null` is: do not clip; left out it would be clipped at 1."""
    (cell, *_) = cells(tmp_path, train={"max_grad_norm": None}).values()
    assert CellSettings.from_json(cell.settings.to_json()).train.max_grad_norm is None


def test_equal_settings_have_equal_hashes_in_any_order():
    told = tiny.settings_json()
    turned = {key: told[key] for key in reversed(told)}
    turned["train"] = {key: told["train"][key] for key in reversed(told["train"])}
    assert CellSettings.from_json(turned).hash == CellSettings.from_json(told).hash
