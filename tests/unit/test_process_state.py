"""What a run sets in its process does not reach the next run of a pack; a Mac trains on its CPU."""

import os
import sys
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import PartialState
from tiny import ADAPTER, FULL, cell, results, train_settings

from tunegrid.stopping import StopRequest
from tunegrid.training import devices, finetune, packing, randomness
from tunegrid.training.run_request import RunRequest

GPU = SimpleNamespace(total_memory=80 * 10**9)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 80 GB that stands in; returns what is asked of its allocator, in order."""
    asked = []
    device = torch.device("cuda")
    stand_ins = {
        "device_count": lambda: 1,
        "get_device_properties": lambda _: GPU,
        "empty_cache": lambda: asked.append("empty the cache"),
        "reset_peak_memory_stats": lambda _: asked.append("forget the peak"),
        "set_per_process_memory_fraction": lambda share, _: asked.append(round(share * 80, 6)),
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(finetune, "Accelerator", lambda **_: SimpleNamespace(device=device))
    return asked


@pytest.mark.parametrize("settings", [{}, {"micro_batch": "auto"}, {"precision": "bf16"}])
def test_a_memory_limit_holds_for_its_own_run_alone(gpu, settings):
    finetune.start_accelerator(train_settings(memory_limit="16GB", **settings))
    assert gpu == ["empty the cache", 16.0, "forget the peak"]
    gpu.clear()
    finetune.start_accelerator(train_settings(**settings))
    assert gpu == ["empty the cache", 80.0, "forget the peak"]
    gpu.clear()
    finetune.start_accelerator(train_settings(memory_limit="200GB", **settings))
    assert gpu[1] == 80.0


@pytest.fixture
def request_of(tiny_model, encoded, tmp_path):
    def build(name, method=FULL, **settings):
        return RunRequest(cell(method, **settings), tiny_model, encoded[0], tmp_path / name)

    return build


def test_a_run_of_a_pack_is_the_run_that_is_trained_alone(request_of, tmp_path):
    """Whatever ran before it: other precision, kernels, limit, micro-batch, method."""
    settings = {
        "first": {"precision": "bf16", "deterministic": False, "memory_limit": "500KB"},
        "second": {"micro_batch": "auto"},
        "third": {"precision": "bf16"},
    }
    methods = {"first": FULL, "second": ADAPTER, "third": FULL}

    def requests(folder):
        return {
            name: request_of(f"{folder}/{name}", methods[name], **settings[name])
            for name in settings
        }

    ended = packing.make_all(requests("pack"), tmp_path / "logs", StopRequest())
    assert [end["ended"] for end in ended.values()] == ["finished"] * 3
    for name, request in reversed(requests("alone").items()):
        packing.make_all({name: request}, tmp_path / "logs", StopRequest())
        assert results(request.output) == results(tmp_path / "pack" / name), name


def test_a_run_need_not_be_deterministic_for_the_next_one_to_be(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    randomness.make_deterministic(deterministic=False, threads=1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8", "it is read but once"
    randomness.make_deterministic(deterministic=True, threads=1)


def test_a_mac_trains_on_its_cpu_and_says_so(request_of, monkeypatch, caplog):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: True)
    monkeypatch.setattr("accelerate.state.is_mps_available", lambda **_: True)
    PartialState._reset_state()
    caplog.set_level("INFO")
    run = finetune.build(request_of("run"), {}, StopRequest())
    assert run.accelerator.device.type == "cpu"
    assert next(run.model.parameters()).device.type == "cpu"
    assert caplog.text.count("this Mac's GPU is not used") == 1


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_peak_of_a_process_is_in_bytes(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(
        devices.resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=1_000_000)
    )
    assert devices.peak_memory(torch.device("cpu"))["peak_memory"] == 1_000_000 * unit


@pytest.mark.parametrize(
    ("processes", "context"),
    [
        ([(os.getpid(), 7_500), (os.getpid() + 1, 9_000)], 500),
        ([(os.getpid(), None)], None),
        ([(os.getpid() + 1, 9_000)], None),
    ],
    ids=["told", "another driver's mode", "a container, where the process has another number"],
)
def test_a_gpu_tells_what_its_allocator_held_and_what_cuda_takes(monkeypatch, processes, context):
    told = [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in processes]
    counters = {
        "max_memory_allocated": 5_000,
        "max_memory_reserved": 8_000,
        "memory_reserved": 7_000,
        "get_device_properties": SimpleNamespace(uuid="one"),
    }
    for name, value in counters.items():
        monkeypatch.setattr(torch.cuda, name, lambda _, value=value: value)
    monkeypatch.setattr(devices.pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(devices.pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)
    monkeypatch.setattr(
        devices.pynvml, "nvmlDeviceGetComputeRunningProcesses", {"GPU-one": told}.__getitem__
    )
    assert devices.peak_memory(torch.device("cuda")) == {
        "peak_memory": 5_000,
        "peak_memory_of": "tensors",
        "reserved_memory": 8_000,
        "context_memory": context,
    }


def test_where_the_driver_cannot_be_asked_the_context_is_not_told(monkeypatch):
    def fail():
        raise devices.pynvml.NVMLError(devices.pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(devices.pynvml, "nvmlInit", fail)
    for name in ("max_memory_allocated", "max_memory_reserved"):
        monkeypatch.setattr(torch.cuda, name, lambda _: 1)
    assert devices.peak_memory(torch.device("cuda"))["context_memory"] is None
