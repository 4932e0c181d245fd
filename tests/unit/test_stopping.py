import os
import signal
import time

import pytest
import torch
from tiny import cell, results

from tunegrid.files import read_json
from tunegrid.training.job import Job
from tunegrid.training.run import run_cell
from tunegrid.training.stopping import (
    MARGIN,
    StopCause,
    Stopped,
    StopReason,
    StopRequest,
    job_deadline,
)

JOB = {"SLURM_JOB_ID": "7"}


@pytest.mark.parametrize(
    ("minutes", "environment", "deadline"),
    [
        (10, {}, None),
        (None, JOB, None),
        (None, JOB | {"SLURM_JOB_END_TIME": "5000"}, 5000.0),
        (10, JOB | {"SLURM_JOB_END_TIME": "5000", "SLURM_JOB_START_TIME": "100"}, 5000.0),
        (10, JOB | {"SLURM_JOB_START_TIME": "100"}, 700.0),
    ],
)
def test_a_deadline_is_the_slurm_job_s(minutes, environment, deadline):
    assert job_deadline(minutes, environment) == deadline


def test_a_job_that_does_not_tell_its_start_is_taken_to_start_now():
    assert job_deadline(10, JOB) == pytest.approx(time.time() + 600, abs=5)


def test_a_run_stops_before_its_time_runs_out_and_goes_on_bitwise(tiny_model, encoded, tmp_path):
    torch.set_num_threads(1)

    def run(name, stop=None):
        run_cell(Job(cell(), tiny_model, encoded[0], tmp_path / name, "none", tmp_path / "c"), stop)
        return results(tmp_path / name)

    whole = run("whole")
    with pytest.raises(Stopped, match="its job's time limit after step 0 of 6") as stopped:
        run("stopped", StopRequest(time.time() + MARGIN - 1))
    assert stopped.value.cause.reason is StopReason.TIME_LIMIT
    assert run("stopped", StopRequest(time.time() + MARGIN + 600)) == whole
    assert read_json(tmp_path / "stopped/provenance.json")["resumed_at_step"] == 0


def test_the_first_signal_is_remembered_and_a_second_has_its_own_effect():
    before = signal.getsignal(signal.SIGUSR1)
    stop = StopRequest()
    try:
        stop.install()
        assert stop.cause() is None
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.cause() == StopCause(StopReason.SIGNAL, "SIGUSR1")
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGUSR1, before)
