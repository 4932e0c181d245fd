"""A small configuration of every model type that the Transformers library has for either task.

The sizes are set by what configurations call them, so that a type that a new version brings is
small, too; a few types need sizes that go together.
"""

from typing import Any

from transformers import CONFIG_MAPPING, PretrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

#: The model types of the two tasks, as `--task` names them.
MODEL_TYPES = {
    "classify": sorted(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES),
    "lm": sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
}

VOCABULARY = 256
WIDTH = 64
#: Sizes by the names that configurations have for them.
SIZES: dict[str, Any] = (
    dict.fromkeys(("vocab_size", "n_words", "decoder_vocab_size", "max_position_embeddings"), 256)
    | dict.fromkeys(
        ("n_positions", "n_ctx", "max_seq_len", "max_positions", "context_length"), 256
    )
    | dict.fromkeys(
        (
            "hidden_size", "d_model", "n_embd", "emb_dim", "dim", "embedding_size",
            "word_embed_proj_dim", "attention_hidden_size", "lru_width", "embedding_dim",
            "d_embed", "pooler_hidden_size", "d_latents",
        ),
        WIDTH,
    )
    | dict.fromkeys(
        (
            "num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers",
            "decoder_layers", "num_encoder_layers", "num_decoder_layers", "num_blocks",
        ),
        2,
    )
    | dict.fromkeys(
        (
            "num_attention_heads", "num_heads", "n_head", "n_heads", "encoder_attention_heads",
            "decoder_attention_heads", "attention_heads", "num_encoder_attention_heads",
            "num_decoder_attention_heads", "num_self_attention_heads",
            "num_cross_attention_heads",
        ),
        4,
    )
    | dict.fromkeys(("num_key_value_heads", "num_kv_heads", "num_query_groups"), 2)
    | dict.fromkeys(
        ("head_dim", "d_head", "d_kv", "attention_head_size", "kv_channels", "dim_head"), 16
    )
    | dict.fromkeys(
        (
            "intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "ffn_dim", "d_inner",
            "d_ff", "dim_ff", "dff", "hidden_dim", "ffn_hidden_size", "feed_forward_size",
            "nffn_hidden_size", "n_inner",
        ),
        128,
    )
)  # fmt: skip
#: Sizes that are set only where the configuration has a value: None is another architecture.
MORE: dict[str, dict[str, Any]] = {}


def small_configuration(model_type: str) -> PretrainedConfig:
    """The configuration of a type, of two layers, a width of 64 and 256 tokens."""
    return _shrunk(CONFIG_MAPPING[model_type](), MORE.get(model_type, {}))


def _shrunk(config: PretrainedConfig, more: dict[str, Any]) -> PretrainedConfig:
    values: dict[str, Any] = {}
    for name, value in vars(config).items():
        if isinstance(value, PretrainedConfig):
            values[name] = _shrunk(value, MORE.get(value.model_type, {})).to_dict()
        elif name in SIZES and value is not None:
            values[name] = SIZES[name]
        elif name.endswith(("_token_id", "_token_index")) and isinstance(value, int):
            values[name] = value if value < VOCABULARY else 3
    return type(config)(**values | more)
