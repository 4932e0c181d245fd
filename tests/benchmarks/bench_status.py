#!/usr/bin/env python
"""How long the status of a grid takes: 100, 1,000 and 10,000 cells in all states.

  python tests/benchmarks/bench_status.py [--cells N …]

Makes the files that runs of such grids leave (three fifths of them done, some failed, running and
in the queue), and prints what `scripts/status.py` takes: the first call, which reads predictions
for as long as it may, and one by which all have been read; then what the last one says.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).resolve().parents[2]
LABELS = ["bad", "good"]
#: The models, tasks and methods of a grid with so many cells.
NAMES = {20: (1, 2, 2), 100: (1, 4, 5), 1_000: (2, 10, 10), 10_000: (4, 25, 20)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", choices=NAMES, default=[100, 1_000, 10_000])
    arguments = parser.parse_args()
    print("| cells | first call, CPU s | calls until all is known | CPU s then | elapsed s | MB |")
    print("|---|---|---|---|---|---|")
    for models, tasks, methods in (NAMES[cells] for cells in arguments.cells):
        with tempfile.TemporaryDirectory() as folder:
            cells = make_grid(Path(folder), models=models, tasks=tasks, methods=methods)
            first, _, _ = call(Path(folder))
            calls = 1
            while "not looked at yet" in (text := status(Path(folder))):
                calls += 1
            seconds, elapsed, peak = call(Path(folder))
            row = f"{cells:,} | {first:.2f} | {calls} | {seconds:.2f} | {elapsed:.2f} | {peak:.0f}"
            print(f"| {row} |", flush=True)
    print(f"\n{text}")


def status(folder: Path) -> str:
    command = [sys.executable, ROOT / "scripts/status.py", "--directory", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def call(folder: Path) -> tuple[float, float, float]:
    """CPU seconds, elapsed seconds and peak memory (MB) of one status."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    status(folder)
    elapsed = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, elapsed, after.ru_maxrss / 1024


def make_grid(folder: Path, *, models: int, tasks: int, methods: int) -> int:
    """Write the files of a grid of so many names and five seeds; the number of its cells."""
    names = {
        "models": [f"model-{number}" for number in range(models)],
        "tasks": [f"task-{number}" for number in range(tasks)],
        "methods": [f"method-{number}" for number in range(methods)],
        "seeds": [1, 2, 3, 4, 5],
    }
    head = {"pid": os.getpid(), "began": None, "machine": "another", "host": "login1"}
    start = {
        "head": head,
        "command": ["--profile", "profiles/slurm", "--configfile", "my.yaml"],
        "grid": [names],
        "wanted": [],
        "began": time.time() - 4000,
        "partial": False,
    }
    journal = [{"start": start}]
    run = one_run(folder / "a run")
    cells = list(product(*names.values()))
    for number, (model, task, method, seed) in enumerate(cells):
        path = f"{model}/{task}/{method}/seed{seed}"
        wildcards = {"model": model, "task": task, "method": method, "seed": str(seed)}
        if number % 5 < 3:
            target = folder / "results/runs" / path
            target.mkdir(parents=True)
            for file in run.iterdir():
                os.link(file, target / file.name)
        elif number % 20 == 3:
            write_attempt(folder, path, ended="out of memory")
        elif number % 50 == 4:
            write_attempt(folder, path, ended=None)
        if number % 50 in (4, 9):
            journal.append({"job": number, "rule": "train", "wildcards": wildcards, "logs": []})
    lines = "".join(json.dumps(line) + "\n" for line in journal)
    (folder / "results/.status").mkdir(parents=True)
    (folder / "results/.status/start.jsonl").write_text(lines)
    return len(cells)


def one_run(folder: Path) -> Path:
    """The files of a finished run that a status reads."""
    folder.mkdir()
    training = {"labels": LABELS, "target": "single_label", "positive": None, "diverged": False}
    (folder / "training.json").write_text(json.dumps(training))
    (folder / "provenance.json").write_text(json.dumps({"seconds": 61.5}))
    names = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 500, pa.int32()), pa.array(LABELS))
    table = pa.table(
        {
            "id": [str(number) for number in range(1000)],
            "label": names,
            "predicted": names,
            "log_probabilities": pa.array([[-0.1, -2.35]] * 1000, type=pa.list_(pa.float64(), 2)),
        }
    )
    parquet.write_table(table, folder / "predictions.parquet", compression="zstd")
    return folder


def write_attempt(folder: Path, path: str, ended: str | None) -> None:
    began = {"id": "1", "target": "0123456789ab", "node": "node7"}
    lines = [{"began": began}]
    if ended:
        lines.append({"attempt": "1", "ended": ended, "message": "a batch of 1 does not fit"})
    file = folder / "results/.attempts" / f"{path}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(map(json.dumps, lines)))
    log = folder / "results/logs/train" / f"{path}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("10:00 INFO step 1\n")


if __name__ == "__main__":
    main()
