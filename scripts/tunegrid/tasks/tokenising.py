"""Tokenising texts as text: what spells a control token does not become one.

A tokenizer's control tokens mark where a text begins and ends, what is padded, what is masked. The
tokenizers of transformers take a text that spells one (`<s>20</s>`) for the token itself, unless
`split_special_tokens` forbids it
(https://huggingface.co/docs/transformers/main_classes/tokenizer), and the Unigram models of fast
tokenizers find it even then, since it stands in their vocabulary like any other piece, where
SentencePiece itself never matches a control symbol
(https://github.com/google/sentencepiece/blob/master/doc/special_symbols.md).
"""

import json
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from tunegrid.errors import UserError

#: What a tokenizer makes of texts: by column, of each text its list of integers.
Columns = dict[str, list[list[int]]]
#: Texts, their pairs if they have some, and the tokens that they are cut to (None: whole).
Encoder = Callable[[list[str], list[str] | None, int | None], Columns]

#: Stands between the texts of a pair whose tokenizer puts no token there.
LINE_BREAK = "\n"
#: Stand for the tokens of the first and the second text of a pair; ids that no token has.
FIRST, SECOND = -1, -2


@dataclass(frozen=True)
class Tokenised:
    """The tokens of some texts.

    Attributes:
        columns: the tokenizer's columns, cut to the length that was asked for.
        lengths: tokens of each text before the cut.
        control: of each text, whether it spells a control token of the tokenizer.
    """

    columns: Columns
    lengths: list[int]
    control: list[bool]


def tokenise_texts(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    pairs: Sequence[str | None],
    *,
    columns: Sequence[str],
    max_length: int,
) -> Tokenised:
    """Tokenise texts and pairs; control tokens are only where the tokenizer itself puts them.

    Texts that spell no control token are what the tokenizer makes of them by itself. The others
    are tokenised with `split_special_tokens`, and, where that does not help, by a copy of a fast
    tokenizer in which the control tokens have names that no text spells. For a slow tokenizer that
    reads `[SEP]` as its own even then (BERT's, where it stands alone), a space is put behind the
    first character, which parts it as the fast one does.

    Args:
        tokenizer: its own special tokens are put around a text, and between a pair.
        texts: one for each example.
        pairs: the second text of each example, or None; both kinds may be mixed.
        columns: of the tokenizer, input_ids among them.
        max_length: tokens, special ones included, that a longer example is cut to.

    Raises:
        UserError: a text spells a control token, and this tokenizer cannot read it as text.
    """
    length: list[int] = [0] * len(texts)
    control = [False] * len(texts)
    cut: Columns = {key: [[]] * len(texts) for key in columns}
    for paired in (False, True):
        chosen = [at for at, pair in enumerate(pairs) if (pair is not None) == paired]
        if not chosen:
            continue
        separator = pair_separator(tokenizer)
        seconds = [f"{separator}{pairs[at]}" for at in chosen] if paired else None
        found = _tokenise_alike(
            tokenizer, [texts[at] for at in chosen], seconds, columns, max_length
        )
        for row, at in enumerate(chosen):
            length[at], control[at] = found.lengths[row], found.control[row]
            for key, column in cut.items():
                column[at] = found.columns[key][row]
    return Tokenised(cut, length, control)


def pair_separator(tokenizer: PreTrainedTokenizerBase) -> str:
    """A line break for tokenizers that put no token between the texts of a pair, else nothing.

    GPT-2's and Qwen's are such: they would run the last word of one text into the first of the
    other.
    """
    if tokenizer.is_fast:
        # `sequence_ids` has the text that each token is of, 0 or 1, and None for a special one.
        numbers = {0: FIRST, 1: SECOND}
        sources = [numbers.get(number, 0) for number in tokenizer(["a"], ["b"]).sequence_ids(0)]
    else:
        # A slow tokenizer joins the ids of both texts by this method.
        sources = tokenizer.build_inputs_with_special_tokens([FIRST], [SECOND])
    second = sources.index(SECOND)
    return LINE_BREAK if second > 0 and sources[second - 1] == FIRST else ""


def _tokenise_alike(
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    pairs: list[str] | None,
    columns: Sequence[str],
    max_length: int,
) -> Tokenised:
    """The tokens of single texts, or of pairs."""
    encode = _encoder(tokenizer, columns, split_special_tokens=False)
    whole, cut = encode(texts, pairs, None), encode(texts, pairs, max_length)
    # The token of what is unknown may stand for a character that the vocabulary lacks. The renamed
    # copy makes the same of it, so that a text with it may be tried there.
    control = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    doubtful = set(tokenizer.all_special_ids) if tokenizer.is_fast else control
    single = ["a"]
    own = encode(single, None if pairs is None else single, None)["input_ids"][0]

    def more_than_own(ids: Collection[int]) -> list[int]:
        """The positions of the texts with more of these ids than the tokenizer adds itself."""
        allowed = _count(own, ids)
        return [at for at, row in enumerate(whole["input_ids"]) if _count(row, ids) > allowed]

    spelled = {*_spelling(tokenizer.all_special_tokens, texts, pairs), *more_than_own(control)}
    remaining = sorted(spelled)
    for encode_as_text in _encoders_as_text(tokenizer, columns):
        if not remaining:
            break
        few = [texts[at] for at in remaining]
        few_pairs = None if pairs is None else [pairs[at] for at in remaining]
        for target, limit in ((whole, None), (cut, max_length)):
            found = encode_as_text(few, few_pairs, limit)
            for key in columns:
                for at, row in zip(remaining, found[key], strict=True):
                    target[key][at] = row
        remaining = sorted(set(remaining) & set(more_than_own(doubtful)))
    if refused := sorted(set(remaining) & set(more_than_own(control))):
        raise UserError(
            f"the text {texts[refused[0]][:60]!r} spells a control token that the tokenizer of"
            f" {tokenizer.name_or_path} cannot read as text; change the text, or choose another"
            " model"
        )
    lengths = [len(ids) for ids in whole["input_ids"]]
    return Tokenised(cut, lengths, [at in spelled for at in range(len(texts))])


