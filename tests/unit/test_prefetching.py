"""Collating on a thread loads the same micro-batches, and ends with the run, however that ends."""

import threading

import numpy as np
import pytest
import tiny
import torch
from tiny import cell

from tunegrid.stopping import StopCause, Stopped, StopReason, StopRequest
from tunegrid.training import prefetching
from tunegrid.training.prefetching import MicroBatchLoader, with_following


class Ahead(MicroBatchLoader):
    """A loader of a CPU that collates ahead, as on a GPU."""

    collated: list[str]

    def __enter__(self):
        super().__enter__()
        self._thread = prefetching.ThreadPoolExecutor(1, thread_name_prefix="collate")
        return self

    def _collate(self, rows):
        self.collated.append(threading.current_thread().name.split("_")[0])
        return super()._collate(rows)


@pytest.fixture
def ahead(monkeypatch):
    """Let runs collate ahead of time; the threads that have collated each micro-batch."""
    collated = []
    monkeypatch.setattr(Ahead, "collated", collated, raising=False)
    monkeypatch.setattr("tunegrid.training.finetune.MicroBatchLoader", Ahead)
    return collated


def collating_threads():
    return [one for one in threading.enumerate() if one.name.startswith("collate")]


@pytest.fixture
def files_of(tiny_model, encoded, tmp_path):
    """What a run found, and when it was stopped and went on."""

    def train(name, stop=None, **settings):
        folder = tmp_path / name
        tiny.train(
            cell(**settings), tiny_model, encoded[0], folder, stop,
            checkpoints=tmp_path / f"checkpoints-{name}",
        )  # fmt: skip
        return tiny.results(folder)

    return train


@pytest.mark.parametrize("settings", [{}, {"micro_batch": 3, "eval_every": 2}])
def test_a_run_is_the_same_to_the_bit(files_of, ahead, monkeypatch, settings):
    found = files_of("ahead", **settings)
    assert "collate" in ahead
    monkeypatch.setattr("tunegrid.training.finetune.MicroBatchLoader", MicroBatchLoader)
    assert found == files_of("plain", **settings)
    assert not collating_threads()


class StoppedAfter(StopRequest):
    """Asks to stop when it has been asked so often."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self._left = asked

    def cause(self):
        self._left -= 1
        return StopCause(StopReason.SIGNAL, "SIGTERM") if self._left < 0 else None


def test_a_run_that_is_stopped_ends_its_thread_and_goes_on_to_the_same(
    files_of, ahead, monkeypatch
):
    with pytest.raises(Stopped):
        files_of("ahead", StoppedAfter(5))
    assert not collating_threads()
    resumed = files_of("ahead")
    assert "collate" in ahead
    monkeypatch.setattr("tunegrid.training.finetune.MicroBatchLoader", MicroBatchLoader)
    assert resumed == files_of("plain")


def test_an_error_of_the_thread_is_the_run_s_and_ends_it(files_of, ahead, monkeypatch):
    def failing(self, rows):
        if threading.current_thread().name.startswith("collate"):
            raise OSError("the disk is gone")
        return MicroBatchLoader._collate(self, rows)

    monkeypatch.setattr(Ahead, "_collate", failing)
    with pytest.raises(OSError, match="the disk is gone"):
        files_of("failing")
    assert not collating_threads()
    assert ahead == []


class Split:
    """Examples that are their own positions."""

    labels = np.arange(20)

    def collate(self, rows):
        return {"input_ids": torch.from_numpy(rows)}


def test_what_was_not_expected_is_collated_now(ahead):
    loader = Ahead(Split(), torch.device("cpu"), lambda batch: [batch[:2], batch[2:]])
    with loader:
        loader.expect(np.arange(4))
        loader.expect(np.arange(4, 8))  # from now on the first batch is computed
        parts = [np.arange(2), np.arange(2, 3), np.arange(3, 4)]  # cut anew: memory ran out
        loaded = [loader.load(rows) for rows in parts]
    assert [one.inputs["input_ids"].tolist() for one in loaded] == [[0, 1], [2], [3]]
    assert [one.labels.tolist() for one in loaded] == [[0, 1], [2], [3]]
    assert ahead.count("MainThread") == 2
    assert not collating_threads()


def test_a_cpu_collates_where_it_computes():
    with MicroBatchLoader(Split(), torch.device("cpu"), lambda batch: [batch]) as loader:
        loader.expect(np.arange(4))
        assert not collating_threads()


@pytest.mark.parametrize("items", [[], [1], [1, 2, 3]])
def test_each_batch_comes_with_the_one_after_it(items):
    assert list(with_following(iter(items))) == list(zip(items, [*items[1:], None], strict=False))
