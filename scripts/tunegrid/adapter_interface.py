"""Adapters for model families that the adapters library does not know by itself.

The library takes a description of such a model's modules (`AdapterModelInterface`,
https://docs.adapterhub.ml/plugin_interface.html); it is derived here from the model itself
(`tunegrid.block_layout`). What version 1.3.0 of the library then does not do, or does wrongly, is
put right before an adapter is added:

- its hooks read the layer norm of the last block in every block (a closure over the loop's variable
  in `adapters.methods.bottleneck.init_bottleneck`); each is given that of its own block;
- they apply a bottleneck before the dropout behind a projection, where the library's own BERT
  applies it after that dropout;
- of a fused projection it takes the first third of the rows to be the queries, which is not so in
  models that order the rows by heads (nor in DeBERTa's first version, which it knows by itself);
- of Longformer's two sets of projections it takes one; the other, of the tokens that attend to all
  others, gets updates of the same kind.

A bottleneck stands on the output of the attention or of the feed-forward network, before that is
added to what went in. A parallel one reads what its output is added to.

This module imports the library, which takes seconds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from adapters import AdapterConfig, AdapterModelInterface, BnConfig, LoRAConfig
from adapters import init as init_by_library
from adapters.configuration import ConfigUnion
from adapters.methods.lora import LoRALinear, LoRAMergedLinear
from adapters.utils import multisetattr
from adapters.wrappers.interfaces import get_adapter_interface
from adapters.wrappers.model import get_module_name
from torch import nn

from tunegrid.block_calls import NoLayoutError
from tunegrid.block_layout import BlockLayout, read_layout, stated_order
from tunegrid.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: The library insists on names of projections where it is told that there is no attention.
NO_PROJECTION = "none"


def init_adapters(
    model: PreTrainedModel, *, config: AdapterConfig | None = None, text: str = ""
) -> None:
    """Change the model so that adapters can be added to it, or loaded into it.

    Args:
        model: a classifier that no adapters were added to; it is changed in place.
        config: the adapter that will be added, which is checked to fit; None: no check.
        text: the configuration string that it came from, for errors.

    Raises:
        UserError: the model has no one list of equal blocks, or not what the adapter needs.
        ValueError, TypeError, AttributeError: the library's own.
    """
    if not known_to_library(model):
        init_derived(model, config=config, text=text)
        return
    init_by_library(model)
    _order_rows(model)
    interface = getattr(model.base_model, "adapter_interface", None)
    if interface is not None:
        _check_known_interface(model, interface, config=config, text=text)
        for block in _blocks(model, interface):
            _bind(block, interface, moved={})


def init_derived(
    model: PreTrainedModel, *, config: AdapterConfig | None = None, text: str = ""
) -> None:
    """`init_adapters` by a derived description, also of a model that the library knows."""
    try:
        layout = read_layout(model)
    except NoLayoutError as error:
        raise _refusal(model, text, error.reason) from None
    if config is not None:
        for part in _parts(config):
            reason = _why_it_does_not_fit(layout, part)
            if reason:
                raise _refusal(model, text, reason)
    interface = _described(layout)
    init_by_library(model, interface=interface)
    moved = {}
    if layout.attention_output and layout.after_attention_output:
        moved[f"{layout.attention}.{layout.attention_output}"] = layout.after_attention_output
    if layout.output and layout.after_output:
        moved[layout.output] = layout.after_output
    for block in _blocks(model, interface):
        _bind(block, interface, moved=moved)
        if layout.attention:
            attention = block.get_submodule(layout.attention)
            _wrap_global_projections(model, attention, layout)
    _order_rows(model)


def derive_interface(model: PreTrainedModel) -> AdapterModelInterface | None:
    """The library's description of the model's modules.

    It is not all that an adapter needs: `init_adapters` puts right what the library does with it.

    Args:
        model: a classifier that no adapters were added to.

    Returns:
        None for a model that the library knows by itself.

    Raises:
        NoLayoutError: the model has no one list of equal blocks, or cannot be run.
    """
    return None if known_to_library(model) else _described(read_layout(model))


def known_to_library(model: PreTrainedModel) -> bool:
    """Whether the library needs no description of the model, as `adapters.init` decides it."""
    if get_adapter_interface(model.config.model_type) is not None:
        return True
    name = get_module_name(model.config.model_type)
    try:
        return importlib.util.find_spec(f"adapters.models.{name}.modeling_{name}") is not None
    except ModuleNotFoundError:
        return False


def _described(layout: BlockLayout) -> AdapterModelInterface:
    """The library's description of a layout."""
    nothing = None if layout.attention else NO_PROJECTION
    return AdapterModelInterface(
        adapter_methods=["bottleneck", "lora"],
        model_embeddings=layout.embeddings,
        model_layers=layout.blocks,
        layer_self_attn=layout.attention,
        layer_cross_attn=None,
        attn_q_proj=layout.query or nothing,
        attn_k_proj=layout.key or nothing,
        attn_v_proj=layout.value or nothing,
        attn_qkv_proj=layout.fused,
        attn_o_proj=layout.attention_output,
        layer_intermediate_proj=layout.intermediate,
        layer_output_proj=layout.output,
        layer_pre_self_attn=layout.before_attention,
        layer_pre_ffn=layout.before_feed_forward,
        layer_ln_1=layout.attention_norm,
        layer_ln_2=layout.feed_forward_norm,
    )


