"""Cutting the splits of a task that does not ship them all: by shares, or by a column."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import Dataset

from tunegrid.config.task_splits import SPLITS, Split
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.spelling import find_word
from tunegrid.tasks.splits import grouped_sample, stratified_sample
from tunegrid.tasks.task_file import SplitFiles

#: How many unknown values of a column are listed before the rest are only counted.
LISTED = 5


def cut_splits(
    splits: Mapping[str, list[Example]], labels: Sequence[str], how: Split, files: SplitFiles
) -> dict[str, list[Example]]:
    """The splits of a task.

    Args:
        splits: the examples of `all`, or of train and, where it ships, dev.
        labels: label names in the order of their ids, for a stratified cut.
        how: they are cut.
        files: that they were read from, for messages.

    Returns:
        `all` as train, test and, where it has a share, dev; or test, and dev likewise, cut from
        train. By a column: those that its values name.

    Raises:
        UserError: a split would hold no example, or the column has a value that stands for none.
    """
    kept = dict(splits)
    source = "all" if "all" in kept else "train"
    whole = kept.pop(source)
    path = files[source][0].path
    if how.by == "column":
        return _by_column(whole, how, path, is_only_file=len(files[source]) == 1)
    rest, kept["test"] = _cut(whole, labels, how, share=how.test or 0.0)
    if how.dev:
        rest, kept["dev"] = _cut(rest, labels, how, share=how.dev)
    kept["train"] = rest
    for split, examples in kept.items():
        if not examples:
            raise UserError(
                f"{path}: `split` leaves no example for {split}, of {len(whole)}; change its shares"
            )
    return kept


def _cut(
    examples: list[Example], labels: Sequence[str], how: Split, *, share: float
) -> tuple[list[Example], list[Example]]:
    """The examples without a share of them, and that share."""
    if how.by == "example":
        # The data sets library's own shuffle: published splits of AG News were made with it.
        positions = Dataset.from_dict({"at": range(len(examples))})
        try:
            both = positions.train_test_split(share, seed=how.seed or 0)
        except ValueError:  # one of the two would be empty
            return [], examples
        kept, taken = both["train"]["at"], both["test"]["at"]
        return [examples[at] for at in kept], [examples[at] for at in taken]
    if how.by == "label":
        ids = [labels.index(str(example.label)) for example in examples]
        size = round(share * len(examples))
        taken = stratified_sample(ids, size, how.seed or 0, leave_each=True)
        if not taken:  # each label has one example alone
            taken = stratified_sample(ids, size, how.seed or 0)
    else:
        groups = [example.group or example.id for example in examples]
        taken = grouped_sample(groups, share, how.seed or 0)
    inside = set(taken)
    kept = [at for at in range(len(examples)) if at not in inside]
    return [examples[at] for at in kept], [examples[at] for at in taken]


def _by_column(
    examples: Sequence[Example], how: Split, path: Path, *, is_only_file: bool
) -> dict[str, list[Example]]:
    """The examples of each split that the values of a column name.

    Args:
        examples: of all files.
        how: they are split.
        path: of the first file.
        is_only_file: whether all examples are of that file; else their ids name their files.
    """
    meanings: Mapping[str, str] = how.values or {split: split for split in SPLITS}
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS if split in meanings.values()}
    unknown: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        word = find_word([example.split or ""], meanings)
        if word is None:
            unknown[example.split or ""].append(example)
        else:
            splits[meanings[word]].append(example)
    if unknown:
        problems = [
            f"{path}:{found[0].line}: {_unknown_split(found, meanings)}"
            if is_only_file
            else f"{path} and the files beside it: {_unknown_split(found, meanings)}"
            for found in unknown.values()
        ]
        rest = len(problems) - LISTED
        more = [f"{path}: and {rest} more values"] if rest > 0 else []
        raise UserError(*problems[:LISTED], *more)
    for split, found in splits.items():
        if not found:
            there = ", ".join(dict.fromkeys(example.split or "" for example in examples))
            raise UserError(
                f"{path}: no row is of split {split} (the column has: {there}); name in `split:"
                " {values: …}` what each value of the column stands for, of the splits there are"
            )
    return splits


def _unknown_split(found: Sequence[Example], meanings: Mapping[str, str]) -> str:
    """What is wrong with examples of one split that nothing is known of."""
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    word = found[0].split or ""
    return (
        f"example {found[0].id!r}{others} is of split {word!r}; known: {', '.join(meanings)};"
        f" name in `split: {{values: {{{word!r}: …}}}}` what it stands for, or leave such rows out"
        " by `drop: {where: …}`"
    )
