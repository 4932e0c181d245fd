"""Whether the first row of a table names its columns."""

import re
from collections.abc import Sequence

#: Names that columns of texts, labels, pairs, ids and splits have in public data sets.
TEXT_NAMES = [
    "text", "sentence", "content", "review", "tweet", "body", "comment", "document", "headline",
    "utterance", "message", "title", "question", "query", "abstract", "article", "description",
    "clean_text", "review_body",
]  # fmt: skip
LABEL_NAMES = [
    "label", "labels", "class", "category", "sentiment", "target", "polarity", "gold_label", "y",
    "intent", "topic", "stars", "rating", "score", "tag", "emotion", "stance", "answer", "relation",
    "label_text", "verdict", "is_duplicate", "subtask_a",
]  # fmt: skip
#: Labels of many data sets.
LABEL_WORDS = {
    "0", "1", "0.0", "1.0", "true", "false", "yes", "no", "pos", "neg", "positive", "negative",
    "neutral", "spam", "ham", "entailment", "contradiction", "not_entailment",
}  # fmt: skip
PAIR_NAMES = [
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("question", "passage"),
    ("question", "sentence"),
    ("#1 string", "#2 string"),
]
ID_NAMES = [
    "id", "guid", "idx", "index", "uid", "pairid", "pair_id", "tweet_id", "example_id",
    "sentence_id",
]  # fmt: skip
SPLIT_NAMES = ["split", "set", "partition", "fold", "subset"]

_KNOWN = {*TEXT_NAMES, *LABEL_NAMES, *ID_NAMES, *SPLIT_NAMES} | {
    name for pair in PAIR_NAMES for name in pair
}
_NAME = re.compile(r"[#A-Za-z_][\w .#/()-]{0,39}")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def first_row_names(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The names of the columns, if the first row seems to give them.

    It does if one of its cells is a name that such columns often have; or if all look like names,
    and either a column below holds numbers alone, or none of the cells stands below itself. A
    label that many data sets have is no name, nor is a sentence.
    """
    first = [cell.strip() for cell in rows[0]]
    below = rows[1:1000]
    if any(cell.lower() in _KNOWN for cell in first):
        return list(rows[0])
    if any(cell.lower() in LABEL_WORDS or cell.count(" ") > 2 for cell in first):
        return None
    if not below or not all(_NAME.fullmatch(cell) for cell in first if cell):
        return None
    columns = [[row[at] for row in below if at < len(row)] for at in range(len(first))]
    if any(column and all(map(_NUMBER.fullmatch, column)) for column in columns):
        return list(rows[0])
    few = [column for column in columns if len(set(column)) < len(column)]
    stands_below = any(cell in column for cell, column in zip(first, columns, strict=True))
    return None if stands_below or not few else list(rows[0])
