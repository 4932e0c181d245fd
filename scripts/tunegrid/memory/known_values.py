"""Answers to what a model's code asks of the values of tensors that have none.

Fake tensors have no values. What follows from a step's inputs and from counting is computed beside
them, on tensors that have: which tokens are padding, where a text ends, which position is which.
What follows from weights is not known. Of that

- the largest of several numbers (`topk`, `max`) are taken to be each in its turn, so that a
  mixture of experts sends as many tokens to each of its experts;
- a single number that is drawn at random, which decides whether a layer is left out, is taken to be
  a half;
- no number is taken to be none (NaN);
- questions whose answers change no shape are answered: whether something is so (no), and what a
  fraction is (1.0; of the steps that an optimizer counts, the first).

Any other question raises the error of fake tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

#: The most numbers of a tensor whose values are computed. Of more (masks of all pairs of tokens)
#: models ask nothing.
MOST_NUMBERS = 2**20
#: The same of what follows from a choice: a number for each token, choice and expert.
MOST_CHOICES = 2**25
#: The same of fractions that are made from nothing, such as a number for each example.
MOST_FRACTIONS = 2**10
#: The attribute of a fake that says what is known of it: `_Values` or `_Recipe`.
_KNOWN = "_tunegrid_known"
#: Operations whose results hold whatever was in memory before.
_WITHOUT_VALUES = {"aten::empty", "aten::empty_strided"}
_ATEN = torch.ops.aten
#: The operation by which a fake is asked for its device, and that which asks a tensor for a value.
WHICH_DEVICE = torch.ops.prim.device.default
WHICH_VALUE = _ATEN._local_scalar_dense.default  # noqa: SLF001
#: Operations that return the largest numbers along a dimension and where they stand, and the place
#: of the dimension among their arguments.
_CHOICES = {_ATEN.topk.default: 2, _ATEN.max.dim: 1}


def device_of(tensor: FakeTensor) -> torch.device:
    """What `WHICH_DEVICE` answers of a fake outside of its kernels.

    Two thirds of the operations of a step ask this, and each that modes pass on takes as long as
    a kernel (`torch._subclasses.fake_tensor.FakeTensor.__torch_dispatch__` answers the same).
    """
    return tensor.fake_device


class _Known:
    """What is known of a fake tensor; nothing of its copies, as methods make of layers."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> None:
        return None


@dataclass(frozen=True)
class _Values(_Known):
    """The values of a fake tensor.

    Attributes:
        tensor: of the same shape; views of the fake have views of it. Its storage is empty once
            something that is not known was written into it.
        chosen: whether they follow from a choice by weights that was taken to be even.
    """

    tensor: torch.Tensor
    chosen: bool = False


@dataclass(frozen=True)
class _Recipe(_Known):
    """How a tensor was made from nothing. Most are large, and never asked for their values."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class KnownValues(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes values beside fake tensors, as far as they are known.

    Attributes:
        chose: whether a shape follows from a choice by weights that was taken to be even.
        guessed: whether "is it so?" was answered without knowing.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.chose = False
        self.guessed = False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is WHICH_DEVICE:
            return device_of(args[0])
        if func is WHICH_VALUE:
            return self._number(args[0])
        kwargs = kwargs or {}
        fakes, holds_values = _tensors_given(args)
        if not holds_values:
            result = func(*args, **kwargs)
            if fakes and _compares(result) and all(_known(fake) is not None for fake in fakes):
                _note_values(result, _compute(func, args, kwargs), chosen=False)
                return result
            _note_what_is_not_computed(func, args, kwargs, result, from_nothing=not fakes)
            return result
        if func is _ATEN.index.Tensor:
            args = (args[0], self._without_masks(args[1]))
            fakes, _ = _tensors_given(args)
        known = [_known(fake) for fake in fakes]
        chosen = any(isinstance(one, _Values) and one.chosen for one in known)
        computable = None not in known and torch.Tag.nondeterministic_seeded not in func.tags
        if computable and torch.Tag.dynamic_output_shape in func.tags:
            self.chose |= chosen
            values = _compute(func, args, kwargs)
            result = tree_map_only(torch.Tensor, _fake_of, values)
            _note_values(result, values, chosen=chosen)
            return result
        result = func(*args, **kwargs)
        if computable and _is_small(result, MOST_CHOICES if chosen else MOST_NUMBERS):
            _note_values(result, _compute(func, args, kwargs), chosen=chosen)
        else:
            _note_what_is_not_computed(func, args, kwargs, result, from_nothing=False)
        return result

    def _number(self, fake: torch.Tensor) -> Any:
        """The value of a tensor of one number, or an answer in its place."""
        known = _known(fake)
        if known is not None:
            self.chose |= isinstance(known, _Values) and known.chosen
            with _disable_current_modes():
                return _tensor_of(known).item()
        if fake.dtype == torch.bool:
            self.guessed = True
            return False
        if fake.dtype.is_floating_point:
            return 1.0
        return WHICH_VALUE(fake)  # raises

    def _without_masks(self, indices: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
        """Indices, with the positions that a mask picks in its place where it is known."""
        positions: list[torch.Tensor | None] = []
        for index in indices:
            if index is not None and index.dtype == torch.bool and _known(index) is not None:
                with self:
                    positions.extend(index.nonzero().unbind(1))
            else:
                positions.append(index)
        return positions


def _tensors_given(args: tuple[Any, ...]) -> tuple[list[torch.Tensor], bool]:
    """The tensors among the arguments of an operation, and whether values of one are known.

    Tensors among keyword arguments are what results are written into, which no model uses.
    """
    fakes = []
    holds_values = False
    for argument in args:
        for one in argument if isinstance(argument, list | tuple) else (argument,):
            if isinstance(one, torch.Tensor):
                fakes.append(one)
                known = getattr(one, _KNOWN, None)
                holds_values |= isinstance(known, _Values) or not isinstance(one, FakeTensor)
    return fakes, holds_values


def _known(fake: torch.Tensor) -> _Values | _Recipe | None:
    """What is known of a fake, if anything is and still holds."""
    if not isinstance(fake, FakeTensor):
        return _Values(fake)  # a tensor that a program has just made of numbers
    known: _Values | _Recipe | None = getattr(fake, _KNOWN, None)
    if isinstance(known, _Values) and known.tensor.numel():
        return known if known.tensor.untyped_storage().nbytes() else None
    return known


def _tensor_of(known: _Values | _Recipe) -> torch.Tensor:
    """The tensor that has the values; without modes."""
    if isinstance(known, _Values):
        return known.tensor
    made: torch.Tensor = known.func(*known.args, **known.kwargs)
    return made


def _compute(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What an operation on fakes, of which all values are known, returns on these values."""

    def values_of(fake: torch.Tensor) -> torch.Tensor:
        known = _known(fake)
        assert known is not None
        return _tensor_of(known)

    with _disable_current_modes():
        real_args, real_kwargs = tree_map_only(torch.Tensor, values_of, (args, kwargs))
        return func(*real_args, **real_kwargs)


