"""A grid on a cluster where nothing goes wrong."""

import re

import yaml
from running import (
    FULL,
    LAST_FILE,
    ONE_CELL,
    copy_folder,
    processes_of,
    results,
    run_folders,
)
from workflow import Workflow

from tunegrid.files import read_json

SUBMITTED = "has been submitted with SLURM jobid"


def test_the_grid_finds_what_it_finds_without_a_cluster(run_on, accounted, undisturbed, tmp_path):
    """A fast disk is used and left clean; a second configuration then takes the runs of the first,
    and submits nothing."""
    fast = tmp_path / "fast"
    fast.mkdir()
    grid = {"cluster": {"scratch": "$FAST"}}
    run = run_on(accounted, grid=grid, environment={"FAST": str(fast)})
    output = run.run()
    assert run.results() == undisturbed
    assert output.count(SUBMITTED) == 2
    attempt = rf"attempt 1, Slurm job \d+ on {accounted.name}-g\d, GPU \d, \d+ MB"
    assert len(re.findall(attempt, run.logs())) == 2
    assert run.logs().count(f"model and data are read from {fast}/tunegrid-") == 2
    assert not list(fast.iterdir())
    assert "Traceback" not in output

    found = run.directory / "results"
    for prepared in ("encoded", "trials", "checks"):  # each configuration has its own
        copy_folder(found / prepared, found / "my-study" / prepared)
    first = yaml.safe_load(run.configfile.read_text())
    run.configfile.write_text(yaml.safe_dump(first | {"name": "my-study"}))
    output = run.run()
    assert output.count(SUBMITTED) == 2, "the second start has submitted a job"
    assert output.count("localrule take_run:") == 2
    assert results(run.directory, "my-study") == undisturbed


def test_a_pack_is_one_job(run_on, cluster, undisturbed, local):
    train = yaml.safe_load(local.workflow.configfile.read_text())["train"]
    run = run_on(cluster, grid={"train": train | {"pack": 2}})
    output = run.run()
    assert run.results() == undisturbed
    assert output.count(SUBMITTED) == 1


def test_candidates_are_packed_into_one_job_and_chosen_on_the_head(run_on, cluster):
    tune = {"space": {"learning_rate": [1.0e-3, 5.0e-3], "epochs": [1, 2]}, "trials": 4}
    blocks = {"tune": tune | {"seeds": [101]}, "train": {"batch_size": 8, "pack": 4}}
    run = run_on(cluster, grid=ONE_CELL | {"overrides": []} | blocks)
    output = run.run()
    assert output.count(SUBMITTED) == 2  # the candidates; then the run, which has waited for them
    found = run.directory / "results"
    assert len(list(found.glob("tuning/runs/tiny-bert/tiny/full/*/seed101/training.json"))) == 4
    chosen = read_json(found / "tuning/choices/tiny-bert/tiny/full.json")["settings"]
    made = read_json(found / "runs" / FULL / "provenance.json")["settings"]["train"]
    assert {key: made[key] for key in chosen} == chosen


def test_a_run_of_two_gpus_is_one_run_of_two_processes(run_on, cluster, local, tmp_path):
    """Two such runs at once on nodes of four GPUs: no port, no GPU is shared."""
    train = {"epochs": 5, "batch_size": 8, "learning_rate": 5.0e-3, "gpus_per_run": 2}
    run = run_on(cluster, grid={"train": train})
    output = run.run()
    assert output.count(SUBMITTED) == 2
    given = re.findall(r"attempt \d, Slurm job \d+ on (\S+), GPU (\d),(\d)", run.logs())
    assert len(given) == 2
    assert len({(node, gpu) for node, *pair in given for gpu in pair}) == 4
    assert [processes_of(folder) for folder in run_folders(run.directory)] == [2, 2]
    here = Workflow(
        source=local.workflow.source,
        directory=copy_folder(local.prepared, tmp_path / "out"),
        configfile=run.configfile,
    )
    here.run(f"results/runs/{FULL}/{LAST_FILE}")
    assert results(here.directory) == {FULL: run.results()[FULL]}
