"""Small random models, one for each of the catalogue's hub models, in its repository's files.

Each has its architecture, its repository's layout (pickled weights or safetensors, the head of its
pretraining, the tokenizer's own files or the converted one), and a tokenizer of its kind, trained
on the texts given: byte-level BPE, WordPiece or SentencePiece.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer, Tokenizer, decoders, models, trainers
from tokenizers.implementations import BertWordPieceTokenizer
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing

VOCABULARY = 400
SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 128,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How a repository looks.

    Attributes:
        architecture: the class that it was saved from.
        config: what its config.json sets beside `SHAPE`.
        tokenizer: writes the tokenizer's files into a folder.
        pickled: whether its weights are a pytorch_model.bin.
        kind: of the tokenizer, in words.
    """

    architecture: str
    tokenizer: Callable[[Path, Sequence[str]], None]
    kind: str
    config: dict
    pickled: bool = False


def byte_level_bpe(folder: Path, texts: Sequence[str]) -> None:
    """vocab.json and merges.txt, and the fast tokenizer, as RoBERTa's."""
    trained = ByteLevelBPETokenizer()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(texts, VOCABULARY, special_tokens=specials, show_progress=False)
    trained.save_model(str(folder))
    transformers.RobertaTokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=126
    ).save_pretrained(folder)


def word_piece(folder: Path, texts: Sequence[str]) -> None:
    """vocab.txt alone, as SciBERT's."""
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(texts, VOCABULARY, show_progress=False)
    trained.save_model(str(folder))


def fast_word_piece(folder: Path, texts: Sequence[str]) -> None:
    """vocab.txt and the fast tokenizer, as BERT's."""
    word_piece(folder, texts)
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=128).save_pretrained(
        folder
    )


def mpnet_word_piece(folder: Path, texts: Sequence[str]) -> None:
    """BERT's vocabulary between RoBERTa's special tokens."""
    word_piece(folder, texts)
    pieces = (folder / "vocab.txt").read_text().split("\n")[5 : VOCABULARY - 6]
    specials = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"]
    (folder / "vocab.txt").write_text("\n".join([*specials, *pieces, "<mask>"]))
    transformers.MPNetTokenizerFast(
        str(folder / "vocab.txt"), model_max_length=126
    ).save_pretrained(folder)


def _sentence_piece(path: Path, texts: Sequence[str], **options) -> None:
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=file, minloglevel=2, **options
        )


def deberta_sentence_piece(folder: Path, texts: Sequence[str]) -> None:
    """spm.model alone, as DeBERTa v3's; it is converted when it is loaded."""
    _sentence_piece(
        folder / "spm.model", texts, vocab_size=VOCABULARY - 1, pad_id=0, bos_id=1, eos_id=2,
        unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
    )  # fmt: skip
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')


def albert_sentence_piece(folder: Path, texts: Sequence[str]) -> None:
    """spiece.model and the fast tokenizer, as ALBERT's."""
    _sentence_piece(
        folder / "spiece.model", texts, vocab_size=VOCABULARY, pad_id=0, unk_id=1, bos_id=-1,
        eos_id=-1, pad_piece="<pad>", control_symbols=["[CLS]", "[SEP]", "[MASK]"],
    )  # fmt: skip
    transformers.AlbertTokenizerFast(
        str(folder / "spiece.model"), model_max_length=128
    ).save_pretrained(folder)


