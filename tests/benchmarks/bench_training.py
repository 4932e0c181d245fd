"""Examples per second of a training step: the standard ways and ours, side by side in one run.

  python tests/benchmarks/bench_training.py [--data-root FOLDER] [--rounds N] [--steps N]
    [--batch N]

MiniLM at batch 32 on one thread, on restaurant_sup if the corpora are there, else on the demo's
reviews. The standard way is the Transformers Trainer as the library's own text-classification
example sets it (fp32, padded to 128 tokens); beside it with dynamic padding and with length
grouping. Every round runs each way for some steps after one to warm up; the table shows medians.
bf16 has rows where the hardware computes it faster than fp32.

The share of the peak is the model FLOPs of the real tokens (Kaplan et al. 2020, appendix B:
2 per weight and token forward; 4 * tokens * hidden size for attention; twice that backward where
weights train, once where gradients only pass; without the last feed-forward block of the tokens
that no head reads), over the time, over the rate of a 1024-square matrix
product in the same precision, measured in the same rounds.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from tunegrid.training.randomness import make_deterministic

make_deterministic(deterministic=True, threads=1)

import pandas as pd
import torch
import transformers
from accelerate.state import AcceleratorState
from datasets import Dataset
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from tunegrid.config.schema import SplitSettings, TrainSettings
from tunegrid.files import write_json
from tunegrid.models import fetch_model
from tunegrid.planning.loading import load_project
from tunegrid.planning.project import Project
from tunegrid.settings import CellSettings
from tunegrid.stopping import StopRequest
from tunegrid.tasks.encoding import encode_task, load_tokenizer
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.sources import task_files
from tunegrid.training import finetune
from tunegrid.training.batching import epoch_batches
from tunegrid.training.run_request import RunRequest

MAX_LENGTH = 128
MATRIX = 1024


@dataclass
class Cell:
    """What all ways train: a task's encoded training split, on a model."""

    name: str
    model: Path
    encoded: Path
    labels: list[str]
    data: Dataset
    padding: dict[str, int]
    tokenizer: Any
    project: Project
    batch: int

    def request(self, method: str, precision: str) -> RunRequest:
        """The run of a method, as the workflow would ask for it."""
        settings = CellSettings(
            model="minilm-l6",
            task=self.name,
            method=method,
            seed=1,
            model_source=self.project.models["minilm-l6"],
            tokenizer_source=self.project.models["minilm-l6"],
            task_source=self.project.tasks[self.name],
            method_source=self.project.methods[method],
            data=SplitSettings(max_length=MAX_LENGTH),
            train=TrainSettings(
                batch_size=self.batch, precision=precision, select_metric="accuracy"
            ),
        )
        return RunRequest(settings, self.model, self.encoded, output=self.encoded / "run")


def load_cell(data_root: Path, folder: Path, batch: int) -> Cell:
    """The benchmark's cell, fetched and encoded."""
    project = load_project([ROOT / "config/demo.yaml"])
    model = folder / "minilm-l6"
    fetch_model("minilm-l6", project.models["minilm-l6"], model)
    real = (data_root / "restaurant").is_dir()
    name = "restaurant_sup" if real else "reviews"
    entry = project.tasks[name]
    tokenizer = load_tokenizer(model)
    task = read_task(entry, task_files(name, entry, data_root if real else None))
    splits, card = encode_task(task, tokenizer, MAX_LENGTH, 512)
    splits.save_to_disk(folder / "encoded")
    write_json(folder / "encoded/encoding.json", card | {"few_shot": [], "parts": {}})
    return Cell(
        name=name,
        model=model,
        encoded=folder / "encoded",
        labels=card["labels"],
        data=splits["train"],
        padding=card["padding"],
        tokenizer=tokenizer,
        project=project,
        batch=batch,
    )


