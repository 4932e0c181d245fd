"""The memory of a training step by a formula that a reader can check with a pencil.

For encoders of BERT's kind (layer norms after the residuals, GELU, dropout on) with a classifier on
top. Symbols: b examples of s tokens; L layers of width h with a heads and a feed-forward width i;
adapters of size r. All in bytes. What each layer keeps for its backward pass, in fp32, where all
weights train (Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4, at 4 bytes a
value instead of 2; the decomposition is the same):

    4bsh  the layer's input, of which queries, keys and values are computed
   12bsh  queries, keys and values
    X     attention. eager: 9abs² (softmax 4, its dropout's mask 1 and result 4). sdpa: 4abs (a
          logarithm a row; Dao et al. 2022, https://arxiv.org/abs/2205.14135) and one mask, 4bs²
    4bsh  what attention puts out, the input of its output projection
    2bsh  masks of the two dropouts after projections
    8bsh  inputs of the two layer norms
    4bsh  input of the feed-forward block
    8bsi  its hidden values before and after GELU
   16bs   means and deviations of the layer norms

A linear map needs its input only for its own weight's gradient, and its weight for its input's. So
where weights are frozen the inputs of the linear maps (4 + 4 + 4 bsh, 4bsi) need not be kept; but
queries, keys, values, attention, masks, layer norms and GELU stay, wherever a gradient passes
through. It passes down to the lowest trained weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tunegrid.errors import UserError
from tunegrid.memory.parameters import Method, Shape, added_parameters, trained_parameters


@dataclass(frozen=True)
class Kept:
    """What a method keeps, as multiples of the terms above, in fp32 and in bf16 autocast.

    Under autocast what linear maps put out, and copies of their inputs and weights, take 2 bytes;
    layer norms and residuals stay 4.

    Attributes:
        attention: bsh of every layer whose attention a gradient passes through.
        layer: bsh of every layer beside it.
        hidden: bsi of every layer.
        bottleneck: bsr of every layer.
        embedding: bsh and bs at the embeddings' own layer norm.
        forward: bsh and bsi of values that are not kept but held by somebody when the last
            feed-forward block has been computed: the embeddings' output, the last layer's input,
            its attention's output, its own, and what was computed last.
        backward: the same, less what has been freed, when the first feed-forward block is
            differentiated; None: never more than forward.
        again: bsh and bsi held beside a layer that is computed again (checkpointing, in fp32
            with sdpa); None: there is no formula.
    """

    attention: tuple[float, float]
    layer: tuple[float, float]
    hidden: tuple[float, float]
    bottleneck: tuple[float, float] = (0, 0)
    embedding: tuple[float, float] = (0, 0)
    forward: tuple[tuple[float, float], tuple[float, float]] = ((0, 0), (0, 0))
    backward: tuple[float, float] | None = None
    again: tuple[float, float] | None = None


#: By kind. What attention puts out is not among these: with sdpa it is kept wherever attention is.
KEPT = {
    # attention: q, k, v; layer: input 4 (bf16: 3 copies of 2), masks 2, norms 8, block's input 4
    "full": Kept(
        (12, 6), (18, 18), (8, 4), embedding=(5, 8),
        forward=((8, 0), (18, 0)), backward=(3, 4), again=(3, 4),
    ),
    # layer: masks 2, norms 8; the embeddings' norm has a bias, too
    "bitfit": Kept(
        (12, 6), (10, 10), (4, 2), embedding=(5, 8),
        forward=((20, 4), (18, 2)), backward=(-1, 8),
    ),
    # attention: the first layer's is below the first adapter; with it goes its dropout's mask.
    # layer: two adapters' inputs 8 (bf16: 4), mask 1, norms 8. An adapter keeps 2 · 4br at its GELU
    "bottleneck": Kept(
        (13, 7), (17, 13), (4, 2), bottleneck=(16, 8),
        forward=((24, 4), (20, 2)), backward=(-1, 8), again=(24, 4),
    ),
    # layer: the input (bf16: a copy for each matrix), masks 2, norms 8; two inputs of B of size r
    "lora": Kept(
        (12, 6), (14, 14), (4, 2), bottleneck=(8, 4),
        forward=((12, 4), (18, 2)), backward=(-1, 8), again=(20, 4),
    ),
    # no gradient enters the encoder; what one layer holds while it is computed
    "head": Kept((0, 0), (0, 0), (0, 0), forward=((12, 8), (22, 2))),
}  # fmt: skip


@dataclass(frozen=True)
class ClosedForm:
    """A step's memory by formula, bytes.

    Attributes:
        terms: what adds up to the peak.
        moment: when the peak is.
    """

    terms: dict[str, int]
    moment: str

    @property
    def peak(self) -> int:
        return sum(self.terms.values())


def closed_form(
    shape: Shape,
    method: Method,
    batch: int,
    tokens: int,
    *,
    precision: str = "fp32",
    attention: str = "sdpa",
    checkpointing: bool = False,
) -> ClosedForm:
    """The peak of a step with (fused) AdamW.

    Weights take 4 bytes, trained ones 8 more for AdamW's two moments (Loshchilov & Hutter 2019,
    https://arxiv.org/abs/1711.05101), and 4 for a gradient. A gradient is only there when the
    activations above it are gone, so the peak is the larger of two: activations without gradients,
    or all gradients without activations.

    Args:
        shape: the encoder's.
        method: what trains.
        batch, tokens: b and s.
        precision: "fp32" or "bf16" (autocast).
        attention: "eager" or "sdpa".
        checkpointing: every layer is computed again in the backward pass; it keeps its input.

    Raises:
        UserError: there is no formula for this.
    """
    if precision not in ("fp32", "bf16"):
        raise UserError(f"no closed form for precision {precision}")
    if checkpointing and (
        KEPT[method.kind].again is None or (precision, attention) != ("fp32", "sdpa")
    ):
        raise UserError(
            f"no closed form for checkpointing with {method.kind}, {precision}, {attention}"
        )
    trained = trained_parameters(shape, method)
    added = added_parameters(shape, method)
    total = shape.parameters + added
    static = {
        "frozen weights": 4 * (total - trained),
        "trainable weights": 4 * trained,
        "optimizer state": 8 * trained,
    }
    step = _Step(shape, method, batch, tokens, precision == "bf16", attention == "sdpa")
    with_activations = static | (_checkpointed if checkpointing else _activations)(step)
    with_gradients = static | {"gradients": 4 * trained}
    forms = [
        ClosedForm(with_activations, "last feed-forward block"),
        ClosedForm(with_gradients, "optimizer's step"),
    ]
    return max(forms, key=lambda form: form.peak)


@dataclass(frozen=True)
class _Step:
    """One step's products of the symbols, and what they add up to."""

    shape: Shape
    method: Method
    b: int
    s: int
    half: bool
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
        return self.b * self.s

    @property
    def bsh(self) -> int:
        return self.bs * self.shape.hidden

    @property
    def bsi(self) -> int:
        return self.bs * self.shape.intermediate

    @property
    def abss(self) -> int:
        return self.shape.heads * self.bs * self.s

    def of_layer(self) -> float:
        """What each layer keeps beside its attention."""
        kept, at = self.kept, int(self.half)
        if not self.differentiated:
            return 0
        own = kept.layer[at] * self.bsh + kept.hidden[at] * self.bsi + 16 * self.bs
        own += kept.bottleneck[at] * self.bs * self.method.size
        return own + (self._casts()[1] if self.half else 0)

    def of_attention(self) -> float:
        """What each layer's attention keeps, where a gradient passes through."""
        if not self.differentiated:
            return 0
        own = self.kept.attention[int(self.half)] * self.bsh + self._x()
        # What it puts out: with sdpa the kernel keeps it; else who trains the projection does.
        own += (2 if self.half else 4) * self.bsh * (self.sdpa or self.method.kind == "full")
        return own + (self._casts()[0] if self.half else 0)

    def of_model(self) -> float:
        """What is kept once: at the embeddings, and the mask of all layers' attention."""
        factor, statistics = self.kept.embedding
        return factor * self.bsh + statistics * self.bs + self.mask()

    def mask(self) -> int:
        return 4 * self.bs * self.s * self.sdpa

    def held_forward(self) -> float:
        """What somebody holds, though nothing keeps it, at the end of the forward pass."""
        factor_h, factor_i = self.kept.forward[int(self.half)]
        held = factor_h * self.bsh + factor_i * self.bsi
        if not self.sdpa and (self.half or not self.differentiated):
            held += 8 * self.abss  # the probabilities of the last two layers: their callers do
        if not self.sdpa and not self.differentiated:
            # Or in the attention itself: scores, softmax, its dropout's mask and result 13, the
            # last layer's 4; queries, keys, values, the layer's input, the embeddings' output.
            held = max(held, 17 * self.abss + (14 if self.half else 20) * self.bsh)
        return held

    def held_backward(self) -> float:
        """The same at the beginning of the backward pass, gradients of the first weights too."""
        if self.half or not self.kept.backward:
            return 0
        factor_h, factor_i = self.kept.backward
        held = factor_h * self.bsh + factor_i * self.bsi
        if self.method.kind == "full":
            held += 4 * self.shape.hidden * (self.shape.intermediate + self.shape.hidden)
        return held

    def _x(self) -> int:
        """X of one layer."""
        if not self.sdpa:
            # In bf16: softmax in fp32 4, mask 1, the result's copy 2.
            return (7 if self.half else 9) * self.abss
        rows = 32 * math.ceil(self.s / 32)  # the kernel's own padding
        x = 4 * self.shape.heads * self.b * rows
        return x + (2 * self.bs * self.s if self.half else 0)

    def _casts(self) -> tuple[int, int]:
        """Copies of a layer's weights in bf16, of attention and of the rest."""
        h, i, r = self.shape.hidden, self.shape.intermediate, self.method.size
        bottleneck = 2 * 4 * h * r if self.method.kind == "bottleneck" else 0
        return 2 * 4 * h * h, 2 * 2 * h * i + bottleneck


