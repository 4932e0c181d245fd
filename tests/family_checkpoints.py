"""Small random models of many families, in the tiny task's tokens, as a repository has them."""

import json
import shutil
from pathlib import Path

import tiny
import torch
import transformers

#: What most configurations call their sizes; others have names of their own below.
SHAPE = {
    "vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.2,
    "pad_token_id": 0,
}  # fmt: skip
#: RoBERTa's kind numbers positions from beyond the padding token's id.
ROBERTA = SHAPE | {"max_position_embeddings": 70}
DECODER = SHAPE | {"num_key_value_heads": 2, "head_dim": 16}
GPT2 = {"vocab_size": 40, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
#: The families: the class that a checkpoint is saved from, and its configuration.
FAMILIES = {
    "bert": ("BertForMaskedLM", SHAPE),
    "roberta": ("RobertaForMaskedLM", ROBERTA),
    "xlm-roberta": ("XLMRobertaForMaskedLM", ROBERTA),
    "camembert": ("CamembertForMaskedLM", ROBERTA),
    "distilbert": (
        "DistilBertForMaskedLM",
        {"vocab_size": 40, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    ),
    "electra": ("ElectraForPreTraining", SHAPE | {"embedding_size": 16}),
    "albert": ("AlbertForMaskedLM", SHAPE | {"embedding_size": 16}),
    "deberta": (
        "DebertaForMaskedLM", SHAPE | {"relative_attention": True, "pos_att_type": ["c2p"]}
    ),
    "deberta-v2": (
        "DebertaV2ForMaskedLM",
        SHAPE | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    ),
    "mpnet": ("MPNetForMaskedLM", ROBERTA),
    "modernbert": ("ModernBertForMaskedLM", SHAPE),
    "ernie": ("ErnieForMaskedLM", SHAPE),
    "roformer": ("RoFormerForMaskedLM", SHAPE),
    "squeezebert": ("SqueezeBertForMaskedLM", SHAPE | {"embedding_size": 32}),
    "mobilebert": (
        "MobileBertForMaskedLM",
        SHAPE | {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    ),
    "megatron-bert": ("MegatronBertForMaskedLM", SHAPE),
    "rembert": ("RemBertForMaskedLM", SHAPE | {"input_embedding_size": 16}),
    "roc-bert": ("RoCBertForMaskedLM", SHAPE),
    "data2vec-text": ("Data2VecTextForMaskedLM", ROBERTA),
    "longformer": ("LongformerForMaskedLM", ROBERTA | {"attention_window": 8}),
    "big_bird": ("BigBirdForMaskedLM", SHAPE | {"attention_type": "original_full"}),
    "funnel": (
        "FunnelForMaskedLM",
        {"vocab_size": 40, "d_model": 32, "n_head": 2, "d_head": 16, "d_inner": 64,
         "block_sizes": [1, 1]},
    ),
    "luke": ("LukeForMaskedLM", ROBERTA | {"entity_vocab_size": 8}),
    "xlm": ("XLMWithLMHeadModel", {"vocab_size": 40, "emb_dim": 32, "n_layers": 2, "n_heads": 2,
                                   "max_position_embeddings": 64, "pad_index": 0}),
    "xlnet": ("XLNetLMHeadModel", {"vocab_size": 40, "d_model": 32, "n_layer": 2, "n_head": 2,
                                   "d_inner": 64, "initializer_range": 0.2}),
    "convbert": ("ConvBertForMaskedLM", SHAPE | {"embedding_size": 32}),
    "fnet": ("FNetForMaskedLM", SHAPE),
    "nystromformer": ("NystromformerForMaskedLM", SHAPE | {"num_landmarks": 8,
                                                           "segment_means_seq_len": 64}),
    "bart": ("BartForConditionalGeneration", {
        "vocab_size": 40, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64, "max_position_embeddings": 64, "init_std": 0.2,
        "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3,
    }),
    "t5": ("T5ForConditionalGeneration", {
        "vocab_size": 40, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2,
        "pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0,
    }),
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt_neo": ("GPTNeoForCausalLM", {
        "vocab_size": 40, "hidden_size": 32, "num_layers": 2, "num_heads": 2,
        "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 64}),
    "gpt_neox": ("GPTNeoXForCausalLM", SHAPE),
    "bloom": ("BloomForCausalLM", {"vocab_size": 40, "hidden_size": 32, "n_layer": 2, "n_head": 2}),
    "opt": ("OPTForCausalLM", SHAPE | {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "llama": ("LlamaForCausalLM", DECODER),
    "mistral": ("MistralForCausalLM", DECODER),
    "qwen2": ("Qwen2ForCausalLM", DECODER),
    "qwen3": ("Qwen3ForCausalLM", DECODER),
    "gemma": ("GemmaForCausalLM", DECODER),
    "gemma2": ("Gemma2ForCausalLM", DECODER),
    "gemma3": ("Gemma3ForCausalLM", DECODER),
    "phi": ("PhiForCausalLM", SHAPE),
}  # fmt: skip


def save_family(name: str, folder: Path, tiny_model: Path, **changes) -> Path:
    """A random model of a family in `folder`, with the tiny model's tokenizer."""
    architecture, config = FAMILIES[name]
    model_class = getattr(transformers, architecture)
    torch.manual_seed(0)
    network = model_class(model_class.config_class(**config | changes))
    network.save_pretrained(folder)
    for file in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (tiny_model / file).is_file():  # Transformers 5 writes no map of special tokens
            shutil.copy(tiny_model / file, folder / file)
    (folder / "model.json").write_text(json.dumps({"files": {}, "entry": {}}))
    return folder


def encode(folder: Path, output: Path):
    """The tiny task encoded by the model's tokenizer; the folder."""
    return tiny.encode(folder, output)[0]
