import logging
import os
import threading
import time

import pytest
from tiny import ADAPTER, cell, results

from tunegrid import staleness, submitted_code
from tunegrid.cluster.attempts import AttemptLog
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training import finished_runs, make_run, run_files
from tunegrid.training.make_run import take_finished as take
from tunegrid.training.make_run import train_and_write as make
from tunegrid.training.run_lock import run_lock
from tunegrid.training.run_request import RunRequest


@pytest.fixture
def request_of(tiny_model, encoded, tmp_path):
    """The request of a run, in a folder by its name."""

    def build(name="run", keep="none", method=ADAPTER, **settings):
        return RunRequest(
            settings=cell(method, **settings),
            model=tiny_model,
            encoded=encoded[0],
            output=tmp_path / name,
            keep=keep,
            checkpoints=tmp_path / "checkpoints",
            finished=tmp_path / "finished",
        )

    return build


def test_a_finished_run_is_taken_as_it_was(request_of):
    make(request_of(), StopRequest())
    before = results(request_of().output), read_json(request_of().output / "provenance.json")
    for path in request_of().output.iterdir():
        path.unlink()
    assert take(request_of())
    assert (
        results(request_of().output),
        read_json(request_of().output / "provenance.json"),
    ) == before
    assert take(request_of("elsewhere"))


def test_a_run_of_other_settings_or_code_is_not_taken(request_of, monkeypatch, caplog):
    make(request_of(), StopRequest())
    assert not take(request_of(learning_rate=1e-3))
    monkeypatch.setattr(make_run, "training_code", lambda _: "other")
    with caplog.at_level(logging.INFO):
        assert not take(request_of())
    assert "is of other code" in caplog.text


def test_a_run_whose_code_was_edited_while_it_waited_is_refused(request_of, monkeypatch):
    """It is trained by the code that it was submitted with, or not at all."""
    request, attempts = request_of(), AttemptLog(None, target="")
    monkeypatch.delenv(submitted_code.SUBMITTED_CODE, raising=False)
    submitted_code.declare_submitted_code()
    make_run.make_run(request, StopRequest(), attempts=attempts)
    monkeypatch.setattr(submitted_code, "training_code", lambda _: "other")
    with pytest.raises(UserError, match="edited since this run was submitted; start the workflow"):
        make_run.make_run(request_of("again"), StopRequest(), attempts=attempts)
    assert not (request_of("again").output / "training.json").exists()
    monkeypatch.delenv(submitted_code.SUBMITTED_CODE)
    make_run.make_run(request_of("by hand"), StopRequest(), attempts=attempts)


def test_weights_that_are_wanted_must_be_there(request_of):
    make(request_of(), StopRequest())
    assert take(request_of())
    assert not take(request_of(keep="adapters"))
    make(request_of(keep="adapters"), StopRequest())
    assert take(request_of(keep="adapters"))
    (request_of().output / "adapter/model_head.safetensors").unlink()
    assert not take(request_of(keep="adapters"))


def test_a_run_that_could_not_keep_its_weights_is_taken_without_them(
    request_of, monkeypatch, caplog
):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_files, "keep_weights", full)
    make(request_of(keep="adapters"), StopRequest())
    (request_of().output / "training.json").unlink()
    caplog.clear()
    assert take(request_of(keep="adapters"))
    assert (request_of().output / "training.json").is_file()
    assert "could not be kept: OSError: [Errno 28] No space left" in caplog.text


def test_a_full_disk_costs_the_copy_and_not_the_run(request_of, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(finished_runs, "_copy", full)
    make(request_of(), StopRequest())
    assert (request_of().output / "training.json").is_file()
    assert "no copy of the finished run" in caplog.text


def test_two_processes_never_make_the_same_run(request_of, monkeypatch):
    monkeypatch.setattr("tunegrid.training.run_lock.LOCK_POLL", 0.05)
    order, first, second = [], request_of(), request_of()

    def hold():
        with run_lock(first, StopRequest()):
            order.append("first")
            entered.set()
            time.sleep(0.3)
            make(first, StopRequest())  # it removes what it needs no longer, under the other's feet
            order.append("first ends")

    entered = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    with run_lock(second, StopRequest()):
        order.append("second")
    holder.join()
    assert order == ["first", "first ends", "second"]


def test_a_run_that_waits_for_another_can_be_stopped(request_of, monkeypatch):
    monkeypatch.setattr("tunegrid.training.run_lock.LOCK_POLL", 0.05)
    stop = StopRequest()
    stop.signal = "SIGTERM"
    with (
        run_lock(request_of(), StopRequest()),
        pytest.raises(Stopped, match="SIGTERM while it waited for"),
        run_lock(request_of(), stop),
    ):
        pass


def test_a_lock_ends_with_its_process(request_of):
    child = os.fork()
    if not child:
        with run_lock(request_of(), StopRequest()):
            os._exit(1)
    os.waitpid(child, 0)
    with run_lock(request_of(), StopRequest()):
        pass


def test_a_run_that_is_only_to_be_taken_is_never_trained(request_of, monkeypatch, tmp_path):
    """A copy that seems to be there and is of other data is forgotten: the next start trains."""
    make(request_of(), StopRequest())
    folder = request_of().finished_folder
    code = staleness.training_code(request_of().settings)
    assert finished_runs.can_be_taken(folder, code=code)
    assert not finished_runs.can_be_taken(folder, code="other")
    assert not finished_runs.can_be_taken(tmp_path / "none", code=code)
    make_run.take_only(request_of("elsewhere"), StopRequest())
    assert results(request_of("elsewhere").output) == results(request_of().output)

    monkeypatch.setattr(make_run, "train_and_write", lambda *_: pytest.fail("it was trained"))
    monkeypatch.setattr(RunRequest, "model_files", {"config.json": "0" * 64})
    with pytest.raises(UserError, match=r"cannot be taken, .* start the workflow again"):
        make_run.take_only(request_of("of other data"), StopRequest())
    assert not finished_runs.can_be_taken(folder, code=code)
