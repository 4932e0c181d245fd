"""Tiny stand-ins for a model and a task: real formats, a second to build."""

import json
import random
from pathlib import Path

from paths import ROOT

WORDS = {
    "good": ["great", "lovely", "fine", "superb", "pleasant"],
    "bad": ["awful", "broken", "poor", "dull", "sad"],
}
FILLER = ["the", "a", "it", "was", "very", "screen", "soup", "trip", "book", "and", "of", "."]
LABELS = ["good", "bad"]
COUNTS = {"train": 48, "dev": 12, "test": 20}

FULL = {"kind": "full"}
ADAPTER = {"kind": "adapter", "adapter": "double_seq_bn", "bottleneck_size": 4}
#: Training settings of two epochs of three batches.
TRAIN = {
    "epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "warmup_ratio": 0.15,
    "schedule": "cosine", "weight_decay": 0.0, "max_grad_norm": 1.0, "protocol": "standard",
    "select": "last", "select_metric": "accuracy", "early_stopping": None, "micro_batch": 8,
    "memory_limit": None,
    "group_by_length": False, "precision": "fp32", "attention": "auto", "trim_last_layer": True,
    "gpus_per_run": 1, "threads": 1, "deterministic": True,
}  # fmt: skip

#: What encode_task adds to the card of the encoded splits.
CARD = {
    "task_files": {}, "tokenizer_files": {}, "parts": {}, "few_shot": [], "pad_token_is_own": True,
}  # fmt: skip

TASK = {
    "reader": "citations",
    "files": {split: f"tiny/{split}.jsonl" for split in COUNTS},
    "labels": LABELS,
    "counts": COUNTS,
}


def save_model(folder: Path) -> Path:
    """A random BERT (2 layers, hidden size 32) with its tokenizer and fetch_model's card."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *FILLER, *WORDS["good"], *WORDS["bad"]]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
        initializer_range=0.05,  # so that words reach the first token though nothing is pretrained
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "model.json").write_text(json.dumps({"files": {}}))
    return folder


def records(split: str) -> list[dict[str, str]]:
    """Sentences of 3 to 20 words, one of which tells the label."""
    draw = random.Random(split)
    rows = []
    for index in range(COUNTS[split]):
        label = LABELS[index % 2]
        words = draw.choices(FILLER, k=draw.randint(2, 19))
        words.insert(draw.randrange(len(words) + 1), draw.choice(WORDS[label]))
        rows.append({"text": " ".join(words), "label": label})
    return rows


def write_data(root: Path) -> Path:
    """A data root that holds the files of `TASK`."""
    (root / "tiny").mkdir(parents=True)
    for split in COUNTS:
        lines = (json.dumps(record) for record in records(split))
        (root / "tiny" / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return root


def encode(model: Path, folder: Path):
    """The task encoded by the model's tokenizer: (folder of encode_task, its card)."""
    from tunegrid.config.task_entry import TaskEntry
    from tunegrid.files import write_json
    from tunegrid.tasks.encoding import encode_task, load_tokenizer
    from tunegrid.tasks.fetching import read_task
    from tunegrid.tasks.task_file import TaskFile

    data = write_data(folder / "data")
    entry = TaskEntry.model_validate(TASK)
    files = {split: [TaskFile(data / path, entry)] for split, path in TASK["files"].items()}
    task = read_task(entry, files)
    splits, card = encode_task(task, load_tokenizer(model), 64, 64)
    splits.save_to_disk(folder / "encoded")
    write_json(folder / "encoded" / "encoding.json", card | CARD)
    return folder / "encoded", card


def settings_json(method: dict = FULL, seed: int = 1, **train) -> dict:
    """The settings of a cell as a program gets them."""
    model = {"folder": "models/tiny-bert"}
    return {
        "model": "tiny-bert", "task": "tiny", "method": "m", "seed": seed,
        "model_source": model, "tokenizer_source": model, "task_source": TASK,
        "method_source": method, "data": {"max_length": 64}, "train": TRAIN | train,
    }  # fmt: skip


def cell(method: dict = FULL, seed: int = 1, **train):
    """The settings of a cell as training gets them."""
    from tunegrid.settings import CellSettings

    return CellSettings.from_json(settings_json(method, seed, **train))


def examples(pad_token: int = 0) -> dict:
    """A batch of two short texts in the tiny model's tokens, the second padded."""
    import torch

    ids = torch.tensor([[2, 6, 17, 9, 3], [2, 8, 3, pad_token, pad_token]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return {"input_ids": ids, "attention_mask": mask}


def build(folder: Path, method=FULL, seed: int = 1, *, labels=LABELS, inputs=None, **train):
    """A cell's model, and what is to be known of how it came to be."""
    from tunegrid.config.catalogue import MethodEntry
    from tunegrid.training.model_building import build_model

    if isinstance(method, MethodEntry):
        method = method.settings()
    return build_model(
        folder,
        cell(method, seed, **train),
        labels=labels,
        pad_token=0,
        examples=inputs or examples(),
    )


def train_settings(**train):
    """The training settings of a cell."""
    return cell(**train).train


def train(settings, model: Path, encoded: Path, output: Path, stop=None, **request) -> dict:
    """Train a cell in this process and write its files; what training.json holds."""
    from tunegrid.stopping import StopRequest
    from tunegrid.training.make_run import train_and_write
    from tunegrid.training.run_request import RunRequest

    request = RunRequest(settings, model, encoded, output, **request)
    train_and_write(request, stop or StopRequest())
    return json.loads((output / "training.json").read_text())


def score(output: Path) -> dict:
    """What a run's predictions score."""
    from tunegrid.statistics.score import score_run

    return score_run(output).to_json()


def results(folder: Path) -> tuple:
    """What a run in `folder` found, exactly; timings and the clock are not results."""
    import pandas as pd

    training = json.loads((folder / "training.json").read_text())
    for measured in ("train_seconds", "peak_memory"):
        training.pop(measured)
    tables = [
        pd.read_parquet(folder / f"{name}.parquet").to_json(double_precision=15)
        for name in ("predictions", "evaluations")
    ]
    return training, (folder / "history.csv").read_bytes(), *tables


def config(model: Path | str, data_root: Path | None, **changes) -> dict:
    """A configuration of 2 methods × 2 seeds on the tiny model and task."""
    return {
        "data_root": str(data_root) if data_root else None,
        "grid": [
            {
                "models": ["tiny-bert"],
                "tasks": ["tiny"],
                "methods": ["full", "adapter-4"],
                "seeds": [1, 2],
            }
        ],
        "train": {"epochs": 2, "batch_size": 8, "learning_rate": 5.0e-3},
        "overrides": [{"where": {"method": ["adapter-4"]}, "set": {"learning_rate": 2.0e-2}}],
        "data": {"max_length": 64},
        "published": [str(ROOT / "tests/paper")],
        "models": {"tiny-bert": {"folder": str(model)}},
        "tasks": {"tiny": TASK},
        "methods": {
            "adapter-4": {"kind": "adapter", "adapter": "double_seq_bn", "bottleneck_size": 4}
        },
    } | changes
