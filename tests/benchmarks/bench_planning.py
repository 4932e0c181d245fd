"""What planning a grid costs beside a trivial Snakefile with as many outputs: CPU and peak memory.

  python tests/benchmarks/bench_planning.py [--cells 100 1000 10000]

Of each size it measures `snakemake -n` of the whole grid, `snakemake -n` of one of its runs, and
what a Snakemake process of a job does before its program begins: it reads the Snakefile and plans
that one job. The trivial Snakefile has one rule, which makes the five files of a run, and a target
that asks for one of them for each run. Both are measured in turn, so that what else runs on the
machine concerns both; CPU seconds are user's and system's.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]

MODELS = ["roberta-base", "bert-base-uncased", "distilroberta-base", "electra-small", "gpt2"]
TASKS = ["cola", "sst2", "mrpc", "rte"]
METHODS = ["full", "bitfit", "adapter-64", "adapter-8", "lora"]
#: So many cells differ in nothing but their seed.
CELLS_A_SEED = len(MODELS) * len(TASKS) * len(METHODS)

TRIVIAL = """\
FILES = [
    "history.csv", "evaluations.parquet", "predictions.parquet", "provenance.json", "training.json",
]
rule all:
    input:
        expand("results/runs/{run}/training.json", run=range(int(config["cells"]))),
rule train:
    output:
        expand("results/runs/{{run}}/{file}", file=FILES),
    shell:
        "touch {output}"
"""


@dataclass(frozen=True)
class Contender:
    """A workflow that is planned.

    Attributes:
        snakefile: its Snakefile.
        configuration: what tells it the number of cells, as options of Snakemake.
        target: a file of one of its runs.
        job: the same run as the name of a job.
        inputs: what this job finds there, as folders and empty files.
    """

    snakefile: Path
    configuration: list[str]
    target: str
    job: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a process has cost: CPU seconds, and its peak memory in MB."""

    seconds: float
    megabytes: float


def contenders(folder: Path, cells: int) -> tuple[Contender, Contender]:
    """The project's workflow and the trivial one, of as many cells."""
    grid = {
        "models": MODELS,
        "tasks": TASKS,
        "methods": METHODS,
        "seeds": list(range(1, cells // CELLS_A_SEED + 1)),
    }
    overrides = [
        {"where": {"method": ["bitfit", "lora"]}, "set": {"learning_rate": 1e-3}},
        {"where": {"task": ["cola"]}, "set": {"epochs": 5}},
    ]
    config = {
        "grid": [grid],
        "train": {"epochs": 3, "batch_size": 32, "learning_rate": 2e-5},
        "overrides": overrides,
        "data": {"dev_fraction": 0.1},
    }
    configfile, trivial = folder / f"grid{cells}.yaml", folder / "trivial.smk"
    configfile.write_text(yaml.safe_dump(config))
    trivial.write_text(TRIVIAL)
    ours = Contender(
        snakefile=ROOT / "Snakefile",
        configuration=["--configfile", str(configfile)],
        target="results/runs/gpt2/rte/lora/seed1/training.json",
        job="train:model=gpt2,task=rte,method=lora,seed=1",
        inputs=(
            "resources/models/gpt2/config.json",
            "results/encoded/gpt2/rte/dataset_dict.json",
            "results/checks/gpt2/rte/lora.json",
        ),
    )
    return ours, Contender(
        snakefile=trivial,
        configuration=["--config", f"cells={cells}"],
        target="results/runs/0/training.json",
        job="train:run=0",
    )


def cost(contender: Contender, folder: Path, *arguments: str) -> Cost:
    """Plan in a folder; the process' own resources.

    Raises:
        subprocess.CalledProcessError: Snakemake failed.
    """
    command = [
        sys.executable, "-m", "snakemake", "--dry-run", "--profile", "none",
        "--snakefile", str(contender.snakefile), "--directory", str(folder),
        *arguments, *contender.configuration,
    ]  # fmt: skip
    with (folder / "printed.txt").open("w+") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, printed.read())
    return Cost(seconds=usage.ru_utime + usage.ru_stime, megabytes=usage.ru_maxrss / 1024)


def rows(folder: Path, cells: int) -> list[dict[str, str]]:
    """A row for each thing that is planned."""
    folder.mkdir()
    both = contenders(folder, cells)
    measured = {
        "`-n` of all": [cost(one, folder) for one in both],
        "`-n` of one run": [cost(one, folder, one.target) for one in both],
    }
    for name in (name for one in both for name in one.inputs):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    measured["start of a job"] = [
        cost(one, folder, "--target-jobs", one.job, "--allowed-rules", "train", "--force")
        for one in both
    ]
    return [
        {
            "cells": f"{cells:,}",
            "planned": what,
            "CPU s": f"{ours.seconds:.1f}",
            "trivial": f"{trivial.seconds:.1f}",
            "ratio": f"{ours.seconds / trivial.seconds:.2f}",
            "MB": f"{ours.megabytes:.0f}",
            "trivial MB": f"{trivial.megabytes:.0f}",
            "ratio of MB": f"{ours.megabytes / trivial.megabytes:.2f}",
        }
        for what, (ours, trivial) in measured.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cells", type=int, nargs="+", default=[100, 1000, 10_000], help="in hundreds"
    )
    sizes = parser.parse_args().cells
    if any(cells % CELLS_A_SEED for cells in sizes):
        sys.exit(f"error: --cells: give multiples of {CELLS_A_SEED}")
    # Jobs of a grid, too, have the bytecode and digests of a first start; so have these.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cost(contenders(folder, CELLS_A_SEED)[0], folder, "results/cells.csv")
        table = pd.DataFrame(row for cells in sizes for row in rows(folder / str(cells), cells))
    print(table.to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
