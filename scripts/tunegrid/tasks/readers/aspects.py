"""Aspect-based sentiment: JSON {id: {term, sentence, polarity}} (the BERT-PT release).

The aspect term and the sentence are a text pair, so that the tokenizer joins them with its own
separator. Source: Xu et al. 2019, https://arxiv.org/abs/1904.02232.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Entry, Example, parsed_json, read_text, text_field


def read(path: Path, _entry: Entry) -> Iterator[Example]:
    """The examples of one file, in its order; the polarity is the label."""
    text = read_text(path)
    # Pairs, not a dict: a repeated id must be seen, not overwritten.
    records = parsed_json(text, path, object_pairs_hook=list)
    if not isinstance(records, list) or not all(isinstance(pair, tuple) for pair in records):
        raise UserError(f"{path}:1: holds no JSON object; it must map ids to examples")
    at, line = 0, 1
    for key, pairs in records:
        spellings = {json.dumps(key), json.dumps(key, ensure_ascii=False)}
        pattern = "|".join(re.escape(spelling) for spelling in spellings)
        if found := re.compile(rf"(?:{pattern})\s*:\s*[^\s]").search(text, at):
            at, line = found.end(), text.count("\n", 0, found.start()) + 1
        if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
            raise UserError(f"{path}:{line}: example {key!r} is no JSON object")
        record: dict[str, Any] = dict(pairs)
        yield Example(
            id=key,
            text=text_field(record, "term", path, line),
            text_pair=text_field(record, "sentence", path, line),
            label=text_field(record, "polarity", path, line),
            line=line,
        )
