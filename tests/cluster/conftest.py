"""The clusters, and working directories on them. They need root and Debian's Slurm packages.

The tests mostly wait: for Slurm, for Snakemake's next question, for a limit. So they are meant to
be run by several processes at once, more than there are cores:

  pytest --numprocesses 8 --maxschedchunk 1 tests/cluster

Each process has clusters of its own, which start in a second (with accounting, in four), so that a
test may do with its cluster whatever it likes. What a grid finds where nothing goes wrong is found
once, for all processes.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny
import yaml
from running import TARGET, Run, copy_folder, results, write_profile
from sharing import made_once
from slurm import Cluster, why_no_cluster
from slurm_conf import FORBIDDEN, ONE_AT_ONCE
from workflow import Workflow, copy_workflow

#: Epochs of a cell, each of which ends with a checkpoint: more than a second on one core. That is
#: long enough for a test to notice the first checkpoint and to hold the run while it disturbs it
#: (`Run.hold`); nothing else depends on how long a cell trains.
EPOCHS = 25
#: The tests that take longest. They begin first, so that no process is left with one at the end.
LONGEST = [
    "test_the_benchmark_measures_both_profiles",
    "test_a_lost_node_a_requeue_and_a_preemption_cost_only_what_followed_the_checkpoint",
    "test_a_cancelled_job_is_reported_and_the_next_start_tries_it_again",
    "test_a_run_that_runs_out_of_time_goes_on_with_more",
    "test_ctrl_c_cancels_the_jobs_and_a_killed_head_process_leaves_them",
    "test_submission_waits_for_a_limit_and_for_the_controller",
    "test_what_jobs_fail_by_is_told",
    "test_an_edit_while_jobs_pend_reaches_the_next_start_alone",
    "test_accounting_and_the_controller_that_are_away_and_squeue_that_fails_now_and_then",
    "test_a_run_of_two_gpus_is_one_run_of_two_processes",
    "test_the_grid_finds_what_it_finds_without_a_cluster",
    "test_a_head_process_in_a_job_with_a_user_s_own_options_of_slurm",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by what they take; all others stay as they are."""
    items.sort(key=lambda item: LONGEST.index(item.name) if item.name in LONGEST else len(LONGEST))


def start_cluster(*, accounting: bool) -> Cluster:
    """Start a cluster, or skip the test; under CI, where it must be possible, fail."""
    if why := why_no_cluster(accounting=accounting):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    # Not below pytest's own folder: munge wants one that everybody may enter.
    folder = Path(tempfile.mkdtemp(prefix="tunegrid-slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, accounting=accounting)
    try:
        cluster.start()
    except BaseException:
        stop_cluster(cluster)
        raise
    return cluster


def stop_cluster(cluster: Cluster) -> None:
    cluster.stop()
    shutil.rmtree(cluster.base, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster():
    """A cluster without accounting."""
    cluster = start_cluster(accounting=False)
    yield cluster
    stop_cluster(cluster)


@pytest.fixture(scope="session")
def accounted():
    """A cluster with accounting."""
    cluster = start_cluster(accounting=True)
    yield cluster
    stop_cluster(cluster)


@pytest.fixture
def limited(accounted):
    """A cluster with a quality of service under which a user has one job at once, and another."""
    for qos in (f"{ONE_AT_ONCE} MaxSubmitJobsPerUser=1", FORBIDDEN):
        accounted.succeeds("sacctmgr", "-i", "add", "qos", *qos.split())  # it may be there
    accounted.call("sacctmgr", "-i", "modify", "user", "root", "set", f"qos=normal,{ONE_AT_ONCE}")
    return accounted


@dataclass(frozen=True)
class LocalGrid:
    """A grid of two cells that was run on this machine, without a cluster.

    Attributes:
        workflow: the workflow's copy, the configuration, and the working directory.
        prepared: a working directory where model and task are fetched, encoded and checked, but
            nothing is trained.
        results: what the cells' runs found, by their paths.
    """

    workflow: Workflow
    prepared: Path
    results: dict[str, tuple]


@pytest.fixture(scope="session")
def local(request, tmp_path_factory, worker_id):
    """The grid as it is where nothing goes wrong, run by the process that needs it first."""

    def make(folder):
        return run_locally(folder, request.getfixturevalue("tiny_model"))

    return made_once(tmp_path_factory, worker_id, "local grid", make)


def run_locally(folder: Path, model: Path) -> LocalGrid:
    workflow = Workflow(
        source=copy_workflow(folder / "the workflow"),
        directory=folder / "out",
        configfile=folder / "grid.yaml",
    )
    config = tiny.config(model, tiny.write_data(folder / "data"))
    config["grid"][0]["seeds"] = [1]
    config["train"]["epochs"] = EPOCHS
    workflow.configure(config)
    workflow.run("checks")
    prepared = copy_folder(workflow.directory, folder / "prepared")
    workflow.run(TARGET)
    return LocalGrid(workflow, prepared, results(workflow.directory))


@pytest.fixture(scope="session")
def undisturbed(local):
    """What the grid's runs find where nothing goes wrong, by their paths."""
    return local.results


@pytest.fixture
def run_on(local, tmp_path_factory):
    """Make a working directory on a cluster, where the grid is ready to be trained.

    run_on(cluster, partition=…, profile=changes of the profile, grid=changes of the configuration,
    environment=changes of the environment)
    """
    runs = []

    def make(cluster, *, partition="gpu", profile=None, grid=None, environment=None) -> Run:
        folder = tmp_path_factory.mktemp("run")
        profile_file = write_profile(
            folder / "profile", cluster, partition=partition, **(profile or {})
        )
        config = yaml.safe_load(local.workflow.configfile.read_text()) | (grid or {})
        configfile = folder / "grid.yaml"
        configfile.write_text(yaml.safe_dump(config))
        run = Run(
            cluster=cluster,
            source=local.workflow.source,
            directory=copy_folder(local.prepared, folder / "out"),
            profile=profile_file.parent,
            configfile=configfile,
            environment=environment or {},
        )
        runs.append(run)
        return run

    yield make
    for run in runs:
        run.end()
