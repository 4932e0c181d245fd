import logging

import pytest
import tiny
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.tasks.encoding import encode_task, load_tokenizer, longest_input
from tunegrid.tasks.preparing import prepare_splits

FEATURES = Features(
    {
        "id": Value("string"),
        "text": Value("string"),
        "text_pair": Value("string"),
        "label": ClassLabel(names=["good", "bad"]),
    }
)


def split(texts, pairs=None):
    rows = {
        "id": [str(position) for position in range(len(texts))],
        "text": texts,
        "text_pair": pairs or [None] * len(texts),
        "label": [position % 2 for position in range(len(texts))],
    }
    return Dataset.from_dict(rows, features=FEATURES)


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(tiny_model)


def test_a_pair_is_joined_by_the_tokenizer_s_own_separator(tokenizer):
    task = DatasetDict({"train": split(["the soup"], ["very fine ."])})
    encoded, _ = encode_task(task, tokenizer, 16, 64)
    tokens = tokenizer.convert_ids_to_tokens(encoded["train"][0]["input_ids"])
    assert tokens == ["[CLS]", "the", "soup", "[SEP]", "very", "fine", ".", "[SEP]"]
    assert encoded["train"][0]["token_type_ids"] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_what_is_cut_is_counted_in_the_card_and_in_the_log(tokenizer, caplog):
    task = DatasetDict({"train": split(["the soup", "the " * 30, "the " * 40])})
    with caplog.at_level(logging.WARNING):
        encoded, card = encode_task(task, tokenizer, 16, 64)
    assert card["splits"]["train"]["truncated"] == 2
    assert card["splits"]["train"]["longest"] == 42
    assert max(map(len, encoded["train"]["input_ids"])) == 16
    assert "train: 2 of 3 examples cut to 16 tokens (longest: 42)" in caplog.text


def test_more_tokens_than_the_model_takes_are_refused(tokenizer):
    with pytest.raises(UserError, match=r"data\.max_length: 65 is more than the 64 tokens"):
        encode_task(DatasetDict({"train": split(["a"])}), tokenizer, 65, 64)


def test_the_model_s_positions_limit_what_its_tokenizer_does_not(
    tokenizer, tiny_model, monkeypatch
):
    assert longest_input(tiny_model, tokenizer) == 64
    monkeypatch.setattr(tokenizer, "model_max_length", int(1e30))
    assert longest_input(tiny_model, tokenizer) == 64
    monkeypatch.setattr(tokenizer, "model_max_length", 32)
    assert longest_input(tiny_model, tokenizer) == 32


def test_a_small_share_of_train_is_at_least_one_example():
    task = DatasetDict({"train": split(["a", "b", "c"]), "test": split(["d"])})
    assert len(prepare_splits(task, SplitSettings(dev_fraction=0.1))["dev"]) == 1


def test_a_folder_without_tokenizer_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no tokenizer"):
        load_tokenizer(tmp_path)


def test_dev_is_cut_from_train_only_where_the_task_ships_none():
    texts = [str(number) for number in range(100)]
    task = DatasetDict({"train": split(texts), "test": split(texts[:10])})
    cut = prepare_splits(task, SplitSettings(dev_fraction=0.2))
    assert {name: len(data) for name, data in cut.items()} == {"dev": 20, "test": 10, "train": 80}
    assert not set(cut["dev"]["text"]) & set(cut["train"]["text"])
    shipped = DatasetDict(task | {"dev": split(texts[:7])})
    kept = prepare_splits(shipped, SplitSettings(dev_fraction=0.2))
    assert (len(kept["dev"]), len(kept["train"])) == (7, 100)


def test_limits_are_per_split_and_leave_the_order():
    texts = [str(number) for number in range(100)]
    task = DatasetDict({name: split(texts) for name in ("train", "dev", "test")})
    limits = SplitSettings(max_train=30, max_dev=4, max_test=200)
    kept = prepare_splits(task, limits)
    assert {name: len(data) for name, data in kept.items()} == {"dev": 4, "test": 100, "train": 30}
    numbers = [int(text) for text in kept["train"]["text"]]
    assert numbers == sorted(numbers)


def test_the_small_task_is_encoded_without_padding(encoded):
    folder, card = encoded
    from datasets import load_from_disk

    data = load_from_disk(folder)
    assert {name: len(split) for name, split in data.items()} == tiny.COUNTS
    assert card["padding"] == {"input_ids": 0, "token_type_ids": 0}
    assert not any(0 in ids for ids in data["train"]["input_ids"])
