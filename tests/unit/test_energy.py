from types import SimpleNamespace

import pynvml
import pytest
import torch

from tunegrid.training.energy import EnergyMeter

CUDA = torch.device("cuda")


@pytest.fixture
def counter(monkeypatch):
    """A GPU whose driver stands in: its counter (mJ, since the driver was loaded) by its UUID."""
    counts = {"GPU-6f0c": 5_000_000, "GPU-other": 1}
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", counts.__getitem__)
    properties = SimpleNamespace(uuid="6f0c")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    return counts


def test_a_meter_counts_the_joules_of_its_own_gpu_since_it_was_made(counter):
    meter = EnergyMeter(CUDA)
    assert meter.joules == 0
    counter["GPU-6f0c"] += 12_345
    counter["GPU-other"] += 999
    assert meter.joules == 12.345


def test_a_gpu_that_has_no_counter_tells_none(counter, monkeypatch):
    def refuse(_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", refuse)
    assert EnergyMeter(CUDA).joules is None


def test_a_counter_that_fails_later_costs_no_run(counter):
    meter = EnergyMeter(CUDA)

    def fail(_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", fail)
        assert meter.joules is None


def test_a_cpu_tells_none():
    assert EnergyMeter(torch.device("cpu")).joules is None
