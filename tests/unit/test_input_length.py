"""How many tokens each family takes: what is said is the last length that its model computes."""

import inspect
from importlib import import_module

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification
from transformers.models.auto.configuration_auto import model_type_to_module_name
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from tunegrid.errors import UserError
from tunegrid.tasks.input_length import POSITIONS_AFTER_PADDING, longest_input

SMALL = {
    "vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "max_position_embeddings": 40, "pad_token_id": 3,
}  # fmt: skip
GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 40, "vocab_size": 99}
ENCODER_DECODER = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "vocab_size": 99,
    "max_position_embeddings": 40,
}  # fmt: skip
#: Families whose number of tokens is that of their table of positions, by their configuration.
TABLES = {
    **dict.fromkeys(sorted(POSITIONS_AFTER_PADDING - {"esm", "layoutlmv3"}), SMALL),
    "esm": SMALL | {"mask_token_id": 4},
    "lilt": SMALL | {"hidden_size": 24, "channel_shrink_ratio": 2},
    "bert": SMALL,
    "electra": SMALL | {"embedding_size": 16},
    "big_bird": SMALL | {"attention_type": "original_full"},
    "nystromformer": SMALL | {"num_landmarks": 4, "segment_means_seq_len": 4},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16, "vocab_size": 99,
                   "max_position_embeddings": 40},
    "gpt2": GPT,
    "openai-gpt": GPT,
    "opt": SMALL | {"ffn_dim": 16, "word_embed_proj_dim": 16, "pad_token_id": 1},
    "biogpt": SMALL | {"pad_token_id": 1},
    "bart": ENCODER_DECODER | {"pad_token_id": 1},
}  # fmt: skip


class Tokenizer:
    """A tokenizer that names this limit."""

    def __init__(self, limit=VERY_LARGE_INTEGER):
        self.model_max_length = limit


def _build(kind, settings):
    config = AutoConfig.for_model(kind, **settings)
    if kind == "longformer":
        config.attention_window = [4]
    if kind == "xmod":
        config.default_language = "en_XX"
    torch.manual_seed(0)
    return config, AutoModel.from_config(config).eval()


@torch.no_grad()
def _computes(model, length):
    try:
        model(input_ids=torch.full((1, length), 5), attention_mask=torch.ones(1, length))
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("kind", TABLES)
def test_the_longest_input_is_the_longest_that_the_model_computes(kind, tmp_path):
    config, model = _build(kind, TABLES[kind])
    config.save_pretrained(tmp_path)
    longest = longest_input(tmp_path, Tokenizer())
    assert longest in (40, 36, 38)
    assert _computes(model, longest)
    assert not _computes(model, longest + 1)


def test_every_family_whose_positions_begin_after_the_padding_is_known():
    found = set()
    for kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        module = model_type_to_module_name(kind)
        name = {"data2vec-text": "data2vec_text"}.get(kind, module)
        try:
            source = inspect.getsource(
                import_module(f"transformers.models.{module}.modeling_{name}")
            )
        except ModuleNotFoundError:
            continue  # its library has left transformers' main part
        if "create_position_ids_from_input_ids" in source:
            found.add(kind)
    assert found == POSITIONS_AFTER_PADDING


@pytest.mark.parametrize(
    ("kind", "settings", "longest"),
    [
        ("t5", {"n_positions": 512}, None),
        ("mt5", {}, None),
        ("xlnet", {}, None),
        ("bloom", {}, None),
        ("funnel", {}, None),
        ("llama", {"max_position_embeddings": 70}, 70),
        ("qwen2", {"max_position_embeddings": 70}, 70),
        ("gptj", {"n_positions": 70}, 70),
        ("mpt", {"max_seq_len": 70}, 70),
        ("led", {"max_encoder_position_embeddings": 70}, 70),
        ("canine", {}, 16384),
        ("gemma3", {"text_config": {"max_position_embeddings": 70}}, 70),
    ],
)
def test_a_limit_is_found_under_any_name_and_none_where_there_is_none(
    kind, settings, longest, tmp_path
):
    AutoConfig.for_model(kind, **settings).save_pretrained(tmp_path)
    assert longest_input(tmp_path, Tokenizer()) == (longest or VERY_LARGE_INTEGER)
    assert longest_input(tmp_path, Tokenizer(20)) == 20


def test_every_family_that_classifies_has_a_limit_or_none(tmp_path):
    for kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        AutoConfig.for_model(kind).save_pretrained(tmp_path)
        assert 0 < longest_input(tmp_path, Tokenizer()) <= VERY_LARGE_INTEGER, kind


def test_a_model_that_transformers_does_not_know_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mine"}')
    with pytest.raises(UserError, match="is of no model that transformers knows") as refused:
        longest_input(tmp_path, Tokenizer())
    assert "\n" not in str(refused.value)


def test_a_roberta_of_514_positions_takes_512_tokens(tmp_path):
    config = AutoConfig.for_model("roberta", **SMALL | {"max_position_embeddings": 514})
    config.pad_token_id = 1
    config.save_pretrained(tmp_path)
    assert longest_input(tmp_path, Tokenizer()) == 512
    model = AutoModelForSequenceClassification.from_config(config).eval()
    assert _computes(model, 512)
    assert not _computes(model, 513)
