"""Loading a pretrained encoder into a classifier, with every tensor accounted for.

The tensors of the files are matched with those of the model by name before anything is built. What
the encoder needs and the files lack is an error; what is new in the model is named, since it is
drawn from the run's seed and must train in every method; what is left over is listed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from tunegrid.errors import UserError
from tunegrid.methods import in_head
from tunegrid.metrics import TargetKind
from tunegrid.training.weight_names import by_name_in_model, without_prefix
from tunegrid.weights_files import DamagedFileError, tensor_shapes, weights_files

#: Keys of a configuration that say how many blocks a model has.
DEPTHS = (
    "num_hidden_layers",
    "n_layers",
    "n_layer",
    "num_layers",
    "num_decoder_layers",
    "encoder_layers",
    "decoder_layers",
)
#: What a configuration's `problem_type` says of each kind of target; of single labels it may be
#: silent.
PROBLEM_TYPES: dict[TargetKind, str] = {
    "single_label": "single_label_classification",
    "multi_label": "multi_label_classification",
    "regression": "regression",
}
#: Names that a message or the log gives of many.
NAMED = 3


@dataclass(frozen=True)
class LoadedWeights:
    """What a classifier's weights are.

    Attributes:
        new: parameters that no file holds, drawn from torch's global generator: the head, and of
            the encoder what stands after its blocks, such as a pooler.
        prefix: what a wrapper had put before all names in the files; empty: nothing.
        replaced: tensors of the checkpoint's own classification head, in whose place a new one is.
        unused: the other tensors of the files that the model has no place for.
        kept_head: tensors of the checkpoint's own head that the model has kept, on request.
    """

    new: frozenset[str]
    prefix: str = ""
    replaced: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    kept_head: list[str] = field(default_factory=list)


def load_classifier(
    folder: Path,
    *,
    labels: list[str],
    target: TargetKind = "single_label",
    attention: str = "auto",
    keep_head: bool = False,
    layers: int | None = None,
) -> tuple[PreTrainedModel, LoadedWeights]:
    """A sequence classifier on the CPU in fp32, and where each of its weights comes from.

    New weights are drawn from torch's global generator, as the model's own library initialises it.

    Args:
        folder: a model folder (`tunegrid.models.fetch_model`); its weights are safetensors.
        labels: label names in the order of their ids; of a regression none.
        target: what the task asks for; the model's configuration says it of several labels and of
            a number (`problem_type`).
        attention: "sdpa" or "eager"; "auto": the first that the model can, whatever else is
            installed.
        keep_head: whether the checkpoint's own classification head is kept. Its labels must be
            those of `labels` by name; its rows are put into their order.
        layers: build only so many of the model's blocks, for a trial; None: all of them. All
            weights are accounted for in either case.

    Raises:
        UserError: transformers cannot build a classifier from the folder, the files lack a tensor
            of the encoder or hold one of another shape, or the head cannot be kept.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        _refuse_quantised(folder, config)
        own_labels, own_problem = dict(config.id2label or {}), config.problem_type
        _make_classifier_of(config, labels, target)
        skeleton = _skeleton(config)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise _builds_none(folder, error) from None
    tensors, prefix = without_prefix(_read_tensors(folder), skeleton)
    tensors, unused = by_name_in_model(tensors, skeleton)
    of_head = sorted(name for name in tensors if in_head(skeleton, name))
    of_labels = _names_of_labels(config, skeleton) if of_head else set()
    kept_head, replaced = [], []
    if keep_head:
        has_head = bool(of_labels) and of_labels <= set(of_head)
        if own_problem not in (None, PROBLEM_TYPES[target]):
            raise UserError(
                f"{folder}: head: keep, but its head is one for {own_problem}; leave `head`"
                " out for a new head"
            )
        order = _label_order(folder, own_labels, labels, target, has_head=has_head)
        tensors |= {name: tensors[name][order] for name in of_labels}
        kept_head = of_head
    elif of_labels & set(of_head):
        replaced = of_head
        for name in of_head:
            del tensors[name]
    # Without a layer that ends in labels it is the transformation before a language model's head,
    # which is pretrained, and stays.
    _check_shapes(folder, tensors, skeleton)
    _check_finite(folder, tensors)
    new = _find_new(folder, tensors, unused, skeleton)
    if keep_head and new:
        raise UserError(
            f"{folder}: head: keep, but its weights lack {', '.join(sorted(new)[:NAMED])}: they are"
            " no sequence classifier's; leave `head` out for a new head"
        )
    if layers is not None:
        config = _fewer_layers(config, layers)
        tensors, _ = by_name_in_model(tensors, _skeleton(config))
    _compile_nothing_unasked(config)
    try:
        model = type(skeleton).from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            attn_implementation=_attention_asked_for(attention, skeleton),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _builds_none(folder, error) from None
    return model, LoadedWeights(
        new=new, prefix=prefix, replaced=replaced, unused=unused, kept_head=kept_head
    )


