"""What `precision: auto` becomes on a machine.

Nothing here imports torch before it must: what the configuration names needs none.
"""

from tunegrid.config.schema import TrainSettings
from tunegrid.config.value_types import Precision

#: The first generation of NVIDIA's GPUs whose tensor cores multiply bf16, by its major compute
#: capability: Ampere. `torch.cuda.is_bf16_supported(including_emulation=False)` asks for the same.
MULTIPLIES_BF16 = 8


def precision_here(settings: TrainSettings) -> Precision:
    """The precision that a run is trained in on this machine.

    `auto` is bf16 where all GPUs of the run multiply it natively, tf32 on others (which compute in
    fp32 where they have no TF32), and fp32 on a CPU.

    Args:
        settings: how the cell is trained.
    """
    if settings.precision != "auto":
        return settings.precision
    import torch

    gpus = min(torch.cuda.device_count(), settings.gpus_per_run)
    if not gpus:
        return "fp32"
    if torch.version.hip:  # as torch has it: all of AMD's that it supports
        return "bf16"
    capabilities = [torch.cuda.get_device_capability(gpu) for gpu in range(gpus)]
    return "bf16" if min(major for major, _ in capabilities) >= MULTIPLIES_BF16 else "tf32"
