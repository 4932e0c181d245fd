import logging
import os
import threading
import time

import pytest
from tiny import ADAPTER, cell, results

from tunegrid.files import read_json
from tunegrid.training import making
from tunegrid.training.job import Job
from tunegrid.training.making import make, take
from tunegrid.training.stopping import Stopped, StopRequest


@pytest.fixture
def job(tiny_model, encoded, tmp_path):
    """A job of a finished run, whose results may be gone."""

    def build(name="run", keep="none", method=ADAPTER, **settings):
        places = tmp_path / name, keep, tmp_path / "checkpoints", tmp_path / "finished"
        return Job(cell(method, **settings), tiny_model, encoded[0], *places)

    return build


def test_a_finished_run_is_taken_as_it_was(job):
    make(job(), StopRequest())
    before = results(job().output), read_json(job().output / "provenance.json")
    for path in job().output.iterdir():
        path.unlink()
    assert take(job())
    assert (results(job().output), read_json(job().output / "provenance.json")) == before
    assert take(job("elsewhere"))


def test_a_run_of_other_settings_or_code_is_not_taken(job, monkeypatch, caplog):
    make(job(), StopRequest())
    assert not take(job(learning_rate=1e-3))
    real = making.provenance
    monkeypatch.setattr(making, "provenance", lambda program: real(program) | {"code": "other"})
    with caplog.at_level(logging.INFO):
        assert not take(job())
    assert "is of other code" in caplog.text


def test_weights_that_are_wanted_must_be_there(job):
    make(job(), StopRequest())
    assert take(job())
    assert not take(job(keep="adapters"))
    make(job(keep="adapters"), StopRequest())
    assert take(job(keep="adapters"))
    (job().output / "adapter/model_head.safetensors").unlink()
    assert not take(job(keep="adapters"))


def test_a_full_disk_costs_the_copy_and_not_the_run(job, monkeypatch, caplog):
    from tunegrid.training import finished

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(finished, "_copy", full)
    make(job(), StopRequest())
    assert (job().output / "metrics.json").is_file()
    assert "no copy of the finished run" in caplog.text


def test_two_processes_never_make_the_same_run(job, monkeypatch):
    monkeypatch.setattr("tunegrid.training.job.LOCK_POLL", 0.05)
    order, first, second = [], job(), job()

    def hold():
        with first.locked(StopRequest()):
            order.append("first")
            entered.set()
            time.sleep(0.3)
            make(first, StopRequest())  # it removes what it needs no longer, under the other's feet
            order.append("first ends")

    entered = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    with second.locked(StopRequest()):
        order.append("second")
    holder.join()
    assert order == ["first", "first ends", "second"]


def test_a_run_that_waits_for_another_can_be_stopped(job, monkeypatch):
    monkeypatch.setattr("tunegrid.training.job.LOCK_POLL", 0.05)
    stop = StopRequest()
    stop.signal = "SIGTERM"
    with (
        job().locked(StopRequest()),
        pytest.raises(Stopped, match="SIGTERM while it waited for"),
        job().locked(stop),
    ):
        pass


def test_a_lock_ends_with_its_process(job):
    child = os.fork()
    if not child:
        with job().locked(StopRequest()):
            os._exit(1)
    os.waitpid(child, 0)
    with job().locked(StopRequest()):
        pass
