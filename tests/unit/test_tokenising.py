"""Control tokens in texts, pairs without a separator, and padding, by kind of tokenizer."""

import json

import encoders
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from transformers import AutoTokenizer, ByT5Tokenizer

from tunegrid.dataset import get_dataset
from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.settings import parse_task_settings
from tunegrid.tasks.encoding import encode_task, encode_to_folder, load_tokenizer
from tunegrid.tasks.splits import count_encoded
from tunegrid.tasks.tokenising import pair_separator, tokenise_texts

KINDS = {
    "byte-level BPE": encoders.byte_level_bpe,
    "byte-level BPE of BART": encoders.bart_bpe,
    "byte-level BPE under [CLS]": encoders.modern_bpe,
    "byte-level BPE of GPT-2": encoders.gpt2_bpe,
    "byte-level BPE of Qwen": encoders.qwen_bpe,
    "byte-level BPE of Llama 3": encoders.llama_bpe,
    "SentencePiece BPE of Llama 2": encoders.llama_sentence_piece,
    "WordPiece": encoders.fast_word_piece,
    "WordPiece between <s>": encoders.mpnet_word_piece,
    "SentencePiece of ALBERT": encoders.albert_sentence_piece,
    "SentencePiece of DeBERTa": encoders.deberta_sentence_piece,
    "SentencePiece of T5": encoders.t5_sentence_piece,
    "SentencePiece of XLNet": encoders.xlnet_sentence_piece,
}
#: Kinds whose class has a slow tokenizer, too.
SLOW = [
    kind
    for kind in KINDS
    if kind not in ("byte-level BPE under [CLS]", "byte-level BPE of Llama 3")
]
TEXTS = get_dataset("questions", "")["train"]["text"][:1000]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of each kind of tokenizer."""
    made = {}
    for kind, save in KINDS.items():
        made[kind] = tmp_path_factory.mktemp("tokenizer")
        save(made[kind], TEXTS)
        if not (made[kind] / "config.json").exists():
            (made[kind] / "config.json").write_text(json.dumps({"model_type": _family(kind)}))
    return made


def _family(kind):
    return "deberta-v2" if "DeBERTa" in kind else "bert"


def load(folder, *, fast=True):
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=fast)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer.is_fast == fast
    return tokenizer


def every_kind():
    fast = [pytest.param(kind, True, id=kind) for kind in KINDS]
    return [*fast, *(pytest.param(kind, False, id=f"{kind}, slow") for kind in SLOW)]


def tokens_of(tokenizer, texts, pairs=None, max_length=400):
    return tokenise_texts(
        tokenizer,
        texts,
        pairs or [None] * len(texts),
        columns=["input_ids"],
        max_length=max_length,
    )


def own_and_unknown(tokenizer):
    """The special tokens' ids but that of what is unknown, if that is no other special token."""
    named = tokenizer.special_tokens_map_extended
    others = {str(token) for role, token in named.items() if role not in UNKNOWN_OR_MORE}
    others |= set(tokenizer.additional_special_tokens)
    return {tokenizer.convert_tokens_to_ids(token) for token in others}


UNKNOWN_OR_MORE = ("unk_token", "additional_special_tokens")


@pytest.mark.parametrize(("kind", "fast"), every_kind())
def test_no_control_token_stands_in_a_text_but_the_tokenizer_s_own(folders, kind, fast):
    tokenizer = load(folders[kind], fast=fast)
    control = own_and_unknown(tokenizer)
    spelled = [
        f"what is {token}20{token} x {token} y{token}" for token in tokenizer.all_special_tokens
    ]
    plain = ["what is 20 x y"] * len(spelled)
    for texts, pairs, clean in (
        (spelled, None, plain),
        (spelled, plain, plain),
        (plain, spelled, plain),
        (spelled, spelled, plain),
    ):
        found = tokens_of(tokenizer, texts, pairs)
        expected = tokens_of(tokenizer, clean, None if pairs is None else clean)
        assert found.control == [True] * len(texts)
        assert expected.control == [False] * len(texts)
        for ids, own in zip(found.columns["input_ids"], expected.columns["input_ids"], strict=True):
            assert [one for one in ids if one in control] == [one for one in own if one in control]
            assert len(ids) > len(own)
        short = tokens_of(tokenizer, texts, pairs, max_length=9)
        assert short.lengths == found.lengths
        for ids, own in zip(short.columns["input_ids"], expected.columns["input_ids"], strict=True):
            assert len(ids) == 9
            assert [one for one in ids if one in control] == [one for one in own if one in control]


