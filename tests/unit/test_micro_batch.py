"""`micro_batch: auto`: as many examples at once as the device has room for."""

import json
import shutil

import numpy as np
import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.fit import largest_micro_batch
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import predict
from tunegrid.memory.records import TrainingStep
from tunegrid.training.micro_batch import choose_micro_batch

CPU = torch.device("cpu")
BATCH, LONGEST = 16, 22


def choose(settings, model, processes=1):
    return choose_micro_batch(
        settings, model, labels=2, longest=LONGEST, processes=processes, device=CPU
    )


def training_step(method, examples):
    """The step of a cell that is trained by this method, on a batch of so many at once."""
    return TrainingStep(
        method="m",
        method_source=cell(method).method_source,
        labels=2,
        batch=examples,
        tokens=LONGEST,
        accumulated=BATCH // examples,
    )


def limit_for(model, method, examples):
    """A memory_limit in which so many examples fit, and not twice as many."""
    config = AutoConfig.from_pretrained(model)
    peaks = [
        predict(config, training_step(method, count), cuda=False).peak
        for count in (examples, 2 * examples)
    ]
    return f"{sum(peaks) // 2} B"


@pytest.mark.parametrize("capacity", range(40))
def test_the_largest_power_of_two_that_fits_is_found(capacity):
    def needed(batch):
        return 3 + 2 * batch

    found = largest_micro_batch(needed, capacity, 12)
    fitting = [n for n in (1, 2, 4, 8, 12) if needed(n) <= capacity]
    assert found == max(fitting, default=0)


@pytest.mark.parametrize(("method", "examples"), [(FULL, 1), (ADAPTER, 4)], ids=["full", "adapter"])
def test_a_pretended_small_device_gets_what_fits(tiny_model, method, examples):
    limit = limit_for(tiny_model, method, examples)
    settings = cell(method, micro_batch="auto", memory_limit=limit, batch_size=BATCH)
    chosen = choose(settings, tiny_model)
    assert chosen == examples
    config = AutoConfig.from_pretrained(tiny_model)
    assert measure(config, training_step(method, chosen)).peak <= int(limit.split()[0]), (
        "it does not really fit"
    )


def test_where_not_one_example_fits_the_numbers_are_told(tiny_model):
    settings = cell(micro_batch="auto", memory_limit="10 KB")
    with pytest.raises(UserError, match=r"not one example of 22 tokens fits: it needs 0\.00 GB"):
        choose(settings, tiny_model)


@pytest.mark.parametrize(
    ("train", "processes", "chosen"),
    [
        ({"micro_batch": "auto"}, 1, BATCH),
        ({"micro_batch": "auto"}, 3, 6),
        ({"micro_batch": 4}, 1, 4),
        ({"micro_batch": "auto", "memory_limit": "1GB"}, 1, BATCH),
    ],
)
def test_all_of_a_process_s_share_where_there_is_room(tiny_model, train, processes, chosen):
    settings = cell(**train, batch_size=BATCH)
    assert choose(settings, tiny_model, processes) == chosen


def test_a_small_device_finds_what_a_large_one_finds(tiny_model, encoded, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    config = read_json(model / "config.json")
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config))

    def run(name, **train):
        settings = cell(micro_batch="auto", batch_size=BATCH, **train)
        training = tiny.train(settings, model, encoded[0], tmp_path / name)
        history = np.loadtxt(tmp_path / name / "history.csv", delimiter=",", skiprows=1, usecols=2)
        return training | tiny.score(tmp_path / name), history

    large, losses = run("large")
    small, same_losses = run("small", memory_limit=limit_for(model, FULL, 2))
    assert (large["micro_batch"], small["micro_batch"]) == (BATCH, 2)
    assert small["out_of_memory"] == []
    np.testing.assert_allclose(same_losses, losses, rtol=1e-4)
    assert small["accuracy"] == large["accuracy"]
    assert small["peak_memory"] > 0
    assert small["peak_memory_of"] == "process"
