"""A configuration with `tune`: the runs of its candidates, and what it is refused for."""

import json

import pytest
import tiny
import yaml

from tunegrid.errors import UserError
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.planning.tuning_cells import tuning_cells

TUNE = {
    "space": {"learning_rate": {"log": [1.0e-4, 1.0e-1]}, "epochs": [1, 2]},
    "trials": 3,
    "seeds": [101, 102],
}


@pytest.fixture
def project(tmp_path):
    """A function: the tiny grid's project, its blocks and its tuning changed."""
    (tmp_path / "config.json").write_text("{}")

    def make(changes=None, **blocks):
        config = tiny.config(tmp_path, None, overrides=[], published=[]) | blocks
        config["tune"] = TUNE | (changes or {})
        path = tmp_path / "my.yaml"
        path.write_text(yaml.safe_dump(config))
        return load_project([path])

    return make


def runs_of(project):
    return list(tuning_cells(project.config.tune, list(expand_grid(project))))


def test_every_method_is_tried_as_often_as_the_others(project):
    runs = runs_of(project())
    assert len(runs) == 2 * 3 * 2
    assert runs[0].path == "tiny-bert/tiny/full/candidate1/seed101"
    assert {(run.method, run.candidate, run.seed) for run in runs} == {
        (method, candidate, seed)
        for method in ("full", "adapter-4")
        for candidate in (1, 2, 3)
        for seed in (101, 102)
    }
    assert len({run.hash for run in runs}) == len(runs)


def test_more_trials_add_runs_and_change_none(project):
    few = {run.path: run.hash for run in runs_of(project())}
    many = {run.path: run.hash for run in runs_of(project({"trials": 5}))}
    assert {path: many[path] for path in few} == few
    assert len(many) == 2 * 5 * 2


def test_a_grid_s_run_is_told_all_but_what_is_chosen(project, tmp_path, monkeypatch):
    """Its settings are complete once the choice is there."""
    monkeypatch.chdir(tmp_path)
    cell = expand_grid(project())[0]
    told = cell.to_json()
    assert not {"learning_rate", "epochs"} & told["settings"]["train"].keys()
    assert told["choice"] == "results/tuning/choices/tiny-bert/tiny/full.json"
    before = cell.hash
    choice = tmp_path / told["choice"]
    choice.parent.mkdir(parents=True)
    choice.write_text(json.dumps({"settings": {"learning_rate": 0.003, "epochs": 2}}))
    train = cell.closed_settings().train
    assert (train.learning_rate, train.epochs, train.batch_size) == (0.003, 2, 8)
    assert cell.hash != before


def test_what_the_configuration_says_of_a_tuned_setting_reruns_nothing(project):
    first = expand_grid(project())[0]
    train = {"epochs": 7, "batch_size": 8, "learning_rate": 0.9}
    second = expand_grid(project(train=train))[0]
    assert first.open_settings() == second.open_settings()


@pytest.mark.parametrize(
    ("changes", "blocks", "line"),
    [
        ({"seeds": [2, 101]}, {}, "tune.seeds: 2 is a seed of the grid, too"),
        ({"seeds": [101, 101]}, {}, "tune.seeds: 101 stands several times"),
        ({"methods": {"lora-8": {}}}, {}, "tune.methods.lora-8: unknown method 'lora-8'"),
        (
            {"space": {"learning_rate": [0.1, 2.0]}, "trials": 2},
            {},
            "tune.space.learning_rate: 2.0 is out of range; it must be less than 1",
        ),
        (
            {"space": {"schedule": ["linear", "step"]}, "trials": 2},
            {},
            "tune.space.schedule: 'step' is not one of",
        ),
        (
            {"methods": {"full": {"epochs": {"linear": [0, 4]}}}},
            {},
            "tune.methods.full.epochs: 0 is out of range; it must be at least 1",
        ),
        (
            {"space": {"layer_decay": [0.9, 1.5]}, "trials": 2},
            {},
            "tune.space.layer_decay: 1.5 is out of range",
        ),
        (
            {"space": {"max_steps": [50, 100], "epochs": [1, 2]}, "trials": 2},
            {},
            "tune.space.epochs: max_steps stands in place of epochs, which would change nothing",
        ),
        (
            {"space": {"max_steps": [50, 100]}, "trials": 2, "halving": 2},
            {},
            "tune.halving: stops candidates after some of their epochs, but max_steps counts steps",
        ),
        (
            {"halving": 2},
            {"train": {"eval_every": 10}},
            "tune.halving: stops candidates at the end of an epoch, but eval_every evaluates by",
        ),
        (
            {"space": {"layer_decay": [0.8, 0.9, 1.0]}},
            {"methods": {"full": {"kind": "head"}, "adapter-4": tiny.ADAPTER}},
            "tune.space.layer_decay: 0.8, but method 'full' (kind: head) trains no layer",
        ),
        (
            {"space": {"optimizer": ["adamw", "adafactor"], "adam_beta2": [0.98, 0.999]}},
            {},
            "tune.space.adam_beta2: 0.98, but optimizer: adafactor has no such setting",
        ),
        (
            {"space": {"epochs": [1, 2]}, "trials": 4},
            {},
            "tune.trials: 4 trials, but the space has 2 combinations",
        ),
        (
            {
                "space": {"epochs": [1, 2]},
                "trials": "grid",
                "methods": {"full": {"epochs": [1, 2, 3]}},
            },
            {},
            "tune.methods: the grids differ in size (full 3, adapter-4 2)",
        ),
        (
            {},
            {"overrides": [{"where": {"method": ["full"]}, "set": {"epochs": 5}}]},
            "overrides[0].set.epochs: tuning chooses epochs",
        ),
        (
            {},
            {
                "tasks": {
                    "tiny": tiny.TASK | {"files": {"train": "a", "test": "b"}, "counts": None}
                },
                "train": {"protocol": "report"},
            },
            "tune: chooses by dev, but task 'tiny' ships no dev split",
        ),
    ],
)
def test_what_cannot_be_tuned_is_one_line(project, changes, blocks, line):
    with pytest.raises(UserError) as error:
        project(changes, **blocks)
    assert any(line in problem for problem in error.value.problems), error.value.problems
    assert all("\n" not in problem for problem in error.value.problems)


def test_settings_of_the_optimizer_step_are_tried(project):
    space = {
        "frozen_layers": {"linear": [0, 4]},
        "layer_decay": [0.8, 1.0],
        "head_learning_rate": {"log": [1.0e-4, 1.0e-2]},
        "adam_beta2": [0.98, 0.999],
        "max_steps": {"linear": [10, 20]},
        "optimizer": ["adamw", "adamw_8bit"],
    }
    runs = runs_of(project({"space": space, "trials": 6}))
    for run in runs:
        tried = run.settings.train
        assert tried.frozen_layers in range(5)
        assert tried.max_steps in range(10, 21)
        assert 1e-4 <= tried.head_learning_rate <= 1e-2
    assert {run.settings.train.optimizer for run in runs} == {"adamw", "adamw_8bit"}


def test_a_space_without_what_a_method_lacks_is_taken(project):
    methods = {"full": {"kind": "head"}, "adapter-4": tiny.ADAPTER}
    own = {"full": {"layer_decay": [1.0]}}
    space = {"learning_rate": [0.1, 0.2, 0.3], "layer_decay": [0.8, 0.9, 1.0]}
    assert runs_of(project({"space": space, "methods": own}, methods=methods))
