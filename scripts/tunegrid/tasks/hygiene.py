"""What is wrong with a task's data: repeated texts, texts of train in test, contradicting labels.

Two texts are the same if they are equal after Unicode's compatibility normalisation (NFKC), case
folding and the joining of white space. They are near duplicates if the Jaccard similarity of their
character 5-grams is at least `NEAR`; of pairs, that of both texts. Near pairs are found by locality
sensitive hashing (Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3) and
each is then compared exactly: of those at the threshold 5 in 100,000 are not found, of those above
it fewer.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from datasets import DatasetDict
from datasketch import MinHash
from xxhash import xxh32_intdigest

#: Splits, each before those that it may leak into.
SPLITS = ("train", "dev", "test")
#: Similarity from which on two texts are near duplicates.
NEAR = 0.8
#: Characters of a shingle.
SHINGLE = 5
#: Bands of the signature, and hash values in each: similar texts agree in a whole band.
BANDS, ROWS = 25, 5
#: Texts of one bucket that each is compared with, the nearest in order: an upper limit for a corpus
#: of thousands of texts made by one template.
COMPARED = 200
#: Examples of each finding that a card lists.
LISTED = 10

#: A normalised text, or pair of texts.
Key = tuple[str, str | None]


def check_splits(task: DatasetDict) -> dict[str, Any]:
    """Duplicates within and across splits, and labels that contradict each other.

    Args:
        task: splits with columns id, text, text_pair and label.

    Returns:
        within: of each split, `exact` and `near`: examples that repeat one before them in it.
        across: for each two splits (`source` before `target` in the order train, dev, test),
        `exact` and `near`: examples of target that stand in source, and `pairs`, the ids of some.
        conflicts: `texts` that stand with different labels, of how many `examples`, of each split
        how many, and some of them with ids and labels.
    """
    splits = {name: _keys(task, name) for name in SPLITS if name in task}
    ids = {name: list(task[name]["id"]) for name in splits}
    unique = list(dict.fromkeys(key for keys in splits.values() for key in keys))
    near = _near_duplicates(unique)
    return {
        "threshold": NEAR,
        "within": {name: _within(keys, near) for name, keys in splits.items()},
        "across": [
            {"source": source, "target": target}
            | _across(*(splits[name] for name in (source, target)), near, ids[source], ids[target])
            for source, target in combinations(splits, 2)
        ],
        "conflicts": _conflicts(task, splits, ids),
    }


def normalised(text: str) -> str:
    """The text as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _keys(task: DatasetDict, split: str) -> list[Key]:
    data = task[split]
    return [
        (normalised(text), None if pair is None else normalised(pair))
        for text, pair in zip(data["text"], data["text_pair"], strict=True)
    ]


def _within(keys: Sequence[Key], near: dict[Key, dict[Key, float]]) -> dict[str, int]:
    seen: set[Key] = set()
    found = {"exact": 0, "near": 0}
    for key in keys:
        if key in seen:
            found["exact"] += 1
        elif not seen.isdisjoint(near.get(key, ())):
            found["near"] += 1
        seen.add(key)
    return found


def _across(
    source: Sequence[Key],
    target: Sequence[Key],
    near: dict[Key, dict[Key, float]],
    source_ids: Sequence[str],
    target_ids: Sequence[str],
) -> dict[str, Any]:
    first: dict[Key, str] = {}
    for key, example in zip(source, source_ids, strict=True):
        first.setdefault(key, example)
    found: dict[str, Any] = {"exact": 0, "near": 0, "pairs": []}
    for key, example in zip(target, target_ids, strict=True):
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
    task: DatasetDict, splits: dict[str, list[Key]], ids: dict[str, list[str]]
) -> dict[str, Any]:
    stands: dict[Key, list[tuple[str, str, str]]] = defaultdict(list)
    for name, keys in splits.items():
        labels = task[name].features["label"].names
        for key, example, label in zip(keys, ids[name], task[name]["label"], strict=True):
            stands[key].append((name, example, labels[label]))
    found = [group for group in stands.values() if len({label for *_, label in group}) > 1]
    return {
        "texts": len(found),
        "examples": {
            split: sum(name == split for group in found for name, *_ in group) for split in splits
        },
        "listed": [
            [{"split": name, "id": example, "label": label} for name, example, label in group]
            for group in found[:LISTED]
        ],
    }


def _near_duplicates(keys: Sequence[Key]) -> dict[Key, dict[Key, float]]:
    """The near duplicates of each text that has some, with their similarity below 1."""
    shingles = [tuple(_shingles(text or "") for text in key) for key in keys]
    near: dict[Key, dict[Key, float]] = defaultdict(dict)
    for one, other in _candidates(shingles):
        similarity = min(map(_jaccard, shingles[one], shingles[other]))
        if similarity >= NEAR:
            near[keys[one]][keys[other]] = near[keys[other]][keys[one]] = similarity
    return near


def _shingles(text: str) -> np.ndarray:
    """The hashes of a text's shingles, sorted, each once; of a shorter text, its own."""
    parts = {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}
    return np.array(sorted({xxh32_intdigest(part.encode()) for part in parts}), dtype=np.uint32)


def _jaccard(one: np.ndarray, other: np.ndarray) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _candidates(shingles: Sequence[tuple[np.ndarray, ...]]) -> Iterator[tuple[int, int]]:
    """Pairs of positions whose signatures agree in a band, each once."""
    if not shingles:
        return
    hashes = map(np.concatenate, shingles)
    signed = MinHash.generator(hashes, num_perm=BANDS * ROWS, hashfunc=int)
    signatures = np.array([signature.hashvalues for signature in signed])
    told: set[tuple[int, int]] = set()
    for band in np.split(signatures, BANDS, axis=1):
        buckets = defaultdict(list)
        for position, values in enumerate(np.ascontiguousarray(band)):
            buckets[values.tobytes()].append(position)
        for bucket in buckets.values():
            for at, one in enumerate(bucket):
                for other in bucket[at + 1 : at + 1 + COMPARED]:
                    if (one, other) not in told:
                        told.add((one, other))
                        yield one, other