def _make_classifier_of(config: PretrainedConfig, labels: list[str], target: TargetKind) -> None:
    """Let a configuration be that of a classifier of the task's labels, or of a number."""
    config.use_cache = False  # a classifier generates nothing
    config.num_labels = max(1, len(labels))
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    if target != "single_label" or config.problem_type is not None:
        config.problem_type = PROBLEM_TYPES[target]


def _compile_nothing_unasked(config: PretrainedConfig) -> None:
    """Let a model compile none of its parts, unless its config.json says so.

    ModernBERT compiles parts of itself on a GPU where Triton is installed, and the last bits of its
    results depend on that (`reference_compile`,
    https://huggingface.co/docs/transformers/model_doc/modernbert).
    """
    if getattr(config, "reference_compile", False) is None:
        config.reference_compile = False


def _attention_asked_for(attention: str, skeleton: PreTrainedModel) -> str | None:
    """How `from_pretrained` is asked for kernels of attention; None: for its first choice.

    Where nothing is asked for, ModernBERT takes FlashAttention 2 if that package is installed
    (`ModernBertPreTrainedModel._check_and_adjust_attn_implementation`), which computes on GPUs and
    in 16 bits alone. So it is asked for the kernels that all other models get.
    """
    if attention != "auto":
        return attention
    chosen = skeleton.config._attn_implementation  # noqa: SLF001 (has no public name)
    return "sdpa" if chosen.startswith("flash") else None


def _refuse_quantised(folder: Path, config: PretrainedConfig) -> None:
    if getattr(config, "quantization_config", None):
        raise UserError(
            f"{folder}: its weights are quantised (quantization_config in its config.json), and are"
            " not trained here; take the repository of the weights as they were before"
        )


def _builds_none(folder: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:300]
    return UserError(
        f"{folder}: builds no classifier: {reason}; leave the model out of the grid, or correct its"
        " config.json or train.attention"
    )


def _skeleton(config: PretrainedConfig) -> PreTrainedModel:
    """The model without storage for its weights, for the names and shapes of its tensors."""
    from_config: Any = AutoModelForSequenceClassification.from_config  # it has no types
    with torch.device("meta"):
        model: PreTrainedModel = from_config(config)
    return model


def count_parameters(folder: Path) -> int:
    """The numbers in all tensors of a model folder's files, by their headers.

    Raises:
        UserError: the folder holds no weights that can be read.
    """
    try:
        return sum(map(math.prod, tensor_shapes(folder).values()))
    except DamagedFileError as error:
        raise UserError(f"{folder}: {error}; fetch the model again") from None


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    try:
        tensor_shapes(folder)  # so that damage is told in our own words
        for path in weights_files(folder):
            tensors |= load_file(path)
    except DamagedFileError as error:
        raise UserError(f"{folder}: {error}; fetch the model again") from None
    return tensors


def _names_of_labels(config: PretrainedConfig, skeleton: PreTrainedModel) -> set[str]:
    """The tensors that have a row for each label."""
    more = type(config).from_dict(config.to_dict())
    more.num_labels = config.num_labels + 1
    grown = _skeleton(more).state_dict()
    return {
        name for name, value in skeleton.state_dict().items() if value.shape != grown[name].shape
    }


def _label_order(
    folder: Path,
    own_labels: dict[int, str],
    labels: list[str],
    target: TargetKind,
    *,
    has_head: bool,
) -> list[int]:
    """The rows of a checkpoint's head in the order of the task's labels; of a regression the one.

    Raises:
        UserError: it has no head, or one for labels of other names.
    """
    if not has_head:
        raise UserError(
            f"{folder}: head: keep, but its weights hold no classification head; leave `head` out"
        )
    if target == "regression":
        if len(own_labels) == 1:
            return [0]
        raise UserError(
            f"{folder}: head: keep, but its head knows {len(own_labels)} labels, and the task asks"
            " for a number; leave `head` out for a new head"
        )
    in_order = (str(own_labels[index]) for index in sorted(own_labels))
    rows = {label: row for row, label in enumerate(in_order)}
    if set(rows) != set(labels):
        raise UserError(
            f"{folder}: head: keep, but its head knows {', '.join(rows)}, and the task's"
            f" labels are {', '.join(labels)}; name them alike, or leave `head` out for a new head"
        )
    return [rows[label] for label in labels]