def _fake_of(values: torch.Tensor) -> torch.Tensor:
    return torch.empty(values.shape, dtype=values.dtype)


def _compares(result: Any) -> bool:
    """Whether a result is a small tensor of truth values."""
    return (
        isinstance(result, torch.Tensor)
        and result.dtype == torch.bool
        and result.numel() <= MOST_NUMBERS
    )


def _is_small(result: Any, most: int) -> bool:
    tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    return all(tensor.numel() <= most for tensor in tensors)


def _note_values(result: Any, values: Any, *, chosen: bool) -> None:
    for fake, tensor in zip(tree_leaves(result), tree_leaves(values), strict=True):
        if isinstance(fake, torch.Tensor):
            setattr(fake, _KNOWN, _Values(tensor, chosen))


def _note_made(result: torch.Tensor, recipe: _Recipe) -> None:
    """Remember how a tensor was made from nothing, and the values of a small one."""
    known: _Values | _Recipe = recipe
    most = MOST_FRACTIONS if result.dtype.is_floating_point else MOST_NUMBERS
    if _is_small(result, most):
        with _disable_current_modes():
            known = _Values(_tensor_of(recipe))
    setattr(result, _KNOWN, known)


def _forget(func: Any, args: tuple[Any, ...]) -> None:
    """Forget the values of what an operation writes into, and of all views of it."""
    for argument, value in zip(func._schema.arguments, args, strict=False):  # noqa: SLF001
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        for fake in tree_leaves(value):
            known = getattr(fake, _KNOWN, None)
            if isinstance(known, _Values):
                with _disable_current_modes():
                    known.tensor.untyped_storage().resize_(0)
            elif known is not None:
                delattr(fake, _KNOWN)


def _note_what_is_not_computed(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, *, from_nothing: bool
) -> None:
    """Remember what is assumed of an operation's result, and how it was made from nothing."""
    if from_nothing and func is _ATEN.rand.default:
        if result.numel() == 1:
            _note_values(result, _filled(result, value=0.5), chosen=False)
    elif from_nothing and isinstance(result, torch.Tensor):
        drawn = torch.Tag.nondeterministic_seeded in func.tags
        if not drawn and func._schema.name not in _WITHOUT_VALUES:  # noqa: SLF001
            _note_made(result, _Recipe(func, args, kwargs))
    elif func in _CHOICES:
        dimension = args[_CHOICES[func]] if len(args) > _CHOICES[func] else -1
        positions = _in_turn(result[1].shape, dimension, choices=args[0].shape[dimension])
        setattr(result[1], _KNOWN, _Values(positions, chosen=True))
    elif func is _ATEN.isnan.default and _is_small(result, MOST_NUMBERS):
        _note_values(result, _filled(result, value=False), chosen=False)
    elif func._schema.is_mutable:  # noqa: SLF001
        _forget(func, args)


def _in_turn(shape: torch.Size, dimension: int, *, choices: int) -> torch.Tensor:
    """Positions along a dimension of so many choices, each as often as any other.

    Args:
        shape: of the positions; where one position is chosen, the dimension may be left out.
        dimension: along which they are chosen.
        choices: how many positions there are to choose from.
    """
    with _disable_current_modes():
        in_turn = torch.arange(math.prod(shape)) % choices
        if len(shape) < 2:
            return in_turn.view(shape)
        moved = list(shape)
        moved.append(moved.pop(dimension))
        return in_turn.view(moved).movedim(-1, dimension).contiguous()


def _filled(fake: torch.Tensor, *, value: float) -> torch.Tensor:
    """A tensor of a fake's shape and kind that has one value throughout."""
    with _disable_current_modes():
        return torch.full(fake.shape, value, dtype=fake.dtype)
