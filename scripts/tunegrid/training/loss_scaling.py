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


def scale_losses_on_cpu(accelerator: Accelerator) -> None:
    """Let an accelerator of a CPU compute in fp16, too: as it does on a GPU.

    Accelerate asks for fp16 autocast and its scaler on accelerators alone, and computes in fp32
    without a word elsewhere (`accelerate.Accelerator.__init__`); torch has both for CPUs.
    """
    accelerator.native_amp = True
    accelerator.scaler = torch.amp.GradScaler("cpu")


def unscale_gradients(accelerator: Accelerator, optimizer: torch.optim.Optimizer) -> None:
    """Divide the gradients by the loss's scale, so that they can be clipped; else do nothing."""
    if accelerator.scaler is not None:
        accelerator.scaler.unscale_(optimizer)


def step_optimizer(accelerator: Accelerator, optimizer: torch.optim.Optimizer, step: int) -> bool:
    """Take an optimizer step; False where it was left out, since a scaled gradient overflowed.

    Args:
        accelerator: of the run.
        optimizer: whose gradients are complete, and no longer scaled.
        step: its number, for the log.
    """
    scaler = accelerator.scaler
    if scaler is None:
        optimizer.step()
        return True
    before = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    if scaler.get_scale() >= before:
        return True
    logging.info(
        "step %d changes no weight: a gradient overflowed in fp16; the loss is scaled by %g now",
        step,
        scaler.get_scale(),
    )
    return False


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
