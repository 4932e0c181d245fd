"""Aspect-based sentiment: JSON {id: {term, sentence, polarity}} (the BERT-PT release).

The aspect term and the sentence are a text pair, so that the tokenizer joins them with its own
separator. Source: Xu et al. 2019, https://arxiv.org/abs/1904.02232.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example, parse_json, read_text, text_field
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The examples of one file, in its order; the polarity is the label."""
    text = read_text(file.path)
    # A JSON object is read as a list of pairs and not as a dict, in which a repeated id would
    # silently overwrite the first.
    records = parse_json(text, file.path, object_pairs_hook=list)
    if not _is_object(records):
        raise UserError(f"{file.path}:1: holds no JSON object; it must map ids to examples")
    position, line = 0, 1
    for key, pairs in records:
        # The parser does not say where an id stands, so its text is looked for from the last on.
        found = _key_pattern(key).search(text, position)
        if found:
            position, line = found.end(), text.count("\n", 0, found.start()) + 1
        if not _is_object(pairs):
            raise UserError(f"{file.path}:{line}: example {key!r} is no JSON object")
        record: dict[str, Any] = dict(pairs)
        yield Example(
            id=key,
            text=text_field(record, "term", file.path, line),
            text_pair=text_field(record, "sentence", file.path, line),
            label=text_field(record, "polarity", file.path, line),
            line=line,
        )


def _is_object(value: Any) -> bool:
    """Whether a value was read from a JSON object: it is then a list of pairs."""
    return isinstance(value, list) and all(isinstance(pair, tuple) for pair in value)


def _key_pattern(key: str) -> re.Pattern[str]:
    """What a key looks like in a file, its letters escaped or not, with the begin of its value."""
    spellings = {json.dumps(key), json.dumps(key, ensure_ascii=False)}
    either = "|".join(re.escape(spelling) for spelling in spellings)
    return re.compile(rf"(?:{either})\s*:\s*[^\s]")
