"""Byte-level BPE, WordPiece and SentencePiece: single texts and pairs, as each model wants them."""

import encoders
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.config.catalogue import ModelEntry
from tunegrid.dataset import get_dataset
from tunegrid.models import fetch_model
from tunegrid.tasks.encoding import encode_task, load_tokenizer, longest_input

#: Special tokens before, between and after two texts, by model; and whether token types differ.
LAYOUTS = {
    "roberta-base": ("<s>", ("</s>", "</s>"), "</s>", False),
    "scibert_scivocab_uncased": ("[CLS]", ("[SEP]",), "[SEP]", True),
    "bert-base-uncased": ("[CLS]", ("[SEP]",), "[SEP]", True),
    "deberta-v3-small": ("[CLS]", ("[SEP]",), "[SEP]", True),
    "albert-base-v2": ("[CLS]", ("[SEP]",), "[SEP]", True),
    "modernbert-base": ("[CLS]", ("[SEP]",), "[SEP]", False),
    "mpnet-base": ("<s>", ("</s>", "</s>"), "</s>", False),
}
#: Of decoders: the tokens before a text, and those between two texts.
DECODERS = {
    "gpt2": ([], ["Ċ"]),  # a line break in byte-level BPE
    "smollm2-135m": ([], ["Ċ"]),
    "qwen2.5-0.5b": ([], ["Ċ"]),
    "llama-3.2-1b": (["<|begin_of_text|>"], ["<|begin_of_text|>"]),
}
FEATURES = Features(
    {
        "id": Value("string"),
        "text": Value("string"),
        "text_pair": Value("string"),
        "label": ClassLabel(names=["x", "y"]),
    }
)


@pytest.fixture(scope="module", params=LAYOUTS)
def model(request, tmp_path_factory):
    """A model's name and fetched folder."""
    folder = tmp_path_factory.mktemp(request.param)
    texts = get_dataset("questions", "")["train"]["text"][:1000]
    source = encoders.save_encoder(request.param, folder / "source", texts)
    fetch_model(request.param, ModelEntry(folder=str(source)), folder / "model")
    return request.param, folder / "model"


@pytest.fixture(scope="module", params=DECODERS)
def decoder(request, tmp_path_factory):
    """A decoder's name and fetched folder."""
    folder = tmp_path_factory.mktemp(request.param)
    texts = get_dataset("questions", "")["train"]["text"][:1000]
    source = encoders.save_encoder(request.param, folder / "source", texts)
    fetch_model(request.param, ModelEntry(folder=str(source)), folder / "model")
    return request.param, folder / "model"


def test_a_decoder_s_texts_and_pairs_are_apart_and_it_pads_with_a_token_that_it_has(decoder):
    name, folder = decoder
    before, between = DECODERS[name]
    one, two = "the soup was fine", "a very sad book"
    data, card, tokenizer = encoded(
        folder, [("a", one, None, 0), ("b", two, None, 0), ("c", one, two, 1)]
    )
    first, second, pair = (tokenizer.convert_ids_to_tokens(ids) for ids in data["input_ids"])
    assert first[: len(before)] == before
    assert pair == first + between + second[len(before) :]
    assert card["pad_token"] == (tokenizer.eos_token or "")
    assert card["padding"] == {"input_ids": tokenizer.eos_token_id}
    assert card["padding_side"] == "right"


def encoded(folder, rows):
    columns = dict(zip(FEATURES, zip(*rows, strict=True), strict=True))
    task = DatasetDict(
        {"train": Dataset.from_dict({k: list(v) for k, v in columns.items()}, features=FEATURES)}
    )
    tokenizer = load_tokenizer(folder)
    data, card = encode_task(task, tokenizer, 64, longest_input(folder, tokenizer))
    return data["train"], card, tokenizer


def test_single_texts_and_pairs_stand_between_the_model_s_own_special_tokens(model):
    name, folder = model
    start, middle, end, typed = LAYOUTS[name]
    one, two = "the soup was fine", "a very sad book"
    data, card, tokenizer = encoded(
        folder, [("a", one, None, 0), ("b", one, two, 1), ("c", two, one, 0)]
    )
    single, pair, swapped = (tokenizer.convert_ids_to_tokens(ids) for ids in data["input_ids"])
    specials = [token for token in pair if token in tokenizer.all_special_tokens]
    assert specials == [start, *middle, end]
    assert single[0] == start
    assert single[-1] == end
    first, second = single[1:-1], swapped[1 : -len(single) - len(middle) + 1]
    assert pair == [start, *first, *middle, *second, end]
    assert tokenizer.unk_token not in pair
    if typed:
        types = data["token_type_ids"][1]
        assert types == [0] * (len(first) + 1 + len(middle)) + [1] * (len(second) + 1)
    elif "token_type_ids" in data.column_names:
        assert set(data["token_type_ids"][1]) == {0}
    assert card["padding"]["input_ids"] == tokenizer.pad_token_id
    assert card["largest_token"] < tokenizer.vocab_size + len(tokenizer.get_added_vocab())


def test_a_pair_too_long_keeps_both_texts_and_is_counted(model):
    name, folder = model
    data, card, tokenizer = encoded(
        folder,
        [("a", "the soup was fine " * 9, "a very sad book " * 9, 0), ("b", "fine", "sad", 1)],
    )
    assert len(data["input_ids"][0]) == 64
    assert data["length"][0] > 64
    assert card["splits"]["train"]["truncated"] == 1
    specials = [token for token in data["input_ids"][0] if token in tokenizer.all_special_ids]
    assert len(specials) == 2 + len(LAYOUTS[name][1])
