"""Building a cell's model: pretrained encoder, new head, method, each from its own stream."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.methods import apply_method
from tunegrid.metrics import TargetKind
from tunegrid.model_layers import enable_checkpointing, freeze_layers
from tunegrid.settings import CellSettings
from tunegrid.training.loading_weights import LoadedWeights, load_classifier
from tunegrid.training.method_proof import effect_at_start
from tunegrid.training.probing import logits_of
from tunegrid.training.randomness import stream_seed
from tunegrid.training.run_request import RunRequest
from tunegrid.training.trimming import trim_last_layer
from tunegrid.training.unpadded_attention import UNPADDED, check_need_not_pad

#: Names that a note gives of many.
NAMED = 5


@dataclass(frozen=True)
class BuiltModel:
    """A model, and what is to be known of how it came to be.

    Attributes:
        model: ready to train, in evaluation mode.
        loaded: where its weights come from.
        removed: parameters that the adapters library had added beside the adapter, by name their
            shapes; they were taken out again.
        effect: the largest change of a logit by an adapter that is not trained yet; None: the
            method adds none.
        trimmed: whether its last layer computes the first token's feed-forward block alone.
        pad_token: the padding token's id in the model's configuration, `before` and `now`; empty
            where it has stayed.
    """

    model: PreTrainedModel
    loaded: LoadedWeights
    removed: dict[str, tuple[int, ...]]
    effect: float | None
    trimmed: bool
    pad_token: dict[str, int | None]

    def facts(self) -> dict[str, Any]:
        """What a run's provenance says of it."""
        return {
            "new_weights": sorted(self.loaded.new),
            "prefix_removed": self.loaded.prefix,
            "head_replaced": self.loaded.replaced,
            "head_kept": self.loaded.kept_head,
            "unused_weights": self.loaded.unused,
            "removed_additions": sorted(self.removed),
            "effect_at_start": self.effect,
            "trimmed_last_layer": self.trimmed,
            "pad_token": self.pad_token,
        }

    def notes(self) -> list[str]:
        """The same in sentences, without what is as expected."""
        notes = [f"new, drawn from the seed and trained: {first_names(sorted(self.loaded.new))}"]
        if self.loaded.prefix:
            notes.append(f"the weights' names began with {self.loaded.prefix!r}, which was removed")
        if self.loaded.replaced:
            notes.append(
                "the checkpoint's own classification head is not used, the head is new"
                " (`head: keep` in the model's entry would keep it)"
            )
        if self.loaded.kept_head:
            notes.append("the classification head is the checkpoint's own")
        if self.loaded.unused:
            notes.append(f"not used of the weights: {first_names(self.loaded.unused)}")
        if self.removed:
            notes.append(
                f"taken out what the method does not name: {first_names(sorted(self.removed))}"
            )
        if self.pad_token:
            notes.append(
                f"the model's padding token is set to {self.pad_token['now']}, the tokenizer's"
                f" (before: {self.pad_token['before']})"
            )
        if self.trimmed:
            notes.append("the last layer's feed-forward block computes the first token alone")
        return notes


def first_names(names: list[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def build_model(
    folder: Path,
    settings: CellSettings,
    *,
    labels: list[str],
    target: TargetKind = "single_label",
    pad_token: int,
    examples: Mapping[str, torch.Tensor],
    process: int = 0,
    layers: int | None = None,
) -> BuiltModel:
    """A sequence classifier on the CPU in fp32, changed by the cell's method, ready to train.

    What is new in the model is drawn from the seed's stream `head`, so it is the same for every
    method; what the method adds from `adapter`. Afterwards torch's global generator stands at the
    start of the process' stream `dropout`.

    Args:
        folder: a model folder (`tunegrid.models.fetch_model`); its weights are safetensors.
        settings: the cell's.
        labels: label names in the order of their ids; of a regression none.
        target: what the task asks for.
        pad_token: the token id that batches are padded with; models that look for their last
            token know it by this.
        examples: a batch of one or two short ones, on which is tried what the method changes and
            what can be left out.
        process: of the run's processes (from 0), the one that this is.
        layers: build only so many blocks, for a trial, and freeze none of them; None: all.

    Raises:
        UserError: no classifier can be built of what is in the folder, the method does not fit the
            model or changes more than it says, or the model cannot compute the examples.
    """
    method, train = settings.method_source, settings.train
    torch.manual_seed(stream_seed(settings.seed, "head"))
    model, loaded = load_classifier(
        folder,
        labels=labels,
        target=target,
        # It is tried on the CPU, where there is no unpadded attention.
        attention="sdpa" if train.attention == UNPADDED else train.attention,
        keep_head=settings.model_source.head == "keep",
        layers=layers,
    )
    if train.attention == UNPADDED:
        check_need_not_pad(model)
    before = model.config.pad_token_id
    set_padding_token(model, pad_token)
    # Of a model with a method, before it is changed.
    expected = logits_of(model, examples) if method.is_added else None
    torch.manual_seed(stream_seed(settings.seed, "adapter"))
    removed = apply_method(model, method, loaded.new)
    if layers is None:
        freeze_layers(model, train.frozen_layers, loaded.new)
    effect = None
    if expected is not None:
        effect = effect_at_start(model, method, examples, expected=expected)
    trimmed = train.trim_last_layer and trim_last_layer(model, examples)
    if train.gradient_checkpointing:
        enable_checkpointing(model)
    model.train(mode=False)
    torch.manual_seed(stream_seed(settings.seed, "dropout", process))
    return BuiltModel(
        model=model,
        loaded=loaded,
        removed=removed,
        effect=effect,
        trimmed=trimmed,
        pad_token=(
            {}
            if before == model.config.pad_token_id
            else {"before": before, "now": model.config.pad_token_id}
        ),
    )


def set_padding_token(model: PreTrainedModel, pad_token: int) -> None:
    """Tell a classifier what batches are padded with, if it knows no such token or looks for it."""
    if model.config.pad_token_id is None or _looks_for_padding(model):
        model.config.pad_token_id = pad_token


def _looks_for_padding(model: PreTrainedModel) -> bool:
    """Whether the classifier finds its last token by the padding token of the configuration.

    Others number positions by it while they are built, and would by another one when they are
    loaded again.
    """
    return "pad_token_id" in inspect.getsource(type(model).forward)


def check_vocabulary(request: RunRequest) -> None:
    """Check that the model knows every token that its task was encoded and is padded with.

    A model of characters (CANINE) has no vocabulary.

    Raises:
        UserError: it does not: it shares a tokenizer that is not its own, or tokens were added to
            the tokenizer and not to the model.
    """
    config = AutoConfig.from_pretrained(request.model)
    size = getattr(config, "vocab_size", None)
    largest = max(request.encoding["largest_token"], request.encoding["padding"]["input_ids"])
    if isinstance(size, int) and largest >= size:
        raise UserError(
            f"model {request.settings.model!r}: its vocabulary has {size} tokens, the tokenizer's"
            f" ids go to {largest}; correct its `tokenizer`, or resize the model for tokens that"
            " were added"
        )
