import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell, results

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.settings import CellSettings
from tunegrid.stopping import StopRequest
from tunegrid.training import finetune, objectives
from tunegrid.training.optimizers import build_optimizer
from tunegrid.training.run_request import RunRequest
from tunegrid.training.step_guard import StepGuard


@pytest.fixture
def model_folder(tiny_model, tmp_path):
    """A copy of the tiny model that a test may change."""
    return shutil.copytree(tiny_model, tmp_path / "model")


@pytest.fixture
def run(model_folder, encoded, tmp_path):
    """Train and score a cell in a folder of its own: (training.json and scores, folder)."""

    def make(name, **changes):
        folder = tmp_path / name
        training = tiny.train(cell(**changes), model_folder, encoded[0], folder)
        return training | tiny.score(folder), folder

    return make


def test_a_run_learns(run):
    metrics, _ = run("a", epochs=10, batch_size=8)
    assert metrics["accuracy"] > metrics["majority_accuracy"] + 0.2
    assert metrics["degenerate"] is False


@pytest.mark.parametrize("method", [FULL, ADAPTER])
def test_a_run_writes_what_a_run_writes(run, method):
    epochs = 4
    metrics, folder = run("a", method=method, epochs=epochs)
    history = pd.read_csv(folder / "history.csv")
    assert list(history) == ["step", "epoch", "loss", "learning_rate"]
    assert list(history["step"]) == list(range(1, epochs * 3 + 1))
    evaluations = pd.read_parquet(folder / "evaluations.parquet")
    assert evaluations.groupby("epoch").size().tolist() == [12] * epochs
    predictions = pd.read_parquet(folder / "predictions.parquet")
    right = predictions["label"].astype(str) == predictions["predicted"].astype(str)
    assert right.mean() == metrics["accuracy"]
    probabilities = np.exp(np.stack(predictions["log_probabilities"]))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    made = read_json(folder / "provenance.json")
    assert made["hash"] == metrics["hash"] == CellSettings.from_json(made["settings"]).hash
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
    one, other = (pd.read_csv(folder / "history.csv") for folder in (dev, test))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert tiny.score(dev)["loss"] == tiny.score(test)["loss"]


def test_the_rate_rises_over_the_warm_up_and_falls_to_nothing(run):
    _, folder = run("a", epochs=10, warmup_ratio=0.2)
    rates = pd.read_csv(folder / "history.csv")["learning_rate"]
    assert rates[:6].tolist() == pytest.approx([1e-2 * step / 6 for step in range(1, 7)])
    assert rates.max() == 1e-2 == rates[6], "the peak, in the first step after the warm-up, too"
    assert rates[6:].is_monotonic_decreasing
    assert rates.iloc[-1] < 1e-4


def test_a_run_of_one_step_trains(build):
    run = build(epochs=1, batch_size=100)
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    finetune.train(run)
    (record,) = run.progress.history
    assert record.learning_rate == 1e-2
    assert any(not value.equal(before[name]) for name, value in run.model.named_parameters())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 1}, "the run is short: its warm-up takes 1 of 3 optimizer steps (33%)"),
        ({"epochs": 1, "batch_size": 48}, "takes 1 of 1 optimizer step (100%)"),
        ({"epochs": 4}, "the warm-up takes 2 of 12 optimizer steps (17%), train.warmup_ratio asks"),
        ({"epochs": 10, "warmup_ratio": 0.2}, None),
        ({"epochs": 4, "warmup_ratio": 0.0}, None),
    ],
)
def test_a_schedule_that_is_not_as_asked_for_is_told(run, caplog, changes, told):
    _, folder = run("a", **changes)
    notes = read_json(folder / "provenance.json")["notes"]
    if told is None:
        assert notes == []
    else:
        (note,) = notes
        assert told in note
        assert note in [
            record.message for record in caplog.records if record.levelname == "WARNING"
        ]


def test_a_run_that_predicts_one_class_is_finished_and_flagged(run):
    metrics, _ = run("a", learning_rate=1e-9, epochs=1)
    assert metrics["degenerate"] is True
    assert metrics["degenerate_reason"] == "it predicts one class for every example"