def _parts(config: AdapterConfig) -> Iterator[AdapterConfig]:
    """The configurations that a configuration is the union of, or itself."""
    if isinstance(config, ConfigUnion):
        for part in config.configs:
            yield from _parts(part)
    else:
        yield config


def _why_it_does_not_fit(layout: BlockLayout, config: AdapterConfig) -> str | None:
    """What the adapter needs and the model has not; None if it has all."""
    if isinstance(config, BnConfig):
        return _why_no_bottleneck(layout, config)
    if isinstance(config, LoRAConfig):
        return _why_no_update(layout, config)
    return (
        "it can be added only to families that the adapters library knows by itself; to others"
        " bottlenecks, lora and ia3 can"
    )


def _why_no_bottleneck(layout: BlockLayout, config: BnConfig) -> str | None:
    if config.inv_adapter:
        return "it needs an adapter of the embeddings, which is added only to families that the"
        " adapters library knows by itself"
    if not config.original_ln_after:
        return "it needs original_ln_after=True, since the norm is the model's own"
    if config.mh_adapter:
        path = layout.attention_output and f"{layout.attention}.{layout.attention_output}"
        reason = _why_not_behind(layout, config, "attention", path, layout.before_attention)
        if reason:
            return reason
    if config.output_adapter:
        path, entered = layout.output, layout.before_feed_forward
        return _why_not_behind(layout, config, "feed-forward", path, entered)
    return None


def _why_not_behind(
    layout: BlockLayout, config: BnConfig, part: str, path: str | None, entered: str | None
) -> str | None:
    """Why no bottleneck can stand behind one part of each block; None if one can.

    Args:
        layout: of the model.
        config: the bottleneck's.
        part: of the block.
        path: of the part's last projection.
        entered: the module that is given what the part's output is added to.
    """
    if path is None:
        return f"it needs a linear projection at the end of the {part} part: {layout.lacks[part]}"
    if path not in layout.wide:
        return (
            f"it needs an output of the {part} part that is as wide as the model, and {path} is"
            " narrower"
        )
    if entered is None and (config.is_parallel or config.original_ln_before):
        return f"it reads what the output of the {part} part is added to, and no module is given it"
    return None


def _why_no_update(layout: BlockLayout, config: LoRAConfig) -> str | None:
    if config.selfattn_lora:
        if layout.attention is None:
            return f"it changes projections in the attention: {layout.lacks['attention']}"
        if layout.fused and layout.fused_order is None:
            return (
                f"it changes the {', '.join(config.attn_matrices)} projections, and which rows of"
                f" {layout.attention}.{layout.fused} these are is not known; LoRA of the peft"
                " library (`peft-lora`) changes such a projection as a whole"
            )
        unknown = sorted(set(config.attn_matrices) - {"q", "k", "v"})
        if unknown:
            return (
                f"attn_matrices {unknown} are none of q, k, v, which are those that it can change"
            )
    if (config.intermediate_lora or config.output_lora) and layout.output is None:
        return f"it changes the feed-forward network: {layout.lacks['feed-forward']}"
    if config.intermediate_lora and config.composition_mode == "scale" and layout.flat:
        return (
            "it scales the feed-forward network's first layer, which here sees the tokens of all"
            " examples in one row, and the adapters library scales example by example"
        )
    return None


