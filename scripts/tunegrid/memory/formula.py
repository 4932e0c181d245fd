"""The memory of a training step by a formula that a reader can check with a pencil.

It is for encoders of BERT's kind (layer norms after the residuals, GELU, dropout on) with a
classifier on top. The symbols: b examples of s tokens; L layers of width h with a heads and a
feed-forward block of width i; adapters of size r. Everything is in bytes. In fp32, where all
weights train, a layer keeps for its backward pass (Korthikanti et al. 2022,
https://arxiv.org/abs/2205.05198, section 4, at 4 bytes for a value instead of 2; the decomposition
is the same):

    4bsh  the layer's input, of which queries, keys and values are computed
   12bsh  queries, keys and values
    X     attention. eager: 9abs² (softmax 4, its dropout's mask 1, the dropout's result 4). sdpa:
          4abs (one logarithm for each row; Dao et al. 2022, https://arxiv.org/abs/2205.14135), and
          for all layers together one mask of 4bs²; where s is no multiple of 8, a copy of it with
          padded rows in each layer
    4bsh  what attention puts out, the input of its output projection
    2bsh  the masks of the dropouts after the two projections
    8bsh  the inputs of the two layer norms
    4bsh  the input of the feed-forward block
    8bsi  the block's hidden values before and after GELU
   16bs   the means and deviations of the two layer norms

A linear map needs its input only for the gradient of its own weight, and its weight for the
gradient of its input. So where weights are frozen, the inputs of the linear maps (4 + 4 + 4 bsh and
4bsi) need not be kept. Queries, keys, values, attention, masks and the inputs of layer norms and
GELU stay, wherever a gradient passes through; and it passes down to the lowest trained weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tunegrid.errors import UserError
from tunegrid.memory.model_shapes import (
    EncoderShape,
    MethodShape,
    added_parameters,
    trained_parameters,
)


class ByPrecision(NamedTuple):
    """A factor in fp32, and in bf16 autocast.

    Under autocast what linear maps put out, and the copies of their inputs and weights, take 2
    bytes for a value; the inputs of layer norms and the residuals stay at 4.
    """

    fp32: int
    bf16: int


NOTHING = ByPrecision(fp32=0, bf16=0)


class Held(NamedTuple):
    """Values that are held for a moment, as multiples of bsh and of bsi."""

    bsh: int
    bsi: int


@dataclass(frozen=True)
class Kept:
    """What a method keeps for the backward pass and what is held beside it, as factors.

    Attributes:
        attention: of bsh, in each layer through whose attention a gradient passes. What attention
            puts out is not in it: with sdpa it is kept wherever attention is.
        layer: of bsh, in each layer beside its attention.
        hidden: of bsi, in each layer.
        bottleneck: of bsr, in each layer.
        embeddings: whether a gradient reaches the embeddings' own layer norm: 5bsh for its input
            and the mask of the dropout behind it, 8bs for its means and deviations.
        forward: what is not kept, but held by some caller when the last feed-forward block has been
            computed: the embeddings' output, the last layer's input, its attention's output, its
            own output, and what was computed last; in fp32 and in bf16.
        backward: the same, less what has been freed, when the first feed-forward block is
            differentiated, in fp32; None where it is never more than `forward`.
        recomputed: what is held beside a layer that is computed again (checkpointing, in fp32 with
            sdpa); None where there is no formula.
    """

    attention: ByPrecision
    layer: ByPrecision
    hidden: ByPrecision
    forward: tuple[Held, Held]
    bottleneck: ByPrecision = NOTHING
    embeddings: bool = False
    backward: Held | None = None
    recomputed: Held | None = None


#: What is kept, by the kind of the method.
KEPT = {
    # Attention: queries, keys, values. Layer: its input 4 (in bf16 three copies of 2), masks 2,
    # inputs of layer norms 8, input of the feed-forward block 4 (in bf16 a copy of 2). Hidden: what
    # GELU is given and what it gives.
    "full": Kept(
        attention=ByPrecision(12, 6),
        layer=ByPrecision(18, 18),
        hidden=ByPrecision(8, 4),
        embeddings=True,
        forward=(Held(8, 0), Held(18, 0)),
        backward=Held(3, 4),
        recomputed=Held(3, 4),
    ),
    # Layer: masks 2, inputs of layer norms 8. Hidden: what GELU is given. The embeddings' layer
    # norm has a bias that trains.
    "bitfit": Kept(
        attention=ByPrecision(12, 6),
        layer=ByPrecision(10, 10),
        hidden=ByPrecision(4, 2),
        embeddings=True,
        forward=(Held(20, 4), Held(18, 2)),
        backward=Held(-1, 8),
    ),
    # Attention: the first layer's is below the lowest adapter and keeps nothing; nor does the
    # dropout behind it, whose mask 1 is counted here. Layer: the inputs of two adapters 8 (in bf16
    # 4), mask 1, inputs of layer norms 8. Hidden: what GELU is given. Bottleneck: each of the two
    # adapters keeps 4br before its own GELU and 4br after it.
    "bottleneck": Kept(
        attention=ByPrecision(13, 7),
        layer=ByPrecision(17, 13),
        hidden=ByPrecision(4, 2),
        bottleneck=ByPrecision(16, 8),
        forward=(Held(24, 4), Held(20, 2)),
        backward=Held(-1, 8),
        recomputed=Held(24, 4),
    ),
    # Layer: its input 4 (in bf16 a copy of 2 for each of two matrices A), masks 2, inputs of layer
    # norms 8. Hidden: what GELU is given. Bottleneck: the inputs of two matrices B.
    "lora": Kept(
        attention=ByPrecision(12, 6),
        layer=ByPrecision(14, 14),
        hidden=ByPrecision(4, 2),
        bottleneck=ByPrecision(8, 4),
        forward=(Held(12, 4), Held(18, 2)),
        backward=Held(-1, 8),
        recomputed=Held(20, 4),
    ),
    # No gradient enters the encoder: there is only what one layer holds while it is computed.
    "head": Kept(
        attention=NOTHING,
        layer=NOTHING,
        hidden=NOTHING,
        forward=(Held(12, 8), Held(22, 2)),
    ),
}


@dataclass(frozen=True)
class ClosedForm:
    """A step's memory by formula.

    Attributes:
        terms: what adds up to the peak, bytes.
        moment: when the peak is.
    """

    terms: dict[str, int]
    moment: str

    @property
    def peak(self) -> int:
        """Bytes of live tensors at the peak."""
        return sum(self.terms.values())


def closed_form(
    shape: EncoderShape,
    method: MethodShape,
    *,
    batch: int,
    tokens: int,
    precision: str = "fp32",
    attention: str = "sdpa",
    checkpointing: bool = False,
) -> ClosedForm:
    """The peak of a step with fused AdamW.

    A weight takes 4 bytes; one that trains takes 8 more for AdamW's two moments (Loshchilov and
    Hutter 2019, https://arxiv.org/abs/1711.05101), and 4 for its gradient. A gradient is only there
    when the activations above it are gone. So the peak is the larger of two: all activations
    without gradients, or all gradients without activations.

    Args:
        shape: the encoder's shape.
        method: what trains.
        batch: b, the examples of a micro-batch.
        tokens: s, the tokens of an example.
        precision: "fp32" or "bf16" (autocast).
        attention: "eager" or "sdpa".
        checkpointing: whether every layer keeps only its input and is computed again in the
            backward pass.

    Raises:
        UserError: there is no formula for this precision, or for checkpointing with this method.
    """
    if precision not in ("fp32", "bf16"):
        raise UserError(f"no closed form for precision {precision}")
    if checkpointing and (
        KEPT[method.kind].recomputed is None or (precision, attention) != ("fp32", "sdpa")
    ):
        raise UserError(
            f"no closed form for checkpointing with {method.kind}, {precision}, {attention}"
        )
    trained = trained_parameters(shape, method)
    total = shape.parameters + added_parameters(shape, method)
    static = {
        "frozen weights": 4 * (total - trained),
        "trainable weights": 4 * trained,
        "optimizer state": 8 * trained,
    }
    step = _Step(
        shape=shape,
        method=method,
        batch=batch,
        tokens=tokens,
        bf16=precision == "bf16",
        sdpa=attention == "sdpa",
    )
    activations = _with_checkpointing(step) if checkpointing else _without_checkpointing(step)
    forms = [
        ClosedForm(static | activations, moment="last feed-forward block"),
        ClosedForm(static | {"gradients": 4 * trained}, moment="optimizer's step"),
    ]
    return max(forms, key=lambda form: form.peak)


@dataclass(frozen=True)
class _Step:
    """The products of the symbols for one step, and what is kept and held of them; bytes."""

    shape: EncoderShape
    method: MethodShape
    batch: int
    tokens: int
    bf16: bool
    sdpa: bool

    @property
    def kept(self) -> Kept:
        return KEPT[self.method.kind]

    @property
    def differentiated(self) -> bool:
        """Whether a gradient enters the encoder."""
        return self.method.kind != "head"

    @property
    def bs(self) -> int:
        return self.batch * self.tokens

    @property
    def bsh(self) -> int:
        return self.bs * self.shape.hidden

    @property
    def bsi(self) -> int:
        return self.bs * self.shape.intermediate

    @property
    def abss(self) -> int:
        """Written a·b·s², the number of attention's probabilities in a layer."""
        return self.shape.heads * self.bs * self.tokens

    def factor(self, factors: ByPrecision) -> int:
        """The factor of this step's precision."""
        return factors.bf16 if self.bf16 else factors.fp32

    def kept_beside_attention(self) -> int:
        """What each layer keeps beside its attention."""
        if not self.differentiated:
            return 0
        size = self.factor(self.kept.layer) * self.bsh
        size += self.factor(self.kept.hidden) * self.bsi
        size += self.factor(self.kept.bottleneck) * self.bs * self.method.size
        size += 16 * self.bs
        if self.bf16:  # copies of the weights of the feed-forward block, and of the adapters
            size += 2 * 2 * self.shape.hidden * self.shape.intermediate
            if self.method.kind == "bottleneck":
                size += 2 * 4 * self.shape.hidden * self.method.size
        return size

    def kept_by_attention(self) -> int:
        """What each layer's attention keeps, if a gradient passes through it."""
        if not self.differentiated:
            return 0
        size = self.factor(self.kept.attention) * self.bsh + self.kept_of_probabilities()
        # With sdpa the kernel keeps what attention puts out; otherwise only the output projection
        # does, if its weight trains.
        if self.sdpa or self.method.kind == "full":
            size += (2 if self.bf16 else 4) * self.bsh
        if self.bf16:  # copies of the four maps' weights
            size += 2 * 4 * self.shape.hidden * self.shape.hidden
        return size

    def kept_of_probabilities(self) -> int:
        """X of one layer."""
        if not self.sdpa:
            # In bf16: the softmax in fp32 4, its dropout's mask 1, a copy of the result 2.
            return (7 if self.bf16 else 9) * self.abss
        rows = 32 * math.ceil(self.tokens / 32)  # the kernel pads its logarithms so
        logarithms = 4 * self.shape.heads * self.batch * rows
        mask_row = 8 * math.ceil(self.tokens / 8)
        if self.bf16:  # each layer's copy of the mask
            return logarithms + 2 * self.bs * mask_row
        return logarithms + (4 * self.bs * mask_row if mask_row != self.tokens else 0)

    def attention_mask(self) -> int:
        """The mask of all layers' attention, which the kernel of sdpa keeps."""
        return 4 * self.bs * self.tokens if self.sdpa else 0

    def kept_at_embeddings(self) -> int:
        """What the embeddings' layer norm and dropout keep, where a gradient reaches them."""
        return 5 * self.bsh + 8 * self.bs

    def held(self, values: Held) -> int:
        return values.bsh * self.bsh + values.bsi * self.bsi

    def held_forward(self) -> int:
        """What is held, though nothing keeps it, at the end of the forward pass."""
        fp32, bf16 = self.kept.forward
        size = self.held(bf16 if self.bf16 else fp32)
        if not self.sdpa and (self.bf16 or not self.differentiated):
            size += 8 * self.abss  # callers hold the probabilities of the last two layers
        if not self.sdpa and not self.differentiated:
            # The peak may also be inside the last attention. Of probabilities: scores 4, softmax 4,
            # its dropout's mask 1 and result 4, and 4 of the layer below. Of bsh: queries, keys,
            # values, the layer's input and the embeddings' output.
            inside = 17 * self.abss + (14 if self.bf16 else 20) * self.bsh
            size = max(size, inside)
        return size

    def held_backward(self) -> int:
        """What is held when the first feed-forward block is differentiated."""
        if self.bf16 or self.kept.backward is None:
            return 0
        size = self.held(self.kept.backward)
        if self.method.kind == "full":  # the gradients of the first weights are there already
            size += 4 * self.shape.hidden * (self.shape.intermediate + self.shape.hidden)
        return size