def _count(ids: Sequence[int], among: Collection[int]) -> int:
    return sum(token in among for token in ids)


def _spelling(tokens: Sequence[str], texts: list[str], pairs: list[str] | None) -> Iterator[int]:
    """The positions of the texts that spell one of the tokens."""
    if not tokens:
        return
    spelling = _any_of(tokens)
    for at, text in enumerate(texts):
        if spelling.search(text) or (pairs is not None and spelling.search(pairs[at])):
            yield at


def _encoder(
    tokenizer: PreTrainedTokenizerBase, columns: Sequence[str], *, split_special_tokens: bool
) -> Encoder:
    """What the tokenizer makes of texts, without padding."""

    def encode(texts: list[str], pairs: list[str] | None, max_length: int | None) -> Columns:
        # The attribute, because a slow tokenizer ignores the argument of the same name when it is
        # given several texts (transformers 4.57, `PreTrainedTokenizer._batch_encode_plus`).
        before = tokenizer.split_special_tokens
        tokenizer.split_special_tokens = split_special_tokens
        try:
            with warnings.catch_warnings():
                # T5's slow tokenizer warns of a text that ends with its own end; it is tokenised
                # once more, as text.
                warnings.filterwarnings("ignore", message="This sequence already has")
                tokens = tokenizer(
                    texts,
                    pairs,
                    truncation=max_length is not None,
                    max_length=max_length,
                    padding=False,
                    verbose=False,
                )
        finally:
            tokenizer.split_special_tokens = before
        return {key: list(tokens[key]) for key in columns}

    return encode


def _encoders_as_text(
    tokenizer: PreTrainedTokenizerBase, columns: Sequence[str]
) -> Iterator[Encoder]:
    """Ways to tokenise texts that spell control tokens, the simplest first."""
    split = _encoder(tokenizer, columns, split_special_tokens=True)
    yield split
    if tokenizer.is_fast:
        yield _renamed_encoder(tokenizer, columns)
    else:
        yield _parted_encoder(tokenizer.all_special_tokens, split)


def _parted_encoder(tokens: Sequence[str], encode: Encoder) -> Encoder:
    """An encoder of texts in which spelled tokens have a space behind their first character."""
    spelling = _any_of(tokens)

    def part(text: str) -> str:
        return spelling.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    def encode_parted(texts: list[str], pairs: list[str] | None, max_length: int | None) -> Columns:
        parted_pairs = None if pairs is None else [part(pair) for pair in pairs]
        return encode([part(text) for text in texts], parted_pairs, max_length)

    return encode_parted


def _any_of(tokens: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, tokens)))


def _renamed_encoder(tokenizer: PreTrainedTokenizerBase, columns: Sequence[str]) -> Encoder:
    """A fast tokenizer whose control tokens have names that no text spells, and their old ids."""
    backend: Any = tokenizer
    renamed = Tokenizer.from_str(
        json.dumps(_rename_tokens(json.loads(backend.backend_tokenizer.to_str())))
    )
    renamed.no_padding()

    def encode(texts: list[str], pairs: list[str] | None, max_length: int | None) -> Columns:
        if max_length is None:
            renamed.no_truncation()
        else:
            renamed.enable_truncation(max_length, direction=tokenizer.truncation_side)
        inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
        encodings = renamed.encode_batch(inputs)
        made = {
            "input_ids": [encoding.ids for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        return {key: made[key] for key in columns}

    return encode


def _rename_tokens(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a tokenizer.json with other names for its special tokens.

    They are renamed among the added tokens, whom a text is searched for first, and in the model's
    vocabulary. Whatever puts special tokens around a text holds their ids, which stay.
    """
    special = [token for token in content["added_tokens"] if token["special"]]
    names = {token["content"]: f"\0control {token['id']}\0" for token in special}
    for token in special:
        token["content"] = names[token["content"]]
    model = content["model"]
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(piece, piece): at for piece, at in vocabulary.items()}
    else:  # Unigram: pairs of piece and score, in the order of the ids
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocabulary]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        model["merges"] = [merge for merge in model["merges"] if not _makes(merge, names)]
    return content


def _makes(merge: str | list[str], names: Collection[str]) -> bool:
    """Whether a merge of BPE makes or uses one of the tokens."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return not {first, second, first + second}.isdisjoint(names)
