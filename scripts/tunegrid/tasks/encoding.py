"""Encoding a task with a tokenizer, once for all methods and seeds."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from datasets import Dataset, DatasetDict, Features, List, Value, load_from_disk
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.settings import TaskSettings
from tunegrid.tasks.few_shot import Draw
from tunegrid.tasks.preparing import few_shot_draws, label_parts, prepare_task
from tunegrid.tasks.splits import EncodedCounts, count_encoded


class Encoding(TypedDict):
    """What encoding the splits of a task finds out.

    Attributes:
        labels: the label names in the order of their ids.
        padding: the value that each column is padded with.
        largest_token: the largest token id of all examples.
        splits: what each split holds.
    """

    labels: list[str]
    padding: dict[str, int]
    largest_token: int
    splits: dict[str, EncodedCounts]


class EncodingCard(Encoding):
    """What encoding.json says of an encoded task.

    Attributes:
        settings: what was made of the task's splits.
        parts: of an aggregated task, the label ids of each part; empty for another task.
        few_shot: what makes it few-shot; empty for another task.
        tokenizer_files: the SHA-256 of the files of the model's folder, without the weights.
        task_files: of each fetched task, the SHA-256 of the files of each split.
    """

    settings: dict[str, Any]
    parts: dict[str, list[int]]
    few_shot: list[Draw]
    tokenizer_files: dict[str, str]
    task_files: dict[str, dict[str, list[str]]]


def encode_to_folder(
    fetched: Sequence[Path], model: Path, settings: TaskSettings, output: Path
) -> EncodingCard:
    """Cut a task's splits as configured, tokenise them, and write them.

    Args:
        fetched: the folders of fetch_task, of each part of an aggregated task.
        model: the folder of fetch_model whose tokenizer encodes the task.
        settings: what is made of the task's splits.
        output: folder to write: the splits (Arrow, `datasets.load_from_disk`) without padding, and
            encoding.json.

    Returns:
        What encoding.json says.

    Raises:
        UserError: the tokenizer has no padding token, the model takes fewer tokens than
            `max_length`, or a label is too rare for a few-shot task.
    """
    splits = prepare_task({folder.name: load_from_disk(folder) for folder in fetched}, settings)
    tokenizer = load_tokenizer(model)
    encoded, found = encode_task(
        splits, tokenizer, settings.max_length, longest_input(model, tokenizer)
    )
    encoded.save_to_disk(output)
    card: EncodingCard = {
        **found,
        "settings": settings.model_dump(),
        "parts": label_parts(settings, found["labels"]),
        "few_shot": few_shot_draws(settings, found["labels"]),
        "tokenizer_files": {
            name: checksum
            for name, checksum in read_json(model / "model.json")["files"].items()
            if not name.endswith(".safetensors")
        },
        "task_files": {
            folder.name: {
                split: list(files.values())
                for split, files in read_json(folder / "task.json")["files"].items()
            }
            for folder in fetched
        },
    }
    write_json(output / "encoding.json", card)
    return card


def encode_task(
    task: DatasetDict, tokenizer: PreTrainedTokenizerBase, max_length: int, longest: int
) -> tuple[DatasetDict, Encoding]:
    """Tokenise every split without padding.

    Args:
        task: splits with columns id, text, text_pair and label.
        tokenizer: its own separator joins a pair.
        max_length: tokens, special ones included, that a longer example is cut to.
        longest: tokens that the model takes (`longest_input`).

    Returns:
        The splits with columns id, label, length (tokens before the cut) and the tokenizer's
        (input_ids and, if it has them, token_type_ids: lists of int32, not padded), and what was
        found out.

    Raises:
        UserError: `max_length` is more than the model takes.
    """
    if max_length > longest:
        raise UserError(
            f"data.max_length: {max_length} is more than the {longest} tokens that"
            f" {tokenizer.name_or_path} takes"
        )
    # Nothing is padded, so the mask is all ones; the batches make their own.
    columns = [key for key in tokenizer.model_input_names if key != "attention_mask"]
    encoded = {
        split: _encode_split(data, tokenizer, columns, max_length) for split, data in task.items()
    }
    counts = {split: count_encoded(data) for split, data in encoded.items()}
    for split, held in counts.items():
        if held["truncated"]:
            logging.warning(
                "%s: %d of %d examples cut to %d tokens (longest: %d)",
                split,
                held["truncated"],
                held["examples"],
                max_length,
                held["longest"],
            )
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    found: Encoding = {
        "labels": next(iter(task.values())).features["label"].names,
        "padding": {key: padding[key] for key in columns},
        "largest_token": max(_largest_token(data) for data in encoded.values()),
        "splits": counts,
    }
    return DatasetDict(encoded), found


def _encode_split(
    data: Dataset, tokenizer: PreTrainedTokenizerBase, columns: Sequence[str], max_length: int
) -> Dataset:
    """One split with columns id, label, length and `columns` of the tokenizer."""
    whole = _tokenise(tokenizer, data, max_length=None)
    cut = _tokenise(tokenizer, data, max_length=max_length)
    features = Features(
        {"id": Value("string"), "label": data.features["label"], "length": Value("int32")}
        | {key: List(Value("int32")) for key in columns}
    )
    return Dataset.from_dict(
        {
            "id": data["id"],
            "label": data["label"],
            "length": [len(ids) for ids in whole["input_ids"]],
        }
        | {key: cut[key] for key in columns},
        features=features,
    )


def _largest_token(data: Dataset) -> int:
    return max(map(max, data["input_ids"]), default=0)


def _tokenise(
    tokenizer: PreTrainedTokenizerBase, data: Dataset, *, max_length: int | None
) -> dict[str, list[list[int]]]:
    """The tokenizer's columns of every example, cut to `max_length` or whole.

    An aggregated task mixes pairs and single texts, which a tokenizer does not take together.
    """
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

    A tokenizer may not say, and a model with relative positions has no limit of its own.
    """
    positions = read_json(folder / "config.json").get("max_position_embeddings")
    return min(tokenizer.model_max_length, positions or VERY_LARGE_INTEGER)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model folder, without running any code that came with it.

    Raises:
        UserError: the folder holds none, or one without a padding token.
    """
    from_pretrained: Any = AutoTokenizer.from_pretrained  # it has no types
    try:
        tokenizer: PreTrainedTokenizerBase = from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: holds no tokenizer: {str(error).splitlines()[0]}") from None
    if tokenizer.pad_token_id is None:
        raise UserError(f"{folder}: its tokenizer has no padding token; choose an encoder")
    return tokenizer