@pytest.mark.parametrize(("kind", "fast"), every_kind())
def test_texts_without_control_tokens_are_what_the_tokenizer_makes_of_them(folders, kind, fast):
    tokenizer = load(folders[kind], fast=fast)
    beside = [*TEXTS[:50], "what is <s>20</s> [SEP] <|endoftext|> ?"]
    pairs = [*TEXTS[50:100], "who?"]
    if pair_separator(tokenizer):
        pairs = [f"\n{pair}" for pair in pairs]
    for length in (16, 400):
        found = tokens_of(tokenizer, beside, max_length=length)
        alone = tokenizer(beside[:50], truncation=True, max_length=length)["input_ids"]
        assert found.columns["input_ids"][:50] == alone
        found = tokens_of(tokenizer, beside, [pair.lstrip("\n") for pair in pairs], length)
        alone = tokenizer(beside[:50], pairs[:50], truncation=True, max_length=length)
        assert found.columns["input_ids"][:50] == alone["input_ids"]
    assert not tokenizer.split_special_tokens


@pytest.mark.parametrize(
    "kind", ["SentencePiece of ALBERT", "SentencePiece of DeBERTa", "WordPiece"]
)
def test_a_spelled_control_token_is_the_same_to_fast_and_slow_tokenizers(folders, kind):
    fast, slow = load(folders[kind]), load(folders[kind], fast=False)
    tokens = set(fast.all_special_tokens) - {fast.unk_token}
    texts = [f"what is {token}20{token} {token} ?" for token in sorted(tokens)]
    one, other = tokens_of(fast, texts), tokens_of(slow, texts)
    assert one.columns == other.columns


def test_a_control_token_that_only_the_normaliser_spells_is_found(folders):
    tokenizer = load(folders["SentencePiece of T5"])
    text = "what is ＜pad＞ ?"  # in wide characters, which SentencePiece folds
    assert tokenizer.pad_token_id in tokenizer(text, split_special_tokens=True)["input_ids"]
    found = tokens_of(tokenizer, [text])
    assert found.control == [True]
    assert tokenizer.pad_token_id not in found.columns["input_ids"][0]


def test_bytes_spell_no_control_token():
    tokenizer = ByT5Tokenizer(extra_ids=0)
    found = tokens_of(tokenizer, ["a</s>b", "a"])
    assert found.control == [True, False]
    assert found.columns["input_ids"][0] == [*(ord(c) + 3 for c in "a</s>b"), 1]


def test_a_control_token_that_cannot_be_text_is_refused_in_one_line(tmp_path):
    encoders.canine_characters(tmp_path, [])
    (tmp_path / "config.json").write_text('{"model_type": "canine"}')
    tokenizer = load(tmp_path, fast=False)
    assert tokens_of(tokenizer, ["a b"]).control == [False]
    with pytest.raises(
        UserError, match=r"the text 'a .*' spells a control token .* change the text"
    ):
        tokens_of(tokenizer, [f"a {tokenizer.sep_token}"])


def split(texts, pairs=None):
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": ClassLabel(names=["x", "y"]),
        }
    )
    rows = {
        "id": [str(position) for position in range(len(texts))],
        "text": texts,
        "text_pair": pairs or [None] * len(texts),
        "label": [position % 2 for position in range(len(texts))],
    }
    return Dataset.from_dict(rows, features=features)


def test_examples_that_spell_control_tokens_are_counted_by_split_and_in_a_draw(folders, caplog):
    tokenizer = load(folders["WordPiece"])
    task = DatasetDict({"train": split(["a [SEP] b", "a", "b"], ["a", None, "[PAD]"])})
    task["test"] = split(["fine"])
    encoded, card = encode_task(task, tokenizer, 16, 64)
    counts = {name: held["control_tokens"] for name, held in card["splits"].items()}
    assert counts == {"train": 2, "test": 0}
    assert "train: 2 of 3 examples spell a control token" in caplog.text
    assert count_encoded(encoded["train"].select([1, 2]))["control_tokens"] == 1


