"""The fixed cost of a cell, alone and packed: wall time less the training's own, side by side.

  python tests/benchmarks/bench_overhead.py [--cells N]

Runs the workflow's target `runs` twice, on one core: N cells of MiniLM on 16 of the demo's reviews,
each trained by a job of its own and then all in one pack. Model and task are fetched, encoded and
tried before the clock starts. Start and planning of Snakemake are counted on both sides.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]


def configuration(cells: int, pack: int) -> dict:
    """N cells that hardly train."""
    return {
        "grid": [
            {
                "models": ["minilm-l6"],
                "tasks": ["reviews"],
                "methods": ["full"],
                "seeds": list(range(cells)),
            }
        ],
        "train": {"epochs": 1, "batch_size": 8, "pack": pack},
        "data": {"max_length": 32, "max_train": 16, "max_dev": 8, "max_test": 8},
    }


def snakemake(target: str, config: dict, folder: Path) -> None:
    """Make a target with this configuration in a folder."""
    (folder / "grid.yaml").write_text(yaml.safe_dump(config))
    subprocess.run(
        [sys.executable, "-m", "snakemake", target, "--snakefile", ROOT / "Snakefile",
         "--configfile", folder / "grid.yaml", "--directory", folder, "--cores", "1"],
        check=True, capture_output=True, env=os.environ | {"XDG_CACHE_HOME": str(folder)},
    )  # fmt: skip


def prepare(cells: int, folder: Path) -> Path:
    """A folder in which model and task are fetched, encoded and tried."""
    folder.mkdir()
    snakemake("checks", configuration(cells, pack=1), folder)
    return folder


def fixed_cost(cells: int, pack: int, prepared: Path, folder: Path) -> float:
    """Seconds a cell beside its training."""
    shutil.copytree(prepared, folder, symlinks=True)
    begun = time.perf_counter()
    snakemake("runs", configuration(cells, pack), folder)
    wall = time.perf_counter() - begun
    found = [json.loads(path.read_text()) for path in folder.rglob("runs/**/training.json")]
    assert len(found) == cells
    return (wall - sum(run["train_seconds"] for run in found)) / cells


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=10)
    cells = parser.parse_args().cells
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(cells, Path(folder, "prepared"))
        alone = fixed_cost(cells, 1, prepared, Path(folder, "alone"))
        packed = fixed_cost(cells, cells, prepared, Path(folder, "packed"))
    rows = [
        {"cells": "a job each", "fixed cost of a cell (s)": f"{alone:.1f}", "ratio": "1"},
        {
            "cells": f"in a pack of {cells}",
            "fixed cost of a cell (s)": f"{packed:.1f}",
            "ratio": f"{packed / alone:.2f}",
        },
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
