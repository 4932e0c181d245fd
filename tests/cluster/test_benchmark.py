"""The benchmark of the cluster, at its smallest size, so that it still runs when it is needed."""

import os
import re
import subprocess
import sys

import pytest
from paths import ROOT
from slurm import why_no_cluster


def test_the_benchmark_measures_both_profiles():
    if why := why_no_cluster(accounting=False):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    done = subprocess.run(
        [sys.executable, ROOT / "tests/benchmarks/bench_slurm.py", "--cells", "1", "--at-once"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = done.stdout.strip().splitlines()[2:]
    assert len(rows) == 2
    assert all(re.fullmatch(r"\|.* \| \d+ s +\| \d+ s +\|", row) for row in rows), done.stdout
