"""Few-shot versions and aggregated tasks, from a name in the grid to the tables."""

import json

import pandas as pd
import pytest
import tiny
from workflow import own_workflow

JOINED = "other+tiny_fs"


@pytest.fixture(scope="module")
def done(tiny_model, tmp_path_factory):
    """A finished grid of a task, its few-shot version, and that with another task as one."""
    folder = tmp_path_factory.mktemp("derived")
    config = tiny.config(tiny_model, tiny.write_data(folder / "data"))
    config["tasks"]["other"] = config["tasks"]["tiny"] | {
        "files": {"train": "tiny/test.jsonl", "test": "tiny/dev.jsonl"},
        "counts": {"train": 20, "test": 12},
    }
    config["grid"][0] |= {"tasks": ["tiny", "tiny_fs", JOINED], "methods": ["full"]}
    config["data"]["tasks"] = {"tiny_fs": {"few_shot": 5}, "other": {"dev_fraction": 0.2}}
    config["train"]["pack"] = 2
    workflow = own_workflow(folder, config)
    workflow.run("tables")
    return workflow.directory / "results"


def run_file(results, task, seed, name):
    return results / f"runs/tiny-bert/{task}/full/seed{seed}/{name}"


def test_each_seed_of_a_few_shot_task_trains_on_its_own_few_examples(done):
    made = json.loads(run_file(done, "tiny_fs", 1, "provenance.json").read_text())
    assert made["splits"]["train"]["labels"] == {"good": 5, "bad": 5}
    assert made["splits"]["dev"]["labels"] == {"good": 5, "bad": 5}
    assert made["splits"]["test"]["examples"] == tiny.COUNTS["test"]
    losses = [run_file(done, "tiny_fs", seed, "history.csv").read_text() for seed in (1, 2)]
    assert losses[0] != losses[1]
    runs = pd.read_parquet(done / "runs.parquet").set_index(["task", "seed"])
    assert runs.loc[("tiny_fs", 1), "examples.train"] == 10
    assert runs.loc[("tiny", 1), "examples.train"] == 48


def test_an_aggregated_task_is_measured_by_its_parts_too(done):
    metrics = tiny.score(done / f"runs/tiny-bert/{JOINED}/full/seed2")
    parts = metrics["parts"]
    assert {part: own["examples"] for part, own in parts.items()} == {"other": 12, "tiny_fs": 20}
    right = sum(own["accuracy"] * own["examples"] for own in parts.values())
    assert metrics["accuracy"] == pytest.approx(right / 32)
    predictions = pd.read_parquet(run_file(done, JOINED, 2, "predictions.parquet"))
    assert set(predictions["label"]) == {
        f"{part}/{label}" for part in ("other", "tiny_fs") for label in tiny.LABELS
    }
    table = pd.read_csv(done / "tables/parts.csv").set_index("part")
    alone = pd.read_csv(done / "summary.csv").set_index(["task", "metric"])["mean"]
    assert table.loc["tiny_fs", "alone"] == alone["tiny_fs", "accuracy"]
    assert pd.isna(table.loc["other", "alone"])


def test_each_task_has_its_card_and_leaks_reach_every_table(done):
    cards = {task: json.loads((done / f"cards/{task}.json").read_text())
             for task in ("tiny", "tiny_fs", JOINED)}  # fmt: skip
    assert cards["tiny"]["splits"]["train"]["examples"] == 48
    assert cards["tiny_fs"]["few_shot"][0]["examples"] == 5
    # Train of `other` is test of `tiny`: each of those 20 that was not cut for dev leaks.
    (leak,) = (row for row in cards[JOINED]["across"]
               if (row["source"], row["target"]) == ("train", "test"))  # fmt: skip
    assert leak["exact"] == 16
    for table in ("quality", "methods", "data", "tasks", "parts"):
        assert f"{JOINED} 16 of 32 (50.0 %)" in (done / f"tables/{table}.md").read_text(), table
    log = (done / f"logs/check_task/{JOINED}.log").read_text()
    assert "WARNING leakage: " in log
