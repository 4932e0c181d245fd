"""Training in fp16: the loss is scaled, so that small gradients are not lost (`precision: fp16`).

Gradients below 6e-8 are zero in fp16. So the loss is multiplied by a scale before the backward
pass, and the gradients are divided by it before they are used (Micikevicius et al. 2018,
https://arxiv.org/abs/1710.03740). A step whose scaled gradients overflow changes no weight and
halves the scale; the scale is doubled after 2,000 steps without one
(https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler).
"""

import logging
from typing import Any

import torch
from accelerate import Accelerator


class LossScaler(torch.amp.GradScaler):
    """A scaler whose scale the host knows without asking the device.

    Attributes:
        known_scale: the scale as it was when it was last read.
    """

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.known_scale = self.get_scale()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        super().load_state_dict(state_dict)
        self.known_scale = state_dict["scale"]


def scale_losses(accelerator: Accelerator) -> None:
    """Let an accelerator compute in fp16 with a scaled loss, on a CPU as on a GPU.

    Accelerate asks for fp16 autocast and its scaler on accelerators alone, and computes in fp32
    without a word elsewhere (`accelerate.Accelerator.__init__`); torch has both for CPUs.
    """
    accelerator.native_amp = True
    accelerator.scaler = LossScaler(accelerator.device.type)


def unscale_gradients(accelerator: Accelerator, optimizer: torch.optim.Optimizer) -> None:
    """Divide the gradients by the loss's scale, so that they can be clipped; else do nothing."""
    if accelerator.scaler is not None:
        accelerator.scaler.unscale_(optimizer)


def step_optimizer(accelerator: Accelerator, optimizer: torch.optim.Optimizer) -> None:
    """Take an optimizer step; it changes nothing where a scaled gradient overflowed.

    Args:
        accelerator: of the run.
        optimizer: whose gradients are complete, and no longer scaled.
    """
    if accelerator.scaler is None:
        optimizer.step()
        return
    accelerator.scaler.step(optimizer)
    accelerator.scaler.update()


def read_step(accelerator: Accelerator, loss: torch.Tensor, step: int) -> tuple[float, bool]:
    """Wait for a step; its loss, and whether it was left out, since a scaled gradient overflowed.

    It is the one place where a step waits for its device: what is read is read at once.

    Args:
        accelerator: of the run.
        loss: of the step, one number.
        step: its number, for the log.
    """
    scaler = accelerator.scaler
    if scaler is None:
        return loss.item(), False
    before = scaler.known_scale
    scale = scaler.scale(torch.ones_like(loss))
    value, scaler.known_scale = torch.stack([loss, scale]).tolist()
    if scaler.known_scale >= before:
        return value, False
    logging.info(
        "step %d changes no weight: a gradient overflowed in fp16; the loss is scaled by %g now",
        step,
        scaler.known_scale,
    )
    return value, True


def loss_scale_state(accelerator: Accelerator) -> dict[str, Any] | None:
    """What a checkpoint must hold of the scale; None where the loss is not scaled."""
    return None if accelerator.scaler is None else accelerator.scaler.state_dict()


def restore_loss_scale(accelerator: Accelerator, state: dict[str, Any] | None) -> None:
    """Go on from what `loss_scale_state` returned."""
    if accelerator.scaler is not None and state is not None:
        accelerator.scaler.load_state_dict(state)


def skipped_steps_note(skipped: int, steps: int) -> list[str]:
    """What a reader of the results should know of the steps that were left out; empty: nothing."""
    if not skipped:
        return []
    what = f"{skipped} of {steps} optimizer steps changed no weight: their gradients overflowed"
    return [f"{what} in fp16, as those of the first steps do until the loss's scale has settled"]
