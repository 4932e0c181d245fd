"""Two configurations in one working directory: shared runs, results of their own."""

import dataclasses

import yaml
from workflow import planned

RUN = "tiny-bert/tiny/full/seed1"


def modified(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_named_configuration_takes_the_runs_of_another_and_leaves_them_alone(untouched):
    workflow, config = untouched
    results = workflow.directory / "results"
    named = dataclasses.replace(workflow, configfile=workflow.configfile.with_name("named.yaml"))
    # A seed that only the second one has, and other settings for one method.
    config["grid"][0]["seeds"] = [1, 2, 3]
    config["overrides"][0]["set"]["learning_rate"] = 1.0e-2
    named.configure(config | {"name": "my-study"})
    before = modified(results / "runs")

    run = named.run("results/my-study/runs.csv")
    assert planned(run)["take_run"] == 2  # full, of the seeds 1 and 2
    assert planned(run)["train"] == 4  # full of seed 3, and the adapters
    assert modified(results / "runs") == before
    files = ("predictions.parquet", "training.json", "provenance.json")
    taken = [(results / "my-study/runs" / RUN / name).read_bytes() for name in files]
    assert taken == [(results / "runs" / RUN / name).read_bytes() for name in files]
    assert (results / "my-study/logs/train" / f"{RUN}.log").is_file()

    # Neither makes anything of the other stale.
    assert workflow.plan() == {}
    assert "train" not in named.plan("results/my-study/runs.csv")
    assert "take_run" not in named.plan("results/my-study/runs.csv")
    # A third with the settings of the second trains nothing.
    third = dataclasses.replace(workflow, configfile=workflow.configfile.with_name("third.yaml"))
    third.configure(config | {"name": "third"})
    plan = third.plan("results/third/runs.csv")
    assert (plan["take_run"], "train" in plan) == (6, False)


def test_a_name_on_the_command_line_is_a_name(grid):
    workflow, config = grid
    assert yaml.safe_load(workflow.configfile.read_text()) == config
    run = workflow.run("--dry-run", "--config", "name=once")
    assert "results/once/results.xlsx" in run.stdout + run.stderr
    refused = workflow.run("--dry-run", "--config", "name=runs", check=False)
    assert "error: --config: name: 'runs' is a folder of the workflow's own" in refused.stderr
