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
#: Sizes that go together, and what a type needs beside sizes.
MORE: dict[str, dict[str, Any]] = {
    "cpmant": {"prompt_length": 4},
    "codegen": {"rotary_dim": 16},
    "dbrx": {
        "ffn_config": {"ffn_hidden_size": 128, "moe_num_experts": 4, "moe_top_k": 2},
        "attn_config": {"kv_n_heads": 2},
    },
    "deepseek_v2": {"num_key_value_heads": 4, "num_experts_per_tok": 2},
    "deepseek_v3": {"num_key_value_heads": 4, "qk_rope_head_dim": 16},
    "dots1": {
        "head_dim": 16,
        "num_key_value_heads": 4,
        "n_shared_experts": 1,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
    },
    "esm": {"vocab_size": VOCABULARY, "pad_token_id": 1, "mask_token_id": 4},
    "funnel": {"block_sizes": [1, 1]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gemma3n_text": {"num_kv_shared_layers": 0, "vocab_size_per_layer_input": VOCABULARY},
    "gptj": {"rotary_dim": 16},
    "gpt_oss": {"num_local_experts": 8},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention"],
        "mamba_n_heads": 4,
        "mamba_d_head": 32,
        "mamba_d_state": 16,
        "mamba_chunk_size": 16,
    },
    "bamba": {
        "mamba_n_heads": 4,
        "mamba_d_head": 32,
        "mamba_d_state": 16,
        "mamba_chunk_size": 16,
        "attn_layer_indices": [1],
    },
    "falcon_h1": {
        "mamba_n_heads": 4,
        "mamba_d_head": 16,
        "mamba_d_ssm": 64,
        "mamba_d_state": 16,
        "mamba_chunk_size": 16,
    },
    "hunyuan_v1_dense": {"head_dim": 16},
    "hunyuan_v1_moe": {"head_dim": 16, "num_experts": 4, "moe_topk": 2},
    "layoutlmv3": {"coordinate_size": 11, "shape_size": 10, "visual_embed": False},
    "lilt": {"hidden_size": 96, "num_attention_heads": 4},
    "longcat_flash": {
        "num_key_value_heads": 4,
        "qk_rope_head_dim": 16,
        "head_dim": 16,
        "n_routed_experts": 8,
        "moe_topk": 2,
        "zero_expert_num": 2,
    },
    "longformer": {"attention_window": 8},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 2, "state_size": 16, "chunk_size": 16},
    "ministral": {"head_dim": 16},
    "mt5": {"decoder_start_token_id": 0},
    "nemotron": {"head_dim": 16, "num_key_value_heads": 2},
    "qwen3_next": {"num_hidden_layers": 4, "num_experts": 8, "num_experts_per_tok": 2},
    "reformer": {
        "axial_pos_shape": [4, 8],
        "axial_pos_embds_dim": [32, 32],
        "attn_layers": ["local", "lsh"],
        "is_decoder": True,
        "lsh_attn_chunk_length": 8,
        "local_attn_chunk_length": 8,
    },
    "t5": {"decoder_start_token_id": 0},
    "transfo-xl": {"cutoffs": [64, 128], "div_val": 1},
    "umt5": {"decoder_start_token_id": 0},
    "xmod": {"default_language": "en_XX"},
    "jamba": {"use_mamba_kernels": False},
    "zamba": {
        "use_mamba_kernels": False,
        "num_hidden_layers": 2,
        "layers_block_type": ["mamba", "hybrid"],
        "attention_head_dim": 32,
        "attention_hidden_size": 128,
        "mamba_dt_rank": 4,
    },
    "zamba2": {"layers_block_type": ["mamba", "hybrid"], "num_mem_blocks": 1},
}


def small_configuration(model_type: str) -> PretrainedConfig:
    """The configuration of a type, of two layers, a width of 64 and 256 tokens.

    Raises:
        ValueError: the library's class makes none without those of other models (MusicGen).
    """
    return _shrunk(CONFIG_MAPPING[model_type]())


def _shrunk(config: PretrainedConfig) -> PretrainedConfig:
    values: dict[str, Any] = {}
    for name, value in vars(config).items():
        if isinstance(value, PretrainedConfig):
            if name in config.sub_configs:
                values[name] = _shrunk(value).to_dict()
        elif name in SIZES and value is not None:
            values[name] = SIZES[name]
        elif name.endswith(("_token_id", "_token_index")) and isinstance(value, int):
            values[name] = value if value < VOCABULARY else 3
    return type(config)(**values | MORE.get(config.model_type, {}))