@pytest.mark.parametrize(
    ("kind", "separator"),
    [
        ("byte-level BPE of GPT-2", "\n"),
        ("byte-level BPE of Qwen", "\n"),
        ("byte-level BPE of Llama 3", ""),
        ("byte-level BPE", ""),
        ("SentencePiece of T5", ""),
        ("SentencePiece of XLNet", ""),
    ],
)
@pytest.mark.parametrize("fast", [True, False])
def test_something_stands_between_the_texts_of_a_pair(folders, kind, separator, fast):
    if not fast and kind not in SLOW:
        pytest.skip("it has no slow tokenizer")
    tokenizer = load(folders[kind], fast=fast)
    _, card = encode_task(DatasetDict({"train": split(["a"])}), tokenizer, 16, 64)
    assert card["pair_separator"] == separator
    apart = tokens_of(tokenizer, ["ab", "abc"], ["cd", "d"]).columns["input_ids"]
    assert apart[0] != apart[1]
    assert tokenizer.decode(apart[0]) != tokenizer.decode(apart[1])


def test_a_text_without_tokens_is_refused_by_name(folders):
    tokenizer = load(folders["byte-level BPE of GPT-2"])
    with pytest.raises(UserError, match=r"train: example 1 has no tokens .* leave it out"):
        encode_task(DatasetDict({"train": split(["a", ""])}), tokenizer, 16, 64)


def test_inputs_of_another_kind_are_refused_by_name(folders, monkeypatch):
    tokenizer = load(folders["WordPiece"])
    monkeypatch.setattr(tokenizer, "model_input_names", ["input_ids", "bbox", "attention_mask"])
    with pytest.raises(UserError, match="its tokenizer makes bbox, which no text gives"):
        encode_task(DatasetDict({"train": split(["a"])}), tokenizer, 16, 64)


def encode_folder(model, tmp_path, **entry):
    write_json(model / "model.json", {"files": {}, "entry": entry})
    DatasetDict({"train": split(["a b", "c"]), "test": split(["d"])}).save_to_disk(tmp_path / "t")
    write_json(tmp_path / "t" / "task.json", {"files": {}})
    settings = parse_task_settings({"max_length": 16})
    return encode_to_folder([tmp_path / "t"], model, settings, tmp_path / "encoded")


@pytest.mark.parametrize(
    ("kind", "entry", "token", "own", "side"),
    [
        ("WordPiece", {}, "[PAD]", True, "right"),
        ("byte-level BPE of GPT-2", {}, "<|endoftext|>", False, "right"),
        ("byte-level BPE of Qwen", {}, "<|endoftext|>", True, "right"),
        ("byte-level BPE of Llama 3", {"padding_side": "left"}, "<|end_of_text|>", False, "left"),
        ("SentencePiece BPE of Llama 2", {"padding_side": "right"}, "</s>", False, "right"),
        ("SentencePiece of XLNet", {}, "<pad>", True, "left"),
    ],
)
def test_the_card_says_with_what_and_where_is_padded(
    folders, tmp_path, kind, entry, token, own, side
):
    card = encode_folder(folders[kind], tmp_path, **entry)
    assert card == read_json(tmp_path / "encoded" / "encoding.json")
    assert (card["pad_token"], card["pad_token_is_own"]) == (token, own)
    assert card["padding_side"] == side
    tokenizer = load_tokenizer(folders[kind])
    assert card["padding"]["input_ids"] == tokenizer.convert_tokens_to_ids(token)


def test_a_tokenizer_with_nothing_to_pad_with_is_refused(folders, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(
        (folders["byte-level BPE of Llama 3"] / "tokenizer.json").read_bytes()
    )
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(UserError, match="neither a padding nor an end-of-sequence token"):
        load_tokenizer(folder)


def test_a_damaged_tokenizer_is_one_line(folders, tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model"')
    (tmp_path / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast"}'
    )
    with pytest.raises(UserError, match="holds no tokenizer: ") as refused:
        load_tokenizer(tmp_path)
    assert "\n" not in str(refused.value)
