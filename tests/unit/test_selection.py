import pandas as pd
import pytest
import torch
from tiny import ADAPTER, FULL, cell

from tunegrid.files import read_json
from tunegrid.training import run as running
from tunegrid.training.job import Job
from tunegrid.training.run import run_cell
from tunegrid.training.selection import Selection

LONG = {"epochs": 8, "batch_size": 16, "learning_rate": 3e-2}


@pytest.fixture
def run(tiny_model, encoded, tmp_path):
    def make(name, method=FULL, **settings):
        torch.set_num_threads(1)
        run_cell(Job(cell(method, **settings), tiny_model, encoded[0], tmp_path / name))
        return read_json(tmp_path / name / "metrics.json"), pd.read_csv(
            tmp_path / name / "history.csv"
        )

    return make


@pytest.mark.parametrize(
    ("method", "metric"), [(FULL, "loss"), (FULL, "accuracy"), (ADAPTER, "accuracy")]
)
def test_the_best_epoch_on_dev_is_the_result(run, method, metric):
    best, history = run("best", method, **LONG, select="best_dev", select_metric=metric)
    scores = history.dropna(subset="eval_loss").set_index("epoch")[f"eval_{metric}"]
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
    pd.testing.assert_frame_equal(begun, history.head(len(begun)), check_exact=True)


def test_the_test_split_is_read_once_and_last(run, monkeypatch):
    real, read = running.evaluate, []

    def evaluate(accelerator, model, split, *rest):
        read.append(len(split))
        return real(accelerator, model, split, *rest)

    monkeypatch.setattr(running, "evaluate", evaluate)
    run("a", **LONG, select="best_dev")
    assert read == [12] * 8 + [20]


def test_the_report_s_protocol_evaluates_test_after_each_epoch(run, monkeypatch):
    real, read = running.evaluate, []

    def evaluate(accelerator, model, split, *rest):
        read.append(len(split))
        return real(accelerator, model, split, *rest)

    monkeypatch.setattr(running, "evaluate", evaluate)
    metrics, history = run("a", protocol="report")
    assert read == [20, 20]
    assert history["eval_loss"].iloc[-1] == metrics["loss"]


def test_a_value_that_is_not_finite_is_never_the_best():
    model = torch.nn.Linear(1, 1)
    selection = Selection({"select": "best_dev", "select_metric": "loss", "early_stopping": 1})
    for epoch, loss in enumerate([float("nan"), 2.0, float("nan"), 1.0, 1.0], start=1):
        selection.see({"epoch": epoch, "eval_loss": loss}, model)
    assert selection.epoch == 4
    assert selection.out_of_patience(5)
    state = selection.state_dict()
    assert (state["epoch"], state["value"]) == (4, -1.0)
