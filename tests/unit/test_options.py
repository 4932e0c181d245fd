"""The settings that trade exactness for speed: what each does and does not change."""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from datasets import load_from_disk
from tiny import ADAPTER, FULL, cell

from tunegrid.files import read_json
from tunegrid.training import finetune
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.randomness import make_deterministic


@pytest.fixture
def run(tiny_model, encoded, tmp_path):
    """A run's curve and provenance."""

    def make(name, **settings):
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state()  # a process has one precision for good
        tiny.train(cell(**settings), tiny_model, encoded[0], tmp_path / name)
        AcceleratorState._reset_state()
        made = read_json(tmp_path / name / "provenance.json")
        return pd.read_csv(tmp_path / name / "history.csv"), made

    return make


def differs_by_rounding(one, other, most):
    difference = (one["loss"] - other["loss"]).abs().max()
    return 0 < difference < most


def test_bf16_rounds_and_no_more(run):
    exact, _ = run("fp32", learning_rate=1e-4)
    rounded, made = run("bf16", learning_rate=1e-4, precision="bf16")
    assert differs_by_rounding(exact, rounded, 0.02)
    assert made["settings"]["train"]["precision"] == "bf16"


def test_attention_is_the_one_that_was_asked_for_and_is_recorded(run):
    found = {}
    for attention in ("auto", "sdpa", "eager"):
        found[attention], made = run(attention, attention=attention, learning_rate=1e-4)
        assert made["attention"] == ("eager" if attention == "eager" else "sdpa")
    assert found["auto"].equals(found["sdpa"])
    # Dropout masks are drawn in another order, so the curves are two draws of one thing.
    assert abs(found["sdpa"]["loss"].iloc[0] - found["eager"]["loss"].iloc[0]) < 0.1


def test_length_grouped_batches_change_the_order_alone(run):
    random, _ = run("random", learning_rate=1e-9)
    grouped, _ = run("grouped", learning_rate=1e-9, group_by_length=True)
    assert not random["loss"].equals(grouped["loss"])
    assert random["loss"].mean() == pytest.approx(grouped["loss"].mean(), abs=0.05)


def test_tf32_is_off_unless_asked_for():
    try:
        for precision, on in (("fp32", False), ("tf32", True), ("bf16", False)):
            finetune.start_accelerator(tiny.train_settings(precision=precision))
            assert torch.backends.cuda.matmul.allow_tf32 is on
            assert torch.backends.cudnn.allow_tf32 is on
            make_deterministic(deterministic=True, threads=1)
            assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        make_deterministic(deterministic=False, threads=1)


def saved_for_backward(model, split):
    """The numbers that a forward pass keeps, parameters left out."""
    own = {parameter.data_ptr() for parameter in model.parameters()}
    kept = {}

    def keep(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train()(**split.collate(np.arange(16)))
    return sum(kept.values())


def test_nothing_below_the_first_trained_weight_keeps_activations(tiny_model, encoded):
    folder, card = encoded
    split = EncodedSplit(load_from_disk(folder)["train"], card["padding"])
    saved = {
        name: saved_for_backward(
            tiny.build(tiny_model, method).model,
            split,
        )
        for name, method in (("full", FULL), ("adapter", ADAPTER), ("head", {"kind": "head"}))
    }
    assert saved["head"] <= 16 * (32 + 2) * 2  # the head's input, its dropout mask
    assert saved["head"] < saved["adapter"] < saved["full"]
