"""Small random encoders, one for each of the catalogue's hub models, in its repository's files.

Each has its architecture, its repository's layout (pickled weights or safetensors, the head of its
pretraining, the tokenizer's own files or the converted one), and a tokenizer of its kind, trained
on the texts given: byte-level BPE, WordPiece or SentencePiece.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, trainers
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


ROBERTA = {"type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
DEBERTA = {
    "relative_attention": True, "position_buckets": 32, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "type_vocab_size": 0,
}  # fmt: skip
MODERN = {
    "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3
}  # fmt: skip
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
