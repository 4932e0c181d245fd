"""Which of a tokenizer's columns a model takes."""

import inspect
from pathlib import Path
from typing import Any

from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, AutoConfig

from tunegrid.errors import UserError


def input_columns(folder: Path) -> frozenset[str]:
    """The names of the inputs that the classifier in a model folder takes.

    Token types are not among them where the model has only one: a tokenizer that numbers two
    texts 0 and 1 then says more than the model can know, and it takes 0 for all by itself.

    Args:
        folder: a model folder (`tunegrid.models.fetch_model`).

    Raises:
        UserError: the library has no classifier of this kind of model.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model_class: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: builds no classifier: {reason}") from None
    names = set(inspect.signature(model_class.forward).parameters)
    if getattr(config, "type_vocab_size", None) == 1:
        names.discard("token_type_ids")
    return frozenset(names)
