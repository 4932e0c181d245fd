"""Kept weights are loaded by their own libraries alone, as README shows it."""

import adapters
import family_checkpoints
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from datasets import load_from_disk
from tiny import ADAPTER, FULL, cell, results
from transformers import AutoModelForSequenceClassification

from tunegrid.files import read_json, sha256
from tunegrid.results import RUN_FILES
from tunegrid.training import run_files
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
    inputs = split.collate(np.arange(len(split)))
    if model.config.model_type == "t5":
        del inputs["token_type_ids"]  # the tokenizer is BERT's
    with torch.no_grad():
        logits = model.eval()(**inputs).logits
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


@pytest.mark.filterwarnings("ignore:`past_key_value` is deprecated:FutureWarning")
@pytest.mark.parametrize("method", [ADAPTER, LORA], ids=["bottleneck", "lora"])
def test_an_adapter_of_a_model_that_shares_its_embeddings_is_kept(
    tiny_model, encoded, tmp_path, method
):
    folder = family_checkpoints.save_family("t5", tmp_path / "t5", tiny_model)
    tiny.train(cell(method), folder, encoded[0], tmp_path / "run", keep="adapters")
    assert read_json(tmp_path / "run/provenance.json")["not_kept"] is None
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    adapters.init(model)
    model.load_adapter(str(tmp_path / "run/adapter"), set_active=True, use_safetensors=True)
    assert_is_the_run(model, encoded, tmp_path / "run")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("Some tensors share memory,\n  this will lead to duplicate memory"),
        KeyError("heads"),
        AssertionError(),
    ],
    ids=["disk", "safetensors", "library", "assertion"],
)
@pytest.mark.parametrize(("method", "keep"), [(ADAPTER, "adapters"), (FULL, "all")])
def test_weights_that_cannot_be_kept_cost_no_result(
    tiny_model, encoded, tmp_path, monkeypatch, caplog, error, method, keep
):
    def fail(built, method, output):
        assert {path.name for path in output.iterdir()} == set(RUN_FILES[:3]), "what is not lost"
        (output / "adapter").mkdir()
        (output / "adapter/half.safetensors").write_bytes(b"half")
        raise error

    tiny.train(cell(method), tiny_model, encoded[0], tmp_path / "without")
    monkeypatch.setattr(run_files, "keep_weights", fail)
    folder = tmp_path / "run"
    tiny.train(cell(method), tiny_model, encoded[0], folder, keep=keep)
    assert {path.name for path in folder.iterdir()} == set(RUN_FILES)
    assert results(folder) == results(tmp_path / "without")
    made = read_json(folder / "provenance.json")
    assert made["kept"] == {}
    assert made["not_kept"].startswith(type(error).__name__)
    assert "\n" not in made["not_kept"]
    assert made["not_kept"] in caplog.text
