"""A step over several GPUs that share weights, gradients and optimizer state, by formula.

Each GPU computes its own micro-batch and holds of some kinds of tensors only its share, one part of
as many as there are GPUs (ZeRO: Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054, section
5): the optimizer's state (zero1), the gradients, too (zero2), and the weights, too (zero3, and fsdp
as torch has it, https://docs.pytorch.org/docs/stable/fsdp.html). What a GPU holds whole for a
moment comes on top:

- of gradients that are shared (zero2, zero3, fsdp): those of one layer, which are reduced together;
- of weights that are shared (zero3, fsdp): those of two layers, the one that is computed and the
  next, which is fetched meanwhile (`backward_prefetch` of FSDP); and the embeddings and the head,
  which are gathered from the beginning to the end of a step (FSDP's root).

Not in it: buffers of DeepSpeed, whose sizes are settings of its own (`reduce_bucket_size`,
`stage3_prefetch_bucket_size`; https://www.deepspeed.ai/docs/config-json/), the copies of weights in
fp32 that its half-precision modes keep, and anything kept on the CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from transformers import PreTrainedModel

from tunegrid.memory import KINDS
from tunegrid.memory.records import Sharding
from tunegrid.model_layers import parameter_depths

if TYPE_CHECKING:
    from tunegrid.memory.storage_counter import Storage

#: The kinds of tensors of which each GPU holds its share alone.
SHARED_KINDS: dict[Sharding, tuple[str, ...]] = {
    "none": (),
    "zero1": ("optimizer state",),
    "zero2": ("optimizer state", "gradients"),
    "zero3": ("optimizer state", "gradients", "frozen weights", "trainable weights"),
    "fsdp": ("optimizer state", "gradients", "frozen weights", "trainable weights"),
}
#: Layers whose weights are whole at once: the one that is computed, and the next.
GATHERED_LAYERS = 2


def shared_parts(
    history: Iterable[Storage], sharding: Sharding, gpus: int, *, reduced_together: int
) -> dict[str, int]:
    """The bytes of each kind that one GPU holds at its peak, which may be at another moment.

    Args:
        history: the storages that lived in a step of one GPU alone.
        sharding: what is shared.
        gpus: how many share it.
        reduced_together: gradients that are reduced at once; one that is shared is whole until so
            many later ones are there.
    """
    storages = list(history)
    shared = SHARED_KINDS[sharding]
    gradients = sorted(one.born for one in storages if one.kind == "gradients")
    reduced_at = dict(zip(gradients, gradients[reduced_together:], strict=False))
    lives: list[tuple[int, int | None, str, float]] = []
    for one in storages:
        share = one.size / gpus if one.kind in shared else one.size
        lives.append((one.born, one.died, one.kind, share))
        if one.kind == "gradients" and one.kind in shared:
            reduced = reduced_at.get(one.born, one.died)
            lives.append((one.born, reduced, one.kind, one.size - share))
    changes: Counter[int] = Counter()
    for born, died, _, size in lives:
        changes[born] += round(size)
        if died is not None:
            changes[died] -= round(size)
    clocks = sorted(changes)
    live = list(accumulate(changes[clock] for clock in clocks))
    peak = clocks[live.index(max(live))]
    parts = Counter(dict.fromkeys(KINDS, 0))
    for born, died, kind, size in lives:
        if born <= peak and (died is None or died > peak):
            parts[kind] += round(size)
    return dict(parts)


def gradients_of_a_layer(model: PreTrainedModel) -> int:
    """How many gradients a layer has at most, the embeddings and the head apart.

    Raises:
        UserError: it is not to be told which layers the model has.
    """
    depths = parameter_depths(model)
    first, last = min(depths.values()), max(depths.values())
    trained = Counter(
        depths[name]
        for name, weight in model.named_parameters()
        if weight.requires_grad and first < depths[name] < last
    )
    return max(trained.values(), default=1)


def gathered_weights(model: PreTrainedModel, sharding: Sharding) -> int:
    """The bytes of shared weights that one GPU holds whole, beside its share.

    Args:
        model: with its method.
        sharding: what is shared.

    Raises:
        UserError: it is not to be told which layers the model has.
    """
    if "frozen weights" not in SHARED_KINDS[sharding]:
        return 0
    depths = parameter_depths(model)
    weights: Counter[int] = Counter()
    for name, weight in model.named_parameters():
        weights[depths[name]] += weight.numel() * weight.element_size()
    first, last = min(weights), max(weights)
    root = weights.pop(first) + weights.pop(last, 0)
    return root + sum(sorted(weights.values())[-GATHERED_LAYERS:])
