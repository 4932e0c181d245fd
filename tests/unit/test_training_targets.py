"""Cells of several labels and of numbers are trained, evaluated, stopped, kept and scored."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import target_tasks
import tiny
import torch
from datasets import load_from_disk
from tiny import ADAPTER, FULL, cell, results

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import default_metrics
from tunegrid.statistics.prediction_files import read_predictions
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training import finetune
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.kept_weights import load_kept
from tunegrid.training.loading_weights import load_classifier
from tunegrid.training.objectives import Objective, best_threshold
from tunegrid.training.probing import logits_of

KINDS = ["multi_label", "regression"]
METRIC = {"multi_label": "micro_f1", "regression": "pearson"}


@pytest.fixture(scope="module")
def tasks(tiny_model, tmp_path_factory):
    """The folder of each encoded task, by its kind of target."""
    return {
        kind: target_tasks.encode(kind, tiny_model, tmp_path_factory.mktemp(kind)) for kind in KINDS
    }


@pytest.fixture
def train(tasks, tiny_model, tmp_path):
    """Train a cell of a kind of target into a folder of the test."""

    def go(kind, method=FULL, name="run", stop=None, model=tiny_model, request=None, **settings):
        settings = {"select_metric": METRIC[kind], "micro_batch": "auto"} | settings
        output = tmp_path / name
        tiny.train(
            cell(method, **settings), model, tasks[kind], output, stop=stop, **(request or {})
        )
        return output

    return go


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_learns_and_is_scored_by_the_metrics_of_its_target(train, kind):
    output = train(kind, epochs=12)
    score, training = tiny.score(output), read_json(output / "training.json")
    names = default_metrics(kind).names
    assert set(names) <= set(score)
    assert all(set(names) <= set(epoch) for epoch in score["epochs"])
    assert (training["target"], score["target"], score["degenerate"]) == (kind, kind, False)
    main = default_metrics(kind).main
    assert score[main] > 0.7 > score[f"majority_{main}"]
    losses = pd.read_csv(output / "history.csv")["loss"]
    assert losses.iloc[-3:].mean() < 0.8 * losses.iloc[:3].mean()


def test_a_regression_trains_one_output_by_the_squared_error(train, tasks):
    output = train("regression", request={"keep": "all"})
    config = json.loads((output / "model/config.json").read_text())
    assert (config["problem_type"], len(config["id2label"])) == ("regression", 1)
    table = pd.read_parquet(output / "predictions.parquet")
    data = load_from_disk(tasks["regression"])
    assert table["label"].tolist() == list(data["test"]["label"])
    assert read_json(output / "training.json")["train_mean"] == np.mean(data["train"]["label"])
    score = tiny.score(output)
    assert score["loss"] == pytest.approx(((table["label"] - table["predicted"]) ** 2).mean())
    expected = np.abs(table["label"] - np.mean(data["train"]["label"])).mean()
    assert score["majority_mae"] == pytest.approx(expected)
    assert score["majority_pearson"] == 0


def test_several_labels_are_predicted_from_their_log_odds(train):
    output = train("multi_label", request={"keep": "all"})
    config = json.loads((output / "model/config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    training = read_json(output / "training.json")
    assert training["threshold"] == 0.5
    found = read_predictions(output / "predictions.parquet", training["labels"], "multi_label")
    assert (found.predicted == (found.log_odds >= 0)).all()
    truths = [set(row["label"]) for row in target_tasks.records("multi_label", "test")]
    assert [set(np.array(tiny.LABELS)[row]) for row in found.labels] == truths
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(found.log_odds), torch.tensor(found.labels, dtype=torch.float64)
    )
    assert tiny.score(output)["loss"] == pytest.approx(losses.item())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
def test_a_run_that_was_stopped_goes_on_bitwise(train, monkeypatch, tmp_path, kind, method):
    settings = {"select": "best_dev"}
    if kind == "multi_label":
        settings["threshold"] = "dev"
    whole = train(kind, method, "whole", **settings)
    stop, real = StopRequest(), finetune.take_step

    def take_step(run, batch, epoch):
        real(run, batch, epoch)
        if len(run.progress.history) == 4:
            stop.signal = "SIGTERM"

    monkeypatch.setattr(finetune, "take_step", take_step)
    request = {"checkpoints": tmp_path / "checkpoints"}
    with pytest.raises(Stopped):
        train(kind, method, "again", stop, request=request, **settings)
    monkeypatch.setattr(finetune, "take_step", real)
    torch.rand(7)  # whatever the next process has drawn
    assert results(train(kind, method, "again", request=request, **settings)) == results(whole)


LOSSES = [
    ("multi_label", {}),
    ("multi_label", {"class_weights": {"good": 3.0}}),
    ("multi_label", {"class_weights": "balanced"}),
    ("regression", {}),
]


@pytest.mark.parametrize(("kind", "settings"), LOSSES)
def test_the_gradient_is_that_of_the_whole_batch_however_it_is_cut(
    train, tiny_model, tmp_path, kind, settings
):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    config = read_json(model / "config.json")
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config))
    curves = [
        pd.read_csv(
            train(kind, name=str(size), model=model, micro_batch=size, **settings) / "history.csv"
        )["loss"]
        for size in (16, 3)  # the last micro-batch of a batch has a single example
    ]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
def test_kept_weights_predict_what_the_run_predicted(train, tasks, tiny_model, kind, method):
    output = train(kind, method, request={"keep": "all"})
    training = read_json(output / "training.json")
    model = load_kept(tiny_model, output, labels=training["labels"], pad_token=0)
    card = read_json(tasks[kind] / "encoding.json")
    split = EncodedSplit(load_from_disk(tasks[kind])["test"], card["padding"])
    logits = logits_of(model, split.collate(np.arange(len(split)))).numpy()
    table = pd.read_parquet(output / "predictions.parquet")
    written = table["predicted"] if kind == "regression" else np.stack(table["log_odds"])
    np.testing.assert_allclose(logits.squeeze(), np.asarray(written), rtol=1e-3, atol=1e-4)


def test_a_threshold_of_dev_is_the_best_on_dev_of_the_epoch_that_counts(train):
    output = train("multi_label", epochs=3, threshold="dev", select="best_dev")
    training = read_json(output / "training.json")
    probability = training["threshold"]
    log_odds = math.log(probability / (1 - probability))
    test = read_predictions(output / "predictions.parquet", training["labels"], "multi_label")
    assert (test.predicted == (test.log_odds >= log_odds)).all()
    epochs = pd.read_parquet(output / "evaluations.parquet")
    dev = epochs[epochs["epoch"] == training["selected_epoch"]]
    truth = np.array([[name in held for name in tiny.LABELS] for held in dev["label"]])
    assert best_threshold(truth, np.stack(dev["log_odds"])) == pytest.approx(log_odds, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_threshold_is_the_best_of_all(seed):
    draw = np.random.default_rng(seed)
    log_odds = draw.normal(size=(12, 3)).round(1) - draw.integers(3)
    labels = draw.random((12, 3)) < 0.3

    def micro_f1(threshold):
        predicted = log_odds >= threshold
        return 2 * (predicted & labels).sum() / (predicted.sum() + labels.sum())

    found = best_threshold(labels, log_odds)
    tried = [0.0, *np.unique(log_odds), *(np.unique(log_odds) - 0.05)]
    assert micro_f1(found) == pytest.approx(max(map(micro_f1, tried)))
    if micro_f1(0.0) == micro_f1(found):
        assert found == 0.0


def test_without_a_true_label_or_with_lost_numbers_the_threshold_is_a_half():
    assert best_threshold(np.zeros((3, 2), dtype=bool), np.ones((3, 2))) == 0.0
    assert best_threshold(np.ones((3, 2), dtype=bool), np.full((3, 2), np.nan)) == 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [1.0, 4.0, 0.5]])
def test_the_loss_of_single_labels_is_torch_s_mean_however_it_is_cut(smoothing, weights):
    torch.manual_seed(0)
    logits, labels = torch.randn(8, 3), np.array([0, 1, 2, 2, 1, 0, 0, 0])
    weight = None if weights is None else torch.tensor(weights)
    expected = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)(
        logits, torch.from_numpy(labels)
    )
    objective = Objective("single_label", label_smoothing=smoothing, weights=weight)
    true = torch.from_numpy(labels)
    parts = [objective.loss_of_rows(logits[rows], true[rows]) for rows in (slice(3), slice(3, 8))]
    assert float(sum(parts)) / objective.divisor(labels) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    "settings",
    [{"label_smoothing": 0.2}, {"class_weights": {"good": 5.0}}, {"class_weights": "balanced"}],
)
def test_settings_of_the_loss_change_what_is_trained(encoded, tiny_model, tmp_path, settings):
    if settings == {"class_weights": "balanced"}:
        # Both labels of the small task are as frequent: nothing but rounding may change.
        plain = tiny.train(cell(), tiny_model, encoded[0], tmp_path / "plain")
        tiny.train(cell(**settings), tiny_model, encoded[0], tmp_path / "run")
        curves = [pd.read_csv(tmp_path / name / "history.csv")["loss"] for name in ("plain", "run")]
        np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
        assert plain["diverged"] is False
        return
    for name, changed in (("plain", {}), ("run", settings)):
        tiny.train(cell(**changed), tiny_model, encoded[0], tmp_path / name)
    curves = [pd.read_csv(tmp_path / name / "history.csv")["loss"] for name in ("plain", "run")]
    assert (curves[0] != curves[1]).all()


def test_balanced_weights_are_those_of_scikit_learn(tasks):
    from sklearn.utils.class_weight import compute_class_weight

    from tunegrid.training.objectives import _balanced_weights

    class Split:
        target = "single_label"
        labels = np.array([0, 0, 0, 1, 3, 3])

        def __len__(self):
            return len(self.labels)

    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=Split.labels)
    assert _balanced_weights(Split(), 5).tolist() == [*expected[:2], 1.0, expected[2], 1.0]


def test_weights_of_a_label_that_the_task_lacks_are_refused_by_name(train):
    with pytest.raises(UserError, match="class_weights: names splendid; the task's labels are go"):
        train("multi_label", class_weights={"splendid": 2.0})


def test_a_head_is_kept_where_it_is_of_the_same_target_and_refused_elsewhere(train):
    folder = train("regression", request={"keep": "all"}) / "model"
    model, loaded = load_classifier(folder, labels=[], target="regression", keep_head=True)
    assert (model.config.num_labels, loaded.new) == (1, frozenset())
    for labels, target in ((tiny.LABELS, "single_label"), (tiny.LABELS, "multi_label")):
        with pytest.raises(UserError, match="its head is one for regression; leave `head` out"):
            load_classifier(folder, labels=labels, target=target, keep_head=True)
    model, loaded = load_classifier(folder, labels=tiny.LABELS)
    assert model.config.problem_type == "single_label_classification"
    assert loaded.new == {"classifier.weight", "classifier.bias"}


def test_a_head_of_several_labels_is_no_number_s(train):
    folder = train("multi_label", request={"keep": "all"}) / "model"
    config = read_json(folder / "config.json")
    del config["problem_type"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="its head knows 2 labels, and the task asks for a number"):
        load_classifier(folder, labels=[], target="regression", keep_head=True)
