"""A small random classifier of each model family: two blocks, 32 wide, and built in a moment."""

from typing import Any

import torch
import transformers
from transformers import AutoModelForSequenceClassification, PreTrainedModel

SIZES = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 64,
}  # fmt: skip
#: Large weights, so that what an adapter does reaches the logits.
COMMON = {"pad_token_id": 0, "num_labels": 3, "initializer_range": 0.2}
FEWER_KEYS = {"num_key_value_heads": 2}
HEADS_OF_8 = {"num_key_value_heads": 2, "head_dim": 8}
ENCODER_DECODER = {
    "vocab_size": 64, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48, "max_position_embeddings": 64, "eos_token_id": 2, "bos_token_id": 1,
    "decoder_start_token_id": 2, "init_std": 0.2,
}  # fmt: skip
XLM = {"n_words": 64, "emb_dim": 32, "n_layers": 2, "n_heads": 4}

#: What a family's configuration has beside `SIZES`.
MORE: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "big_bird": {"block_size": 4},
    "convbert": {"embedding_size": 32},
    "deberta": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "electra": {"embedding_size": 16},
    "gemma": HEADS_OF_8,
    "gemma2": HEADS_OF_8,
    "gemma3_text": HEADS_OF_8,
    "longformer": {"attention_window": 4},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 16},
    "mistral": FEWER_KEYS,
    "mixtral": FEWER_KEYS | {"num_local_experts": 2},
    "mobilebert": {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    "modernbert": {"bos_token_id": 1, "cls_token_id": 1, "sep_token_id": 2, "eos_token_id": 2},
    "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 8},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "qwen2": FEWER_KEYS,
    "qwen3": HEADS_OF_8,
    "rembert": {"input_embedding_size": 32},
    "roc_bert": {"shape_vocab_size": 16, "pronunciation_vocab_size": 16},
    "squeezebert": {"embedding_size": 32},
    "stablelm": FEWER_KEYS,
}
#: Families whose configuration names its sizes otherwise.
OTHERWISE: dict[str, dict[str, Any]] = {
    "bart": ENCODER_DECODER,
    "bloom": {"vocab_size": 64, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "distilbert": {
        "vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
        "max_position_embeddings": 64,
    },
    "flaubert": XLM,
    "funnel": {
        "vocab_size": 64, "d_model": 32, "block_sizes": [1, 1], "n_head": 4, "d_head": 8,
        "d_inner": 48,
    },
    "gpt2": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_bigcode": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neo": {
        "vocab_size": 64, "hidden_size": 32, "num_layers": 2, "num_heads": 4,
        "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 64,
    },
    "mpt": {"vocab_size": 64, "d_model": 32, "n_heads": 4, "n_layers": 2},
    "openai-gpt": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "t5": {
        "vocab_size": 64, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_ff": 48, "d_kv": 8,
        "eos_token_id": 2, "decoder_start_token_id": 0,
    },
    "xlm": XLM,
    "xlnet": {"vocab_size": 64, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48},
}  # fmt: skip


def small_classifier(family: str, **options: object) -> PreTrainedModel:
    """A classifier of three labels, in evaluation mode; every call builds the same.

    Args:
        family: `model_type` of its configuration.
        options: more of the configuration.
    """
    sizes = OTHERWISE.get(family) or SIZES | MORE.get(family, {})
    config = transformers.CONFIG_MAPPING[family](**COMMON | sizes | options)
    config.pad_token_id = 0
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name.lower() and weight.dim() == 1:  # so that norms differ between blocks
                weight.add_(0.2 * torch.randn_like(weight))
    return model
