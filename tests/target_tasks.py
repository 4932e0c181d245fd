"""Tiny tasks of several labels and of numbers, in the words of `tiny`."""

import json
import random
from pathlib import Path

from tiny import CARD, COUNTS, FILLER, LABELS, WORDS

#: Catalogue entries of the tasks that `write_data` writes, by their kind of target.
TASKS = {
    "multi_label": {
        "files": {split: f"multi_label/{split}.jsonl" for split in COUNTS},
        "target": {"kind": "multi_label"},
        "labels": LABELS,
    },
    "regression": {
        "files": {split: f"regression/{split}.jsonl" for split in COUNTS},
        "target": {"kind": "regression", "range": [-3, 3]},
    },
}


def records(kind: str, split: str) -> list[dict]:
    """Sentences that say something good, something bad, both, or neither.

    The labels are what is said; the number is greater the more good is said, and smaller for bad.
    """
    draw = random.Random(split)
    rows = []
    for index in range(COUNTS[split]):
        amounts = {"good": index % 2 * draw.randint(1, 3), "bad": index // 2 % 2}
        words = draw.choices(FILLER, k=draw.randint(2, 12))
        for label, amount in amounts.items():
            words += draw.choices(WORDS[label], k=amount)
        draw.shuffle(words)
        said = [label for label in LABELS if amounts[label]]
        number = round(len(said) * 1.5 - 2 * amounts["bad"] + 0.1 * amounts["good"], 1)
        rows.append({"text": " ".join(words), "label": said if kind == "multi_label" else number})
    return rows


def write_data(root: Path, kind: str) -> Path:
    """A data root that holds the files of `TASKS[kind]`."""
    (root / kind).mkdir(parents=True)
    for split in COUNTS:
        lines = (json.dumps(record) for record in records(kind, split))
        (root / kind / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return root


def encode(kind: str, model: Path, folder: Path) -> Path:
    """The task encoded by the model's tokenizer: the folder of encode_task."""
    from tunegrid.config.task_entry import TaskEntry
    from tunegrid.files import write_json
    from tunegrid.tasks.encoding import encode_task, load_tokenizer
    from tunegrid.tasks.fetching import read_task
    from tunegrid.tasks.task_file import TaskFile

    data = write_data(folder / "data", kind)
    entry = TaskEntry.model_validate(TASKS[kind])
    files = {split: [TaskFile(data / path, entry)] for split, path in TASKS[kind]["files"].items()}
    splits, card = encode_task(read_task(entry, files), load_tokenizer(model), 64, 64)
    splits.save_to_disk(folder / "encoded")
    write_json(folder / "encoded" / "encoding.json", card | CARD)
    return folder / "encoded"