def _check_shapes(
    folder: Path, tensors: dict[str, torch.Tensor], skeleton: PreTrainedModel
) -> None:
    expected = skeleton.state_dict()
    for name, value in tensors.items():
        if value.shape != expected[name].shape:
            raise UserError(
                f"{folder}: {name} has the shape {tuple(value.shape)} in the weights and"
                f" {tuple(expected[name].shape)} by config.json; give the weights and the"
                " config.json of one model"
            )


def _check_finite(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(
                f"{folder}: {name} holds values that are no finite numbers; take weights that were"
                " saved whole, in another precision if they are too large for this one"
            )


def _find_new(
    folder: Path,
    tensors: dict[str, torch.Tensor],
    unused: list[str],
    skeleton: PreTrainedModel,
) -> frozenset[str]:
    """The parameters that no file holds, if a model may begin with random values in them.

    It may in its head, and where a whole part of the base model is computed after the blocks, such
    as a pooler.

    Raises:
        UserError: the files lack something else.
    """
    held = {id(value) for name, value in _named(skeleton) if name in tensors}
    missing = [
        (name, value)
        for name, value in _named(skeleton)
        # A tied weight has one storage under several names; what does not train is computed.
        if name not in tensors and id(value) not in held and value.requires_grad
    ]
    in_encoder = [name for name, _ in missing if not in_head(skeleton, name)]
    lacking = [name for name in in_encoder if not _may_be_new(name, tensors, skeleton)]
    if lacking:
        encoder = sum(not in_head(skeleton, name) for name, _ in skeleton.named_parameters())
        more = ", …" if len(lacking) > NAMED else ""
        raise UserError(
            f"{folder}: the weights lack {len(lacking)} of the encoder's {encoder} tensors"
            f" ({', '.join(lacking[:NAMED])}{more}), which would begin as random numbers;"
            f" {_remedy(lacking, unused, skeleton)}"
        )
    return frozenset(name for name, _ in missing)


def _remedy(lacking: list[str], unused: list[str], skeleton: PreTrainedModel) -> str:
    """What mends an encoder that lacks tensors: a prefix that only some names have, or others."""
    name = lacking[0].removeprefix(f"{skeleton.base_model_prefix}.")
    for other in unused:
        if other.endswith(f".{name}"):
            prefix = other.removesuffix(name)
            return f"the file has {other}: take {prefix!r} from before such names"
    return "give the weights that belong to its config.json"


def _named(model: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    """All parameters by all their names: a tied one has several."""
    return model.named_parameters(remove_duplicate=False)


def _may_be_new(name: str, held: Iterable[str], skeleton: PreTrainedModel) -> bool:
    """Whether a parameter of the encoder is of a part that is new as a whole, such as a pooler.

    Such a part is declared after the blocks, in the order in which a model computes, and has a
    matrix: a norm, which has none, was pretrained wherever it stands.
    """
    prefix = f"{skeleton.base_model_prefix}."
    part_name = name.removeprefix(prefix).split(".")[0]
    parts = dict(skeleton.base_model.named_children())
    if part_name not in parts:
        return False
    begun = any(other.startswith(f"{prefix}{part_name}.") for other in held)
    has_matrix = any(value.ndim > 1 for value in parts[part_name].parameters())
    later = list(parts)[list(parts).index(part_name) :]
    bears_the_encoder = any(
        isinstance(module, nn.ModuleList | nn.Embedding)
        for part in later
        for module in parts[part].modules()
    )
    return has_matrix and not begun and not bears_the_encoder


def _fewer_layers(config: PretrainedConfig, layers: int) -> PretrainedConfig:
    """The configuration of a model of fewer blocks; the same one where it cannot be cut.

    Lists with a value for each block are cut, too.
    """
    values = config.to_dict()
    depth = config.num_hidden_layers if hasattr(config, "num_hidden_layers") else None
    for key, value in values.items():
        if key in DEPTHS and isinstance(value, int):
            values[key] = min(value, layers)
        elif isinstance(value, list) and len(value) == depth:
            values[key] = value[:layers]
    try:
        cut = type(config).from_dict(values)
        type(config).from_dict(cut.to_dict())  # as it is read again from what is kept
        _skeleton(cut)
    except Exception:  # noqa: BLE001 (each library's own error says the same: it is built whole)
        return config
    return cut
