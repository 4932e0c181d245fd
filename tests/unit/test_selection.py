import pandas as pd
import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell

from tunegrid.training import finetune
from tunegrid.training.selection import Selection

LONG = {"epochs": 8, "batch_size": 16, "learning_rate": 3e-2}


@pytest.fixture
def run(tiny_model, encoded, tmp_path):
    def make(name, method=FULL, **settings):
        folder = tmp_path / name
        training = tiny.train(cell(method, **settings), tiny_model, encoded[0], folder)
        return training | tiny.score(folder), pd.read_csv(folder / "history.csv")

    return make


@pytest.mark.parametrize(
    ("method", "metric"), [(FULL, "loss"), (FULL, "accuracy"), (ADAPTER, "accuracy")]
)
def test_the_best_epoch_on_dev_is_the_result(run, method, metric):
    best, history = run("best", method, **LONG, select="best_dev", select_metric=metric)
    scores = pd.DataFrame(best["epochs"]).set_index("epoch")[metric]
    chosen = scores.idxmin() if metric == "loss" else scores.idxmax()  # the first of equals
    assert best["selected_epoch"] == chosen
    assert chosen < 8, "the last epoch is the best: nothing is chosen"
    last, unchosen = run("last", method, **LONG)
    assert last["selected_epoch"] == 8
    pd.testing.assert_frame_equal(history, unchosen, check_exact=True)
    assert last["loss"] != best["loss"]


def test_early_stopping_ends_after_patience_and_is_a_beginning_of_the_whole(run):
    settings = LONG | {"select": "best_dev", "select_metric": "loss"}
    _, history = run("whole", **settings)
    stopped, begun = run("stopped", **settings, early_stopping=1)
    assert stopped["selected_epoch"] == begun["epoch"].max() - 1
    assert stopped["steps"] == len(begun) < len(history)
    assert len(begun) == 3 * begun["epoch"].max(), "it stopped within an epoch"
    assert len(stopped["epochs"]) == begun["epoch"].max(), "an epoch was not evaluated"
    pd.testing.assert_frame_equal(begun, history.head(len(begun)), check_exact=True)


def test_the_test_split_is_read_once_and_last(run, monkeypatch):
    real, read = finetune.evaluate, []

    def evaluate(run, name, **options):
        read.append(name)
        return real(run, name, **options)

    monkeypatch.setattr(finetune, "evaluate", evaluate)
    run("a", **LONG, select="best_dev")
    assert read == ["dev"] * 8 + ["test"]


def test_the_report_s_protocol_evaluates_test_after_each_epoch(run, monkeypatch):
    real, read = finetune.evaluate, []

    def evaluate(run, name, **options):
        read.append(name)
        return real(run, name, **options)

    monkeypatch.setattr(finetune, "evaluate", evaluate)
    run_and_score, _ = run("a", protocol="report")
    assert read == ["test", "test"]
    assert run_and_score["epochs"][-1]["loss"] == run_and_score["loss"]


def test_a_value_that_is_not_finite_is_never_the_best():
    model = torch.nn.Linear(1, 1)
    selection = Selection(
        tiny.train_settings(select="best_dev", select_metric="loss", early_stopping=1)
    )
    for evaluation, loss in enumerate([float("nan"), 2.0, float("nan"), 1.0, 1.0], start=1):
        selection.see(7 * evaluation, loss, model)
    assert selection.step == 28
    assert selection.out_of_patience
    state = selection.state_dict()
    assert (state["step"], state["value"], state["seen_since_best"]) == (28, -1.0, 1)
