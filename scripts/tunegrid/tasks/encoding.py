"""Encoding a task with a tokenizer, once for all methods and seeds."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from datasets import Dataset, DatasetDict, Features, List, Value, load_from_disk
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.predictions import TargetKind
from tunegrid.settings import TaskSettings
from tunegrid.tasks.few_shot import Draw
from tunegrid.tasks.input_length import longest_input
from tunegrid.tasks.label_kinds import label_kind, names_of_labels
from tunegrid.tasks.preparing import few_shot_draws, label_parts, prepare_task
from tunegrid.tasks.splits import EncodedCounts, count_encoded
from tunegrid.tasks.tokenising import pair_separator, tokenise_texts


class Encoding(TypedDict):
    """What encoding the splits of a task finds out.

    Attributes:
        target: what the task asks for.
        labels: the label names in the order of their ids; of a regression none.
        padding: the value that each column is padded with.
        padding_side: where a shorter example of a batch is padded.
        pad_token: the token that it is padded with, as text.
        pair_separator: what was put between the texts of a pair, where the tokenizer itself puts
            no token there.
        largest_token: the largest token id of all examples.
        splits: what each split holds.
    """

    target: TargetKind
    labels: list[str]
    padding: dict[str, int]
    padding_side: Literal["left", "right"]
    pad_token: str
    pair_separator: str
    largest_token: int
    splits: dict[str, EncodedCounts]


class EncodingCard(Encoding):
    """What encoding.json says of an encoded task.

    Attributes:
        settings: what was made of the task's splits.
        pad_token_is_own: whether the tokenizer came with its padding token; otherwise its
            end-of-sequence token pads.
        parts: of an aggregated task, the label ids of each part; empty for another task.
        few_shot: what makes it few-shot; empty for another task.
        tokenizer_files: the SHA-256 of the files of the model's folder, without the weights.
        task_files: of each fetched task, the SHA-256 of the files of each split.
    """

    settings: dict[str, Any]
    pad_token_is_own: bool
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
        UserError: the tokenizer has neither a padding nor an end-of-sequence token, the model takes
            fewer tokens than `max_length`, a text cannot be tokenised, or a label is too rare for a
            few-shot task.
    """
    splits = prepare_task({folder.name: load_from_disk(folder) for folder in fetched}, settings)
    fetched_model = read_json(model / "model.json")
    tokenizer = read_tokenizer(model)
    pads_itself = tokenizer.pad_token_id is not None
    give_padding_token(tokenizer, model)
    if side := fetched_model.get("entry", {}).get("padding_side"):
        tokenizer.padding_side = side
    encoded, found = encode_task(
        splits, tokenizer, settings.max_length, longest_input(model, tokenizer)
    )
    encoded.save_to_disk(output)
    card: EncodingCard = {
        **found,
        "settings": settings.model_dump(),
        "pad_token_is_own": pads_itself,
        "parts": label_parts(settings, found["labels"]),
        "few_shot": few_shot_draws(settings, found["labels"]),
        "tokenizer_files": {
            name: checksum
            for name, checksum in fetched_model["files"].items()
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
        The splits with columns id, label, length (tokens before the cut), control (whether the
        texts spell a control token) and the tokenizer's (input_ids and, if it has them,
        token_type_ids: lists of int32, not padded), and what was found out.

    Raises:
        UserError: `max_length` is more than the model takes, the tokenizer makes inputs of another
            kind, or a text has no tokens or spells a control token that cannot be read as text.
    """
    if max_length > longest:
        raise UserError(
            f"data.max_length: {max_length} is more than the {longest} tokens that"
            f" {tokenizer.name_or_path} takes"
        )
    # Nothing is padded, so the mask is all ones; the batches make their own.
    columns = [key for key in tokenizer.model_input_names if key != "attention_mask"]
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    if other := [key for key in columns if key not in padding]:
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer makes {', '.join(other)}, which no text"
            " gives; choose another model"
        )
    encoded = {
        split: _encode_split(split, data, tokenizer, columns, max_length)
        for split, data in task.items()
    }
    counts = {split: count_encoded(data) for split, data in encoded.items()}
    for split, held in counts.items():
        if held["control_tokens"]:
            logging.warning(
                "%s: %d of %d examples spell a control token of the tokenizer; it is read as text",
                split,
                held["control_tokens"],
                held["examples"],
            )
        if held["truncated"]:
            logging.warning(
                "%s: %d of %d examples cut to %d tokens (longest: %d)",
                split,
                held["truncated"],
                held["examples"],
                max_length,
                held["longest"],
            )
    found: Encoding = {
        "target": label_kind(task["train"]),
        "labels": names_of_labels(task["train"]),
        "padding": {key: padding[key] for key in columns},
        "padding_side": "left" if tokenizer.padding_side == "left" else "right",
        "pad_token": tokenizer.pad_token,
        "pair_separator": pair_separator(tokenizer),
        "largest_token": max(_largest_token(data) for data in encoded.values()),
        "splits": counts,
    }
    return DatasetDict(encoded), found


def _encode_split(
    split: str,
    data: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    columns: Sequence[str],
    max_length: int,
) -> Dataset:
    """One split with columns id, label, length, control and `columns` of the tokenizer."""
    tokens = tokenise_texts(
        tokenizer,
        list(data["text"]),
        list(data["text_pair"]),
        columns=columns,
        max_length=max_length,
    )
    if 0 in tokens.lengths:
        empty = data["id"][tokens.lengths.index(0)]
        raise UserError(
            f"{split}: example {empty} has no tokens by the tokenizer of {tokenizer.name_or_path};"
            " give it a text, or leave it out of the task's files"
        )
    features = Features(
        {
            "id": Value("string"),
            "label": data.features["label"],
            "length": Value("int32"),
            "control": Value("bool"),
        }
        | {key: List(Value("int32")) for key in columns}
    )
    return Dataset.from_dict(
        {
            "id": data["id"],
            "label": data["label"],
            "length": tokens.lengths,
            "control": tokens.control,
        }
        | tokens.columns,
        features=features,
    )


def _largest_token(data: Dataset) -> int:
    return max(map(max, data["input_ids"]), default=0)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model folder, with a token that it pads with.

    Raises:
        UserError: as `read_tokenizer` and `give_padding_token`.
    """
    tokenizer = read_tokenizer(folder)
    give_padding_token(tokenizer, folder)
    return tokenizer


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model folder, without running any code that came with it.

    Raises:
        UserError: the folder holds none, or a damaged one.
    """
    from_pretrained: Any = AutoTokenizer.from_pretrained  # it has no types
    try:
        tokenizer: PreTrainedTokenizerBase = from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - a damaged tokenizer.json raises Exception itself
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: holds no tokenizer: {reason}") from None
    return tokenizer


def give_padding_token(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Let a tokenizer without a padding token pad with its end-of-sequence token.

    The tokenizers of most decoders have none. What is padded is masked, so any token of the
    vocabulary does; that a classifier reads the last token before it is the model's own matter.

    Args:
        tokenizer: is changed.
        folder: its model's, for messages.

    Raises:
        UserError: it has neither.
    """
    if tokenizer.pad_token_id is not None:
        return
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"{folder}: its tokenizer has neither a padding nor an end-of-sequence token; name a"
            " pad_token in its tokenizer_config.json, or choose another model"
        )
    tokenizer.pad_token = tokenizer.eos_token
