"""Evaluation: a split's logits, computed in order of length, without drawing a random number."""

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from tunegrid.training.batching import EncodedSplit, to_device
from tunegrid.training.stopping import Interrupted, StopRequest

#: Examples computed at once. It changes nothing but speed and the last bits.
EVAL_BATCH = 32


@torch.no_grad()
def evaluate(
    accelerator: Accelerator,
    model: nn.Module,
    split: EncodedSplit,
    labels: int,
    stop: StopRequest | None = None,
) -> np.ndarray:
    """The logits of every example, float32 (n, labels), in the split's order.

    Several processes share the examples, and all get the result. Leaves the model in training
    mode.

    Raises:
        Interrupted: `stop` was asked to. Several processes finish first: they must agree.
    """
    model.eval()
    alone = accelerator.num_processes == 1
    order = np.argsort(-split.lengths, kind="stable")
    mine = order[accelerator.process_index :: accelerator.num_processes]
    logits = torch.zeros((len(split), labels), device=accelerator.device)
    try:
        for start in range(0, len(mine), EVAL_BATCH):
            rows = mine[start : start + EVAL_BATCH]
            if stop and alone and (cause := stop.cause()):
                raise Interrupted(cause)
            inputs = to_device(split.collate(rows), accelerator.device)
            with accelerator.autocast():
                output = model(**inputs).logits
            logits[torch.from_numpy(rows).to(accelerator.device)] = output.float()
    finally:
        model.train()
    return accelerator.reduce(logits, "sum").cpu().numpy()
