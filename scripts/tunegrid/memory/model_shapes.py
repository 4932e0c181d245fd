"""Which model is meant, its shape, and how many weights it has under a method.

A model is one that was fetched, one that a package carries, a shape that ships with the workflow,
or any config.json. Nothing here imports torch, so that planning can ask for shapes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from tunegrid.config.catalogue import MethodEntry, ModelEntry
from tunegrid.errors import UserError
from tunegrid.packages import package_file
from tunegrid.paths import ROOT, user_path

if TYPE_CHECKING:
    from transformers import PretrainedConfig

#: The shapes that ship.
SHAPES = ROOT / "config/shapes"
#: What a model is trained as: a classifier of texts, or a language model.
Task = Literal["classify", "lm"]
#: The same in words.
TASK_NAMES: dict[Task, str] = {"classify": "text classifier", "lm": "language model"}


def shipped_model(name: str) -> ModelEntry | None:
    """The entry of a model in config/models.yaml; None if it has none."""
    entries = yaml.safe_load((ROOT / "config/models.yaml").read_text(encoding="utf-8"))
    return ModelEntry.model_validate(entries[name]) if name in entries else None


def method_entry(name: str) -> MethodEntry:
    """The entry of a method in config/methods.yaml, or a configuration string as an entry.

    Args:
        name: a name of the catalogue, or a configuration string of the adapters library. Whether
            it is one is only known when the adapter is built.
    """
    entries = yaml.safe_load((ROOT / "config/methods.yaml").read_text(encoding="utf-8"))
    if name in entries:
        return MethodEntry.model_validate(entries[name])
    return MethodEntry.model_validate({"kind": "adapter", "adapter": name})


def shape_file(name: str, entry: ModelEntry | None) -> Path | None:
    """The config.json of a model; its weights are not needed.

    Args:
        name: a name of the catalogue, a folder or a file.
        entry: the catalogue entry, if there is one.

    Returns:
        None if the file is nowhere on this machine.
    """
    candidates = [Path("resources/models") / name]
    if entry and entry.folder:
        if entry.package:
            candidates.append(package_file(entry.package, entry.folder))
        else:
            candidates.append(user_path(entry.folder))
    candidates.append(SHAPES / f"{name}.json")
    candidates.append(Path(name))
    for path in candidates:
        file = path / "config.json" if path.is_dir() else path
        if file.is_file():
            return file
    return None


def load_shape(name: str, entry: ModelEntry | None) -> PretrainedConfig:
    """The Transformers library's configuration of a model.

    Args:
        name: a name of the catalogue, a folder or a file.
        entry: the catalogue entry, if there is one.

    Raises:
        UserError: the config.json is not here, or is none of the Transformers library's.
    """
    path = shape_file(name, entry)
    if path is None:
        known = ", ".join(sorted(file.stem for file in SHAPES.glob("*.json")))
        raise UserError(
            f"--model: no shape of {name!r}: give a folder or file with its config.json, a fetched"
            f" model, or one of {known}"
        )
    from transformers import AutoConfig

    values = json.loads(path.read_text(encoding="utf-8"))
    try:
        return AutoConfig.for_model(**values)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: no model of the Transformers library: {error}") from None


def is_language_model(config: PretrainedConfig) -> bool:
    """Whether a model was pretrained to predict the next token, by its `architectures`.

    The names are those of the library (GPT2LMHeadModel, LlamaForCausalLM). Those that it lists
    for masked tokens, too, are taken for models of these (XLMWithLMHeadModel).
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    next_token = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    next_token -= set(MODEL_FOR_MASKED_LM_MAPPING_NAMES.values())
    return not next_token.isdisjoint(config.architectures or [])


