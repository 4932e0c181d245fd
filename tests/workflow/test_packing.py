"""Several cells in one process: the same results to the bit, and a failure stays alone."""

import json
import re
import shutil

import pandas as pd
import pytest
from tiny import results
from workflow import Workflow

from tunegrid.files import read_json

CELLS = [
    f"tiny-bert/tiny/{method}/seed{seed}" for method in ("full", "adapter-4") for seed in (1, 2)
]
BROKEN = "tiny-bert/tiny/broken/seed1"


@pytest.fixture(scope="module")
def packed(finished, tmp_path_factory):
    """The finished grid's cells in packs of three beside a cell that fails: (workflow, run)."""
    workflow, config = finished
    folder = tmp_path_factory.mktemp("packed")
    packed = Workflow(workflow.source, folder / "out", folder / "packed.yaml")
    too_little = {"where": {"method": ["broken"]}, "set": {"memory_limit": "1KB"}}
    config = config | {
        "train": config["train"] | {"pack": 3},
        "methods": config["methods"] | {"broken": config["methods"]["adapter-4"]},
        "overrides": [*config["overrides"], too_little],
    }
    config["grid"] = [*config["grid"], config["grid"][0] | {"methods": ["broken"], "seeds": [1]}]
    packed.configure(config)
    # What is fetched and encoded is the same; all else is its own, since other tests change it.
    for name in ("resources", "results/encoded", ".snakemake"):
        shutil.copytree(workflow.directory / name, packed.directory / name, symlinks=True)
    return packed, config, packed.run("runs", check=False)


def test_a_packed_cell_is_bitwise_the_unpacked_one(finished, packed):
    for cell in CELLS:
        alone = results(finished[0].directory / "results/runs" / cell)
        assert results(packed[0].directory / "results/runs" / cell) == alone


def test_a_failure_stays_alone_and_says_why(packed):
    workflow, _, run = packed
    assert run.returncode == 1
    failed = re.findall(r"Error in rule (\w+)", run.stderr + run.stdout)
    assert set(failed) == {"train"}
    assert not (workflow.directory / "results/runs" / BROKEN / "training.json").exists()
    log = (workflow.directory / "results/logs/train" / f"{BROKEN}.log").read_text()
    assert "not one example of" in log
    assert "Traceback" not in log
    assert "error: the run failed in its pack; why stands above" in log


def test_the_results_of_the_others_are_to_be_had_and_show_the_failure(packed):
    workflow, config, run = packed
    assert "--config partial=true" in run.stderr
    workflow.configure(config | {"partial": True})
    assert "train" not in workflow.plan()
    workflow.run("tables", "workbook")
    folder = workflow.directory / "results"
    runs = pd.read_csv(folder / "runs.csv").set_index("method")
    assert runs["state"].to_dict() == {"full": "finished", "adapter-4": "finished",
                                       "broken": "failed"}  # fmt: skip
    assert "not one example of" in runs.loc["broken", "problem"]
    assert "failed ‡1" in (folder / "tables/quality.md").read_text()
    assert "broken is not compared" in (folder / "tables/answer.md").read_text()
    assert workflow.plan("tables", "workbook") == {}
    workflow.configure(config)
    assert "train" in workflow.plan()


def test_each_cell_has_its_own_record_of_attempts(packed):
    folder = packed[0].directory / "results/.attempts"
    for cell, ended in ((CELLS[0], "finished"), (BROKEN, "error")):
        lines = (folder / f"{cell}.jsonl").read_text().split("\n")
        assert json.loads(lines[-1])["ended"] == ended


def test_each_cell_has_its_own_log(packed):
    for cell in CELLS:
        log = (packed[0].directory / "results/logs/train" / f"{cell}.log").read_text()
        assert log.count("epoch 2 of 2,") == 1
        assert "taken from results/.finished/" in log


def test_without_the_failing_cell_nothing_is_trained_again(packed):
    workflow, config, _ = packed
    workflow.configure(config | {"grid": config["grid"][:1]})
    started = {
        cell: read_json(workflow.directory / "results/runs" / cell / "provenance.json")["started"]
        for cell in CELLS
    }
    workflow.run("runs")
    assert workflow.plan("runs") == {}
    workflow.configure(
        config | {"grid": config["grid"][:1], "train": config["train"] | {"pack": 1}}
    )
    assert workflow.plan("runs") == {"train": 4, "runs": 1}
    workflow.run("runs")
    for cell, before in started.items():
        made = read_json(workflow.directory / "results/runs" / cell / "provenance.json")
        assert made["started"] == before


def test_what_failed_is_tried_again_by_the_next_start(packed):
    workflow, config, _ = packed
    workflow.configure(config)
    workflow.run("runs", check=False)
    plan = workflow.plan("runs")
    assert plan["train_pack"] == 1
    assert plan["train"] >= 1
