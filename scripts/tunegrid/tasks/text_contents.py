"""What the texts of a task hold: some of each label to look at, and what is odd about them."""

import re
from collections import Counter
from collections.abc import Iterator

from datasets import Dataset, DatasetDict

from tunegrid.config.task_splits import SPLITS
from tunegrid.tasks.cards import FoundSign, ShownExample
from tunegrid.tasks.hygiene import normalised
from tunegrid.tasks.label_kinds import label_kind, label_text
from tunegrid.tasks.splits import joined_texts
from tunegrid.tasks.text_signs import SIGNS, excerpt, shortened, visible

#: Texts that are shown of each label.
OF_EACH_LABEL = 2
#: The share of a split from which on texts that are the same but for their digits are warned of,
#: and how many there must be.
CONSTANT_SHARE, CONSTANT_LEAST = 0.2, 10
#: The share of a split from which on texts of one token each are taken for ids.
TOKEN_SHARE = 0.95
#: A text that may be an id: one short token with a digit in it, or of hexadecimal digits.
TOKEN = re.compile(r"(?=\S*\d)[\w.:/#-]{1,40}|[0-9a-fA-F-]{8,40}", re.ASCII)
#: Between the texts of a pair that are looked at as one.
BETWEEN = "\x1f"


def show_labels(task: DatasetDict) -> list[ShownExample]:
    """The first two examples of each label, of train, or of the first split that has the label.

    Of a task whose labels are numbers, the two with the least and the two with the greatest.
    """
    splits = [split for split in SPLITS if split in task]
    if label_kind(task["train"]) == "regression":
        numbers = list(task["train"]["label"])
        order = sorted(range(len(numbers)), key=lambda at: numbers[at])
        ends = dict.fromkeys(order[:OF_EACH_LABEL] + order[-OF_EACH_LABEL:])
        return [_show(task, "train", at) for at in ends]
    first: dict[int, list[tuple[str, int]]] = {}
    for split in splits:
        of_split: dict[int, list[tuple[str, int]]] = {}
        for at, labels in enumerate(_ids(task[split])):
            for label in labels:
                places = of_split.setdefault(label, [])
                if len(places) < OF_EACH_LABEL:
                    places.append((split, at))
        first = of_split | first
    places = [place for label in sorted(first) for place in first[label]]
    return [_show(task, split, at) for split, at in dict.fromkeys(places)]


def _ids(data: Dataset) -> list[set[int]]:
    several = label_kind(data) == "multi_label"
    return [set(value) if several else {value} for value in data["label"]]


def _show(task: DatasetDict, split: str, at: int) -> ShownExample:
    data = task[split]
    row = data[at]
    pair = row["text_pair"]
    return {
        "split": split,
        "id": row["id"],
        "label": label_text(data, row["label"]),
        "text": shortened(row["text"]),
        "text_pair": None if pair is None else shortened(pair),
        "characters": len(row["text"]) + len(pair or ""),
    }


def show_ends(task: DatasetDict) -> list[ShownExample]:
    """The shortest and the longest example of all splits, in characters; the first of equal ones.

    Both texts of a pair count.
    """
    lengths = {
        (split, at): len(text)
        for split in SPLITS
        if split in task
        for at, text in enumerate(joined_texts(task[split], ""))
    }
    ends = [min(lengths, key=lambda key: lengths[key]), max(lengths, key=lambda key: lengths[key])]
    return [_show(task, split, at) for split, at in ends]


def find_signs(task: DatasetDict) -> list[FoundSign]:
    """How many examples of each split show each sign (`SIGNS`) that some of them show."""
    found = []
    held = {
        split: list(zip(task[split]["id"], _texts(task[split]), strict=True))
        for split in SPLITS
        if split in task
    }
    for sign, find in SIGNS.items():
        examples = dict.fromkeys(held, 0)
        first: tuple[str, str, str] | None = None
        for split, of_split in held.items():
            for example, texts in of_split:
                spans = ((text, find(text)) for text in texts)
                place = next(((text, span) for text, span in spans if span), None)
                if place is None:
                    continue
                examples[split] += 1
                if first is None:
                    text, (begin, end) = place
                    first = (split, example, excerpt(text, begin, end))
        if first is not None:
            split, example, shown = first
            found.append(
                FoundSign(sign=sign, examples=examples, split=split, id=example, excerpt=shown)
            )
    return found


def _texts(data: Dataset) -> Iterator[list[str]]:
    """The text of each example; of a pair both."""
    for text, pair in zip(data["text"], data["text_pair"], strict=True):
        yield [text] if pair is None else [text, pair]


def constant_texts(task: DatasetDict) -> Iterator[str]:
    """A warning for each split whose texts look like no texts, such as a column of ids.

    They do if a fifth of a split's examples, and ten at least, have the same text, or one that
    differs in its digits alone; or if 95 in 100 texts are one token of at most 40 letters and
    digits that holds a digit (or is hexadecimal).
    """
    for split in SPLITS:
        if split not in task:
            continue
        texts = joined_texts(task[split], BETWEEN)
        forms = Counter(re.sub(r"\d+", "0", normalised(text)) for text in texts)
        tokens = sum(TOKEN.fullmatch(text) is not None for text in texts)
        if len(texts) >= CONSTANT_LEAST and tokens >= TOKEN_SHARE * len(texts):
            yield (
                f"{split}: {tokens} of {len(texts)} texts are one token, such as"
                f" {shortened(texts[0], 40)!r}: does `columns: {{text: …}}` name a column of ids?"
            )
            continue
        form, count = forms.most_common(1)[0]
        if count >= CONSTANT_LEAST and count >= CONSTANT_SHARE * len(texts):
            shown = visible(shortened(form.replace(BETWEEN, " "), 60))
            yield (
                f"{split}: {count} of {len(texts)} texts are the same but for their digits:"
                f" '{shown}'; is `columns: {{text: …}}` the right column?"
            )
