"""Submitting jobs where Slurm does not take them at once."""

import signal
import time

import pytest
from running import ADAPTER, FULL, ONE_CELL, PATIENCE
from slurm import wait_for
from slurm_conf import ACCOUNT, FORBIDDEN, ONE_AT_ONCE
from stand_in_commands import write_command

from tunegrid.cluster.job_requests import JobRequest
from tunegrid.cluster.request_checks import check_requests
from tunegrid.errors import UserError

#: What the head process says while that is so.
LIMITED = "Slurm takes no more jobs at once (QOSMaxSubmitJobPerUserLimit)"


def gpu_jobs(**resources):
    """The changes of the profile that give these resources to the jobs with a GPU."""
    return {"set-resources": {"train": {"slurm_partition": "gpu", **resources}}}


def test_submission_waits_for_a_limit_and_for_the_controller(run_on, limited, undisturbed):
    run = run_on(limited, profile={"retries": 0, **gpu_jobs(qos=ONE_AT_ONCE)})
    run.start()
    with run.hold(run.job_in_training()):
        run.wait_until_printed(LIMITED)
        limited.kill_daemon("slurmctld", signal.SIGTERM)
        run.wait_until_printed("Slurm takes no job for now (")
        limited.start_controller()
        # It starts jobs before it knows the nodes' GPUs again, and then refuses these jobs' steps.
        step = ("srun", f"--account={ACCOUNT}", "--partition=gpu", "--gpus=1", "true")
        wait_for(
            lambda: limited.succeeds(*step),
            seconds=PATIENCE,
            what="a step on a GPU",
            every=1,
        )
    output = run.finish()
    assert run.results() == {path: undisturbed[path] for path in (FULL, ADAPTER)}
    assert run.attempt_ends(FULL) == run.attempt_ends(ADAPTER) == ["finished"]
    assert output.count(LIMITED) == 1
    assert output.count("Slurm takes jobs again, after ") == 1


def test_ctrl_c_ends_a_submission_that_waits(run_on, limited):
    command = ("sbatch", "--parsable", f"--account={ACCOUNT}", f"--qos={ONE_AT_ONCE}", "--hold")
    other = limited.call(*command, "--wrap=true").strip()
    run = run_on(limited, profile=gpu_jobs(qos=ONE_AT_ONCE))
    run.start()
    run.wait_until_printed(LIMITED)
    begin = time.monotonic()
    run.kill(signal.SIGINT)
    assert time.monotonic() - begin < 30
    assert "Error in rule" not in run.output(), "it is no failure of the job"
    assert [job.id for job in limited.queue()] == [other]


def test_what_slurm_refuses_is_told_before_anything_is_submitted(limited, monkeypatch, caplog):
    """Every request is tried as it will be submitted; what passes by itself is no refusal."""
    for key in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(key, limited.environment[key])

    def request(rule, **resources):
        asked = {"slurm_account": ACCOUNT, "slurm_partition": "gpu", "gpu": 1, "mem_mb": 500}
        return JobRequest(rule, asked | resources)

    with pytest.raises(UserError) as told:
        check_requests(
            [
                request("qos", qos=FORBIDDEN),
                request("feature", constraint="nvlink"),
                request("reservation", slurm_extra="--reservation=course"),
                request("account", slurm_account="nobody"),
                request("fine", qos=ONE_AT_ONCE),
            ]
        )
    assert told.value.problems[:-1] == [
        "qos: Slurm refuses it (Invalid qos specification)",
        "feature: Slurm refuses it (Invalid feature specification)",
        "reservation: Slurm refuses it (Requested reservation is invalid)",
        "account: Slurm refuses it (Invalid account or account/partition combination specified)",
    ]
    nodes = ",".join(limited.nodes)
    limited.call("scontrol", "update", f"nodename={nodes}", "state=drain", "reason=test")
    try:
        check_requests([request("train")])
    finally:
        limited.call("scontrol", "update", f"nodename={nodes}", "state=resume")
    assert "train: no node can start it now (Requested node configuration" in caplog.text
    assert not limited.queue()


def test_a_broken_srun_is_told(run_on, cluster, tmp_path):
    write_command(tmp_path, "srun", "echo 'srun: error: no step today' >&2\nexit 1")
    path = f"{tmp_path}:{cluster.environment['PATH']}"
    run = run_on(cluster, profile={"retries": 0}, grid=ONE_CELL, environment={"PATH": path})
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert "srun: error: no step today" in output
    assert "srun: error: no step today" in run.logs()
