"""Clusters as sites set them up, and users as they work there: nothing is lost or told falsely."""

import shlex

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


def test_a_head_process_in_a_job_with_a_user_s_own_options_of_slurm(run_on, cluster, undisturbed):
    """The cluster's configuration is told by SLURM_CONF alone."""
    own = {"SQUEUE_PARTITION": "cpu", "SINFO_PARTITION": "cpu", "SBATCH_QOS": "of-other-work"}
    run = run_on(cluster, grid=ONE_CELL)
    output = run.directory / "head.log"
    job = ["sbatch", "--parsable", "-J", "tunegrid_head", "-p", "cpu", "-D", str(run.directory)]
    job += ["-o", str(output), "--wrap"]
    settings = [f"{name}={value}" for name, value in own.items()]
    job_id = cluster.call(*job, shlex.join(["env", *settings, *run.command()])).strip()
    wait_for(
        lambda: cluster.job(job_id)["JobState"] in {"COMPLETED", "FAILED", "CANCELLED"},
        seconds=PATIENCE,
        what=lambda: f"the end of the head process:\n{output.read_text()}",
    )
    told = output.read_text()
    assert cluster.job(job_id)["JobState"] == "COMPLETED", told
    assert "not used: SBATCH_QOS of your environment" in told
    assert "left over by an earlier start" not in told
    assert run.results() == {FULL: undisturbed[FULL]}


def test_nodes_of_a_cloud_that_are_powered_off_are_waited_for(run_on, cluster):
    run = run_on(cluster, partition="cloud", grid=ONE_CELL)
    run.start()
    run.wait_until_printed("has been submitted with SLURM jobid")
    (job,) = cluster.queue()
    assert job.state in {"PENDING", "CONFIGURING"}
