"""A task whose labels its files tell, alone, few-shot and in an aggregated task; and its card."""

import json

import pandas as pd
import pytest
import tiny
from workflow import own_workflow

from tunegrid.files import read_json

JOINED = "mine+tiny"
#: Of each task of the grid.
LABELS = {
    "mine": ["bad", "good"],
    "mine_fs": ["bad", "good"],
    JOINED: ["mine/bad", "mine/good", "tiny/good", "tiny/bad"],
}


@pytest.fixture(scope="module")
def done(tiny_model, tmp_path_factory):
    """Such a task encoded in three ways, one of them trained, beside tasks that no grid trains."""
    folder = tmp_path_factory.mktemp("auto")
    root = tiny.write_data(folder / "data")
    for split in tiny.COUNTS:
        lines = (root / f"tiny/{split}.jsonl").read_text().splitlines()
        data = pd.DataFrame(map(json.loads, lines))
        data["kind"] = split
        if split == "train":
            data.loc[0, "label"] = "-"
        data.to_csv(root / f"{split}.csv", index=False)
    parts = [pd.read_csv(root / f"{split}.csv") for split in tiny.COUNTS]
    pd.concat(parts).to_csv(root / "all.csv", index=False)
    config = tiny.config(tiny_model, root)
    config["tasks"]["mine"] = {
        "files": {"all": "all.csv"},
        "columns": {"text": "text", "label": "label", "split": "kind"},
        "split": {"by": "column"},
        "labels": "auto",
        "drop": {"labels": ["-"]},
    }
    # Another one, which the grid does not train.
    config["tasks"]["alone"] = {
        "files": {"train": "dev.csv", "test": "test.csv"},
        "columns": {"text": "text", "label": "label"},
        "labels": "auto",
    }
    config["grid"][0] |= {"tasks": [*LABELS], "methods": ["full"], "seeds": [1]}
    config["data"]["tasks"] = {"mine_fs": {"few_shot": 3}}
    config["train"]["pack"] = 2
    workflow = own_workflow(folder, config)
    run = f"results/runs/tiny-bert/{JOINED}/full/seed1/training.json"
    workflow.run(run, *(f"results/encoded/tiny-bert/{task}" for task in LABELS))
    return workflow


def test_its_labels_are_those_of_its_files(done):
    fetched = read_json(done.directory / "resources/tasks/mine/task.json")
    assert fetched["labels"] == ["bad", "good"]
    assert fetched["dropped"] == {"all": {"label '-'": 1}}
    assert fetched["examples"] == {"dev": 12, "test": 20, "train": 47}
    log = (done.directory / "results/logs/fetch_task/mine.log").read_text()
    assert "mine all: 1 rows dropped" in log


@pytest.mark.parametrize("task", LABELS)
def test_it_is_encoded_with_them(done, task):
    card = read_json(done.directory / f"results/encoded/tiny-bert/{task}/encoding.json")
    assert card["labels"] == LABELS[task]


def test_runs_predict_the_labels_of_the_encoding(done):
    run = done.directory / f"results/runs/tiny-bert/{JOINED}/full/seed1"
    assert read_json(run / "training.json")["labels"] == LABELS[JOINED]
    assert set(pd.read_parquet(run / "predictions.parquet")["label"]) == set(LABELS[JOINED])


def test_a_task_outside_the_grid_has_a_card(done):
    done.run("results/cards/alone.html")
    card = read_json(done.directory / "results/cards/alone.json")
    assert card["tokenizers"] == {}
    assert card["splits"]["train"]["examples"] == 12
