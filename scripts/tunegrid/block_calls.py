"""The calls of the parts of a model's first block, read in a twin of the model."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Tokens of the example that the first block is read from.
TRIED = 8


class NoLayoutError(Exception):
    """Where a model's blocks have their parts cannot be read.

    Attributes:
        reason: what the model has or does instead.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _BlockIsDone(Exception):  # noqa: N818 (it is no error)
    """Ends the forward pass behind the first block."""


@dataclass(frozen=True)
class Call:
    """A call of a module that has no parts: its path below the block and what went in and out."""

    path: str
    module: nn.Module
    given: torch.Tensor | None
    returned: torch.Tensor | None


def only_list_of_blocks(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The longest list of modules below the base model, and its path.

    Raises:
        NoLayoutError: there is none, there are others of its length or of its kind of blocks, or
            its blocks differ.
    """
    lists: dict[str, nn.ModuleList] = {}
    for path, module in model.base_model.named_modules():
        inner = any(path.startswith(f"{outer}.") for outer in lists)
        if isinstance(module, nn.ModuleList) and len(module) and not inner:
            lists[path] = module
    if not lists:
        raise NoLayoutError("it has no list of blocks that adapters could be added to")
    longest = max(len(blocks) for blocks in lists.values())
    found = [path for path, blocks in lists.items() if len(blocks) == longest]
    blocks = lists[found[0]]
    kind = type(blocks[0])
    if len(found) == 1:
        found += [
            path
            for path, other in lists.items()
            if path != found[0] and any(isinstance(block, kind) for block in other)
        ]
    if kind is nn.ModuleList:
        raise NoLayoutError(
            f"it has lists of blocks in a list ({found[0]}), and the adapters library"
            " takes one list of blocks"
        )
    if len(found) > 1:
        raise NoLayoutError(
            f"it has its blocks in several lists ({', '.join(found[:4])}), and the"
            " adapters library takes one"
        )
    if any(type(block) is not kind for block in blocks):
        raise NoLayoutError(f"it has blocks of several kinds in {found[0]}")
    return found[0], blocks


def calls_of_first_block(
    model: PreTrainedModel, blocks: str
) -> tuple[list[Call], torch.Tensor | None]:
    """The calls of modules without parts in the first block, in order, and the block's output.

    One example of eight tokens goes through the model until the first block is done. That happens
    in a twin that shares the model's weights, since some models exchange modules in their forward
    pass (BigBird its attention). What these draw at random is drawn from torch's generator, which
    is put back to where it stood.

    Args:
        model: in any mode, on any device, or of fake tensors.
        blocks: path of the list of blocks below the base model.

    Raises:
        NoLayoutError: the model cannot be run so, or does not call the block.
    """
    weights = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    base = copy.deepcopy(model.base_model, memo=weights).eval()
    block: nn.Module = base.get_submodule(blocks)[0]  # type: ignore[index]
    calls: list[Call] = []
    returned: list[torch.Tensor | None] = []

    def note(path: str, module: nn.Module) -> None:
        def hook(_: nn.Module, given: tuple[object, ...], output: object) -> None:
            calls.append(Call(path, module, _first_tensor(given), _first_tensor(output)))

        module.register_forward_hook(hook)

    def stop(_: nn.Module, __: tuple[object, ...], output: object) -> None:
        returned.append(_first_tensor(output))
        raise _BlockIsDone

    for path, module in block.named_modules():
        if path and not any(module.children()):
            note(path, module)
    block.register_forward_hook(stop)
    ids = torch.arange(1, TRIED + 1, device=model.device)[None]
    ids %= getattr(model.config, "vocab_size", None) or TRIED + 1
    inputs = {"input_ids": ids}
    if "attention_mask" in inspect.signature(base.forward).parameters:
        inputs["attention_mask"] = torch.ones_like(ids)
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            base(**inputs)
    except _BlockIsDone:
        return calls, returned[0]
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise NoLayoutError(
            f"it cannot be run on {TRIED} tokens, from which it would be read where"
            f" adapters stand: {reason}"
        ) from None
    finally:
        torch.set_rng_state(state)
    raise NoLayoutError(f"it does not call the blocks in {blocks}")


def _first_tensor(value: object) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, tuple) and value and isinstance(value[0], torch.Tensor):
        return value[0]
    return None


def called_once(calls: list[Call]) -> list[Call]:
    """The calls of the modules that the block calls once, and with its input as an argument."""
    paths = [call.path for call in calls]
    return [
        call
        for call in calls
        if paths.count(call.path) == 1 and call.given is not None and call.returned is not None
    ]
