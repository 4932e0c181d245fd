"""Predicted memory beside real CPU steps, for every model type of the Transformers library.

  python tests/benchmarks/bench_architectures.py [--task lm] [--type NAME …] [--all]

Every type that the library classifies texts with or has as a language model is built small
(tests/architectures.py), predicted under each method by tracing a CPU's kernels, and measured by
the profiler, which shares nothing with the trace. Prints what is off by more than 1 %, what is
refused and why, and a summary; with --all every row. Fails if anything ends in an error that is
not one line.
"""

import argparse
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
warnings.filterwarnings("ignore")

import torch
import transformers
from architectures import MODEL_TYPES, small_configuration
from memory_cases import make_step

from tunegrid.errors import UserError
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import predict

METHODS = ("full", "head", "bitfit", "lora", "adapter-8", "peft-lora")
#: How far a prediction may be off.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Row:
    """What was found for one model type, task and method.

    Attributes:
        name: type, task and method.
        predicted: bytes; None where it is refused.
        measured: bytes; None where the real step is refused, too.
        reason: why the prediction is refused; empty where it is not.
    """

    name: str
    predicted: int | None
    measured: int | None
    reason: str

    @property
    def error(self) -> float | None:
        """(predicted - measured) / measured."""
        if self.predicted is None or self.measured is None:
            return None
        return self.predicted / self.measured - 1

    @property
    def verdict(self) -> str:
        """What became of the prediction, in words."""
        if self.error is None:
            trains = "the real step runs" if self.measured is not None else "so is the real step"
            return f"refused, {trains}" if self.predicted is None else "the real step alone refused"
        return "within 1 %" if abs(self.error) <= TOLERANCE else "off by more than 1 %"


def rows(tasks: list[str], types: list[str] | None, methods: list[str]) -> Iterator[Row]:
    """A row for each task, type and method; types of which no configuration can be made are named.

    Args:
        tasks: `classify`, `lm` or both.
        types: model types; None: all.
        methods: names of the catalogue.
    """
    for task in tasks:
        for model_type in MODEL_TYPES[task]:
            if types is not None and model_type not in types:
                continue
            try:
                config = small_configuration(model_type)
            except ValueError as error:
                print(f"{model_type}, {task}: its class makes no configuration alone: {error}")
                continue
            for method in methods:
                step = make_step(
                    method,
                    batch=4,
                    tokens=32,
                    labels=3 if task == "classify" else None,
                    attention="auto",
                )
                predicted, reason = attempt(lambda: predict(config, step, cuda=False).peak)  # noqa: B023
                measured, _ = attempt(lambda: measure(config, step).peak)  # noqa: B023
                yield Row(f"{model_type}, {task}, {method}", predicted, measured, reason)


def attempt(ask: Callable[[], int]) -> tuple[int | None, str]:
    """What is answered, or why nothing is. Any error that is not one line is raised."""
    try:
        return ask(), ""
    except UserError as error:
        (reason,) = error.problems
        return None, reason


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=list(MODEL_TYPES), help="what is trained (default: both)")
    parser.add_argument("--type", action="append", help="a model type (default: all)")
    parser.add_argument("--method", action="append", help="a method (default: six)")
    parser.add_argument("--all", action="store_true", help="print every row")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)

    verdicts: Counter[str] = Counter()
    families: set[str] = set()
    tasks = [arguments.task] if arguments.task else list(MODEL_TYPES)
    for row in rows(tasks, arguments.type, arguments.method or list(METHODS)):
        verdicts[row.verdict] += 1
        if row.verdict == "within 1 %":
            families.add(row.name.partition(",")[0])
        if row.error is not None and (arguments.all or abs(row.error) > TOLERANCE):
            print(f"{row.name}: {100 * row.error:+.2f} % of {row.measured} bytes", flush=True)
        elif row.error is None:
            print(f"{row.name}: {row.verdict}: {row.reason}", flush=True)
    print()
    for verdict, count in verdicts.most_common():
        print(f"{verdict}: {count} rows")
    print(f"{len(families)} model types have a row within 1 %")


if __name__ == "__main__":
    main()