def modern_bpe(folder: Path, texts: Sequence[str]) -> None:
    """tokenizer.json alone: byte-level BPE under BERT's special tokens, as ModernBERT's."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    trained.train_from_iterator(texts, trainer)
    trained.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )  # fmt: skip
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained, model_max_length=128, pad_token="[PAD]", unk_token="[UNK]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)  # fmt: skip


def gpt2_bpe(folder: Path, texts: Sequence[str]) -> None:
    """vocab.json and merges.txt, and the fast tokenizer, as GPT-2's: one special token, no pad."""
    _decoder_bpe(folder, texts, ["<|endoftext|>"])
    content = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(content["vocab"]))
    merges = [" ".join(merge) for merge in content["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    config = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def smol_bpe(folder: Path, texts: Sequence[str]) -> None:
    """GPT-2's files with a beginning and an end that are the same token, as SmolLM2's; no pad."""
    gpt2_bpe(folder, texts)
    names = dict.fromkeys(["bos_token", "eos_token", "unk_token"], "<|endoftext|>")
    config = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 8192, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def qwen_bpe(folder: Path, texts: Sequence[str]) -> None:
    """GPT-2's kinds of files, and a padding token that the model's config does not know."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    _decoder_bpe(folder, texts, specials)
    content = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(content["vocab"]))
    merges = [" ".join(merge) for merge in content["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    config = {
        "tokenizer_class": "Qwen2Tokenizer", "model_max_length": 131072, "bos_token": None,
        "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": None,
        "additional_special_tokens": specials[1:],
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def llama_bpe(folder: Path, texts: Sequence[str]) -> None:
    """tokenizer.json with a beginning before each text, as Llama 3's; no pad."""
    begin, end = "<|begin_of_text|>", "<|end_of_text|>"
    trained = _decoder_bpe(folder, texts, [begin, end])
    trained.post_processor = TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1", special_tokens=[(begin, 0)]
    )
    trained.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": begin, "eos_token": end,
        "model_max_length": 131072, "model_input_names": ["input_ids", "attention_mask"],
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _decoder_bpe(folder: Path, texts: Sequence[str], specials: list[str]) -> Tokenizer:
    """tokenizer.json of byte-level BPE without unknown tokens and with nothing around a text."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    trained.train_from_iterator(texts, trainer)
    trained.save(str(folder / "tokenizer.json"))
    return trained


def bart_bpe(folder: Path, texts: Sequence[str]) -> None:
    """RoBERTa's files, read by BART's tokenizer."""
    byte_level_bpe(folder, texts)
    config = {"tokenizer_class": "BartTokenizer", "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def t5_sentence_piece(folder: Path, texts: Sequence[str]) -> None:
    """spiece.model and the fast tokenizer, as T5's: an end and no beginning."""
    _sentence_piece(
        folder / "spiece.model", texts, vocab_size=VOCABULARY - 20, pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, pad_piece="<pad>",
    )  # fmt: skip
    transformers.T5TokenizerFast(
        str(folder / "spiece.model"), extra_ids=20, model_max_length=512
    ).save_pretrained(folder)


def xlnet_sentence_piece(folder: Path, texts: Sequence[str]) -> None:
    """spiece.model and the fast tokenizer, as XLNet's: special tokens behind, left pads."""
    _sentence_piece(
        folder / "spiece.model", texts, vocab_size=VOCABULARY, unk_id=0, bos_id=1, eos_id=2,
        pad_id=5, pad_piece="<pad>",
        control_symbols=["<cls>", "<sep>", "<mask>", "<eod>", "<eop>"],
    )  # fmt: skip
    transformers.XLNetTokenizerFast(str(folder / "spiece.model")).save_pretrained(folder)


def llama_sentence_piece(folder: Path, texts: Sequence[str]) -> None:
    """tokenizer.model of SentencePiece's BPE, as Llama 2's: no pad."""
    _sentence_piece(
        folder / "tokenizer.model", texts, vocab_size=VOCABULARY, model_type="bpe",
        byte_fallback=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
    )  # fmt: skip
    config = {
        "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "legacy": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def canine_characters(folder: Path, texts: Sequence[str]) -> None:
    """No vocabulary: characters are their code points, and special tokens are private ones."""
    transformers.CanineTokenizer().save_pretrained(folder)


ROBERTA = {"type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
DEBERTA = {
    "relative_attention": True, "position_buckets": 32, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "type_vocab_size": 0,
}  # fmt: skip
MODERN = {
    "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3
}  # fmt: skip
#: Two heads that share one key and value; no padding token, as in the configurations of decoders.
LLAMA = {"num_key_value_heads": 1, "bos_token_id": 0, "tie_word_embeddings": True}
BPE, PIECE, SENTENCE = "byte-level BPE", "WordPiece", "SentencePiece"
LAYOUTS = {
    "roberta-base": Layout("RobertaForMaskedLM", byte_level_bpe, BPE, ROBERTA),
    "distilroberta-base": Layout("RobertaForMaskedLM", byte_level_bpe, BPE, ROBERTA),
    "bert-base-uncased": Layout("BertForPreTraining", fast_word_piece, PIECE, {}),
    "scibert_scivocab_uncased": Layout("BertForMaskedLM", word_piece, PIECE, {}, pickled=True),
    "deberta-v3-small": Layout(
        "DebertaV2ForMaskedLM", deberta_sentence_piece, SENTENCE, DEBERTA, pickled=True
    ),
    "deberta-v3-base": Layout(
        "DebertaV2ForMaskedLM", deberta_sentence_piece, SENTENCE, DEBERTA, pickled=True
    ),
    "modernbert-base": Layout("ModernBertForMaskedLM", modern_bpe, BPE, MODERN),
    "electra-small": Layout(
        "ElectraForPreTraining", fast_word_piece, PIECE, {"embedding_size": 16}, pickled=True
    ),
    "albert-base-v2": Layout(
        "AlbertForMaskedLM", albert_sentence_piece, SENTENCE, {"embedding_size": 16}
    ),
    "mpnet-base": Layout("MPNetForMaskedLM", mpnet_word_piece, PIECE, {}, pickled=True),
    "gpt2": Layout("GPT2LMHeadModel", gpt2_bpe, BPE, {"bos_token_id": 0, "eos_token_id": 0}),
    "smollm2-135m": Layout("LlamaForCausalLM", smol_bpe, BPE, LLAMA | {"eos_token_id": 0}),
    "qwen2.5-0.5b": Layout("Qwen2ForCausalLM", qwen_bpe, BPE, LLAMA | {"eos_token_id": 0}),
    "llama-3.2-1b": Layout("LlamaForCausalLM", llama_bpe, BPE, LLAMA | {"eos_token_id": 1}),
}


def save_encoder(name: str, folder: Path, texts: Sequence[str]) -> Path:
    """The repository of the catalogue's model `name`, small and random."""
    layout = LAYOUTS[name]
    folder.mkdir(parents=True)
    layout.tokenizer(folder, texts)
    architecture = getattr(transformers, layout.architecture)
    config = architecture.config_class(**SHAPE | layout.config)
    torch.manual_seed(0)
    network = architecture(config)
    network.save_pretrained(folder)
    if layout.pickled:
        (folder / "model.safetensors").unlink()
        torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "README.md").write_text("Weights that were never trained.")
    return folder