def _activations(step: _Step) -> dict[str, int]:
    """What is kept for the backward pass, and what else is held at the peak."""
    layers = step.shape.layers
    through = layers - (step.method.kind == "bottleneck")
    kept = layers * step.of_layer() + through * step.of_attention() + step.of_model()
    if step.method.kind == "lora" and not step.sdpa:
        kept -= 4 * step.bsh  # of the first layer no queries: keys there are not differentiated
    return {
        "activations": round(kept),
        "held for a moment": round(max(step.held_forward(), step.held_backward())),
    }


def _checkpointed(step: _Step) -> dict[str, int]:
    """The same where each layer keeps its input, 4bsh, and is computed again.

    The last layer is differentiated beside the inputs of all, the first beside the gradients of all
    others.
    """
    shape, method = step.shape, step.method
    own = step.of_layer() + step.of_attention() + 5 * step.bsh + 8 * step.bs + step.mask()
    if method.kind == "bottleneck":
        own += 4 * step.bsh  # its input, which it keeps for nothing else
    factor_h, factor_i = step.kept.again or (0, 0)
    held = factor_h * step.bsh + factor_i * step.bsi
    each = added_parameters(shape, method) // shape.layers
    if method.kind == "full":
        held += 4 * shape.hidden * shape.intermediate
        each = shape.layer_parameters
    last, first = 4 * (shape.layers - 1) * step.bsh, 4 * (shape.layers - 1) * each
    return {
        "activations": round(own + (last if last >= first else 0)),
        "gradients": 4 * shape.trained_head_parameters + (first if first > last else 0),
        "held for a moment": round(held),
    }