def _without_checkpointing(step: _Step) -> dict[str, int]:
    """What is kept for the backward pass, and what else is held at the peak."""
    layers = step.shape.layers
    # No gradient passes through the attention below the lowest adapter.
    attentions = layers - 1 if step.method.kind == "bottleneck" else layers
    kept = layers * step.kept_beside_attention() + attentions * step.kept_by_attention()
    kept += step.attention_mask()
    if step.kept.embeddings:
        kept += step.kept_at_embeddings()
    if step.method.kind == "lora" and not step.sdpa:
        # Keys of the first layer need no gradient, as nothing below them trains; so its queries
        # need not be kept.
        kept -= 4 * step.bsh
    return {
        "activations": kept,
        "held for a moment": max(step.held_forward(), step.held_backward()),
    }


def _with_checkpointing(step: _Step) -> dict[str, int]:
    """The same where each layer keeps its input, 4bsh, and is computed again.

    The last layer is differentiated while the inputs of all others are kept, the first while the
    gradients of all others are there; the peak is at the larger of the two. A gradient reaches the
    embeddings whatever trains, since the adapters library lets a model's inputs require one where
    layers are computed again.
    """
    shape, method = step.shape, step.method
    layer = step.kept_beside_attention() + step.kept_by_attention()
    layer += step.kept_at_embeddings() + step.attention_mask()
    if method.kind == "bottleneck":
        layer += 4 * step.bsh  # its input, which it keeps for nothing else
    held = step.held(step.kept.recomputed or Held(0, 0))
    trained_in_layer = added_parameters(shape, method) // shape.layers
    if method.kind == "full":
        held += 4 * shape.hidden * shape.intermediate  # the gradient of a map
        trained_in_layer = shape.layer_parameters
    inputs = 4 * (shape.layers - 1) * step.bsh
    gradients = 4 * (shape.layers - 1) * trained_in_layer
    head_gradients = 4 * shape.trained_head_parameters
    if inputs >= gradients:
        return {
            "activations": layer + inputs,
            "gradients": head_gradients,
            "held for a moment": held,
        }
    return {
        "activations": layer,
        "gradients": head_gradients + gradients,
        "held for a moment": held,
    }