def _refusal(model: PreTrainedModel, text: str, reason: str) -> UserError:
    wanted = f"adapter: {text!r}" if text else "an adapter"
    return UserError(
        f"{wanted} cannot be added to {type(model).__name__}: {reason}; leave the method"
        " out of the grid for this model (`without`, in the model's entry)"
    )


def _check_known_interface(
    model: PreTrainedModel,
    interface: AdapterModelInterface,
    *,
    config: AdapterConfig | None,
    text: str,
) -> None:
    """Check that a description of the library's own has what a parallel bottleneck reads.

    Raises:
        UserError: it has not, and the first step would fail.
    """
    for part in _parts(config) if config is not None else ():
        if isinstance(part, BnConfig) and part.is_parallel:
            without_input = (part.output_adapter and interface.layer_pre_ffn is None) or (
                part.mh_adapter and interface.layer_pre_self_attn is None
            )
            if without_input:
                raise _refusal(
                    model,
                    text,
                    "it reads what goes into the feed-forward or attention part, and the adapters"
                    " library does not say where that is in this family",
                )


def _blocks(model: PreTrainedModel, interface: AdapterModelInterface) -> list[nn.Module]:
    blocks: Any = model.base_model.get_submodule(interface.model_layers)
    return list(blocks)


def _bind(block: nn.Module, interface: AdapterModelInterface, *, moved: dict[str, str]) -> None:
    """Let the bottlenecks of a block read its own norms, and stand behind the dropout.

    Args:
        block: one block.
        interface: the description that the library was given.
        moved: of a projection's path, the path of the module behind which the bottleneck belongs.
    """
    attention_output = f"{interface.layer_self_attn}.{interface.attn_o_proj}"
    places = [
        ("attention_adapters", attention_output, interface.layer_ln_1),
        ("output_adapters", interface.layer_output_proj, interface.layer_ln_2),
    ]
    for name, path, norm_path in places:
        bottleneck = getattr(block, name, None)
        if bottleneck is None:
            continue
        norm = block.get_submodule(norm_path) if norm_path else None
        hooks = block.get_submodule(path)._forward_hooks  # noqa: SLF001
        for key, hook in list(hooks.items()):
            if isinstance(hook, partial) and hook.args[0] is bottleneck:
                own = partial(hook.func, bottleneck, partial(_returned, norm))
                if path in moved:
                    del hooks[key]
                    block.get_submodule(moved[path]).register_forward_hook(own)
                else:
                    hooks[key] = own


def _returned(norm: nn.Module | None) -> nn.Module | None:
    return norm


def _wrap_global_projections(
    model: PreTrainedModel, attention: nn.Module, layout: BlockLayout
) -> None:
    """Let LoRA and IA3 change a second set of projections, of tokens that attend to all others."""
    for letter, path in (("q", layout.query), ("k", layout.key), ("v", layout.value)):
        for name, module in list(attention.named_modules()):
            if path and name == f"{path}_global" and isinstance(module, nn.Linear):
                wrapped = LoRALinear.wrap(
                    module,
                    "selfattn",
                    model.config,
                    model.base_model.adapters_config,
                    attn_key=letter,
                )
                multisetattr(attention, name, wrapped)


def _order_rows(model: PreTrainedModel) -> None:
    """Let LoRA and IA3 change the right rows of fused projections that are ordered by heads."""
    for attention in model.modules():
        for projection in attention.children():
            if type(projection) is LoRAMergedLinear and stated_order(attention) == "by head":
                projection.__class__ = LoRAByHead
                projection.heads = model.config.num_attention_heads


class LoRAByHead(LoRAMergedLinear):  # type: ignore[misc]
    """A fused projection whose rows are each head's query, key and value, head by head.

    The library's own class takes them to be all queries, all keys, all values. It writes the update
    of the parts that a method changes to the rows `lora_ind`; here these are numbers of rows, in
    the order in which the update has them.

    Attributes:
        heads: how many heads the attention has.
    """

    heads: int

    def add_adapter(self, adapter_name: str, layer_idx: int, **options: Any) -> bool:
        """Add an adapter as the library does, and say which rows it changes."""
        if not super().add_adapter(adapter_name, layer_idx, **options):
            return False
        lora = self.loras[adapter_name]
        rows = torch.arange(self.out_features).view(self.heads, 3, -1)
        changed = [rows[:, part].reshape(-1) for part in range(3) if lora.enable_lora[part]]
        if changed:
            lora.lora_ind = torch.cat(changed)
        return True
