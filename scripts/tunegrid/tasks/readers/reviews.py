"""Product review sentences with a mean rating in [-4, 4]: tab-separated id, sentiment, text.

A rating of at least 0.5 is positive, of at most -0.5 negative, else neutral; an id is
`<review>_<sentence>`, and a review's sentences stay in one split. Source: Hutto & Gilbert 2014,
https://doi.org/10.1609/icwsm.v8i1.14550 (the amazonReviewSnippets ground truth).
"""

from collections.abc import Iterator

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example, text_lines
from tunegrid.tasks.task_file import TaskFile

#: From so far above or below 0 on, a rating is positive or negative.
THRESHOLD = 0.5


def read(file: TaskFile) -> Iterator[Example]:
    """The examples of one file, in its order."""
    for line, row in text_lines(file.path):
        if line == 1:  # the names of the columns
            continue
        try:
            identifier, sentiment, text = row.split("\t")
            rating = float(sentiment)
        except ValueError:
            raise UserError(
                f"{file.path}:{line}: not three tab-separated columns: id, rating, text"
            ) from None
        yield Example(
            id=identifier,
            text=text,
            label=_label(rating),
            line=line,
            group=identifier.split("_")[0],
        )


def _label(rating: float) -> str:
    if rating >= THRESHOLD:
        return "positive"
    if rating <= -THRESHOLD:
        return "negative"
    return "neutral"