def task_of(config: PretrainedConfig, asked: Task | Literal["auto"]) -> Task:
    """What a model is taken to be trained as.

    Args:
        config: the model's configuration.
        asked: "classify" or "lm"; "auto": what the model was pretrained as, and a classifier where
            its configuration does not say, if the library has one of its type.

    Raises:
        UserError: the library has no such model of its type.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )

    has = {
        "classify": config.model_type in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
        "lm": config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }
    if not any(has.values()):
        raise UserError(
            f"model type {config.model_type!r}: the Transformers library has neither a text"
            " classifier nor a language model of this type"
        )
    if asked == "auto":
        speaks = has["lm"] and (is_language_model(config) or not has["classify"])
        return "lm" if speaks else "classify"
    if not has[asked]:
        other: Task = "lm" if asked == "classify" else "classify"
        raise UserError(
            f"model type {config.model_type!r}: the Transformers library has no {TASK_NAMES[asked]}"
            f" of this type, but a {TASK_NAMES[other]} (--task {other})"
        )
    return asked


def longest_example(config: PretrainedConfig) -> int:
    """The most tokens of an example that a model takes; `sys.maxsize` where it has no limit."""
    from tunegrid.tasks.input_length import position_limit

    limit = position_limit(config)
    return sys.maxsize if limit is None else limit


@dataclass(frozen=True)
class EncoderShape:
    """The shape of an encoder of BERT's kind, and how many weights it has.

    Attributes:
        layers: the number of layers, L.
        hidden: the width, h.
        heads: the number of attention heads, a.
        intermediate: the width of the feed-forward block, i.
        embeddings: rows of all embedding tables (words, positions, segments).
        labels: how many labels the classifier has.
        pooled: whether the classifier's dense layer belongs to the encoder (BERT's pooler), and so
            is frozen with it; if not, it belongs to the head (RoBERTa's).
    """

    layers: int
    hidden: int
    heads: int
    intermediate: int
    embeddings: int
    labels: int
    pooled: bool

    @property
    def layer_parameters(self) -> int:
        """Weights of a layer: attention 4h² + 4h, feed-forward 2hi + h + i, two layer norms 4h."""
        h, i = self.hidden, self.intermediate
        attention = 4 * h * h + 4 * h
        feed_forward = 2 * h * i + h + i
        layer_norms = 4 * h
        return attention + feed_forward + layer_norms

    @property
    def dense_parameters(self) -> int:
        """Weights of the dense layer below the output layer: h² + h."""
        return self.hidden * self.hidden + self.hidden

    @property
    def output_parameters(self) -> int:
        """Weights of the output layer: a map and a bias for each label."""
        return self.labels * (self.hidden + 1)

    @property
    def trained_head_parameters(self) -> int:
        """Weights of the head that every method trains: without a dense layer of the encoder."""
        return self.output_parameters + (0 if self.pooled else self.dense_parameters)

    @property
    def parameters(self) -> int:
        """All weights of the pretrained model with its classifier."""
        embeddings = (self.embeddings + 2) * self.hidden  # the tables and a layer norm
        layers = self.layers * self.layer_parameters
        return embeddings + layers + self.dense_parameters + self.output_parameters


def encoder_shape(config: Any, labels: int) -> EncoderShape:
    """The shape of an encoder.

    Args:
        config: what has the attributes of the Transformers library's configuration of the model.
        labels: how many labels the classifier has.

    Raises:
        UserError: the model is none of BERT's kind.
    """
    if config.model_type not in ("bert", "roberta", "xlm-roberta"):
        raise UserError(
            f"no closed form for models of type {config.model_type!r}: only for bert and roberta"
        )
    return EncoderShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        intermediate=config.intermediate_size,
        embeddings=config.vocab_size + config.max_position_embeddings + config.type_vocab_size,
        labels=labels,
        pooled=config.model_type == "bert",
    )


@dataclass(frozen=True)
class MethodShape:
    """What a method trains, as far as the formula knows methods.

    Attributes:
        kind: "full", "head", "bitfit", "bottleneck" (one adapter after the attention and one after
            the feed-forward block of each layer) or "lora" (of queries and values).
        size: the adapters' hidden size or the rank, r; 0 where there is none.
    """

    kind: Literal["full", "head", "bitfit", "bottleneck", "lora"]
    size: int = 0


def method_shape(method: MethodEntry, hidden_size: int) -> MethodShape:
    """What a catalogue entry trains in a model of this width.

    Raises:
        UserError: the formula does not know the method.
    """
    if method.kind == "peft":
        raise UserError(f"no closed form for methods of the peft library ({method.wording})")
    if method.kind != "adapter":
        return MethodShape(method.kind)
    from adapters import BnConfig, LoRAConfig

    from tunegrid.methods import adapter_config

    config = adapter_config(method, hidden_size)
    if isinstance(config, BnConfig):
        plain = not config.phm_layer and not config.is_parallel
        if plain and config.mh_adapter and config.output_adapter:
            return MethodShape("bottleneck", size=int(hidden_size // config.reduction_factor))
    if isinstance(config, LoRAConfig) and sorted(config.attn_matrices) == ["q", "v"]:
        return MethodShape("lora", size=config.r)
    raise UserError(f"no closed form for the method {method.adapter!r}")


def added_parameters(shape: EncoderShape, method: MethodShape) -> int:
    """How many weights a method adds to the model."""
    h, r = shape.hidden, method.size
    if method.kind == "bottleneck":
        adapter = 2 * h * r + r + h  # the maps down and up, and their biases
        return shape.layers * 2 * adapter
    if method.kind == "lora":
        update = 2 * h * r  # the matrices A and B
        return shape.layers * 2 * update  # of queries and of values
    return 0


def trained_parameters(shape: EncoderShape, method: MethodShape) -> int:
    """How many weights train, those of the head among them."""
    if method.kind == "full":
        return shape.parameters
    if method.kind == "bitfit":
        # Of a layer: queries, keys, values, projection, two layer norms, and the two maps of the
        # feed-forward block, of which one has the width i.
        biases = shape.layers * (7 * shape.hidden + shape.intermediate)
        biases += shape.hidden  # of the embeddings' layer norm
        if shape.pooled:
            biases += shape.hidden  # of the pooler
        return biases + shape.trained_head_parameters
    return added_parameters(shape, method) + shape.trained_head_parameters
