"""Readers: one a family of files. A catalogue entry names its reader by its module.

Every reader has the signature of `Reader`: it yields the file's examples in order and raises
`UserError` with file and line for what it cannot parse. Whether ids repeat, labels are known and
texts are there is checked once for all of them, in `tunegrid.tasks.fetching`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tunegrid.tasks.readers import (
    aspects,
    citations,
    news,
    paper_sentences,
    questions,
    reviews,
)
from tunegrid.tasks.readers.example import Example

#: (file, label names in the order of their ids) → examples
Reader = Callable[[Path, Sequence[str]], Iterator[Example]]

READERS: dict[str, Reader] = {
    "aspects": aspects.read,
    "citations": citations.read,
    "news": news.read,
    "paper_sentences": paper_sentences.read,
    "questions": questions.read,
    "reviews": reviews.read,
}
