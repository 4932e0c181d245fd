"""Encoding a task with a tokenizer, once for all methods and seeds."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, Features, List, Value
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.tasks.splits import label_counts, shared_texts, stratified_sample


def prepare_splits(task: DatasetDict, settings: dict[str, Any]) -> DatasetDict:
    """The splits that cells see: dev cut from train if asked for and missing, then the limits.

    Args:
        task: as `read_task` returns it.
        settings: the split settings (`SplitSettings`).
    """
    splits = dict(task)
    seed = settings["split_seed"]
    if "dev" not in splits and settings["dev_fraction"]:
        whole = splits["train"]
        size = max(1, round(settings["dev_fraction"] * len(whole)))
        dev = stratified_sample(whole["label"], size, seed)
        inside = set(dev)
        splits["dev"] = whole.select(dev)
        splits["train"] = whole.select([at for at in range(len(whole)) if at not in inside])
    for split, data in splits.items():
        if limit := settings[f"max_{split}"]:
            splits[split] = data.select(stratified_sample(data["label"], limit, seed))
    return DatasetDict({split: splits[split] for split in sorted(splits)})


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
        The splits with columns id, label and the tokenizer's (input_ids and, if it has them,
        token_type_ids; lists of int32, not padded), and a card: label names, counts per split
        and label, examples cut and tokens per split, texts that stand in train too, the padding
        value of each column, and the largest token id.

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
        cut = sum(length > max_length for length in lengths)
        if cut:
            logging.warning(
                "%s: %d of %d examples cut to %d tokens (longest: %d)",
                *(split, cut, len(data), max_length, max(lengths)),
            )
        features = Features(
            {"id": Value("string"), "label": data.features["label"]}
            | {key: List(Value("int32")) for key in columns}
        )
        encoded[split] = Dataset.from_dict(
            {"id": data["id"], "label": data["label"]} | {key: tokens[key] for key in columns},
            features=features,
        )
        cards[split] = {
            "examples": len(data),
            "labels": label_counts(data),
            "truncated": cut,
            "longest": max(lengths),
            "tokens": sum(map(len, tokens["input_ids"])),
        }
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    names = next(iter(task.values())).features["label"].names
    card = {
        "labels": names,
        "padding": {key: padding[key] for key in columns},
        "largest_token": max(
            max(map(max, data["input_ids"]), default=0) for data in encoded.values()
        ),
        "shared_with_train": shared_texts(task),
        "splits": cards,
    }
    return DatasetDict(encoded), card


def _tokenise(
    tokenizer: PreTrainedTokenizerBase, data: Dataset, max_length: int | None
) -> dict[str, Sequence[list[int]]]:
    texts, pairs = list(data["text"]), list(data["text_pair"])
    return tokenizer(
        texts,
        pairs if pairs and pairs[0] is not None else None,
        truncation=max_length is not None,
        max_length=max_length,
        padding=False,
        verbose=False,
    )


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
