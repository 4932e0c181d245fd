"""A CSV and a model of the hub: from nothing to a summary by YAML alone.

What follows from a summary is the same whatever was read: see `test_grid_run.py`.
"""

import json

import pandas as pd
import tiny
from hub import Hub, Repository
from workflow import own_workflow


def test_a_table_and_a_model_of_the_hub_become_a_summary(tiny_model, tmp_path, monkeypatch):
    root = tiny.write_data(tmp_path / "data")
    for split in ("train", "test"):
        lines = (root / f"tiny/{split}.jsonl").read_text().splitlines()
        data = pd.DataFrame(map(json.loads, lines))
        data["label"] = data["label"].map(tiny.LABELS.index)
        data.to_csv(root / f"{split}.csv.gz", index=False)
    config = tiny.config(tiny_model, root)
    config["models"] = {"mine": {"hub": {"repository": "owner/model", "revision": "main"}}}
    config["grid"][0] |= {
        "models": ["mine"],
        "tasks": ["mine"],
        "seeds": [1],
        "methods": ["full", "adapter-4"],
    }
    config["tasks"] = {
        "mine": {
            "reader": "table",
            "files": {"train": "train.csv.gz", "test": "test.csv.gz"},
            "columns": {"text": "text", "label": "label"},
            "labels": tiny.LABELS,
            "values": {str(index): name for index, name in enumerate(tiny.LABELS)},
        }
    }
    config["train"]["pack"] = 2
    config["data"]["tasks"] = {"mine": {"dev_fraction": 0.2}}
    workflow = own_workflow(tmp_path, config)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with Hub() as hub:
        hub.repositories["models/owner/model"] = Repository.of(tiny_model)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        workflow.run("results/summary.csv")
    summary = pd.read_csv(workflow.directory / "results/summary.csv")
    accuracy = summary[summary["metric"] == "accuracy"]
    assert accuracy[["model", "task", "method"]].to_numpy().tolist() == [
        ["mine", "mine", "full"],
        ["mine", "mine", "adapter-4"],
    ]
    assert accuracy["mean"].notna().all()
