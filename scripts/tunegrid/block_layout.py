"""Where a model's blocks have their projections and norms, read from its modules and their calls.

No list of architectures is kept. The names of modules say what projects queries, keys and values;
all else is read from the calls of the first block: its output projection is the last linear layer
that its attention calls, its feed-forward network what it calls thereafter, and which norm stands
before or after a part is told by which tensor goes where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from tunegrid.block_calls import (
    Call,
    NoLayoutError,
    called_once,
    calls_of_first_block,
    only_list_of_blocks,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: The last part of the path of a projection of queries, keys or values.
PROJECTION = re.compile(r"w?([qkv])(uery|ey|alue)?(_?(proj|projection|lin|linear|head|layer))?")
#: The last part of the path of one projection of all three.
FUSED = re.compile(r".*(qkv|query_key_value).*|c_attn|in_proj", re.IGNORECASE)

#: How the rows of a fused projection are ordered: all queries, then all keys, then all values; or
#: each head's query, key and value, head by head. Modules do not tell, only the attention's code
#: does. A test reads it from gradients for every class that stands here.
FusedOrder = Literal["by part", "by head"]
FUSED_ORDER: dict[str, FusedOrder] = {
    "BloomAttention": "by head",
    "DisentangledSelfAttention": "by head",  # DeBERTa's first version; the second has none fused
    "FalconAttention": "by head",
    "GPTNeoXAttention": "by head",
    "MptAttention": "by part",
    "PersimmonAttention": "by head",
}


@dataclass(frozen=True)
class BlockLayout:
    """Where the parts of each block stand.

    Attributes:
        blocks: path of the list of blocks below the base model.
        embeddings: path of the token embeddings below the base model.
        attention: path of the self-attention below a block; None if it has no linear projections.
        query, key, value: paths below the attention; None where they are fused or lacking.
        fused: path below the attention of one projection of all three.
        fused_order: the order of its rows; None where it is not known.
        attention_output: path of the attention's output projection below the attention.
        intermediate: path of the feed-forward network's first linear layer below a block, of a
            gated one the layer that is not activated.
        output: path of the feed-forward network's last linear layer below a block.
        before_attention: path below a block of the module whose first argument is what the
            attention's output is added to.
        before_feed_forward: the same of the feed-forward network.
        after_attention_output: path below a block of the dropout of the attention's output, if any.
        after_output: the same of the feed-forward network.
        attention_norm: path below a block of the norm of the sum after the attention, if any.
        feed_forward_norm: the same after the feed-forward network.
        wide: paths below a block of the output projections that are as wide as the model.
        flat: whether the feed-forward network sees tokens without a dimension for examples.
        lacks: what is not there (`attention`, `feed-forward`), and why.
    """

    blocks: str
    embeddings: str
    attention: str | None
    query: str | None
    key: str | None
    value: str | None
    fused: str | None
    fused_order: FusedOrder | None
    attention_output: str | None
    intermediate: str | None
    output: str | None
    before_attention: str | None
    before_feed_forward: str | None
    after_attention_output: str | None
    after_output: str | None
    attention_norm: str | None
    feed_forward_norm: str | None
    wide: frozenset[str]
    flat: bool
    lacks: dict[str, str]


@dataclass(frozen=True)
class Attention:
    """The linear layers of the self-attention, by their paths below the block; none by default."""

    path: str | None = None
    query: str | None = None
    key: str | None = None
    value: str | None = None
    fused: str | None = None
    output: str | None = None
    order: FusedOrder | None = None

    def below(self, path: str | None) -> str | None:
        """A path below the block as a path below the attention."""
        return path.removeprefix(f"{self.path}.") if path else None


def read_layout(model: PreTrainedModel) -> BlockLayout:
    """Read where the parts of the model's blocks stand.

    The first block is run on one example of eight tokens, in a twin of the model that shares its
    weights: modules that a forward pass exchanges (BigBird's attention) stay as they are in the
    model, and so does the generator of random numbers.

    Args:
        model: a classifier that no adapters were added to, on any device, or of fake tensors.

    Raises:
        NoLayoutError: it has no list of equal blocks, more than one, or cannot be run.
    """
    path, blocks = only_list_of_blocks(model)
    if not any(isinstance(module, nn.Linear) for module in blocks[0].modules()):
        raise NoLayoutError(
            "its blocks have no linear layers that adapters could be added to:"
            f" {_why_no_projections(blocks[0])}"
        )
    calls, returned = calls_of_first_block(model, path)
    once = called_once(calls)
    linear = [call for call in once if isinstance(call.module, nn.Linear)]
    attention = _attention(blocks[0], linear)
    intermediate, output = _feed_forward(calls, linear, attention)
    wide = {
        call.path
        for call in linear
        if isinstance(call.module, nn.Linear)
        and call.module.out_features == getattr(model.config, "hidden_size", None)
    }
    norms = _Norms(calls=once, linear=linear, block_output=returned)
    lacks = {}
    if attention.path is None:
        lacks["attention"] = _why_no_projections(blocks[0])
    if output is None:
        lacks["feed-forward"] = _why_no_feed_forward(linear, attention)
    first = attention.query or attention.fused
    layout = BlockLayout(
        blocks=path,
        embeddings=_embeddings(model),
        attention=attention.path,
        query=attention.below(attention.query),
        key=attention.below(attention.key),
        value=attention.below(attention.value),
        fused=attention.below(attention.fused),
        fused_order=attention.order,
        attention_output=attention.below(attention.output),
        intermediate=intermediate,
        output=output,
        before_attention=norms.where_residual_enters(first, behind=attention.output),
        before_feed_forward=norms.where_residual_enters(intermediate, behind=output),
        after_attention_output=_dropout_behind(attention.output, once),
        after_output=_dropout_behind(output, once),
        attention_norm=norms.after_attention(first=first, intermediate=intermediate),
        feed_forward_norm=norms.after_feed_forward(),
        wide=frozenset(wide),
        flat=any(
            call.path == intermediate and call.given is not None and call.given.dim() != 3
            for call in linear
        ),
        lacks=lacks,
    )
    _check_blocks_are_alike(blocks, layout)
    return layout


def _attention(block: nn.Module, linear: list[Call]) -> Attention:
    """The attention's linear layers; none where one of them is no linear layer."""
    found: dict[str, str] = {}
    fused = None
    for call in linear:
        name = call.path.rpartition(".")[2]
        projection = PROJECTION.fullmatch(name)
        if projection:
            found.setdefault(projection[1], call.path)
        elif FUSED.fullmatch(name):
            fused = fused or call.path
    if set(found) == {"q", "k", "v"}:
        first = found["q"]
        fused = None
    elif fused:
        first = fused
    else:
        return Attention()
    part = first.partition(".")[0]
    paths = [call.path for call in linear]
    start = max(paths.index(path) for path in ([fused] if fused else list(found.values())))
    within = [path for path in paths[start + 1 :] if path.startswith(f"{part}.")]
    if part == first or not within:
        return Attention()
    return Attention(
        path=part,
        query=None if fused else found["q"],
        key=None if fused else found["k"],
        value=None if fused else found["v"],
        fused=fused,
        output=within[-1],
        order=_fused_order(block, fused) if fused else None,
    )


def _fused_order(block: nn.Module, fused: str) -> FusedOrder | None:
    """The order of the rows of a fused projection, where it is known and all parts are alike."""
    order = stated_order(block.get_submodule(fused.rpartition(".")[0]))
    projection = block.get_submodule(fused)
    thirds = 3 * int(projection.in_features)  # type: ignore[arg-type]
    return order if projection.out_features == thirds else None


def stated_order(attention: nn.Module) -> FusedOrder | None:
    """The order of the rows that is stated for the attention's class or for one of its bases."""
    kinds = [kind.__name__ for kind in type(attention).mro()]
    return next((FUSED_ORDER[kind] for kind in kinds if kind in FUSED_ORDER), None)


def _feed_forward(
    calls: list[Call], linear: list[Call], attention: Attention
) -> tuple[str | None, str | None]:
    """Paths of the first and the last linear layer of the block's one feed-forward network."""
    layers = _behind_attention(linear, attention)
    if len(layers) == 2:
        return layers[0].path, layers[1].path
    if len(layers) == 3 and layers[0].given is layers[1].given:
        activated = {
            id(call.given) for call in calls if not isinstance(call.module, nn.Linear | nn.Dropout)
        }
        gated = [call.path for call in layers[:2] if id(call.returned) not in activated]
        if len(gated) == 1:
            return gated[0], layers[2].path
    return None, None


def _behind_attention(linear: list[Call], attention: Attention) -> list[Call]:
    """The linear layers that are called after the attention's and are none of its parts."""
    if attention.output is None:
        return linear
    paths = [call.path for call in linear]
    return [
        call
        for call in linear[paths.index(attention.output) + 1 :]
        if not call.path.startswith(f"{attention.path}.")
    ]


@dataclass(frozen=True)
class _Norms:
    """Which norm stands where, told by the tensors that go in and out.

    Attributes:
        calls: of modules that are called once, in order.
        linear: of linear layers that are called once, in order.
        block_output: what the block returns.
    """

    calls: list[Call]
    linear: list[Call]
    block_output: torch.Tensor | None

    def where_residual_enters(self, layer: str | None, *, behind: str | None) -> str | None:
        """The module that is given what a part of the block is added to: a norm, or the layer.

        Where norms stand after sums, a part is added to what the norm before it returns.

        Args:
            layer: path of the part's first linear layer.
            behind: path of its last one.

        Returns:
            None where the module is given it in another order of dimensions than the sum has.
        """
        norm = None if self.after_feed_forward() else self._before(layer)
        calls = {call.path: call for call in self.calls}
        entered, left = calls.get(norm or layer or ""), calls.get(behind or "")
        if entered is None or left is None or entered.given is None or left.returned is None:
            return None
        return entered.path if entered.given.shape == left.returned.shape else None

    def after_attention(self, *, first: str | None, intermediate: str | None) -> str | None:
        """The norm of the sum after the attention, of blocks that have their norms after sums."""
        if self.after_feed_forward() is None or self._before(first) is not None:
            return None
        return self._before(intermediate)

    def after_feed_forward(self) -> str | None:
        """The norm whose output is the block's."""
        for call in self.calls:
            if _is_norm(call.module) and _is_part_of(self.block_output, call.returned):
                return call.path
        return None

    def _before(self, layer: str | None) -> str | None:
        given = next((call.given for call in self.linear if call.path == layer), None)
        for call in self.calls:
            if _is_norm(call.module) and _is_part_of(given, call.returned):
                return call.path
        return None


def _is_part_of(one: torch.Tensor | None, whole: torch.Tensor | None) -> bool:
    """Whether a tensor is another, or a view of it."""
    if one is None or whole is None:
        return False
    return one is whole or one._base is whole  # noqa: SLF001


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def _dropout_behind(layer: str | None, calls: list[Call]) -> str | None:
    """The path of the dropout of a layer's output."""
    returned = next((call.returned for call in calls if call.path == layer), None)
    for call in calls:
        if isinstance(call.module, nn.Dropout) and returned is not None and call.given is returned:
            return call.path
    return None


def _embeddings(model: PreTrainedModel) -> str:
    """The path of the token embeddings, or of the first part where the model does not say."""
    base: Any = model.base_model
    try:
        tokens = base.get_input_embeddings()
    except NotImplementedError:
        tokens = None
    paths = [path for path, module in base.named_modules() if path and module is tokens]
    return paths[0] if paths else next(name for name, _ in base.named_children())


def _why_no_projections(block: nn.Module) -> str:
    """What stands in the place of linear projections of queries, keys and values."""
    bare = {path: "bare weight" for path, _ in block.named_parameters()}
    modules = {path: type(module).__name__ for path, module in block.named_modules()}
    for path, kind in (bare | modules).items():
        name = path.rpartition(".")[2]
        if kind != "Linear" and (PROJECTION.fullmatch(name) or FUSED.fullmatch(name)):
            return f"its {path} is a {kind}, not a linear layer"
    return "its blocks have no linear projections of queries, keys and values"


def _why_no_feed_forward(linear: list[Call], attention: Attention) -> str:
    """Why no first and last layer of a feed-forward network are told."""
    layers = [call.path for call in _behind_attention(linear, attention)]
    if not layers:
        return "no linear layer is called once behind the attention of a block"
    return (
        "what is called behind the attention of a block is not one feed-forward network of two"
        f" linear layers or a gated one ({', '.join(layers[:4])}{', …' if layers[4:] else ''})"
    )


def _check_blocks_are_alike(blocks: nn.ModuleList, layout: BlockLayout) -> None:
    """Check that every block has linear layers where the first one has those that adapters change.

    Raises:
        NoLayoutError: a block has not.
    """
    below = [layout.query, layout.key, layout.value, layout.fused, layout.attention_output]
    paths = [f"{layout.attention}.{path}" for path in below if path]
    paths += [path for path in (layout.intermediate, layout.output) if path]
    for index, block in enumerate(blocks):
        modules = dict(block.named_modules())
        other = [path for path in paths if not isinstance(modules.get(path), nn.Linear)]
        if other:
            raise NoLayoutError(f"its blocks differ: block {index} has no linear layer {other[0]}")
