#!/usr/bin/env python
"""Small made-up tasks in the two layouts that GLUE comes in: its own TSV, and the hub's Parquet.

  python tests/synthetic_glue.py config/glue-small

Every sentence is made from the words below by a fixed seed; none is from GLUE's corpora, whose
licences do not allow to pass them on. What is asked for can be learnt: the sentences follow simple
rules. The files of `config/glue-small` are what this program writes, and a test holds them to it.
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path

#: Rows of the files of train, and of each of GLUE's dev.
TRAIN, DEV = 160, 60
PEOPLE = ["a nurse", "the pilot", "my uncle", "a farmer", "the judge", "a student", "the baker"]
VERBS = ["painted", "sold", "found", "repaired", "lost", "cleaned", "carried", "borrowed"]
THINGS = ["a boat", "the old piano", "a red bicycle", "the letter", "a lamp", "the wooden chair"]
PLACES = ["in the harbour", "at the market", "near the bridge", "in Lisbon", "on the island"]
#: The same of the genre that no train file of MNLI has.
OTHER_PEOPLE = ["the astronaut", "a sailor", "the sculptor", "an engineer"]
OTHER_THINGS = ["the telescope", "an anchor", "the statue", "a turbine"]
OTHER_PLACES = ["in orbit", "below deck", "in the museum", "at the dam"]
#: Of each word one that means the same.
SAME = {
    "painted": "coloured", "sold": "gave away for money", "found": "discovered",
    "repaired": "fixed", "lost": "mislaid", "cleaned": "washed", "carried": "bore",
    "borrowed": "took on loan",
}  # fmt: skip
PRAISE = ["a delight", "superbly acted", "warm and funny", "a small masterpiece", "gripping"]
BLAME = ["a bore", "badly acted", "cold and dull", "a waste of time", "clumsy"]
LEADS = ["for once ,", "all in all ,", "as expected ,", "to my surprise ,", "of course"]
FILMS = ["the film", "this comedy", "the sequel", "her debut", "the second half", "the script"]

#: A fact: who, did what, what to, where.
Fact = tuple[str, str, str, str]
Row = dict[str, object]


class Source:
    """Facts at random.

    Args:
        seed: names the draw.
        other_genre: whether the words are those of MNLI's mismatched genre.
    """

    def __init__(self, seed: str, *, other_genre: bool = False) -> None:
        self.draw = random.Random(seed)
        self._people = OTHER_PEOPLE if other_genre else PEOPLE
        self._things = OTHER_THINGS if other_genre else THINGS
        self._places = OTHER_PLACES if other_genre else PLACES

    def fact(self) -> Fact:
        choose = self.draw.choice
        return choose(self._people), choose(VERBS), choose(self._things), choose(self._places)

    def other_than(self, fact: Fact, changes: int = 4) -> Fact:
        """A fact that differs in so many of its four parts."""
        changed = list(fact)
        for at in self.draw.sample(range(4), changes):
            while changed[at] == fact[at]:
                changed[at] = self.fact()[at]
        who, verb, what, where = changed
        return who, verb, what, where


def as_sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]} ."


def told(fact: Fact) -> str:
    who, verb, what, where = fact
    return as_sentence(f"{who} {verb} {what} {where}")


def told_otherwise(fact: Fact) -> str:
    who, verb, what, where = fact
    return as_sentence(f"{where} , {who} {SAME[verb]} {what}")


def cola(source: Source, at: int) -> Row:
    words = told(source.fact()).removesuffix(" .").split()
    if at % 3 == 0:  # as in CoLA most sentences are acceptable
        words = [*words[2:], *words[:2]][::-1]
    return {"sentence": " ".join(words) + " .", "label": int(at % 3 != 0)}


def sst2(source: Source, at: int) -> Row:
    one, other = source.draw.sample(PRAISE if at % 2 else BLAME, 2)
    film, lead = source.draw.choice(FILMS), source.draw.choice(LEADS)
    return {"sentence": f"{lead} {film} is {one} and {other} ", "label": at % 2}


def mrpc(source: Source, at: int) -> Row:
    fact = source.fact()
    other = fact if at % 3 else source.other_than(fact, 2)
    return {"sentence1": told(fact), "sentence2": told_otherwise(other), "label": int(at % 3 > 0)}


def stsb(source: Source, at: int) -> Row:
    changes = at % 5
    fact = source.fact()
    score = round(5 - 1.2 * changes + source.draw.uniform(-0.2, 0.2), 3)
    return {
        "sentence1": told(fact),
        "sentence2": told(source.other_than(fact, changes)),
        "label": min(5.0, score),
    }


def qqp(source: Source, at: int) -> Row:
    fact = source.fact()
    other = fact if at % 3 == 0 else source.other_than(fact, 3)
    return {
        "question1": f"Why has it been said that {' '.join(fact)}?",
        "question2": f"What is the reason that {' '.join(other)}?",
        "label": int(at % 3 == 0),
    }


def mnli(source: Source, at: int) -> Row:
    fact = source.fact()
    who, _, what, where = fact
    hypotheses = {
        0: f"Somebody was {where} .",
        1: as_sentence(f"{who} liked {what}"),
        2: f"Nobody was {where} .",
    }
    return {"premise": told(fact), "hypothesis": hypotheses[at % 3], "label": at % 3}


def qnli(source: Source, at: int) -> Row:
    fact = source.fact()
    other = fact if at % 2 == 0 else source.other_than(fact, 3)
    question = f"Where was {fact[2]} when {fact[0]} {fact[1]} it?"
    return {"question": question, "sentence": told(other), "label": at % 2}


def rte(source: Source, at: int) -> Row:
    fact, beside = source.fact(), source.fact()
    other = fact if at % 2 == 0 else source.other_than(fact, 2)
    who, verb, what, _ = other
    hypothesis = as_sentence(f"{who} {verb} {what}")
    return {
        "sentence1": f"{told(beside)} {told(fact)}",
        "sentence2": hypothesis,
        "label": int(any(one != two for one, two in zip(fact[:3], other[:3], strict=True))),
    }


#: How a row of each task is made.
MAKERS: dict[str, Callable[[Source, int], Row]] = {
    "cola": cola, "sst2": sst2, "mrpc": mrpc, "stsb": stsb, "qqp": qqp, "mnli": mnli, "qnli": qnli,
    "rte": rte,
}  # fmt: skip
#: The names of the labels in the hub's files, in the order of their ids; none of the numbers.
LABELS = {
    "cola": ["unacceptable", "acceptable"],
    "sst2": ["negative", "positive"],
    "mrpc": ["not_equivalent", "equivalent"],
    "stsb": None,
    "qqp": ["not_duplicate", "duplicate"],
    "mnli": ["entailment", "neutral", "contradiction"],
    "qnli": ["entailment", "not_entailment"],
    "rte": ["entailment", "not_entailment"],
}
DEV_FILES = {"mnli": ["validation_matched", "validation_mismatched"]}


def rows(task: str, split: str, number: int) -> list[Row]:
    """So many rows of a split of a task: its columns of texts, label (a number) and idx."""
    source = Source(f"{task} {split}", other_genre=split == "validation_mismatched")
    return [MAKERS[task](source, at) | {"idx": at} for at in range(number)]


def hub_files(folder: Path, number: Callable[[str, str], int]) -> list[Path]:
    """Write the files of the hub's repository nyu-mll/glue: Parquet with the names of the labels.

    Args:
        folder: to write to.
        number: of rows, by task and split.
    """
    from datasets import ClassLabel, Dataset, Features, Value

    written = []
    for task, names in LABELS.items():
        for split in ["train", *DEV_FILES.get(task, ["validation"])]:
            made = rows(task, split, number(task, split))
            texts = [key for key in made[0] if key not in ("label", "idx")]
            features = Features(
                {
                    **{key: Value("string") for key in texts},
                    "label": ClassLabel(names=names) if names else Value("float32"),
                    "idx": Value("int32"),
                }
            )
            path = folder / task / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            Dataset.from_list(made, features=features).to_parquet(path)
            written.append(path)
    return written


def _named(task: str, row: Row) -> str:
    names = LABELS[task]
    assert names is not None
    return names[int(str(row["label"]))]


def _mnli_cells(row: Row, *, is_train: bool) -> list[object]:
    parses = ["( x )", "( x )", "(ROOT x)", "(ROOT x)"]
    label = _named("mnli", row)
    of_raters = [label] if is_train else [label] * 5
    at = row["idx"]
    return [at, f"{at}n", f"{at}n", "fiction", *parses, row["premise"], row["hypothesis"],
            *of_raters, label]  # fmt: skip


_MNLI = [
    "index", "promptID", "pairID", "genre", "sentence1_binary_parse", "sentence2_binary_parse",
    "sentence1_parse", "sentence2_parse", "sentence1", "sentence2",
]  # fmt: skip
#: Of each task: its folder in GLUE's own archive, its line of names, and the cells of a row.
TABLES: dict[str, tuple[str, list[str] | None, Callable[[Row], list[object]]]] = {
    "cola": ("CoLA", None, lambda row: ["gj04", row["label"], "" if row["label"] else "*",
                                        row["sentence"]]),
    "sst2": ("SST-2", ["sentence", "label"], lambda row: [row["sentence"], row["label"]]),
    "mrpc": ("MRPC", ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
             lambda row: [row["label"], 2 * int(str(row["idx"])), 2 * int(str(row["idx"])) + 1,
                          row["sentence1"], row["sentence2"]]),
    "stsb": ("STS-B", ["index", "genre", "filename", "year", "old_index", "source1", "source2",
                       "sentence1", "sentence2", "score"],
             lambda row: [row["idx"], "made-up", "none", 2026, row["idx"], "none", "none",
                          row["sentence1"], row["sentence2"], row["label"]]),
    "qqp": ("QQP", ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
            lambda row: [row["idx"], 2 * int(str(row["idx"])), 2 * int(str(row["idx"])) + 1,
                         row["question1"], row["question2"], row["label"]]),
    "qnli": ("QNLI", ["index", "question", "sentence", "label"],
             lambda row: [row["idx"], row["question"], row["sentence"], _named("qnli", row)]),
    "rte": ("RTE", ["index", "sentence1", "sentence2", "label"],
            lambda row: [row["idx"], row["sentence1"], row["sentence2"], _named("rte", row)]),
}  # fmt: skip


def own_files(folder: Path) -> list[Path]:
    """Write the files of GLUE's own archive: tab-separated, nothing quoted."""
    written = []
    for task, (name, head, cells) in TABLES.items():
        for split, file, number in (("train", "train", TRAIN), ("validation", "dev", DEV)):
            lines = [head] if head else []
            lines += [list(map(str, cells(row))) for row in rows(task, split, number)]
            written.append(_write(folder / name / f"{file}.tsv", lines))
    of_raters = [f"label{number}" for number in range(1, 6)]
    for split, file, number in (
        ("train", "train", TRAIN),
        ("validation_matched", "dev_matched", DEV),
        ("validation_mismatched", "dev_mismatched", DEV),
    ):
        is_train = split == "train"
        head = [*_MNLI, *(of_raters[:1] if is_train else of_raters), "gold_label"]
        cells = [_mnli_cells(row, is_train=is_train) for row in rows("mnli", split, number)]
        lines = [head, *(list(map(str, row)) for row in cells)]
        written.append(_write(folder / "MNLI" / f"{file}.tsv", lines))
    return written


def _write(path: Path, lines: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join("\t".join(line) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    own_files(Path(sys.argv[1]))
