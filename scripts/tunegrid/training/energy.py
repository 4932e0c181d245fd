"""The energy that a run takes, where its device tells: NVIDIA's GPUs from Volta on."""

import logging

import pynvml
import torch

from tunegrid.training.devices import gpu_handle


class EnergyMeter:
    """What one GPU takes from the making of the meter on; of a CPU nothing is told.

    The GPU's own counter, so whatever else it computes meanwhile is in it, too
    (nvmlDeviceGetTotalEnergyConsumption of https://docs.nvidia.com/deploy/nvml-api/).

    Args:
        device: of this process.
    """

    def __init__(self, device: torch.device) -> None:
        self._gpu = None
        if device.type == "cuda":
            try:
                self._gpu = gpu_handle(device)
                self._start = self._counter()
            except pynvml.NVMLError as reason:
                self._gpu = None
                logging.info("the GPU does not tell its energy: %s", reason)

    @property
    def joules(self) -> float | None:
        """Joules so far; None: the device does not tell."""
        if self._gpu is None:
            return None
        try:
            return (self._counter() - self._start) / 1000
        except pynvml.NVMLError as reason:
            logging.warning("the GPU no longer tells its energy: %s", reason)
            return None

    def _counter(self) -> int:
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu)
