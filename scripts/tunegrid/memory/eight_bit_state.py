"""The state of bitsandbytes' 8-bit AdamW, for predicting memory: its kernels take no fake tensors.

Source: `bitsandbytes/optim/optimizer.py` (`Optimizer2State.init_state`,
https://github.com/bitsandbytes-foundation/bitsandbytes, version 0.50), after Dettmers et al. 2022,
https://arxiv.org/abs/2110.02861: two moments of a byte a weight, and for each block of 256 weights
the largest value of each, in fp32. Tensors of fewer than 4,096 weights keep their moments in fp32.
The quantisation's two tables of 256 values are shared by all tensors.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

#: Weights that share one largest value.
BLOCK = 256
#: A tensor of fewer weights has fp32 moments.
LEAST = 4096


class EightBitState(torch.optim.Optimizer):
    """An optimizer that makes the state of 8-bit AdamW and updates nothing.

    The real one updates weights in place, in one kernel that takes no memory of its own.
    """

    def __init__(self, parameters: Iterable[torch.Tensor]) -> None:
        super().__init__(parameters, {})
        self._tables: list[torch.Tensor] = []

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make what state is missing."""
        del closure  # torch's interface has it
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and not self.state[weight]:
                    self.state[weight] = self._state_of(weight)

    def _state_of(self, weight: torch.Tensor) -> dict[str, Any]:
        if weight.numel() < LEAST:
            return {"state1": torch.zeros_like(weight), "state2": torch.zeros_like(weight)}
        if not self._tables:
            self._tables = [torch.zeros(256, device=weight.device) for _ in range(2)]
        blocks = -(-weight.numel() // BLOCK)
        return {
            "state1": torch.zeros_like(weight, dtype=torch.uint8),
            "state2": torch.zeros_like(weight, dtype=torch.uint8),
            "absmax1": torch.zeros(blocks, device=weight.device),
            "absmax2": torch.zeros(blocks, device=weight.device),
            "qmap1": self._tables[0],
            "qmap2": self._tables[1],
        }
