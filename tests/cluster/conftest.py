"""The clusters, and folders of results on them. They need root and Debian's Slurm packages."""

import os
import tempfile
from pathlib import Path

import pytest
import tiny
import yaml
from running import Run, copy_prepared, fill_in
from slurm import Cluster, missing
from workflow import Workflow, copy_workflow

from tunegrid.files import read_json

#: How long a cell trains, long enough to be interrupted; and the epochs by which that is measured.
SECONDS, SAMPLE = 20, 50


def start(*, accounting):
    if why := missing(accounting=accounting):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    # Not below pytest's own folder: munge wants one that everybody may enter.
    with tempfile.TemporaryDirectory(prefix="tunegrid-slurm-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder), accounting=accounting)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def accounted():
    """A cluster with accounting."""
    yield from start(accounting=True)


@pytest.fixture(scope="session")
def cluster():
    """A cluster without accounting."""
    yield from start(accounting=False)


@pytest.fixture(scope="session")
def local(tiny_model, tmp_path_factory):
    """The grid, run on this machine without a cluster: (workflow, folder before the runs)."""
    folder = tmp_path_factory.mktemp("local")
    workflow = Workflow(
        source=copy_workflow(folder / "the workflow"),
        directory=folder / "local",
        configfile=folder / "grid.yaml",
    )
    config = tiny.config(tiny_model, tiny.write_data(folder / "data"))
    config["grid"][0]["seeds"] = [1]
    config["train"]["epochs"] = SAMPLE
    workflow.configure(config)
    workflow.run("results/encoded/tiny-bert/tiny")
    prepared = copy_prepared(workflow.directory, folder / "prepared")
    workflow.run("runs")
    quickest = min(
        read_json(path)["train_seconds"]
        for path in workflow.directory.glob("results/runs/**/metrics.json")
    )
    config["train"]["epochs"] = round(SAMPLE * SECONDS / quickest)
    workflow.configure(config)
    workflow.run("runs")
    return workflow, prepared


@pytest.fixture(scope="session")
def undisturbed(local):
    """What the grid's runs find where nothing goes wrong."""
    workflow, _ = local
    runs = workflow.directory / "results/runs"
    return {
        str(path.parent.relative_to(runs)): tiny.results(path.parent)
        for path in runs.rglob("metrics.json")
    }


@pytest.fixture
def run_on(local, tmp_path_factory):
    """Make a folder of results on a cluster: run_on(cluster, changes of configuration, …)."""
    made = []

    def make(cluster, *, profile=None, grid=None, environment=None):
        workflow, prepared = local
        folder = tmp_path_factory.mktemp("run")
        source = copy_workflow(folder / "workflow")
        fill_in(
            source / "profiles/slurm/config.yaml", accounting=cluster.accounting, **(profile or {})
        )
        config = yaml.safe_load(workflow.configfile.read_text()) | (grid or {})
        (folder / "grid.yaml").write_text(yaml.safe_dump(config))
        directory = copy_prepared(prepared, folder / "out")
        run = Run(cluster, source, directory, folder / "grid.yaml", environment or {})
        made.append(run)
        return run

    yield make
    for run in made:
        run.end()
