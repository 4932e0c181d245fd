"""Results stay what they are: a small grid as the first release trained it, to the last bit.

`tests/golden/training.json` was written by the training of version 0.1. On the kind of processor
and with the libraries that made it every number is equal; elsewhere they agree to rounding.

That version warmed up by the library's own schedule, whose first step has the rate 0. It is put in
here, so that all else is held to the bit; `test_schedule.py` holds ours to the library's.
"""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from paths import ROOT
from transformers import get_scheduler

from tunegrid.provenance import installed_version
from tunegrid.training import finetune
from tunegrid.training.schedule import SCHEDULES

GOLDEN = json.loads((ROOT / "tests/golden/training.json").read_text())


def processor():
    """The kind of processor as Linux names it; empty elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else ""


def is_the_same_machine():
    """Whether bits can be asked for: the processor and the libraries are those of the file."""
    here = (torch.backends.cpu.get_cpu_capability(), processor())
    return here == (GOLDEN["cpu"], GOLDEN["processor"]) and all(
        installed_version(name).split("+")[0] == version.split("+")[0]
        for name, version in GOLDEN["versions"].items()
    )


def library_schedule(optimizer, settings, steps):
    """The schedule of the first release."""
    return get_scheduler(
        SCHEDULES[settings.schedule],
        optimizer,
        num_warmup_steps=math.ceil(settings.warmup_ratio * steps),
        num_training_steps=steps,
    )


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_a_cell_is_trained_as_the_first_release_trained_it(
    name, tiny_model, encoded, tmp_path, monkeypatch
):
    monkeypatch.setattr(finetune, "build_schedule", library_schedule)
    golden = GOLDEN["cases"][name]
    training = tiny.train(tiny.cell(**golden["settings"]), tiny_model, encoded[0], tmp_path)
    score = tiny.score(tmp_path)
    history = pd.read_csv(tmp_path / "history.csv")
    predictions = pd.read_parquet(tmp_path / "predictions.parquet")
    probabilities = np.exp(np.stack(predictions["log_probabilities"]))

    tolerance = 0.0 if is_the_same_machine() else 1e-5

    def same(value):
        return pytest.approx(value, rel=tolerance, abs=tolerance)

    assert history["loss"].tolist() == same(golden["loss"])
    assert history["learning_rate"].tolist() == same(golden["learning_rate"])
    for epoch, expected in zip(score["epochs"], golden["evaluations"], strict=True):
        assert {key: epoch[key] for key in expected} == same(expected)
    assert predictions["predicted"].tolist() == golden["predicted"]
    # The file has probabilities in single precision.
    np.testing.assert_allclose(probabilities, golden["probabilities"], rtol=1e-6 + tolerance)
    assert {key: score[key] for key in golden["test"]} == same(golden["test"])
    for key in ("steps", "selected_epoch", "trainable_parameters", "total_parameters"):
        assert training[key] == golden[key]
    assert score["degenerate"] == golden["degenerate"]
