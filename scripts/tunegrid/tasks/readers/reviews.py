"""Product review sentences with a mean rating in [-4, 4]: tab-separated id, sentiment, text.

A rating of at least 0.5 is positive, of at most -0.5 negative, else neutral; an id is
`<review>_<sentence>`, and a review's sentences stay in one split. Source: Hutto & Gilbert 2014,
https://doi.org/10.1609/icwsm.v8i1.14550 (the amazonReviewSnippets ground truth).
"""

from collections.abc import Iterator
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Entry, Example, text_lines

THRESHOLD = 0.5


def read(path: Path, _entry: Entry) -> Iterator[Example]:
    """The examples of one file, in its order."""
    for line, row in text_lines(path):
        if line == 1:
            continue
        try:
            identifier, sentiment, text = row.split("\t")
            rating = float(sentiment)
        except ValueError:
            raise UserError(
                f"{path}:{line}: not three tab-separated columns: id, rating, text"
            ) from None
        label = (
            "positive" if rating >= THRESHOLD else "negative" if rating <= -THRESHOLD else "neutral"
        )
        yield Example(
            id=identifier, text=text, label=label, line=line, group=identifier.split("_")[0]
        )
