"""Submitting jobs where Slurm does not take them at once."""

import signal
import time

import pytest
from running import ADAPTER, FULL, ONE_CELL
from slurm_conf import ACCOUNT

#: A quality of service under which a user has one job at once.
ONE_AT_ONCE = "one-at-once"
#: What the head process says while that is so.
LIMITED = "Slurm takes no more jobs at once (QOSMaxSubmitJobPerUserLimit)"


@pytest.fixture(scope="module")
def limited(accounted):
    """A cluster where a user may have only one job at once."""
    accounted.call("sacctmgr", "-i", "add", "qos", ONE_AT_ONCE, "MaxSubmitJobsPerUser=1")
    accounted.call("sacctmgr", "-i", "modify", "user", "root", "set", f"qos+={ONE_AT_ONCE}")
    return accounted


def gpu_jobs(**resources):
    """The changes of the profile that give these resources to the jobs with a GPU."""
    return {"set-resources": {"train": {"slurm_partition": "gpu", **resources}}}


def test_submission_waits_for_a_limit_and_for_the_controller(run_on, limited, undisturbed):
    run = run_on(limited, profile={"retries": 0, **gpu_jobs(qos=ONE_AT_ONCE)})
    run.start()
    run.wait_until_printed(LIMITED)
    limited.kill_daemon("slurmctld")
    run.wait_until_printed("Slurm takes no job for now (")
    limited.start_controller()
    output = run.finish()
    assert run.results() == {path: undisturbed[path] for path in (FULL, ADAPTER)}
    assert run.attempt_ends(FULL) == run.attempt_ends(ADAPTER) == ["finished"]
    assert output.count(LIMITED) == 1
    assert output.count("Slurm takes jobs again, after ") == 1


def test_ctrl_c_ends_a_submission_that_waits(run_on, limited):
    command = ("sbatch", "--parsable", f"--account={ACCOUNT}", f"--qos={ONE_AT_ONCE}", "--hold")
    other = limited.call(*command, "--wrap=true").strip()
    run = run_on(limited, profile=gpu_jobs(qos=ONE_AT_ONCE), grid=ONE_CELL)
    run.start()
    run.wait_until_printed(LIMITED)
    begin = time.monotonic()
    run.kill(signal.SIGINT)
    assert time.monotonic() - begin < 30
    assert [job.id for job in limited.queue()] == [other]


def test_a_broken_srun_is_told(run_on, cluster, tmp_path):
    (tmp_path / "srun").write_text("#!/bin/sh\necho 'srun: error: no step today' >&2\nexit 1\n")
    (tmp_path / "srun").chmod(0o755)
    path = f"{tmp_path}:{cluster.environment['PATH']}"
    run = run_on(cluster, profile={"retries": 0}, grid=ONE_CELL, environment={"PATH": path})
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert "srun: error: no step today" in output
    assert "srun: error: no step today" in run.logs()
