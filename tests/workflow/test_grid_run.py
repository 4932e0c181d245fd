"""The whole way on a tiny grid: what is written, and what an edit makes anew."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile

import openpyxl
import pandas as pd
import pytest
import tiny
from paths import ROOT
from tiny import results
from workflow import AGGREGATES, copy_workflow, planned

from tunegrid.files import read_json
from tunegrid.metrics import default_metrics
from tunegrid.reporting.table_names import (
    ERRORS,
    FINDING_TABLES,
    MEMORY_TABLES,
    PUBLISHED_TABLES,
    TABLES,
)

RUNS = [
    f"tiny-bert/tiny/{method}/seed{seed}" for method in ("full", "adapter-4") for seed in (1, 2)
]
#: The cells' table is written anew when the configuration changes.
CHANGED = AGGREGATES | {"expand_grid": 1}


def test_the_status_of_a_finished_grid_is_told_from_its_files(finished):
    workflow, _ = finished
    status = subprocess.run(
        [sys.executable, ROOT / "scripts/status.py", "--directory", workflow.directory],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert status.startswith("4 of 4 runs done (100%)\nnot running: the last start, ")
    assert ["tiny-bert", "tiny", "full", "2", ".", ".", ".", "."] in [
        line.split()[:-1] for line in status.splitlines()
    ]
    assert "failed:" not in status
    assert "to go on" not in status


def test_everything_is_written_below_the_directory_and_nothing_beside_the_workflow(finished):
    workflow, _ = finished
    folder = workflow.directory / "results"
    for run in RUNS:
        written = {path.name for path in (folder / "runs" / run).iterdir()}
        assert written == {
            "history.csv", "evaluations.parquet", "predictions.parquet", "provenance.json",
            "training.json",
        }  # fmt: skip
        assert (folder / "logs/train" / f"{run}.log").is_file()
        assert (folder / "benchmarks/train" / f"{run}.tsv").is_file()
    assert {path.stem for path in (folder / "errors").iterdir()} == {*ERRORS}
    assert {path.stem for path in (folder / "tables").iterdir()} == {
        *TABLES, *MEMORY_TABLES, *PUBLISHED_TABLES, *FINDING_TABLES,
    }  # fmt: skip
    figures = {f"bars_{metric}" for metric in default_metrics("single_label").names}
    figures |= {"forest", "methods", "pareto", "confusion_tiny", "curves_tiny", "memory_tiny-bert"}
    written = {path.name for path in (folder / "figures").iterdir()}
    assert written == {f"{name}.{suffix}" for name in figures for suffix in ("png", "svg", "pdf")}
    assert sorted(path.name for path in workflow.source.iterdir()) == [
        "Snakefile", "config", "envs", "profiles", "rules", "scripts",
    ]  # fmt: skip


def test_the_tables_hold_the_runs(finished):
    workflow, _ = finished
    results = workflow.directory / "results"
    runs = pd.read_parquet(results / "runs.parquet")
    paths = (runs["model"] + "/" + runs["task"] + "/" + runs["method"]).str.cat(
        runs["seed"].astype(str), sep="/seed"
    )
    assert paths.tolist() == RUNS
    for path, accuracy in zip(paths, runs["accuracy"], strict=True):
        metrics = tiny.score(results / "runs" / path)
        assert metrics["accuracy"] == accuracy == pytest.approx(metrics["micro_f1"])
    summary = pd.read_parquet(results / "summary.parquet").query("metric == 'accuracy'")
    means = runs.groupby("method", sort=False)["accuracy"].mean().tolist()
    assert summary["mean"].tolist() == pytest.approx(means)
    sheet = openpyxl.load_workbook(results / "results.xlsx")["runs"]
    assert sheet.max_row == len(RUNS) + 1


def test_a_progress_bar_is_not_written_to_a_log(finished):
    workflow, _ = finished
    log = (workflow.directory / "results/logs/train" / f"{RUNS[0]}.log").read_text()
    assert "epoch 2 of 2" in log
    assert "\r" not in log
    assert "it/s" not in log


def test_a_finished_run_leaves_no_checkpoint_and_the_rest_can_be_removed(grid):
    workflow, _ = grid
    folder = workflow.directory / "results/.checkpoints"
    assert {path.suffix for path in folder.iterdir()} == {".lock"}  # which may be waited for
    (folder / "abandoned").mkdir()
    workflow.run("clean_checkpoints")
    assert not folder.exists()


def test_a_second_run_does_nothing(grid):
    workflow, _ = grid
    assert workflow.plan() == {}


def test_touching_every_source_file_runs_nothing(grid):
    workflow, _ = grid
    now = time.time() + 10
    for path in workflow.source.rglob("*"):
        os.utime(path, (now, now))
    assert workflow.plan() == {}


def test_another_checkout_of_the_same_workflow_runs_nothing(grid, tmp_path):
    workflow, _ = grid
    moved = copy_workflow(tmp_path / "elsewhere")
    assert dataclasses.replace(workflow, source=moved).plan() == {}


def test_a_seed_more_runs_its_cells_and_the_aggregates(grid):
    workflow, config = grid
    config["grid"][0]["seeds"] = [1, 2, 3]
    workflow.configure(config)
    assert workflow.plan() == CHANGED | {"train": 2}


def test_one_method_s_learning_rate_runs_that_method_alone(grid):
    workflow, config = grid
    config["overrides"][0]["set"]["learning_rate"] = 1.0e-2
    workflow.configure(config)
    run = workflow.run("--dry-run")
    assert planned(run) == CHANGED | {"train": 2}
    assert "adapter-4/seed1/training.json" in run.stdout + run.stderr
    assert "method=full" not in run.stdout + run.stderr


def test_a_figure_s_setting_draws_the_figures_alone(grid):
    workflow, config = grid
    workflow.configure(config | {"figures": {"dpi": 111}})
    assert workflow.plan() == {
        "plot_bars": 4, "plot_confusion": 1, "plot_methods": 1, "plot_pareto": 1,
        "plot_curves": 1, "plot_memory": 1, "plot_forest": 1, "all": 1,
    }  # fmt: skip


@pytest.fixture
def edit(grid):
    """Edit a source file of the workflow's copy; it is put back afterwards."""
    workflow, _ = grid
    kept = {}

    def change(name, old, new):
        path = workflow.source / name
        kept[path] = path.read_text()
        assert old in kept[path]
        path.write_text(kept[path].replace(old, new, 1))
        return workflow

    yield change
    for path, text in kept.items():
        path.write_text(text)


