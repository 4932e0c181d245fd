"""Every benchmark runs, at its smallest size, so that its numbers can be measured again."""

import subprocess

import forked
import pytest
from paths import ROOT

SMALLEST = {
    "bench_training.py": ["--rounds", "1", "--steps", "1", "--batch", "2"],
    "bench_overhead.py": ["--cells", "1"],
    "bench_planning.py": ["--cells", "100"],
    "bench_aggregates.py": ["--runs", "20", "--predictions", "20"],
    "bench_statistics.py": ["--grids", "2", "--seeds", "2", "--examples", "30"],
    "bench_status.py": ["--cells", "20"],
    "bench_architectures.py": ["--type", "bert", "--method", "full"],
}
#: What stands in each one's table.
ROW = {
    "bench_training.py": "\n|",
    "bench_overhead.py": "\n|",
    "bench_planning.py": "\n| 100     | start of a job",
    "bench_aggregates.py": "\nside by side",
    "bench_statistics.py": "\n    2       30   mixed | ",
    "bench_status.py": "\n| 20 |",
    "bench_architectures.py": "\nwithin 1 %: 2 rows",
}
#: It starts a Slurm of its own, so it is tried with the tests on a cluster.
ON_A_CLUSTER = {"bench_slurm.py"}


def test_no_benchmark_is_left_out():
    there = {path.name for path in (ROOT / "tests/benchmarks").glob("bench_*.py")}
    assert there == SMALLEST.keys() | ON_A_CLUSTER


@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_prints_its_table(name):
    run = subprocess.run(
        [forked.interpreter(), ROOT / "tests/benchmarks" / name, *SMALLEST[name]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert ROW[name] in run.stdout
