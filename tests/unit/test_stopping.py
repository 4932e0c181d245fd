import os
import signal
import sys
import time

import pytest
import tiny
from tiny import cell, results

from tunegrid.files import read_json
from tunegrid.stopping import (
    MARGIN,
    StopCause,
    Stopped,
    StopReason,
    StopRequest,
)
from tunegrid.training.launching import launch


def test_a_run_stops_before_its_time_runs_out_and_goes_on_bitwise(tiny_model, encoded, tmp_path):
    def run(name, stop=None):
        folders = {"output": tmp_path / name, "checkpoints": tmp_path / "c"}
        tiny.train(cell(), tiny_model, encoded[0], stop=stop, **folders)
        return results(tmp_path / name)

    whole = run("whole")
    with pytest.raises(Stopped, match="its job's time limit after step 0 of 6") as stopped:
        run("stopped", StopRequest(time.time() + MARGIN - 1))
    assert stopped.value.cause.reason is StopReason.TIME_LIMIT
    assert run("stopped", StopRequest(time.time() + MARGIN + 600)) == whole
    assert read_json(tmp_path / "stopped/provenance.json")["resumed_at_step"] == 0


@pytest.mark.parametrize(
    ("deadline", "reason"), [(0.0, StopReason.TIME_LIMIT), (None, StopReason.SIGNAL)]
)
def test_a_run_of_several_processes_says_why_they_stopped(monkeypatch, tmp_path, deadline, reason):
    monkeypatch.setattr(sys, "executable", "/bin/true")  # the launcher, after they have stopped
    with pytest.raises(Stopped) as stopped:
        launch(2, tmp_path, StopRequest(deadline))
    assert stopped.value.cause.reason is reason


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