def test_editing_the_loss_trains_again(edit):
    workflow = edit("scripts/tunegrid/training/finetune.py", "/ divisor", "/ (0 + divisor)")
    assert workflow.plan() == AGGREGATES | {"train": 4}


def test_editing_what_is_said_or_asked_of_a_cluster_trains_nothing(edit):
    edit("scripts/tunegrid/training/finetune.py", '"epoch %d of %d, ', '"epoch %d/%d, ')
    edit("scripts/tunegrid/training/batching.py", '"""The batches of one', '"""The batches')
    edit("scripts/tunegrid/cluster/attempts.py", '"attempt %d, %s: ', '"try %d, %s: ')
    edit("scripts/tunegrid/__init__.py", "__version__ = ", "__version__ = '9' + ")
    workflow = edit("scripts/tunegrid/metrics.py", 'title="Macro-F1"', 'title="F1, macro"')
    assert not {"train", "fetch_task", "encode_task", "measure_memory"} & workflow.plan().keys()


def test_results_are_kept_over_an_update_of_training_and_say_so(edit, grid, tmp_path):
    workflow, _ = grid
    kept = dataclasses.replace(workflow, directory=tmp_path / "out")
    shutil.copytree(workflow.directory, kept.directory, symlinks=True)
    edit("scripts/tunegrid/training/finetune.py", "/ divisor", "/ (0 + divisor)")
    assert kept.plan()["train"] == 4
    kept.run("runs", "--touch", "--cores", "1")
    assert "train" not in kept.plan()
    program = [sys.executable, kept.source / "scripts/trace.py"]
    told = subprocess.run(
        [*program, kept.directory / "results/runs" / RUNS[0]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "changed    code of training: now " in told.stdout


#: What the documentation adds: one entry of the registry.
KAPPA = re.search(
    r"```python\n(@metric\(.*?)```", (ROOT / "docs/add-a-metric.md").read_text(), re.DOTALL
)[1]


def test_the_documentation_s_metric_is_one_entry_and_trains_nothing(edit, grid, tmp_path):
    workflow, _ = grid
    registry = workflow.source / "scripts/tunegrid/metrics.py"
    last = registry.read_text().splitlines()[-1]
    edit("scripts/tunegrid/metrics.py", last, f"{last}\n\n\n{KAPPA}")
    plan = workflow.plan()
    assert "train" not in plan
    assert plan["score"] == 1
    assert plan["plot_bars"] == 5
    copy = tmp_path / "out"
    shutil.copytree(workflow.directory, copy, symlinks=True)
    dataclasses.replace(workflow, directory=copy).run(
        "tables", "workbook", "results/figures/bars_kappa.png"
    )
    summary = pd.read_csv(copy / "results/summary.csv")
    assert (summary["metric"] == "kappa").sum() == 2
    comparisons = pd.read_csv(copy / "results/comparisons.csv")
    assert "kappa" in set(comparisons["metric"])
    assert (copy / "results/figures/bars_kappa.png").is_file()
    assert "Kappa" in (copy / "results/tables/summary.md").read_text()


def test_editing_a_figure_draws_it_alone(edit):
    workflow = edit(
        "scripts/tunegrid/reporting/bars_figure.py", "NARROWEST = 0.09", "NARROWEST = 0.1"
    )
    assert workflow.plan() == {"plot_bars": 4, "all": 1}


def test_editing_a_task_s_reader_reads_it_again(edit):
    workflow = edit("scripts/tunegrid/tasks/readers/citations.py", "id=str(", "id=repr(")
    plan = workflow.plan()
    assert (plan["fetch_task"], plan["encode_task"], plan["train"]) == (1, 1, 4)


def test_editing_another_reader_or_what_planning_says_runs_nothing(edit):
    edit("scripts/tunegrid/tasks/readers/news.py", "known = ", "known = False or ")
    edit("scripts/tunegrid/reporting/table_names.py", '"answer": "Answer"', '"answer": "Answers"')
    workflow = edit("scripts/tunegrid/config/messages.py", '"unknown key; ', '"no such key; ')
    # A task's card, and the memory of methods, are shown by programs that name what they refuse.
    shown = {"check_task", "write_memory", "plot_memory"}
    assert workflow.plan().keys() <= {"expand_grid", *shown, *AGGREGATES}


def test_what_a_cluster_is_asked_for_is_no_reason_to_run_again(grid):
    workflow, config = grid
    cluster = {"mem": "9GB", "runtime": "3h", "left_over_jobs": "cancel", "scratch": "$TMPDIR"}
    workflow.configure(config | {"cluster": cluster})
    assert workflow.plan() == {}


def test_a_grid_that_names_no_paper_has_nothing_of_papers(grid):
    workflow, config = grid
    workflow.configure(config | {"published": []})
    # The workbook has lost a sheet.
    assert workflow.plan() == {"write_workbook": 1, "all": 1}
    run = workflow.run("--dry-run", "results/tables/published.csv", "--force", check=False)
    assert "results/tables/published.csv: nothing makes it" in run.stdout + run.stderr
    workflow.run("--report", "report.zip")
    with zipfile.ZipFile(workflow.directory / "report.zip") as archive:
        page = archive.read("report/report.html").decode()
        assert not any("published" in name for name in archive.namelist())
    assert "papers' numbers beside these" not in page


def test_one_result_is_asked_for_by_its_path(grid):
    workflow, config = grid
    config["grid"][0]["seeds"] = [1, 2, 3]
    workflow.configure(config)
    path = "results/runs/tiny-bert/tiny/full/seed3/metrics.json"
    assert workflow.plan(path) == {"train": 1, "score_run": 1}
    assert workflow.plan("results/figures/bars_loss.png") == {
        "train": 2, "expand_grid": 1, "score": 1, "collect_runs": 1, "compare_methods": 1,
        "summarise": 1, "plot_bars": 1,
    }  # fmt: skip
    forced = "results/runs/tiny-bert/tiny/full/seed1/training.json"
    assert workflow.plan("--force", forced) == {"train": 1}


def test_a_finished_run_is_taken_and_once_cleaned_trained_again_to_the_bit(grid):
    workflow, _ = grid
    folder = workflow.directory / "results/runs" / RUNS[2]
    forced = "--force", folder.relative_to(workflow.directory) / "training.json"
    first, started = results(folder), []
    for clean in (True, False):
        if clean:
            workflow.run("clean_checkpoints")
        workflow.run(*forced)
        assert results(folder) == first
        started.append(read_json(folder / "provenance.json")["started"])
    assert started[0] == started[1]
    log = workflow.directory / "results/logs/train" / f"{RUNS[2]}.log"
    assert f"finished on {started[0]}; taken from results/.finished/" in log.read_text()


def test_a_run_outside_the_grid_is_refused_by_name(grid):
    workflow, _ = grid
    path = "results/runs/tiny-bert/tiny/full/seed99"
    run = workflow.run("--dry-run", f"{path}/metrics.json", check=False)
    assert run.returncode == 1
    assert f"error: {path}: the configuration's grid has no such cell" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_the_report_holds_every_figure_table_and_the_workbook(grid):
    workflow, _ = grid
    workflow.run("--report", "report.zip")
    with zipfile.ZipFile(workflow.directory / "report.zip") as archive:
        names = [name for name in archive.namelist() if "/data/raw/" in name]
        assert "data:image/svg+xml" in archive.read("report/report.html").decode()
    held = {name.rsplit("/", 1)[-1] for name in names}
    assert held >= {
        "results.xlsx", "runs.csv", "methods.png", "curves_tiny.png",
        *(f"bars_{metric}.png" for metric in default_metrics("single_label").names),
        "memory_tiny-bert.png",
        *(f"{table}.html" for table in (*TABLES, *MEMORY_TABLES)),
    }  # fmt: skip
