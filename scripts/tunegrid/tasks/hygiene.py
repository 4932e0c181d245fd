"""What is wrong with a task's data: repeated texts, texts of train in test, contradicting labels.

Two texts are the same if they are equal after Unicode's compatibility normalisation (NFKC), case
folding and the joining of white space. They are near duplicates if the Jaccard similarity of their
character 5-grams is at least `NEAR`; of pairs, that of both texts. Near pairs are found by locality
sensitive hashing (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900; Leskovec, Rajaraman &
Ullman, Mining of Massive Datasets, chapter 3, http://www.mmds.org), and each is then compared
exactly. Of the pairs at the threshold 5 in 100,000 are not found, of those above it fewer.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from datasets import DatasetDict
from datasketch import MinHash
from xxhash import xxh32_intdigest

from tunegrid.results import TEST_SPLIT
from tunegrid.tasks.cards import (
    Conflicts,
    Hygiene,
    LabelledExample,
    Leak,
    Repetitions,
    TestSplitHygiene,
)
from tunegrid.tasks.label_kinds import label_text

#: Splits, each before those that it may leak into.
SPLITS = ("train", "dev", "test")
#: The similarity from which on two texts are near duplicates.
NEAR = 0.8
#: Characters of a shingle.
SHINGLE = 5
#: Bands of a signature; similar texts agree in a whole band.
BANDS = 25
#: Hash values of a band. With 25 bands of 5, (1 − 0.8⁵)²⁵ of the pairs at the threshold agree in no
#: band.
ROWS = 5
#: How many texts of one bucket each text is compared with, those next to it: an upper limit for a
#: corpus of thousands of texts that were made by one template.
COMPARED = 200
#: How many examples of each finding a card lists.
LISTED = 10

#: A normalised text, or pair of texts.
Key = tuple[str, str | None]
#: The near duplicates of each text that has some, with their similarity below 1.
NearDuplicates = Mapping[Key, Mapping[Key, float]]
Hashes = npt.NDArray[np.uint32]


def check_splits(task: DatasetDict) -> Hygiene:
    """Duplicates within and across splits, and labels that contradict each other.

    Args:
        task: splits with columns id, text, text_pair and label.
    """
    keys = {name: _keys(task, name) for name in SPLITS if name in task}
    ids = {name: list(task[name]["id"]) for name in keys}
    unique = list(dict.fromkeys(key for texts in keys.values() for key in texts))
    near = _near_duplicates(unique)
    return {
        "threshold": NEAR,
        "within": {name: _repetitions(texts, near) for name, texts in keys.items()},
        "across": [
            _leak(source, target, keys, ids, near) for source, target in combinations(keys, 2)
        ],
        "conflicts": _conflicts(task, keys, ids),
        "of_test_splits": _of_test_splits(task, keys, ids, near),
    }


def _of_test_splits(
    task: DatasetDict,
    keys: Mapping[str, Sequence[Key]],
    ids: Mapping[str, Sequence[str]],
    near: NearDuplicates,
) -> dict[str, TestSplitHygiene]:
    """What each of several test splits repeats, and what of it stands in train.

    Args:
        task: its splits.
        keys, ids, near: as of `_leak`.
    """
    if "test" not in task or TEST_SPLIT not in task["test"].column_names:
        return {}
    names = list(task["test"][TEST_SPLIT])
    found: dict[str, TestSplitHygiene] = {}
    for name in dict.fromkeys(names):
        own = [at for at, other in enumerate(names) if other == name]
        own_keys = {"train": keys["train"], name: [keys["test"][at] for at in own]}
        own_ids = {"train": ids["train"], name: [ids["test"][at] for at in own]}
        found[name] = {
            "within": _repetitions(own_keys[name], near),
            "in_train": _leak("train", name, own_keys, own_ids, near),
        }
    return found


def normalised(text: str) -> str:
    """The text as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _keys(task: DatasetDict, split: str) -> list[Key]:
    data = task[split]
    return [
        (normalised(text), None if pair is None else normalised(pair))
        for text, pair in zip(data["text"], data["text_pair"], strict=True)
    ]


