"""A metric that is one entry of the registry reaches intervals, comparisons and the summary."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from measured import measured_by_default
from pyarrow import parquet
from sklearn.metrics import brier_score_loss, matthews_corrcoef

from tunegrid.metrics import METRICS, LabelCounts, metric
from tunegrid.results import FINISHED, RUN_PATH
from tunegrid.statistics.compare import compare_methods
from tunegrid.statistics.outcomes import (
    COLUMNS,
    Outcomes,
    compared_columns,
    load_outcomes,
    predictions_below,
)
from tunegrid.statistics.summarise import summarise
from tunegrid.tasks.baselines import word_baseline

SEEDS = (1, 2, 3)
#: The order of the label ids is not the alphabet's.
LABELS = ["news", "art", "sport"]


@pytest.fixture
def registry():
    """The registry of metrics; what a test adds is gone after it."""
    before = dict(METRICS)
    yield METRICS
    METRICS.clear()
    METRICS.update(before)


@pytest.fixture
def matthews(registry):
    @metric(
        title="Matthews correlation",
        needs="label_counts",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        source="Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006",
    )
    def matthews(counts: LabelCounts):
        total = counts.support.sum(axis=-1)
        right = counts.hits.sum(axis=-1)
        expected = (counts.predicted * counts.support).sum(axis=-1)
        of_predicted = total**2 - (counts.predicted**2).sum(axis=-1)
        of_support = total**2 - (counts.support**2).sum(axis=-1)
        spread = np.sqrt(of_predicted * of_support)
        covariance = right * total - expected
        return np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)


@pytest.fixture
def brier(registry):
    @metric(
        title="Brier score",
        needs="log_probabilities",
        higher_is_better=False,
        bounds=(0.0, 2.0),
        source="Brier 1950, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    )
    def brier(log_probabilities, labels):
        truth = np.eye(log_probabilities.shape[1])[labels]
        return ((np.exp(log_probabilities) - truth) ** 2).sum(axis=1)


def make_runs(methods=("full", "adapter")):
    rows = [
        {
            "model": "m",
            "task": "t",
            "method": method,
            "seed": seed,
            "state": FINISHED,
            "degenerate": False,
            **measured_by_default("single_label"),
            "settings.padding_dependent": False,
            "trainable_parameters": 9 if method == "full" else 1,
            "total_parameters": 9,
            "steps": 7,
        }
        for method in methods
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


def predictions(method, seed, n=120):
    """Label ids and log-probabilities; the adapter is right less often than full fine-tuning."""
    labels = np.random.default_rng(0).integers(len(LABELS), size=n)
    draw = np.random.default_rng([len(method), seed])
    logits = draw.normal(size=(n, len(LABELS)))
    logits[np.arange(n), labels] += 2.0 if method == "full" else 1.0
    return labels, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def load(model, task, method, seed):
    labels, log_probabilities = predictions(method, seed)
    names = np.array(LABELS)
    return pa.table(
        {
            "id": [str(at) for at in range(len(labels))],
            "label": names[labels],
            "predicted": names[log_probabilities.argmax(axis=1)],
            "log_probabilities": list(log_probabilities),
        }
    )


def test_matthews_correlation_is_scikit_learn_s(matthews):
    draw = np.random.default_rng(0)
    found = Outcomes(draw.integers(3, size=50), draw.integers(3, size=(2, 50)), 3)
    for values, predicted in zip(found.values(METRICS["matthews"]), found.predicted, strict=True):
        assert values.mean() == pytest.approx(matthews_corrcoef(found.labels, predicted))


def test_a_metric_of_label_counts_reaches_every_statistic(matthews):
    runs = make_runs()
    runs["matthews"] = [
        matthews_corrcoef(labels, log_probabilities.argmax(axis=1))
        for labels, log_probabilities in map(predictions, runs["method"], runs["seed"])
    ]
    for name in ("loss", "accuracy", "micro_f1", "macro_f1"):
        runs[name] = 0.5
    runs["majority_matthews"] = 0.0
    compared = compare_methods(runs, load, {"t": LABELS})
    row = compared["comparisons"].set_index(["method", "metric"]).loc[("adapter", "matthews")]
    means = runs.groupby("method")["matthews"].mean()
    assert row["mean"] == pytest.approx(means["adapter"])
    assert row["difference"] == pytest.approx(means["adapter"] - means["full"])
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["p"] < 0.05
    card = {"task": "t", "word_baseline": {"matthews": 0.4}, "across": [], "splits": {}}
    card["across"] = [{"source": "train", "target": "test", "exact": 0, "near": 0, "pairs": []}]
    card["splits"] = {"test": {"examples": 120, "labels": {}}}
    summary = summarise(runs, [card], compared["intervals"]).set_index(["method", "metric"])
    row = summary.loc[("full", "matthews")]
    assert row["mean"] == pytest.approx(means["full"])
    assert row["crossed_low"] < row["mean"] < row["crossed_high"]
    assert (row["majority_baseline"], row["tfidf_baseline"]) == (0.0, 0.4)


def test_the_word_baseline_is_scored_by_it_too(matthews):
    features = Features(
        {
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": ClassLabel(names=["x", "y"]),
        }
    )
    rows = {"text": ["good soup", "bad soup"] * 6, "text_pair": [None] * 12, "label": [0, 1] * 6}
    split = Dataset.from_dict(rows, features=features)
    assert word_baseline(DatasetDict(train=split, test=split), [], [])["matthews"] == 1.0


def test_a_metric_of_log_probabilities_is_the_mean_of_its_examples(brier):
    runs = make_runs()
    compared = compare_methods(runs, load, {"t": LABELS})
    row = compared["comparisons"].set_index(["method", "metric"]).loc[("adapter", "brier")]
    means = {
        method: np.mean([brier_of(method, seed) for seed in SEEDS])
        for method in ("full", "adapter")
    }
    assert row["mean"] == pytest.approx(means["adapter"])
    assert row["difference"] == pytest.approx(means["adapter"] - means["full"])
    assert 0 < row["low"] < row["difference"] < row["high"]
    # The lower score is the better one: full fine-tuning's.
    assert row["verdict"] == "worse"
    _, _, outcomes = load_outcomes(load, runs, LABELS)
    assert outcomes.values(METRICS["brier"])[0].mean() == pytest.approx(brier_of("full", 1))


def brier_of(method, seed):
    labels, log_probabilities = predictions(method, seed)
    return brier_score_loss(labels, np.exp(log_probabilities), scale_by_half=False)


def test_a_run_whose_metric_is_not_finite_is_left_out_of_that_metric_alone(brier):
    def diverged(model, task, method, seed):
        table = load(model, task, method, seed)
        if (method, seed) != ("adapter", 2):
            return table
        nothing = pa.array([[float("nan")] * 3] * len(table))
        return table.set_column(3, "log_probabilities", nothing)

    compared = compare_methods(make_runs(), diverged, {"t": LABELS})
    seeds = compared["comparisons"].set_index("metric")["seeds"]
    assert (seeds["accuracy"], seeds["brier"]) == (3, 2)
    ends = compared["intervals"].set_index(["method", "metric"])
    assert ends.loc[("adapter", "brier")].notna().all()


def test_log_probabilities_are_read_only_where_a_compared_metric_needs_them(
    registry, tmp_path, request
):
    folder = tmp_path / RUN_PATH.format(model="m", task="t", method="full", seed=1)
    folder.mkdir(parents=True)
    parquet.write_table(load("m", "t", "full", 1), folder / "predictions.parquet")
    table = predictions_below(tmp_path, compared_columns())("m", "t", "full", 1)
    assert table.column_names == COLUMNS
    request.getfixturevalue("brier")
    table = predictions_below(tmp_path, compared_columns())("m", "t", "full", 1)
    assert table.column_names == [*COLUMNS, "log_probabilities"]
