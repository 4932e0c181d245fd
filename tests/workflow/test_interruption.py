"""A run's process, killed or asked to stop, as a cluster does it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from paths import ROOT
from tiny import results, settings_json


def test_twenty_kills_at_random_moments_change_no_bit(tiny_model, encoded, tmp_path):
    command = [sys.executable, ROOT / "tests/workflow/killing.py", tiny_model, encoded[0]]
    path = os.pathsep.join(str(ROOT / part) for part in ("scripts", "tests"))
    run = subprocess.run(
        [*command, tmp_path, "20", "1"],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(run.stdout) >= 5, "the run is too short to be killed"
    assert results(tmp_path / "killed/run") == results(tmp_path / "undisturbed/run")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_program_with_a_checkpoint_and_status_75(
    tiny_model, encoded, tmp_path, number
):
    settings = settings_json(epochs=100_000)
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts/train.py", "--settings", json.dumps(settings),
         "--model", tiny_model, "--encoded", encoded[0], "--output", tmp_path / "run",
         "--checkpoints", tmp_path / "checkpoints"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list((tmp_path).glob("checkpoints/*/step*.pt")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 75
    assert f"stopped by {number.name} after step " in log
    assert "Traceback" not in log
