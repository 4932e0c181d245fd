"""A run of two processes on the CPU, started through accelerate's launcher."""

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import tiny
from paths import ROOT
from tiny import results, settings_json

from tunegrid.files import read_json


@pytest.fixture
def still_model(tiny_model, tmp_path):
    """The tiny model without dropout, whose masks are a process' own."""
    model = tmp_path / "model"
    model.mkdir()
    for path in tiny_model.iterdir():
        content = path.read_bytes()
        if path.name == "config.json":
            still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
            content = json.dumps(json.loads(content) | still).encode()
        (model / path.name).write_bytes(content)
    return model


@pytest.fixture
def program(still_model, encoded, tmp_path):
    """Start train.py on a cell: the process, its output to read."""

    def start(name, **settings):
        return subprocess.Popen(
            [sys.executable, ROOT / "scripts/train.py",
             "--settings", json.dumps(settings_json(**settings)),
             "--model", still_model, "--encoded", encoded[0], "--output", tmp_path / name,
             "--checkpoints", tmp_path / "checkpoints"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return start


#: Of a run that is interrupted: long enough for that, whatever the machine.
EPOCHS = 20


def test_two_processes_find_what_one_finds_and_go_on_bitwise(
    program, still_model, encoded, tmp_path
):
    """Three runs tell both: by one process, by two, and by two that were asked to stop.

    The one process is this one.
    """
    tiny.train(tiny.cell(epochs=EPOCHS), still_model, encoded[0], tmp_path / "1")
    process = program("2", gpus_per_run=2, epochs=EPOCHS)
    log, _ = process.communicate(timeout=120)
    assert process.returncode == 0, log
    found = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        assert read_json(folder / "provenance.json")["processes"] == processes
        found[processes] = pd.read_csv(folder / "history.csv").head(12)
    pd.testing.assert_frame_equal(found[1], found[2], rtol=1e-4)
    assert not found[1].equals(found[2]), "the processes did not share the batches"

    process = program("stopped", gpus_per_run=2, epochs=EPOCHS)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("checkpoints/*/step*.pt")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    log, _ = process.communicate(timeout=30)
    assert process.returncode == 75, log
    assert not (tmp_path / "stopped/training.json").exists()
    process = program("stopped", gpus_per_run=2, epochs=EPOCHS)
    log, _ = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert read_json(tmp_path / "stopped/provenance.json")["resumed_at_step"] > 0
    assert results(tmp_path / "stopped") == results(tmp_path / "2")


def test_a_failure_of_one_process_ends_all(program, tmp_path):
    process = program("bad", gpus_per_run=2, method={"kind": "adapter", "adapter": "nonsense"})
    log, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: adapter: 'nonsense' is no configuration string" in log
    assert "error: one of the run's 2 processes failed" in log
    assert not (tmp_path / "bad/training.json").exists()
