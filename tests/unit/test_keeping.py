"""Kept weights are loaded by their own libraries alone, as README shows it."""

import adapters
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from datasets import load_from_disk
from tiny import ADAPTER, FULL, cell
from transformers import AutoModelForSequenceClassification

from tunegrid.files import read_json, sha256
from tunegrid.training.batching import EncodedSplit

LORA = {"kind": "adapter", "adapter": "lora[r=2]"}
BITFIT = {"kind": "bitfit"}


@pytest.fixture
def run(tiny_model, encoded, tmp_path):
    def make(method, keep):
        tiny.train(cell(method), tiny_model, encoded[0], tmp_path, keep=keep)
        return tmp_path

    return make


def probabilities(model, encoded):
    """Of the test split, by the model alone."""
    folder, card = encoded
    split = EncodedSplit(load_from_disk(folder)["test"], card["padding"])
    with torch.no_grad():
        logits = model.eval()(**split.collate(np.arange(len(split)))).logits
    return logits.softmax(dim=1).numpy()


def assert_is_the_run(model, encoded, folder):
    kept = pd.read_parquet(folder / "predictions.parquet")["log_probabilities"]
    np.testing.assert_allclose(probabilities(model, encoded), np.exp(np.stack(kept)), atol=1e-5)


@pytest.mark.parametrize("method", [ADAPTER, LORA], ids=["bottleneck", "lora"])
def test_a_kept_adapter_is_loaded_in_three_lines(run, tiny_model, encoded, method):
    folder = run(method, "adapters")
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=2)
    adapters.init(model)
    model.load_adapter(str(folder / "adapter"), set_active=True, use_safetensors=True)
    assert_is_the_run(model, encoded, folder)
    kept = read_json(folder / "provenance.json")["kept"]
    assert kept == {name: sha256(folder / name) for name in kept}
    assert not list(folder.rglob("*.bin")), "pickled weights"


@pytest.mark.parametrize("method", [FULL, BITFIT], ids=["full", "bitfit"])
def test_a_kept_model_is_loaded_in_one(run, encoded, method):
    folder = run(method, "all")
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
    assert_is_the_run(model, encoded, folder)
    assert model.config.id2label == {0: "good", 1: "bad"}


@pytest.mark.parametrize(("method", "keep"), [(ADAPTER, "none"), (FULL, "adapters")])
def test_what_is_not_asked_for_is_not_kept(run, method, keep):
    folder = run(method, keep)
    assert read_json(folder / "provenance.json")["kept"] == {}
    assert all(path.is_file() for path in folder.iterdir())
