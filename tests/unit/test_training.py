import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator
from datasets import load_from_disk
from tiny import ADAPTER, FULL, TRAIN, cell, results

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.settings import settings_hash
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.building import build_model
from tunegrid.training.evaluation import evaluate
from tunegrid.training.job import Job
from tunegrid.training.loop import Training
from tunegrid.training.run import run_cell
from tunegrid.training.stepping import Stepper, build_optimizer


@pytest.fixture
def model_folder(tiny_model, tmp_path):
    """A copy of the tiny model that a test may change."""
    return shutil.copytree(tiny_model, tmp_path / "model")


@pytest.fixture
def run(model_folder, encoded, tmp_path):
    """Run a cell in a folder of its own: (metrics, folder)."""

    def make(name, **changes):
        torch.set_num_threads(1)
        metrics = run_cell(Job(cell(**changes), model_folder, encoded[0], tmp_path / name))
        return metrics, tmp_path / name

    return make


def test_a_run_learns(run):
    metrics, _ = run("a", epochs=10, batch_size=8)
    assert metrics["accuracy"] > metrics["majority_accuracy"] + 0.2
    assert metrics["degenerate"] is False


@pytest.mark.parametrize("method", [FULL, ADAPTER])
def test_a_run_writes_what_a_run_writes(run, method):
    epochs = 4
    metrics, folder = run("a", method=method, epochs=epochs)
    assert metrics["accuracy"] == pytest.approx(metrics["micro_f1"])
    assert read_json(folder / "metrics.json") == metrics
    history = pd.read_csv(folder / "history.csv")
    assert list(history["step"]) == list(range(1, epochs * 3 + 1))
    assert history["eval_loss"].notna().sum() == epochs
    assert history.groupby("epoch")["eval_accuracy"].count().eq(1).all()
    predictions = pd.read_parquet(folder / "predictions.parquet")
    assert (predictions["label"] == predictions["predicted"]).mean() == metrics["accuracy"]
    assert np.allclose([sum(row) for row in predictions["probabilities"]], 1, atol=1e-6)
    made = read_json(folder / "provenance.json")
    assert made["hash"] == metrics["hash"] == settings_hash(made["settings"])
    assert made["versions"]["torch"] == torch.__version__
    assert set(made) >= {"git", "code", "host", "device", "started", "seconds", "task_files"}


def test_two_runs_of_a_cell_are_bitwise_equal_whatever_ran_before(run):
    _, first = run("a", method=ADAPTER)
    run("between", method=FULL, seed=7)
    torch.rand(1000)
    _, second = run("b", method=ADAPTER)
    assert results(first) == results(second)


def test_another_seed_gives_another_run(run):
    assert results(run("a")[1]) != results(run("b", seed=2)[1])


def test_evaluating_on_another_split_changes_no_step(run):
    _, dev = run("dev")
    _, test = run("test", protocol="report")
    columns = ["step", "loss", "learning_rate"]
    curves = [pd.read_csv(folder / "history.csv")[columns] for folder in (dev, test)]
    pd.testing.assert_frame_equal(*curves, check_exact=True)
    assert read_json(dev / "metrics.json")["loss"] == read_json(test / "metrics.json")["loss"]


def test_the_rate_rises_over_the_warm_up_and_falls_to_nothing(run):
    _, folder = run("a", epochs=10, warmup_ratio=0.2)
    rates = pd.read_csv(folder / "history.csv")["learning_rate"]
    assert rates[0] == 0
    assert rates.idxmax() == 6 == int(0.2 * 30)
    assert rates.max() == pytest.approx(1e-2)
    assert rates.iloc[-1] < 1e-4


def test_a_run_that_predicts_one_class_is_finished_and_flagged(run):
    metrics, _ = run("a", learning_rate=1e-9, epochs=1)
    assert metrics["degenerate"] is True
    assert metrics["degenerate_reason"] == "it predicts one class for every example"


def test_a_run_that_diverges_is_finished_and_flagged(run, monkeypatch):
    real = Stepper.take

    def diverging(self, batch, number, **rest):
        loss, due = real(self, batch, number, **rest)
        if number == 2:
            next(self.model.parameters()).data.fill_(float("nan"))
            return float("nan"), due
        return loss, due

    monkeypatch.setattr(Stepper, "take", diverging)
    metrics, folder = run("a")
    assert metrics["degenerate"] is True
    assert metrics["steps"] == 2
    assert read_json(folder / "metrics.json")["loss"] is None


def test_a_model_without_deterministic_kernels_is_refused_by_name(run, monkeypatch):
    def fail(*_):
        raise RuntimeError("x_cuda does not have a deterministic implementation, but you set …")

    monkeypatch.setattr(Stepper, "_accumulate", fail)
    with pytest.raises(UserError, match=r"^train\.deterministic: true, but x_cuda does not have"):
        run("a")


def test_a_tokenizer_that_does_not_fit_the_vocabulary_is_refused(model_folder, encoded, tmp_path):
    folder = tmp_path / "encoded"
    shutil.copytree(encoded[0], folder)
    card = read_json(folder / "encoding.json") | {"largest_token": 999}
    (folder / "encoding.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="its vocabulary has 27 tokens, the tokenizer's ids go to"):
        run_cell(Job(cell(), model_folder, folder, tmp_path / "run"))


def test_weights_of_another_shape_are_refused_in_one_line(run, model_folder):
    config = read_json(model_folder / "config.json") | {"vocab_size": 9}
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"^.*: builds no classifier: .*size mismatch[^\n]*$"):
        run("a")


def test_frozen_weights_stay_bitwise_what_they_were(model_folder, encoded):
    folder, card = encoded
    split = EncodedSplit(load_from_disk(folder)["train"], card["padding"])
    accelerator = Accelerator()
    model = build_model(model_folder, card["labels"], ADAPTER, 1).to(accelerator.device)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    Training(accelerator, model, split, TRAIN, 1).run(lambda: {"loss": 0.0, "accuracy": 0.0})
    changed = {name for name, value in model.named_parameters() if not value.equal(before[name])}
    assert changed == trained


def test_evaluation_draws_no_random_number_and_keeps_the_order(model_folder, encoded):
    folder, card = encoded
    split = EncodedSplit(load_from_disk(folder)["test"], card["padding"])
    accelerator = Accelerator()
    model = build_model(model_folder, card["labels"], FULL, 1).to(accelerator.device)
    state = torch.get_rng_state()
    logits = evaluate(accelerator, model, split, 2)
    assert torch.equal(torch.get_rng_state(), state)
    model.cpu().eval()
    alone = [model(**split.collate(np.array([at]))).logits[0] for at in range(len(split))]
    np.testing.assert_allclose(logits, torch.stack(alone).detach().numpy(), atol=1e-5)


def test_weight_decay_spares_biases_and_normalisation(model_folder, encoded):
    model = build_model(model_folder, ["a", "b"], FULL, 1)
    decayed, spared = build_optimizer(model, TRAIN | {"weight_decay": 0.1}).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    named = {id(value): name for name, value in model.named_parameters()}
    assert all("LayerNorm" not in named[id(p)] for p in decayed["params"])
    assert all("bias" in named[id(p)] or "LayerNorm" in named[id(p)] for p in spared["params"])
