"""Clusters as sites set them up, and users as they work there: nothing is lost or told falsely."""

import subprocess

import pytest
from running import FULL, ONE_CELL, PATIENCE
from slurm import wait_for

from tunegrid.cluster.job_watch import cancel_hopeless_jobs
from tunegrid.cluster.slurm import workflow_jobs

#: A name of the workflow's jobs.
JOB_NAME = "tunegrid_0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def submit(tmp_path, monkeypatch):
    """Submit a job as the workflow does, from this test's folder: the cluster, options; its id."""

    def job(cluster, *options):
        for key in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(key, cluster.environment[key])
        common = ("sbatch", "--parsable", "-D", str(tmp_path), "-o", "/dev/null", "-J", JOB_NAME)
        return cluster.call(*common, *options, "--wrap", "sleep 60").strip()

    return job


def wait_for_reason(cluster, job_id, reason):
    wait_for(
        lambda: cluster.job(job_id)["Reason"].startswith(reason),
        seconds=PATIENCE,
        what="the reason why the job is pending",
    )


def test_jobs_that_can_never_start_are_cancelled_and_held_ones_are_not(
    accounted, submit, tmp_path, caplog
):
    accounted.call("sacctmgr", "-i", "add", "qos", "long")
    accounted.call("sacctmgr", "-i", "modify", "user", "root", "set", "qos=normal,long")
    accounted.call("scontrol", "update", "PartitionName=short", "AllowQos=normal")
    try:
        too_long = submit(accounted, "-p", "short", "-t", "60")
        not_permitted = submit(accounted, "-p", "short", "-t", "5", "--qos=long")
        later = submit(accounted, "-p", "gpu", "--begin=now+600")
        held = submit(accounted, "-p", "gpu", "--begin=now+600")
        accounted.call("scontrol", "hold", held)
        wait_for_reason(accounted, too_long, "PartitionTimeLimit")
        wait_for_reason(accounted, not_permitted, "Job's_QOS_not_permitted")
        wait_for_reason(accounted, held, "JobHeldAdmin")
        hopeless = cancel_hopeless_jobs(workflow_jobs(tmp_path, job_name=JOB_NAME))
        assert [job.id for job in hopeless] == [too_long, not_permitted]
        assert "QOS not permitted to use this partition (short allows normal" in caplog.text
        states = {job: accounted.job(job)["JobState"] for job in (too_long, later, held)}
        assert states == {too_long: "CANCELLED", later: "PENDING", held: "PENDING"}
    finally:
        accounted.call("scontrol", "update", "PartitionName=short", "AllowQos=ALL")
        accounted.cancel_all_jobs()


def test_a_second_start_leaves_the_jobs_of_a_living_one_alone(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE_CELL, environment={"SQUEUE_STATES": "COMPLETED"})
    run.start()
    job_id = run.job_in_training()
    with run.hold(job_id):
        # What users do beside a grid: a target of its own, without Snakemake's lock.
        command = [word for word in run.command("--nolock") if word != "runs"]
        other = subprocess.run(
            [*command, "results/cells.csv"],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    told = other.stdout + other.stderr
    assert other.returncode == 0, told
    assert "another start in this folder is at work (process " in told
    assert "cancelled" not in told
    output = run.finish()
    assert run.process.returncode == 0, output
    assert run.results() == {FULL: undisturbed[FULL]}
    assert run.attempts_begun(FULL) == 1
