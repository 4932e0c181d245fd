"""What does not fit is one line before any training, and keeps nothing else from being trained."""

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file
from tiny import save_model
from workflow import Workflow

from tunegrid.files import read_json


@pytest.fixture(scope="module")
def checked(finished, tmp_path_factory):
    """A method that does not fit and a damaged model, checked: (workflow, configuration, run)."""
    original, config = finished
    folder = tmp_path_factory.mktemp("checked")
    damaged = save_model(folder / "damaged")
    tensors = load_file(damaged / "model.safetensors")
    less = {name: value for name, value in tensors.items() if "layer.1" not in name}
    save_file(less, damaged / "model.safetensors", metadata={"format": "pt"})
    misfit = {"kind": "adapter", "adapter": "double_seq_bn[non_linearity='no']"}
    config = config | {
        "models": config["models"] | {"damaged": {"folder": str(damaged)}},
        "methods": config["methods"] | {"misfit": misfit},
        "train": config["train"] | {"pack": 4},
        "grid": [
            {"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["full", "misfit"],
             "seeds": [1]},
            {"models": ["damaged"], "tasks": ["tiny"], "methods": ["full"], "seeds": [1]},
        ],
    }  # fmt: skip
    workflow = Workflow(original.source, folder / "out", folder / "checked.yaml")
    workflow.configure(config)
    return workflow, config, workflow.run("checks", check=False)


def test_what_does_not_fit_is_one_line_each(checked):
    workflow, _, run = checked
    assert run.returncode == 1
    shown = [line for line in run.stderr.splitlines() if line.lstrip().startswith("error: ")]
    assert len([line for line in shown if "misfit" in line or "cannot be added" in line]) == 1
    (lacking,) = [line for line in shown if "damaged" in line]
    assert "the weights lack 16 of the encoder's 39 tensors" in lacking
    assert "Traceback" not in run.stderr
    checks = workflow.directory / "results/checks"
    assert [str(path.relative_to(checks)) for path in checks.rglob("*.json")] == [
        "tiny-bert/tiny/full.json"
    ]


def test_the_others_are_trained_and_what_does_not_fit_is_shown_as_failed(checked):
    workflow, config, _ = checked
    run = workflow.run("runs", check=False)
    assert run.returncode == 1
    runs = workflow.directory / "results/runs"
    assert [path.parent.name for path in runs.rglob("training.json")] == ["seed1"]
    assert (runs / "tiny-bert/tiny/full/seed1/training.json").is_file()
    workflow.configure(config | {"partial": True})
    workflow.run("results/runs.csv")
    rows = pd.read_csv(workflow.directory / "results/runs.csv").set_index(["model", "method"])
    assert rows["state"].tolist() == ["finished", "failed", "failed"]
    assert "cannot be added" in rows.loc[("tiny-bert", "misfit"), "problem"]
    assert "the weights lack" in rows.loc[("damaged", "full"), "problem"]


def test_another_seed_or_method_checks_nothing_again(grid):
    workflow, config = grid
    assert read_json(workflow.directory / "results/checks/tiny-bert/tiny/full.json")["notes"]
    (block,) = config["grid"]
    workflow.configure(config | {"grid": [block | {"seeds": [2, 3], "methods": ["full", "head"]}]})
    assert workflow.plan("runs") == {"try_cell": 1, "check_cell": 1, "train": 3, "runs": 1}


def test_a_trial_of_another_version_checks_nothing_again(finished, tmp_path):
    workflow, config = finished[0].copy(tmp_path), finished[1]
    workflow.configure(config)
    module = workflow.source / "scripts/tunegrid/training/trial.py"
    module.write_text(module.read_text().replace("FEW_LAYERS = 2", "FEW_LAYERS = 3"))
    assert workflow.plan("runs") == {}


def test_a_pack_of_more_cells_than_one_argument_holds_is_one_process(checked):
    """150 cells of a method that does not fit: the pack reads them all, and trains none."""
    workflow, config, _ = checked
    cells = {"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["misfit"]}
    workflow.configure(
        config
        | {"grid": [cells | {"seeds": list(range(1, 151))}]}
        | {"train": config["train"] | {"pack": 200}}
    )
    try:
        workflow.run("results/packs/tiny-bert/tiny/1.json")
    finally:
        workflow.configure(config)
    (log,) = workflow.directory.glob("results/logs/train_pack/tiny-bert/tiny/1.log")
    assert log.read_text().count("left out: ") == 150
