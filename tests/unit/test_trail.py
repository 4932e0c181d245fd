"""Following a result back to its runs."""

import csv
import json
import shutil
import subprocess

import forked
import pytest
import tiny
from measured import BY_ACCURACY
from paths import ROOT

from tunegrid.errors import UserError
from tunegrid.provenance import LIBRARIES, installed_version
from tunegrid.staleness import training_code
from tunegrid.trail import changes_since, runs_behind, trail

FILES = {"model.safetensors": "a" * 64}


@pytest.fixture
def results(tmp_path, tiny_model, encoded):
    """Two cells, the first of which is finished and as it would be made now."""
    folder = tmp_path / "results"
    rows = [
        {"model": "m", "task": task, "method": "full", "seed": "1", "hash": f"hash-{task}",
         "path": f"m/{task}/full/seed1", "test_score": "pooled",
         **BY_ACCURACY}
        for task in ("one", "two")
    ]  # fmt: skip
    run = folder / "runs/m/one/full/seed1"
    run.mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    for name in ("tables/quality.md", "figures/curves_two.png", "results.xlsx"):
        (folder / name).write_text("")
    with (folder / "cells.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    settings = tiny.cell()
    training = tiny.train(settings, tiny_model, encoded[0], run)
    assert training["hash"] == settings.hash
    made = {
        "hash": "hash-one", "code": training_code(settings),
        "git": {"commit": "f00", "dirty": True},
        "versions": {name: installed_version(name) for name in LIBRARIES},
        "settings": settings.to_json(), "host": "node7", "slurm_job": "4711",
        "device": "A100", "started": "2026-01-02", "seconds": 12.3,
        "model_files": FILES, "task_files": {"one": {"train": ["b" * 64]}},
    }  # fmt: skip
    (run / "provenance.json").write_text(json.dumps(made))
    for name, card in (
        ("models/m/model.json", {"files": FILES}),
        ("tasks/one/task.json", {"files": {"train": {"train.csv": "b" * 64}}}),
    ):
        path = tmp_path / "resources" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(card))
    return folder


@pytest.fixture
def tuned(results):
    """The same, tuned: of two candidates of task one, the first has a finished run."""
    rows = [
        {"candidate": number, "model": "m", "task": "one", "method": "full", "seed": "101",
         "hash": "hash-one", "path": f"m/one/full/candidate{number}/seed101",
         "test_score": "pooled", **BY_ACCURACY}
        for number in (1, 2)
    ]  # fmt: skip
    runs = results / "tuning/runs"
    shutil.copytree(results / "runs/m/one/full/seed1", runs / rows[0]["path"])
    for name in ("choices/m/one/full.json", "scores/m/one/full.json"):
        path = results / "tuning" / name
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    (results / "figures/tuning_rates.png").write_text("")
    with (results / "tuning/cells.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return results


@pytest.mark.parametrize(
    ("path", "wanted", "candidates"),
    [
        ("tuning/runs/m/one/full/candidate1/seed101/training.json", {}, ["1"]),
        ("tuning/choices/m/one/full.json", {}, ["1", "2"]),
        ("tuning/scores/m/one/full.json", {}, ["1", "2"]),
        ("figures/tuning_rates.png", {"method": "full"}, ["1", "2"]),
        ("tuning", {}, ["1", "2"]),
    ],
)
def test_what_tuning_shows_names_the_runs_of_its_candidates(tuned, path, wanted, candidates):
    _, cells = runs_behind(tuned / path, wanted)
    assert [cell["candidate"] for cell in cells] == candidates


def test_a_run_of_a_candidate_is_told_and_a_run_names_its_choice(tuned):
    _, cells = runs_behind(tuned / "tuning/scores/m/one/full.json", {})
    told, unfinished = ("\n".join(trail(tuned, cell)) for cell in cells)
    assert "20 examples of dev" in told
    assert "logs/tune/m/one/full/candidate1/seed101.log" in told
    assert "the run was never started" in unfinished
    _, (cell,) = runs_behind(tuned / "runs/m/one/full/seed1", {})
    assert "chosen     " in "\n".join(trail(tuned, cell))


@pytest.mark.parametrize(
    ("path", "wanted", "tasks"),
    [
        ("tables/quality.md", {}, ["one", "two"]),
        ("results.xlsx", {"task": "two"}, ["two"]),
        ("figures/curves_two.png", {}, ["two"]),
        ("runs/m/one/full/seed1/training.json", {}, ["one"]),
        ("runs/m/one/full/seed1", {}, ["one"]),
        (".", {"seed": "1"}, ["one", "two"]),
    ],
)
def test_a_result_names_the_runs_behind_it(results, path, wanted, tasks):
    folder, cells = runs_behind(results / path, wanted)
    assert folder == results
    assert [cell["task"] for cell in cells] == tasks


def test_a_result_of_a_named_configuration_names_its_own_runs(results):
    named = results / "my-study"
    for name in ("runs", "tables", "figures"):
        shutil.copytree(results / name, named / name)
    shutil.copy2(results / "cells.csv", named)
    folder, cells = runs_behind(named / "tables/quality.md", {})
    assert folder == named
    told = "\n".join(trail(named, cells[0]))
    assert str(named / "logs/train") in told
    card = results.parent / "resources/models/m/model.json"
    card.write_text(json.dumps({"files": {}}))
    assert f"model files: {card} has other checksums" in "\n".join(trail(named, cells[0]))


@pytest.mark.parametrize(
    ("path", "wanted", "line"),
    [
        ("../elsewhere", {}, "is no result; name a file below results/"),
        ("tables/none.md", {}, "is not there; run the workflow to make it"),
        ("results.xlsx", {"method": "lora"}, "has no run with method lora"),
    ],
)
def test_what_has_no_run_is_one_line(results, path, wanted, line):
    with pytest.raises(UserError, match=line):
        runs_behind((results / path).resolve(), wanted)


def test_a_run_is_told_with_all_that_made_it(results):
    _, (cell,) = runs_behind(results / "runs/m/one/full/seed1", {})
    text = "\n".join(trail(results, cell))
    for part in (
        "accuracy 0.", "20 examples of test", "epochs 2", "commit f00, with local",
        "2026-01-02 on node7, Slurm job 4711, A100, 12 s", "logs/train/m/one/full/seed1.log",
        "changed    nothing",
    ):  # fmt: skip
        assert part in text
    _, cells = runs_behind(results / "results.xlsx", {"task": "two"})
    assert "is not there; the run was never started" in "\n".join(trail(results, cells[0]))


def test_what_changed_since_is_said(results):
    _, (cell,) = runs_behind(results / "runs/m/one/full/seed1", {})
    path = results / "runs/m/one/full/seed1/provenance.json"
    made = json.loads(path.read_text())
    made |= {"code": "other", "hash": "older", "model_files": {}}
    made["versions"]["torch"] = "1.0"
    made["task_files"]["one"]["train"] = ["c"]
    changes = list(changes_since(results, cell, made))
    assert [change.split(":")[0] for change in changes] == [
        "settings", "code of training", "torch", "model files", "data files"
    ]  # fmt: skip
    assert changes[2] == f"torch: was 1.0, now {installed_version('torch')}"


def test_the_program_prints_a_paragraph_a_run(results):
    run = subprocess.run(
        [forked.interpreter(), ROOT / "scripts/trace.py", results / "results.xlsx",
         "--method", "full"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, _, *rest = run.stdout.splitlines()
    assert first.endswith("results.xlsx: 2 runs")
    assert rest[0] == "m/one/full/seed1"
    assert rest.count("") == 1
