"""Encoding a task with a tokenizer, once for all methods and seeds."""

import logging
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, List, Value
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.tasks.splits import count_encoded


def encode_task(
    task: DatasetDict, tokenizer: PreTrainedTokenizerBase, max_length: int, longest: int
) -> tuple[DatasetDict, dict[str, Any]]:
    """Tokenise every split without padding.

    Args:
        task: splits with columns id, text, text_pair and label.
        tokenizer: its own separator joins a pair.
        max_length: tokens, special ones included, that a longer example is cut to.
        longest: tokens that the model takes (`longest_input`).

    Returns:
        The splits with columns id, label, length (tokens before the cut) and the tokenizer's
        (input_ids and, if it has them, token_type_ids; lists of int32, not padded), and a card:
        label names, what each split holds (`count_encoded`), the padding value of each column,
        and the largest token id.

    Raises:
        UserError: `max_length` is more than the model takes.
    """
    if max_length > longest:
        raise UserError(
            f"data.max_length: {max_length} is more than the {longest} tokens that"
            f" {tokenizer.name_or_path} takes"
        )
    columns = [key for key in tokenizer.model_input_names if key != "attention_mask"]
    encoded, cards = {}, {}
    for split, data in task.items():
        lengths = [len(ids) for ids in _tokenise(tokenizer, data, None)["input_ids"]]
        tokens = _tokenise(tokenizer, data, max_length)
        features = Features(
            {"id": Value("string"), "label": data.features["label"], "length": Value("int32")}
            | {key: List(Value("int32")) for key in columns}
        )
        encoded[split] = Dataset.from_dict(
            {"id": data["id"], "label": data["label"], "length": lengths}
            | {key: tokens[key] for key in columns},
            features=features,
        )
        card = cards[split] = count_encoded(encoded[split])
        if card["truncated"]:
            logging.warning(
                "%s: %d of %d examples cut to %d tokens (longest: %d)",
                *(split, card["truncated"], len(data), max_length, card["longest"]),
            )
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    names = next(iter(task.values())).features["label"].names
    card = {
        "labels": names,
        "padding": {key: padding[key] for key in columns},
        "largest_token": max(
            max(map(max, data["input_ids"]), default=0) for data in encoded.values()
        ),
        "splits": cards,
    }
    return DatasetDict(encoded), card


def _tokenise(
    tokenizer: PreTrainedTokenizerBase, data: Dataset, max_length: int | None
) -> dict[str, list[list[int]]]:
    """The tokenizer's columns of every example; an aggregated task mixes pairs and single texts."""
    texts, pairs = list(data["text"]), list(data["text_pair"])
    columns: dict[str, list[list[int]]] = {
        key: [[]] * len(texts) for key in tokenizer.model_input_names
    }
    for paired in (False, True):
        chosen = [at for at, pair in enumerate(pairs) if (pair is not None) == paired]
        if not chosen:
            continue
        tokens = tokenizer(
            [texts[at] for at in chosen],
            [pairs[at] for at in chosen] if paired else None,
            truncation=max_length is not None,
            max_length=max_length,
            padding=False,
            verbose=False,
        )
        for key, column in columns.items():
            for at, ids in zip(chosen, tokens[key], strict=True):
                column[at] = ids
    return columns


def longest_input(folder: Path, tokenizer: PreTrainedTokenizerBase) -> int:
    """The tokens that the model in `folder` takes: what its tokenizer says, or its positions.

    A tokenizer may not say; a model with relative positions has no limit of its own.
    """
    positions = read_json(folder / "config.json").get("max_position_embeddings")
    limits = [tokenizer.model_max_length, positions or VERY_LARGE_INTEGER]
    return min(limits)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model folder, without running any code that came with it.

    Raises:
        UserError: the folder holds none, or one without a padding token.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: holds no tokenizer: {str(error).splitlines()[0]}") from None
    if tokenizer.pad_token_id is None:
        raise UserError(f"{folder}: its tokenizer has no padding token; choose an encoder")
    return tokenizer
