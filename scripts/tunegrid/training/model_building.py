"""Building a cell's model: pretrained encoder, new head, method, each from its own stream."""

from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.methods import apply_method
from tunegrid.training.randomness import stream_seed
from tunegrid.training.trimming import trim_last_layer


def build_model(
    folder: Path,
    *,
    labels: list[str],
    method: MethodEntry,
    seed: int,
    attention: str = "auto",
    process: int = 0,
) -> PreTrainedModel:
    """A sequence classifier on the CPU in fp32, changed by `method`, ready to train.

    The head is drawn from the seed's stream `head`, so it is the same for every method; the
    adapter from `adapter`. Afterwards torch's global generator stands at the start of the
    process' stream `dropout`.

    Args:
        folder: a model folder (`tunegrid.models.fetch_model`); its weights are safetensors.
        labels: label names in the order of their ids.
        method: the method's catalogue entry.
        seed: the run's.
        attention: "sdpa" or "eager"; "auto": the first that the model can.
        process: of the run's processes (from 0), the one that this is.

    Raises:
        UserError: transformers cannot build a classifier from the folder, or the method does not
            fit the model.
    """
    torch.manual_seed(stream_seed(seed, "head"))
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=None if attention == "auto" else attention,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{folder}: builds no classifier: {reason}") from None
    torch.manual_seed(stream_seed(seed, "adapter"))
    apply_method(model, method)
    trim_last_layer(model)
    torch.manual_seed(stream_seed(seed, "dropout", process))
    return model


def check_vocabulary(name: str, model: PreTrainedModel, largest_token: int) -> None:
    """Check that the model knows every token that its task was encoded with.

    Raises:
        UserError: it does not: it shares a tokenizer that is not its own.
    """
    size = model.config.vocab_size
    if largest_token >= size:
        raise UserError(
            f"model {name!r}: its vocabulary has {size} tokens, the tokenizer's ids go to"
            f" {largest_token}; correct its `tokenizer`"
        )
