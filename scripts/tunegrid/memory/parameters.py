"""An encoder's shape and a method, and the numbers of weights that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunegrid.errors import UserError


@dataclass(frozen=True)
class Shape:
    """An encoder's shape, and how its weights are counted.

    Attributes:
        layers, hidden, heads, intermediate: L, h, a, i.
        embeddings: rows of all embedding tables (words, positions, segments).
        labels: of the classifier.
        pooled: whether its dense layer belongs to the encoder (BERT's pooler), and so is frozen
            with it; else to the head (RoBERTa's).
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
        """Attention 4h² + 4h, feed-forward 2hi + h + i, two layer norms 4h."""
        h, i = self.hidden, self.intermediate
        return 4 * h * h + 4 * h + 2 * h * i + h + i + 4 * h

    @property
    def head_parameters(self) -> int:
        """A dense layer (BERT's pooler, RoBERTa's) and the output layer."""
        return self.hidden * self.hidden + self.hidden + self.labels * (self.hidden + 1)

    @property
    def trained_head_parameters(self) -> int:
        """What every method trains of it."""
        dense = self.hidden * self.hidden + self.hidden
        return self.head_parameters - (dense if self.pooled else 0)

    @property
    def parameters(self) -> int:
        """All of the model as it was pretrained, with its classifier."""
        embeddings = (self.embeddings + 2) * self.hidden  # tables and a layer norm
        return embeddings + self.layers * self.layer_parameters + self.head_parameters


@dataclass(frozen=True)
class Method:
    """What trains.

    Attributes:
        kind: "full", "head", "bitfit", "bottleneck" (after attention and feed-forward block) or
            "lora" (of queries and values).
        size: r; 0 where there is none.
    """

    kind: str
    size: int = 0


def trained_parameters(shape: Shape, method: Method) -> int:
    """Numbers of weights that train, the head's among them."""
    if method.kind == "full":
        return shape.parameters
    if method.kind == "bitfit":
        # q, k, v, projection, two norms; the block's two; the embeddings' norm; the pooler's
        biases = shape.layers * (7 * shape.hidden + shape.intermediate)
        biases += shape.hidden * (2 if shape.pooled else 1)
        return biases + shape.trained_head_parameters
    return added_parameters(shape, method) + shape.trained_head_parameters


def added_parameters(shape: Shape, method: Method) -> int:
    """Numbers of weights that a method adds."""
    h, r = shape.hidden, method.size
    if method.kind == "bottleneck":
        return shape.layers * 2 * (2 * h * r + r + h)  # down, up and their biases
    if method.kind == "lora":
        return shape.layers * 2 * 2 * h * r  # A and B of queries and values
    return 0


def shape_of(config: Any, labels: int) -> Shape:
    """The shape of a Transformers configuration.

    Raises:
        UserError: the model is none of BERT's kind.
    """
    if config.model_type not in ("bert", "roberta", "xlm-roberta"):
        raise UserError(
            f"no closed form for models of type {config.model_type!r}: only for bert and roberta"
        )
    return Shape(
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        config.vocab_size + config.max_position_embeddings + config.type_vocab_size,
        labels,
        pooled=config.model_type == "bert",
    )


def method_of(method: dict[str, Any], hidden_size: int) -> Method:
    """What a catalogue entry trains, for the formula.

    Raises:
        UserError: there is no formula for it.
    """
    if method["kind"] != "adapter":
        return Method(method["kind"])
    from adapters import BnConfig, LoRAConfig

    from tunegrid.methods import adapter_config

    config = adapter_config(method, hidden_size)
    plain = isinstance(config, BnConfig) and not config.phm_layer and not config.is_parallel
    if plain and config.mh_adapter and config.output_adapter:
        return Method("bottleneck", int(hidden_size // config.reduction_factor))
    if isinstance(config, LoRAConfig) and sorted(config.attn_matrices) == ["q", "v"]:
        return Method("lora", config.r)
    raise UserError(f"no closed form for the method {method['adapter']!r}")
