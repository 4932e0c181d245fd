"""When a Slurm job ends: by its environment, by the controller, by the start of its processes."""

import subprocess
import time

import pytest

from tunegrid.cluster import job_clock, slurm
from tunegrid.cluster.job_clock import job_deadline

JOB = {"SLURM_JOB_ID": "7"}
BEGAN = {"SLURM_JOB_START_TIME": "100"}
ENDS = {"SLURM_JOB_END_TIME": "5000"}


@pytest.mark.parametrize(
    ("minutes", "environment", "controller", "deadline"),
    [
        (10, {}, 900.0, None),
        (None, JOB, None, None),
        (None, JOB, 900.0, 900.0),
        (10, JOB | BEGAN | ENDS, 900.0, 5000.0),
        (10, JOB, 900.0, 900.0),
        (10, JOB | BEGAN, None, 700.0),
    ],
)
def test_a_deadline_is_the_slurm_job_s(monkeypatch, minutes, environment, controller, deadline):
    monkeypatch.setattr(slurm, "job_end", lambda _job_id: controller)
    assert job_deadline(minutes, environment) == deadline


def test_where_nobody_tells_the_limit_counts_from_the_job_s_oldest_process(monkeypatch):
    monkeypatch.setattr(slurm, "job_end", lambda _job_id: None)
    job_id = f"of-{time.time_ns()}"
    job = ["env", f"SLURM_JOB_ID={job_id}", "sleep", "60"]
    began = time.time()
    with subprocess.Popen(job) as process:
        time.sleep(0.5)  # what the start-up of this process takes
        try:
            deadline = job_deadline(10, {"SLURM_JOB_ID": job_id})
        finally:
            process.kill()
    assert deadline == pytest.approx(began + 600, abs=0.3)


def test_without_processes_to_see_the_limit_counts_from_now(monkeypatch):
    monkeypatch.setattr(slurm, "job_end", lambda _job_id: None)
    monkeypatch.setattr(job_clock, "oldest_start", lambda _variable: None)
    assert job_deadline(10, JOB) == pytest.approx(time.time() + 600, abs=5)
