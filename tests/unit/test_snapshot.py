"""A start's snapshot holds all that decides its cells; the next start says what has changed."""

import json

import pytest
import tiny
import yaml
from paths import ROOT

from tunegrid.errors import UserError
from tunegrid.planning.changes import changes_since_last_start, describe_changes, other_sources
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.planning.snapshot import (
    grid_configuration,
    read_snapshot,
    record_start,
    snapshot_digest,
)
from tunegrid.planning.snapshot_files import STARTS, last_start
from tunegrid.planning.tuning_cells import tuning_cells

CATALOGUES = {"models.yaml", "tasks.yaml", "methods.yaml", "gpus.yaml"}
SHIPPED = sorted(
    path for path in (ROOT / "config").glob("*.yaml") if path.name not in CATALOGUES
)  # fmt: skip
#: Words that YAML or JSON would take for something else, and a number that JSON writes with no dot.
AWKWARD = {
    "train": {"learning_rate": 1e-05, "class_weights": {"no": 2.0, "1": 0.5}},
    "tasks": {"tiny": tiny.TASK | {"labels": ["no", "1"], "counts": {"train": 48}}},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")


def project(tmp_path, **changes):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(tiny.config(tmp_path, None, **changes)))
    return load_project([path])


def all_cells(found):
    cells = list(expand_grid(found))
    tune = found.config.tune
    return [cell.to_json() for cell in [*cells, *(tuning_cells(tune, cells) if tune else [])]]


@pytest.mark.parametrize(
    "path", [*SHIPPED, None], ids=lambda path: path.stem if path else "awkward"
)
def test_a_snapshot_gives_back_every_cell_and_itself(tmp_path, path):
    before = load_project([path]) if path else project(tmp_path, **AWKWARD)
    snapshot = record_start(before)
    for after in (read_snapshot(snapshot), load_project([snapshot])):
        assert all_cells(after) == all_cells(before)
        assert after.config.model_dump(exclude={"models", "tasks", "methods"}) == (
            before.config.model_dump(exclude={"models", "tasks", "methods"})
        )
        assert snapshot_digest(after) == snapshot.stem
        assert grid_configuration(after) == grid_configuration(before)


def test_an_edit_of_file_or_catalogue_does_not_reach_a_snapshot(tmp_path, monkeypatch):
    snapshot = record_start(project(tmp_path))
    before = all_cells(read_snapshot(snapshot))
    (tmp_path / "my.yaml").write_text("grid: [")
    for catalogue in ("models", "tasks", "methods"):
        monkeypatch.setattr(f"tunegrid.planning.loading.load_{catalogue}", lambda: 1 / 0)
    assert all_cells(load_project([snapshot])) == before


def test_a_catalogue_entry_of_the_grid_decides_cells_and_another_does_not(tmp_path):
    before = project(tmp_path)
    described = {"aside": tiny.TASK}
    assert grid_configuration(project(tmp_path, cluster={"mem": "9GB"})) == (
        grid_configuration(before)
    )
    other = project(tmp_path, tasks={"tiny": tiny.TASK | {"labels": ["bad", "good"]}})
    assert grid_configuration(other) != grid_configuration(before)
    assert snapshot_digest(project(tmp_path, tasks={"tiny": tiny.TASK} | described)) != (
        snapshot_digest(before)
    )


def test_the_next_start_says_what_an_edit_changes(tmp_path):
    config = tiny.config(tmp_path, None)
    assert changes_since_last_start(project(tmp_path)) == []
    record_start(project(tmp_path))
    assert changes_since_last_start(project(tmp_path)) == []

    block = config["grid"][0] | {"seeds": [2, 3, 4]}
    train = config["train"] | {"learning_rate": 0.5, "epochs": 7}
    edited = project(tmp_path, grid=[block], train=train, compare={"margin": 2.0})
    cells, others = changes_since_last_start(edited)
    assert "of 6 cells: 4 new, 2 with other settings (train." in cells
    assert "train.learning_rate" in cells
    assert "2 dropped, whose results stay" in cells
    assert others.endswith("changed since then: compare.margin.")


def test_an_edit_beside_the_cells_says_that_none_depends_on_it(tmp_path):
    edited = project(tmp_path, cluster={"mem": "9GB"})
    assert describe_changes(project(tmp_path), edited, when="then") == [
        "No cell depends on what else has changed since then: cluster.mem."
    ]


def test_another_catalogue_entry_is_named_as_what_a_cell_s_settings_differ_in(tmp_path):
    edited = project(tmp_path, tasks={"tiny": tiny.TASK | {"labels": ["bad", "good"]}})
    (line,) = describe_changes(project(tmp_path), edited, when="then")
    assert "of 4 cells: 4 with other settings (tasks.tiny)." in line


def test_a_source_that_two_configurations_call_the_same_is_a_warning(tmp_path):
    assert not list(other_sources(project(tmp_path)))
    record_start(project(tmp_path, tasks={"tiny": tiny.TASK | {"labels": ["bad", "good"]}}))
    assert not list(other_sources(project(tmp_path)))  # an edit of the same configuration
    (line,) = other_sources(project(tmp_path, name="mine"))
    assert line.startswith("task 'tiny' has another source in the configuration without a name")
    record_start(project(tmp_path))
    assert not list(other_sources(project(tmp_path, name="mine")))


def test_starts_of_another_name_are_no_last_start(tmp_path):
    record_start(project(tmp_path, name="mine", train={"epochs": 9}))
    assert changes_since_last_start(project(tmp_path)) == []
    assert changes_since_last_start(project(tmp_path, name="mine")) != []


@pytest.mark.parametrize("damage", ["", "{", '{"grid": [], "unknown": 1}', None])
def test_a_snapshot_that_cannot_be_read_is_one_line(tmp_path, damage):
    snapshot = record_start(project(tmp_path))
    if damage is None:
        snapshot.unlink()
    else:
        snapshot.write_text(damage)
    with pytest.raises(UserError):
        read_snapshot(snapshot)
    edited = project(tmp_path, cluster={"mem": "9GB"})
    (line,) = changes_since_last_start(edited)
    assert line.startswith("What has changed since the start of ")
    record_start(edited)
    assert changes_since_last_start(edited) == []


def test_a_line_that_a_full_disk_has_cut_is_left_out(tmp_path):
    record_start(project(tmp_path))
    before = last_start(None)
    with STARTS.open("a") as file:
        file.write(json.dumps({"began": "2026"})[:9])
    assert last_start(None) == before