class Clock(TrainerCallback):
    """The time at the end of each step of a Trainer."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ticks.append(time.perf_counter())


class ByTrainer:
    """The Transformers Trainer."""

    def __init__(self, cell: Cell, folder: Path, *, padded: bool, grouped: bool = False) -> None:
        self._model = transformers.AutoModelForSequenceClassification.from_pretrained(
            cell.model, num_labels=len(cell.labels)
        )
        data = cell.data.select_columns(["label", *cell.padding])
        collator = transformers.DataCollatorWithPadding(cell.tokenizer)
        if padded:
            data = data.map(
                lambda rows: cell.tokenizer.pad(rows, padding="max_length", max_length=MAX_LENGTH),
                batched=True,
            )
            collator = transformers.default_data_collator
        self._arguments = TrainingArguments(
            str(folder), per_device_train_batch_size=cell.batch, group_by_length=grouped,
            learning_rate=2e-5, report_to=[], disable_tqdm=True, save_strategy="no",
            logging_strategy="no", use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        self._data, self._collator, self._batch = data, collator, cell.batch

    def examples_per_second(self, steps: int, seed: int) -> float:
        AcceleratorState._reset_state()  # else it computes in the precision of the last `Ours`
        clock = Clock()
        self._arguments.max_steps, self._arguments.seed = steps + 1, seed
        Trainer(self._model, self._arguments, self._collator, self._data, callbacks=[clock]).train()
        return self._batch * steps / (clock.ticks[-1] - clock.ticks[0])


class Ours:
    """tunegrid's own step."""

    def __init__(self, cell: Cell, method: str, precision: str = "fp32") -> None:
        AcceleratorState._reset_state()  # else a process has one precision for good
        self._run = finetune.build(cell.request(method, precision), {}, StopRequest())
        self._run.model.train()
        self._lengths, self._batch = self._run.splits["train"].lengths, cell.batch

    def examples_per_second(self, steps: int, seed: int) -> float:
        batches = epoch_batches(self._lengths, batch_size=self._batch, seed=seed, epoch=0)
        finetune.take_step(self._run, batches[0], epoch=0)
        begun = time.perf_counter()
        for batch in batches[1 : steps + 1]:
            finetune.take_step(self._run, batch, epoch=0)
        return self._batch * steps / (time.perf_counter() - begun)

    def flops_per_example(self) -> float:
        """Model FLOPs of an average example's real tokens, forward and backward."""
        linear = [m.weight for m in self._run.model.modules() if isinstance(m, nn.Linear)]
        tokens = self._lengths.mean()
        config = self._run.model.config
        attention = (self._lengths**2).mean() * 4 * config.hidden_size
        forward = 2 * sum(weight.numel() for weight in linear) * tokens
        forward += config.num_hidden_layers * attention
        unread = 2 * 2 * config.hidden_size * config.intermediate_size * (tokens - 1)
        forward -= unread  # of the last layer's feed-forward block
        trained = 2 * sum(weight.numel() for weight in linear if weight.requires_grad) * tokens
        whole = all(weight.requires_grad for weight in linear)
        return 3 * forward if whole else 2 * forward + trained


def peak(precision: str) -> float:
    """FLOPs per second of a square matrix product."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one, other = (torch.rand(MATRIX, MATRIX, device=device).to(dtype) for _ in range(2))
    best = 0.0
    for _ in range(3):
        begun = time.perf_counter()
        (one @ other)[0, 0].item()
        best = max(best, 2 * MATRIX**3 / (time.perf_counter() - begun))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        cell = load_cell(arguments.data_root, Path(folder), arguments.batch)
        ways = {
            "Trainer, padded to 128": ByTrainer(cell, Path(folder, "a"), padded=True),
            "Trainer, dynamic padding": ByTrainer(cell, Path(folder, "b"), padded=False),
            "Trainer, length-grouped batches": ByTrainer(
                cell, Path(folder, "c"), padded=False, grouped=True
            ),
            "tunegrid, full": Ours(cell, "full"),
            "tunegrid, adapter-64": Ours(cell, "adapter-64"),
        }
        if peak("bf16") > peak("fp32"):
            ways |= {
                "tunegrid, full, bf16": Ours(cell, "full", "bf16"),
                "tunegrid, adapter-64, bf16": Ours(cell, "adapter-64", "bf16"),
            }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        peaks: dict[str, list[float]] = {"fp32": [], "bf16": []}
        for round_ in range(arguments.rounds):
            for precision, found in peaks.items():
                found.append(peak(precision))
            for name, way in ways.items():
                rates[name].append(way.examples_per_second(arguments.steps, round_))
    print(table(cell, ways, rates, peaks))


def table(cell: Cell, ways: dict, rates: dict, peaks: dict) -> str:
    """The medians as Markdown; ratios are medians of each round's own."""
    rows = []
    for name, way in ways.items():
        ratios = {
            f"× {other}": statistics.median(
                mine / theirs for mine, theirs in zip(rates[name], rates[other], strict=True)
            )
            for other in ("Trainer, padded to 128", "Trainer, dynamic padding", "tunegrid, full")
        }
        share = ""
        if isinstance(way, Ours):
            precision = "bf16" if "bf16" in name else "fp32"
            found = zip(rates[name], peaks[precision], strict=True)
            share = statistics.median(way.flops_per_example() * rate / top for rate, top in found)
            share = f"{share:.0%}"
        row = {"way": name, "examples/s": f"{statistics.median(rates[name]):.1f}"}
        rows.append(row | {key: f"{value:.2f}" for key, value in ratios.items()} | {"peak": share})
    tops = ", ".join(
        f"{name} {statistics.median(found) / 1e9:.0f} GFLOP/s" for name, found in peaks.items()
    )
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "1 CPU thread"
    return (
        f"{cell.name}, batch {cell.batch}, {len(cell.data)} examples, {device};"
        f" matrix products: {tops}"
        f"\n\n{pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)}"
    )


if __name__ == "__main__":
    main()