def test_a_run_that_diverges_is_finished_and_flagged(run, monkeypatch):
    real = StepGuard.compute

    def diverging(self, batch, add_gradient, *, step, checkpoint_due):
        loss, due = real(self, batch, add_gradient, step=step, checkpoint_due=checkpoint_due)
        return (loss * float("nan") if step == 2 else loss), due

    monkeypatch.setattr(StepGuard, "compute", diverging)
    metrics, folder = run("a")
    assert metrics["degenerate"] is True
    assert metrics["degenerate_reason"] == "its loss is not finite"
    assert metrics["steps"] == 2
    assert metrics["epochs"] == [metrics["epochs"][0]]
    assert metrics["epochs"][0]["step"] == 2
    assert read_json(folder / "training.json")["diverged"] is True


def test_a_model_without_deterministic_kernels_is_refused_by_name(run, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("x_cuda does not have a deterministic implementation, but you set …")

    monkeypatch.setattr(objectives, "cross_entropy", fail)
    with pytest.raises(UserError, match=r"^train\.deterministic: true, but x_cuda does not have"):
        run("a")


def test_a_tokenizer_that_does_not_fit_the_vocabulary_is_refused(model_folder, encoded, tmp_path):
    folder = tmp_path / "encoded"
    shutil.copytree(encoded[0], folder)
    card = read_json(folder / "encoding.json") | {"largest_token": 999}
    (folder / "encoding.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="its vocabulary has 27 tokens, the tokenizer's ids go to"):
        tiny.train(cell(), model_folder, folder, tmp_path / "run")


def test_weights_of_another_shape_are_refused_in_one_line(run, model_folder):
    config = read_json(model_folder / "config.json") | {"vocab_size": 29}
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"^.*word_embeddings.* has the shape [^\n]*$"):
        run("a")


@pytest.fixture
def build(model_folder, encoded, tmp_path):
    """Build a run that has not begun."""

    def make(method=FULL, **settings):
        request = RunRequest(cell(method, **settings), model_folder, encoded[0], tmp_path / "run")
        return finetune.build(request, {}, StopRequest())

    return make


def test_frozen_weights_stay_bitwise_what_they_were(build):
    run = build(ADAPTER)
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    trained = {name for name, value in run.model.named_parameters() if value.requires_grad}
    finetune.train(run)
    after = run.model.named_parameters()
    assert {name for name, value in after if not value.equal(before[name])} == trained


def test_evaluation_draws_no_random_number_and_keeps_the_order(build):
    run = build()
    state = torch.get_rng_state()
    found = finetune.evaluate(run, "test")
    assert torch.equal(torch.get_rng_state(), state)
    split, model = run.splits["test"], run.model.cpu().eval()
    alone = [
        model(**split.collate(np.array([at]))).logits[0].log_softmax(0) for at in range(len(split))
    ]
    expected = torch.stack(alone).detach().numpy()
    np.testing.assert_allclose(found.log_probabilities, expected, atol=1e-5)


def test_weight_decay_spares_biases_and_normalisation(model_folder):
    model = tiny.build(model_folder).model
    settings = tiny.train_settings(weight_decay=0.1)
    decayed, spared = build_optimizer(model, settings).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    named = {id(value): name for name, value in model.named_parameters()}
    assert all("LayerNorm" not in named[id(p)] for p in decayed["params"])
    assert all("bias" in named[id(p)] or "LayerNorm" in named[id(p)] for p in spared["params"])


def test_what_is_known_of_the_model_stands_in_provenance_and_log(run, caplog):
    caplog.set_level("INFO")
    _, folder = run("a")
    made = read_json(folder / "provenance.json")["model"]
    assert made["new_weights"] == ["classifier.bias", "classifier.weight"]
    assert made["trimmed_last_layer"] is True
    assert made["unused_weights"] == []
    assert "new, drawn from the seed and trained: classifier.bias, classifier.weight" in caplog.text
