"""Planning: the shipped configurations, what is refused before anything runs, light parsing."""

import json
import re
import subprocess
import sys

import pytest
import tiny
import yaml
from paths import ROOT
from workflow import Workflow

DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text())

#: How many cells of its grid each shipped configuration trains.
CELLS = {
    "config.yaml": 75,
    "demo.yaml": 18,
    "glue-small.yaml": 64,
    "glue.yaml": 160,
    "report-cpu.yaml": 12,
    "report-tuned.yaml": 75,
}


@pytest.fixture
def workflow(tmp_path):
    """The workflow where it stands, with nothing generated yet."""
    return Workflow(ROOT, tmp_path / "out", tmp_path / "my.yaml")


@pytest.mark.parametrize("profile", ["local", "slurm"])
@pytest.mark.parametrize(("configfile", "cells"), CELLS.items())
def test_every_shipped_configuration_plans_its_cells(workflow, configfile, cells, profile):
    plan = workflow.plan(configfile=ROOT / "config" / configfile, profile=profile)
    assert plan["train"] == cells


def test_no_shipped_configuration_is_left_out():
    catalogues = {"models.yaml", "tasks.yaml", "methods.yaml", "gpus.yaml"}
    shipped = {path.name for path in (ROOT / "config").glob("*.yaml")} - catalogues
    assert shipped == CELLS.keys()


def test_the_report_s_grid_is_the_default(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", ROOT / "Snakefile",
         "--directory", tmp_path],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.search(r"^train +75$", run.stdout + run.stderr, re.MULTILINE)


def test_planning_imports_nothing_heavy(tmp_path):
    code = (
        "import sys; from snakemake.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: print('STATUS', stop.code or 0)\n"
        "heavy = {'torch', 'transformers', 'datasets', 'matplotlib', 'adapters', 'accelerate',"
        " 'peft'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "--dry-run", "--snakefile", ROOT / "Snakefile",
         "--directory", tmp_path, "--quiet", "all"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "STATUS 0" in run.stdout
    assert "HEAVY []" in run.stdout


GRID = DEMO["grid"][0]


def test_every_mistake_of_a_configuration_is_one_line_and_status_1(workflow):
    block = GRID | {"models": ["roberta-bsae"], "seeds": [1, 1]}
    workflow.configure({"grid": [block], "train": DEMO["train"]})
    run = workflow.run("--dry-run", check=False)
    assert run.returncode == 1
    lines = [line for line in run.stderr.splitlines() if "error" in line.lower()]
    assert len(lines) == 2, run.stderr
    assert lines[0].startswith(f"error: {workflow.configfile}: grid[0].models[0]: unknown model")
    assert lines[1].startswith(f"error: {workflow.configfile}: grid[0].seeds: 1 stands 2 times")
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("grid:\n  - models: [a\n    seeds: [1]\n", [], "grid.yaml: line 2, column 13: the [ here"),
        (None, [], "grid.yaml: no such file in "),
        (yaml.safe_dump(DEMO), ["--config", "train.epochs=2"], "--config 'train={epochs: 2}'"),
    ],
)
def test_what_snakemake_reads_before_the_snakefile_is_checked_before_it(
    workflow, text, arguments, told
):
    configfile = workflow.directory.parent / "grid.yaml"
    if text is not None:
        configfile.write_text(text)
    run = workflow.run("--dry-run", *arguments, check=False, configfile=configfile)
    assert run.returncode == 1
    [line] = [line for line in run.stderr.splitlines() if "error" in line.lower()]
    assert told in line
    assert "Traceback" not in run.stdout + run.stderr


def test_a_broken_value_on_the_command_line_is_named_as_such(workflow):
    workflow.configure(DEMO)
    run = workflow.run("--dry-run", "--config", "data_root=/nowhere", check=False)
    assert run.returncode == 1
    assert "error: --config: data_root: no such folder: /nowhere" in run.stderr


def test_nested_numbers_can_be_given_on_the_command_line(workflow):
    workflow.configure(DEMO)
    assert workflow.plan("--config", "train={epochs: 2, learning_rate: 1.0e-3}")["train"] == 18


def test_a_wrong_label_stops_the_task_with_its_file_and_line(workflow, tiny_model, tmp_path):
    data = tiny.write_data(tmp_path / "data")
    train = data / "tiny/train.jsonl"
    lines = train.read_text().splitlines()
    lines[6] = json.dumps({"text": "the soup", "label": "mediocre"})
    train.write_text("\n".join(lines))
    workflow.configure(tiny.config(tiny_model, data))
    run = workflow.run("resources/tasks/tiny", check=False)
    assert run.returncode == 1
    message = f"error: {train}:7: example '7': unknown label 'mediocre'; known: good, bad"
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert not (workflow.directory / "resources/tasks/tiny").exists()
    summary = f"1 job failed:\n\nfetch_task\n  results/logs/fetch_task/tiny.log\n    {message}\n"
    assert summary in run.stderr


def test_a_task_of_files_without_data_root_says_what_to_set(workflow):
    workflow.configure({"grid": [GRID | {"tasks": ["tiny"]}], "tasks": {"tiny": tiny.TASK}})
    run = workflow.run("resources/tasks/tiny", check=False)
    assert run.returncode == 1
    assert "error: data_root: is not set, and task 'tiny' is read from files" in (
        run.stdout + run.stderr
    )


def test_the_grid_is_listed_by_hand():
    run = subprocess.run(
        [sys.executable, ROOT / "scripts/expand_grid.py",
         "--configfile", ROOT / "config/config.yaml"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(run.stdout.splitlines()) == 76


@pytest.mark.parametrize("program", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_every_program_explains_itself(program):
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / program, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "usage: " in run.stdout
    assert len(run.stdout.splitlines()) > 6
