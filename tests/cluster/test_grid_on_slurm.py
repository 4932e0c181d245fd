"""A grid on a cluster where nothing goes wrong."""

import re

import pytest
import tiny
import yaml
from workflow import Workflow

from tunegrid.files import read_json

SUBMITTED = "has been submitted with SLURM jobid"


@pytest.mark.parametrize("accounting", [False, True])
def test_the_grid_finds_what_it_finds_without_a_cluster(run_on, undisturbed, request, accounting):
    cluster = request.getfixturevalue("accounted" if accounting else "cluster")
    run = run_on(cluster)
    said = run.run()
    assert run.results() == undisturbed
    assert said.count(SUBMITTED) == 2
    for log in run.directory.glob("results/logs/train/**/*.log"):
        assert re.search(r"attempt 1, Slurm job \d+ on g[12], GPU \d, \d+ MB", log.read_text())
    assert "Traceback" not in said


def test_a_pack_is_one_job(run_on, cluster, undisturbed, local):
    train = yaml.safe_load(local[0].configfile.read_text())["train"]
    run = run_on(cluster, grid={"train": train | {"pack": 2}})
    said = run.run()
    assert run.results() == undisturbed
    assert said.count(SUBMITTED) == 1


def test_a_run_of_two_gpus_is_one_run_of_two_processes(run_on, cluster, local, tmp_path):
    """Two such runs at once on nodes of four GPUs: no port, no GPU is shared."""
    train = {"epochs": 5, "batch_size": 8, "learning_rate": 5.0e-3, "gpus_per_run": 2}
    run = run_on(cluster, grid={"train": train})
    said = run.run()
    assert said.count(SUBMITTED) == 2
    given = re.findall(r"attempt \d, Slurm job \d+ on (g\d), GPU (\d),(\d)", run.logs())
    assert len(given) == 2
    assert len({(node, gpu) for node, *pair in given for gpu in pair}) == 4
    for folder in run.folders():
        assert read_json(folder / "provenance.json")["processes"] == 2
    workflow, _ = local
    here = Workflow(workflow.source, tmp_path / "out", tmp_path / "grid.yaml")
    here.configure(yaml.safe_load(run.configfile.read_text()))
    here.run("runs")
    runs = here.directory / "results/runs"
    assert run.results() == {
        str(path.parent.relative_to(runs)): tiny.results(path.parent)
        for path in runs.rglob("metrics.json")
    }


def test_a_fast_disk_is_used_and_left_clean(run_on, cluster, undisturbed, tmp_path):
    run = run_on(
        cluster, grid={"cluster": {"scratch": "$FAST"}}, environment={"FAST": str(tmp_path)}
    )
    run.run()
    assert run.results() == undisturbed
    assert not list(tmp_path.iterdir())
    assert run.logs().count(f"model and data are read from {tmp_path}/tunegrid-") == 2


def test_a_fast_disk_that_is_not_there_is_told_in_one_line(run_on, cluster):
    run = run_on(cluster, grid={"cluster": {"scratch": "/none"}}, profile={"retries": 0})
    run.start()
    said = run.finish()
    assert run.process.returncode == 1
    assert "error: cluster.scratch: no such folder on this node: /none" in said
