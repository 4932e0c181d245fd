"""Methods of the peft library, added to a model that keeps its own class and its names.

The library puts layers of its own in the places of those that a configuration targets; the weights
of a target `query` are then called `query.base_layer`. It is told that the classification head, and
what else is new in the model, is trained as a whole (`modules_to_save`), so that it targets no
layer of these. For that it puts a copy of each beside the original, which is taken out again: here
nobody needs the weights from before.

What is kept is what `PeftModel.save_pretrained` would write, and `PeftModel.from_pretrained` loads
it. Written for version 0.21.2 of the library, which this module imports: it takes seconds.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import copy, deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from peft import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
    PeftConfig,
    PeftModel,
    TaskType,
    get_peft_model_state_dict,
)
from peft.tuners import tuners_utils
from peft.tuners.boft import layer as boft_layer
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils import SAFETENSORS_WEIGHTS_NAME, AuxiliaryTrainingWrapper, ModulesToSaveWrapper
from peft.utils.error import NoMatchingPeftModuleError
from safetensors.torch import save_file
from torch import nn

from tunegrid.errors import UserError
from tunegrid.methods import ADAPTER, encoder_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tunegrid.config.catalogue import MethodEntry

#: The attribute of a model that holds what the library knows of it.
_TUNER = "_peft_tuner"
#: What the library puts before the names of the weights that it keeps.
_KEPT_PREFIX = "base_model.model."
#: Keys that name modules by how their names end.
_NAME_MODULES = ("target_modules", "exclude_modules", "modules_to_save", "feedforward_modules")
#: Types that begin with random numbers in what they add, so that they change the model at once.
DRAWN_AT_START = frozenset({"C3A", "FOURIERFT", "UNILORA", "VBLORA"})
#: What the library raises where a configuration is wrong, or does not fit a model.
_REFUSALS = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    NotImplementedError,
    ArithmeticError,
    AssertionError,
    IndexError,
    ImportError,
    StopIteration,
)
#: Where the library warns of keys that match no layer.
_MATCHING_FILE = tuners_utils.__file__
#: Names of layers that a message gives of many.
_NAMED = 12


def add_peft(model: PreTrainedModel, method: MethodEntry, new: Collection[str] = ()) -> None:
    """Add what the configuration says, and let it, the head and what else is new train alone.

    Args:
        model: a classifier; it is changed in place and keeps its class.
        method: an entry of kind `peft`.
        new: the names of parameters that were not pretrained.

    Raises:
        UserError: the library refuses the configuration, or it for this model; it names layers
            that the model does not have; or what is added would stand outside of the model.
    """
    if method.peft is None:
        raise ValueError("the method is not of kind peft")
    _check_names(model, method)
    configuration = _configuration(method)
    names = {name for name, _ in model.named_parameters()}
    whole = _trained_whole(model, new) | _matching(model, method.peft.get("modules_to_save") or [])
    configuration.modules_to_save = sorted(whole)
    tuner_class = PEFT_TYPE_TO_TUNER_MAPPING[configuration.peft_type]
    try:
        with warnings.catch_warnings(record=True) as caught, _without_kernel():
            warnings.simplefilter("always")
            tuner = tuner_class(model, configuration, adapter_name=ADAPTER)
    except _REFUSALS as error:
        raise _refusal(model, method, error) from None
    for warning in caught:
        text = " ".join(str(warning.message).split())
        logging.info("peft: %s", text)
        if issubclass(warning.category, RuntimeWarning) and warning.filename == _MATCHING_FILE:
            raise _unfit(model, method, text)
    wrapped = _unwrap(model)
    if wrapped != whole:
        raise _unfit(
            model,
            method,
            "the library takes other modules for the head than it is told:"
            f" {', '.join(sorted(wrapped ^ whole))}",
        )
    for name in whole:
        model.get_submodule(name).requires_grad_()
    if lost := sorted(names - {_name_before(name) for name, _ in model.named_parameters()}):
        raise _unfit(model, method, f"it takes {', '.join(lost[:3])} out of the model")
    inside = {id(weight) for weight in model.parameters()}
    if any(weight.requires_grad and id(weight) not in inside for weight in tuner.parameters()):
        raise _unfit(model, method, "some of its weights stand outside of the model")
    vars(model)[_TUNER] = tuner  # not as a part of the model, which is a part of it


def _name_before(name: str) -> str:
    """What a pretrained weight was called before a layer of the library was put in its place."""
    return name.replace(".token_adapter", "").replace(".base_layer", "")


def _without_kernel() -> AbstractContextManager[Any]:
    """Keep BOFT from compiling a kernel of its own where there is a compiler.

    With it the method is another one: it has all of its butterfly factors, and one without it.
    """
    return patch.object(boft_layer, "get_fbd_cuda", lambda: None)


def _configuration(method: MethodEntry) -> Any:
    """The library's configuration object of an entry.

    Raises:
        UserError: the library refuses it.
    """
    values = deepcopy(method.peft or {})  # the library changes what it is given
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[values.pop("peft_type")]
    try:
        return config_class(**values, task_type=TaskType.SEQ_CLS)
    except _REFUSALS as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{method.wording} is refused by the peft library: {reason}") from None


def _check_names(model: PreTrainedModel, method: MethodEntry) -> None:
    """Check that each name of a module that an entry gives is the end of one in the model.

    The library itself goes on where one of several matches.
    """
    for key in _NAME_MODULES:
        given = (method.peft or {}).get(key)
        for name in given if isinstance(given, list) else ():
            if not _matching(model, [name]):
                reason = f"{key} names {name!r}, and no module's name ends so; {_hint(model)}"
                raise _unfit(model, method, reason, remedy="correct it")


def _matching(model: nn.Module, ends: Iterable[str]) -> set[str]:
    """The modules whose names end so, part by part."""
    return {
        name
        for name, _ in model.named_modules()
        if any(name == end or name.endswith(f".{end}") for end in ends)
    }


def _trained_whole(model: PreTrainedModel, new: Collection[str]) -> set[str]:
    """The modules that train as a whole: the head, and of the encoder what is new."""
    prefix = encoder_name(model)
    head = {
        name
        for name, module in model.named_children()
        if name != prefix and next(module.parameters(), None) is not None
    }
    in_encoder = {".".join(name.split(".")[:2]) for name in new if name.startswith(f"{prefix}.")}
    return head | in_encoder


def _unwrap(model: nn.Module) -> set[str]:
    """Put the original modules back in the places of their copies; their names."""
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, ModulesToSaveWrapper)
    }
    for name, module in found.items():
        model.set_submodule(name, module.original_module)
    return set(found)


def _refusal(model: PreTrainedModel, method: MethodEntry, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if (method.peft or {}).get("target_modules") is None:
        return _unfit(model, method, f"{reason}; {_hint(model)}", remedy="name target_modules")
    if isinstance(error, NoMatchingPeftModuleError):
        return _unfit(model, method, f"{reason} {_hint(model)}", remedy="correct target_modules")
    return _unfit(model, method, reason)


def _unfit(
    model: PreTrainedModel, method: MethodEntry, reason: str, *, remedy: str = ""
) -> UserError:
    other = f"{remedy}, or " if remedy else ""
    return UserError(
        f"{method.wording} cannot be added to {type(model).__name__}: {reason}; {other}leave the"
        " method out of the grid for this model (`without`, in the model's entry)"
    )


def _hint(model: PreTrainedModel) -> str:
    """What the linear layers of the encoder are called."""
    ends = dict.fromkeys(
        name.rsplit(".", 1)[-1]
        for name, module in model.base_model.named_modules()
        if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
    )
    more = ", …" if len(ends) > _NAMED else ""
    return f"its layers are called {', '.join(list(ends)[:_NAMED])}{more}"


def begins_without_effect(configuration: Mapping[str, Any]) -> bool:
    """Whether the library says that a model computes the same as before, until it is trained.

    Args:
        configuration: the key `peft` of an entry. One that says how weights begin (`init_…`) is
            given no promise.
    """
    chosen = any(key.startswith("init_") for key in configuration)
    return configuration["peft_type"] not in DRAWN_AT_START and not chosen


@contextmanager
def peft_aside(model: nn.Module) -> Iterator[None]:
    """Let a model compute without what was added to it."""
    added = [
        module
        for module in model.modules()
        if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
    ]
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    for module in added:
        module.enable_adapters(enabled=False)
    try:
        yield
    finally:
        for module in added:
            module.enable_adapters(enabled=True)
        # The library lets every weight of what is enabled train, and none of what is not.
        model.requires_grad_(requires_grad=False)
        for weight in trained:
            weight.requires_grad_()


@contextmanager
def without_values() -> Iterator[None]:
    """Let `add_peft` do with tensors that have no data, for what depends on shapes alone.

    BOFT reads from tensors in which order it shuffles rows; here it leaves them as they are.
    """

    def order(layer: boft_layer.BOFTLayer, rows: int, *_: Any, **__: Any) -> torch.Tensor:  # noqa: ARG001
        return torch.arange(rows)

    def matrix(layer: boft_layer.BOFTLayer, rows: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
        return torch.eye(len(rows))

    with (
        patch.object(boft_layer.BOFTLayer, "block_butterfly_perm", order),
        patch.object(boft_layer.BOFTLayer, "perm2mat", matrix),
    ):
        yield


class _AsKept(nn.Module):
    """A model under the names by which the library keeps its weights (`PeftModel`'s)."""

    def __init__(self, tuner: BaseTuner) -> None:
        super().__init__()
        self.base_model = tuner
        self.peft_config: dict[str, PeftConfig] = tuner.peft_config


def save_peft(model: PreTrainedModel, folder: Path) -> None:
    """Write what was added, the head and what else is new, as `PeftModel.save_pretrained` does.

    Args:
        model: to which `add_peft` has added something.
        folder: to write into: adapter_config.json and adapter_model.safetensors.
    """
    tuner = vars(model)[_TUNER]
    weights = get_peft_model_state_dict(
        _AsKept(tuner), adapter_name=ADAPTER, save_embedding_layers=False
    )
    configuration = copy(tuner.peft_config[ADAPTER])
    for name in configuration.modules_to_save:
        for key, value in model.get_submodule(name).state_dict().items():
            weights[f"{_KEPT_PREFIX}{name}.{key}"] = value
    for key, value in vars(configuration).items():
        if isinstance(value, set):  # whose order would differ from process to process
            setattr(configuration, key, sorted(value))
    configuration.inference_mode = True
    configuration.save_pretrained(str(folder))
    # Weights that several layers share would not be written: each gets its own.
    owned = {key: value.detach().cpu().clone().contiguous() for key, value in weights.items()}
    save_file(owned, folder / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})


def load_peft(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Put what a run has kept into a pretrained classifier, by the library alone.

    Args:
        model: as it was before `add_peft`; it is changed in place.
        folder: that `save_peft` wrote.

    Returns:
        The classifier. The library's copies of the head stay in it.
    """
    with warnings.catch_warnings(), _without_kernel():
        warnings.simplefilter("ignore")  # of projections that are drawn again, as was asked for
        loaded: Any = PeftModel.from_pretrained(model, str(folder))
    classifier: PreTrainedModel = loaded.get_base_model()
    return classifier
