import errno
import logging

import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell, results

from tunegrid.files import read_json
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training import checkpoints, finetune, run_files
from tunegrid.training.checkpoints import Checkpoints
from tunegrid.training.energy import EnergyMeter

STEPS = 6  # two epochs of three batches


@pytest.fixture(scope="module")
def start(tiny_model, encoded):
    """Start (or go on with) a run in a folder of its own: its results, timings left out."""

    def go(folder, method=FULL, stop=None, protocol="report"):
        settings = cell(method, protocol=protocol)
        folders = {"output": folder / "run", "checkpoints": folder / "checkpoints"}
        tiny.train(settings, tiny_model, encoded[0], stop=stop, **folders)
        return results(folder / "run")

    return go


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """The results of runs that were never interrupted."""

    def folder():
        return tmp_path_factory.mktemp("undisturbed")

    return {
        "full": start(folder()),
        "adapter": start(folder(), ADAPTER),
        "standard": start(folder(), protocol="standard"),
    }


@pytest.fixture
def after_step(monkeypatch):
    """Do something once, right after optimizer step n."""

    def arrange(number, action):
        real = finetune.take_step

        def take_step(run, batch, epoch):
            real(run, batch, epoch)
            if len(run.progress.history) == number:
                monkeypatch.setattr(finetune, "take_step", real)
                action()

        monkeypatch.setattr(finetune, "take_step", take_step)

    return arrange


def fail():
    raise KeyError("a crash")


@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_run_asked_to_stop_goes_on_bitwise(
    start, undisturbed, after_step, tmp_path, method, step
):
    stop = StopRequest()
    after_step(step, lambda: setattr(stop, "signal", "SIGTERM"))
    with pytest.raises(Stopped, match=f"SIGTERM after step {step} of {STEPS}"):
        start(tmp_path, method, stop)
    assert not (tmp_path / "run/training.json").exists()
    torch.rand(7)  # whatever the next process has drawn
    assert start(tmp_path, method) == undisturbed[method["kind"]]
    assert not list((tmp_path / "checkpoints").iterdir())
    assert read_json(tmp_path / "run/provenance.json")["resumed_at_step"] == step


@pytest.mark.parametrize(("before", "after", "joules"), [(3.0, 4.0, 7.0), (None, 4.0, None)])
def test_the_energy_of_a_run_that_was_interrupted_is_that_of_all_its_processes(
    start, after_step, tmp_path, monkeypatch, before, after, joules
):
    stop = StopRequest()
    after_step(2, lambda: setattr(stop, "signal", "SIGTERM"))
    monkeypatch.setattr(EnergyMeter, "joules", before)
    with pytest.raises(Stopped):
        start(tmp_path, stop=stop)
    monkeypatch.setattr(EnergyMeter, "joules", after)
    start(tmp_path)
    assert read_json(tmp_path / "run/training.json")["train_joules"] == joules


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_run_that_crashed_goes_on_bitwise(start, undisturbed, after_step, tmp_path, step):
    after_step(step, fail)
    with pytest.raises(KeyError):
        start(tmp_path)
    assert start(tmp_path) == undisturbed["full"]


@pytest.mark.parametrize("evaluation", [1, 2, 3])  # of two epochs, and of test
def test_a_run_asked_to_stop_in_an_evaluation_goes_on_with_it(
    start, undisturbed, tmp_path, monkeypatch, evaluation
):
    stop, real, calls = StopRequest(), finetune.evaluate, []

    def evaluate(*arguments, **named):
        calls.append(arguments)
        if len(calls) == evaluation:
            stop.signal = "SIGTERM"
        return real(*arguments, **named)

    monkeypatch.setattr(finetune, "evaluate", evaluate)
    with pytest.raises(Stopped, match=f"SIGTERM after step {min(3 * evaluation, STEPS)} of 6"):
        start(tmp_path, FULL, stop, protocol="standard")
    monkeypatch.undo()
    assert start(tmp_path, protocol="standard") == undisturbed["standard"]


def test_a_crash_after_training_trains_no_step_again(
    start, undisturbed, after_step, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))  # one at the end of every epoch
    monkeypatch.setattr(run_files, "write_history", lambda *_: fail())
    with pytest.raises(KeyError):
        start(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(finetune, "take_step", lambda *_: fail())
    assert start(tmp_path) == undisturbed["full"]


def kept(tmp_path):
    return sorted((tmp_path / "checkpoints" / cell(protocol="report").hash).iterdir())


def test_a_damaged_checkpoint_is_not_used_and_the_one_before_is(
    start, undisturbed, after_step, tmp_path, caplog
):
    stop = StopRequest()
    after_step(4, lambda: setattr(stop, "signal", "SIGTERM"))
    with pytest.raises(Stopped):
        start(tmp_path, FULL, stop)
    *_, newest = kept(tmp_path)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert start(tmp_path) == undisturbed["full"]
    assert f"checkpoint {newest} is not used: it is damaged" in caplog.text
    assert "going on from" in caplog.text


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 1000])
def test_a_file_that_is_no_checkpoint_is_not_used(tmp_path, content):
    (tmp_path / "step000000001.pt").write_bytes(content)
    assert Checkpoints(tmp_path, {}).load() is None


def test_a_checkpoint_of_other_code_is_not_used(tmp_path, caplog):
    Checkpoints(tmp_path, {"code": "a", "data": {"x": "1"}}).save(1, {"history": []})
    assert Checkpoints(tmp_path, {"code": "b", "data": {"x": "1"}}).load() is None
    assert "is not used: other code" in caplog.text
    same = Checkpoints(tmp_path, {"code": "a", "data": {"x": "1"}}).load()
    assert same == {"history": []}


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    start, undisturbed, tmp_path, monkeypatch, caplog
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "atomic_path", full)
    assert start(tmp_path) == undisturbed["full"]
    assert "no checkpoint after step 3: [Errno 28] No space left on device" in caplog.text


def test_one_is_due_after_its_interval(tmp_path):
    assert not Checkpoints(tmp_path, {}, interval=1e9).due()
    assert Checkpoints(tmp_path, {}, interval=0.0).due()
    assert not Checkpoints(None, {}, interval=0.0).due()


def test_one_is_due_at_the_end_of_an_epoch_unless_it_takes_too_much_of_the_time(
    tmp_path, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(checkpoints, "monotonic", lambda: now[0])
    saved = Checkpoints(tmp_path, {}, interval=600.0)
    assert saved.due(epoch_ends=True)
    real = torch.save

    def slow(*arguments):
        now[0] += 3.0
        real(*arguments)

    monkeypatch.setattr(torch, "save", slow)
    saved.save(1, {"history": []})
    for seconds, due in ((59.0, False), (2.0, True)):
        now[0] += seconds
        assert saved.due(epoch_ends=True) is due
        assert not saved.due()


def test_two_checkpoints_are_kept(tmp_path):
    saved = Checkpoints(tmp_path, {})
    for step in range(1, 6):
        saved.save(step, {"history": [step]})
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "step000000004.pt", "step000000005.pt",
    ]  # fmt: skip
    saved.remove()
    assert not tmp_path.exists()