def _repetitions(keys: Sequence[Key], near: NearDuplicates) -> Repetitions:
    """How many examples of a split repeat one before them in it."""
    seen: set[Key] = set()
    found: Repetitions = {"exact": 0, "near": 0}
    for key in keys:
        if key in seen:
            found["exact"] += 1
        elif not seen.isdisjoint(near.get(key, ())):
            found["near"] += 1
        seen.add(key)
    return found


def _leak(
    source: str,
    target: str,
    keys: Mapping[str, Sequence[Key]],
    ids: Mapping[str, Sequence[str]],
    near: NearDuplicates,
) -> Leak:
    """What of split `target` stands in split `source`.

    Args:
        source: the split in which it may stand, too.
        target: the split whose examples are counted.
        keys: of each split, the texts of its examples.
        ids: of each split, the ids of its examples.
        near: the near duplicates of all texts.
    """
    first: dict[Key, str] = {}
    for key, example in zip(keys[source], ids[source], strict=True):
        first.setdefault(key, example)
    found: Leak = {"source": source, "target": target, "exact": 0, "near": 0, "pairs": []}
    for key, example in zip(keys[target], ids[target], strict=True):
        if key in first:
            twin, similarity = key, 1.0
            found["exact"] += 1
        else:
            there = {other: same for other, same in near.get(key, {}).items() if other in first}
            if not there:
                continue
            twin, similarity = max(there.items(), key=lambda item: item[1])
            found["near"] += 1
        if len(found["pairs"]) < LISTED:
            found["pairs"].append(
                {"target": example, "source": first[twin], "similarity": round(similarity, 3)}
            )
    return found


def _conflicts(
    task: DatasetDict, keys: Mapping[str, Sequence[Key]], ids: Mapping[str, Sequence[str]]
) -> Conflicts:
    """Texts that stand with different labels in any splits; keys and ids as of `_leak`."""
    examples: dict[Key, list[LabelledExample]] = defaultdict(list)
    for split, texts in keys.items():
        data = task[split]
        for key, example, value in zip(texts, ids[split], data["label"], strict=True):
            label = label_text(data, value)
            examples[key].append({"split": split, "id": example, "label": label})
    found = [
        group for group in examples.values() if len({example["label"] for example in group}) > 1
    ]
    return {
        "texts": len(found),
        "examples": {
            split: sum(example["split"] == split for group in found for example in group)
            for split in keys
        },
        "listed": found[:LISTED],
    }


def _near_duplicates(keys: Sequence[Key]) -> NearDuplicates:
    """The near duplicates of each text that has some."""
    shingles = [tuple(_shingles(text or "") for text in key) for key in keys]
    near: dict[Key, dict[Key, float]] = defaultdict(dict)
    for one, other in _candidates(shingles):
        similarity = min(map(_jaccard, shingles[one], shingles[other]))
        if similarity >= NEAR:
            near[keys[one]][keys[other]] = similarity
            near[keys[other]][keys[one]] = similarity
    return near


def _shingles(text: str) -> Hashes:
    """The hashes of a text's shingles, sorted, each once; a shorter text is one shingle."""
    parts = {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}
    return np.array(sorted({xxh32_intdigest(part.encode()) for part in parts}), dtype=np.uint32)


def _jaccard(one: Hashes, other: Hashes) -> float:
    """The share of the shingles of both texts that they have in common."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _candidates(shingles: Sequence[tuple[Hashes, ...]]) -> Iterator[tuple[int, int]]:
    """Pairs of positions whose signatures agree in a band, each once.

    Args:
        shingles: of each text, or of both texts of each pair.
    """
    if not shingles:
        return
    hashes = map(np.concatenate, shingles)
    signed = MinHash.generator(hashes, num_perm=BANDS * ROWS, hashfunc=int)
    signatures = np.array([signature.hashvalues for signature in signed])
    known: set[tuple[int, int]] = set()
    for band in np.split(signatures, BANDS, axis=1):
        buckets = defaultdict(list)
        for position, values in enumerate(np.ascontiguousarray(band)):
            buckets[values.tobytes()].append(position)
        for bucket in buckets.values():
            for at, one in enumerate(bucket):
                for other in bucket[at + 1 : at + 1 + COMPARED]:
                    if (one, other) not in known:
                        known.add((one, other))
                        yield one, other
