import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from paths import ROOT
from scipy import stats

from tunegrid.cluster.attempts import AttemptLog
from tunegrid.errors import UserError
from tunegrid.metrics import METRICS
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.collect import collect_history, collect_runs
from tunegrid.statistics.compare import INTERVALS
from tunegrid.statistics.summarise import summarise, unequal_steps


def runs_table(values, **columns):
    """Runs of one group whose accuracies are `values`."""
    rows = [
        {
            "model": "m", "task": "t", "method": "full", "seed": seed, "loss": 1.0,
            "accuracy": value, "micro_f1": value, "macro_f1": 0.5, "degenerate": False, "steps": 7,
            "majority_accuracy": 0.4, "majority_macro_f1": 0.2,
            "trainable_parameters": 25, "total_parameters": 100, "state": FINISHED,
        } | columns
        for seed, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def summarised(runs):
    """The summary of runs of which no interval over examples is known."""
    return summarise(runs, [], pd.DataFrame(columns=INTERVALS))


def accuracy_row(runs):
    summary = summarised(runs)
    return summary[summary["metric"] == "accuracy"].iloc[0]


def test_mean_and_variance_are_those_of_the_textbook():
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, so variance 32/7 (n-1)."""
    row = accuracy_row(runs_table([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (row["n"], row["mean"]) == (8, 5.0)
    assert row["variance"] == pytest.approx(32 / 7)
    assert row["sd"] == pytest.approx((32 / 7) ** 0.5)
    assert (row["min"], row["median"], row["max"]) == (2.0, 4.5, 9.0)
    interval = stats.t.interval(0.95, 7, 5, (32 / 7 / 8) ** 0.5)
    assert (row["low"], row["high"]) == pytest.approx(interval)
    assert row["trainable_percent"] == 25.0


def test_one_run_has_a_mean_and_no_variance():
    row = accuracy_row(runs_table([0.5]))
    assert (row["n"], row["mean"]) == (1, 0.5)
    assert np.isnan(row["variance"])
    assert np.isnan(row["sd"])
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_values_have_no_variance():
    assert accuracy_row(runs_table([0.5, 0.5, 0.5]))["variance"] == 0


def test_a_degenerate_run_stays_in_the_mean_and_is_counted():
    runs = runs_table([0.8, 0.4])
    runs.loc[1, "degenerate"] = True
    row = accuracy_row(runs)
    assert (row["n"], row["n_runs"], row["n_degenerate"]) == (2, 2, 1)
    assert row["mean"] == pytest.approx(0.6)


def test_a_value_that_is_not_finite_is_missing_and_n_says_so():
    runs = runs_table([0.8, 0.4])
    runs.loc[1, "loss"] = None
    row = summarised(runs).set_index("metric").loc["loss"]
    assert (row["n"], row["n_runs"], row["mean"]) == (1, 2, 1.0)


def test_baselines_stand_beside_their_metrics_only():
    baseline = summarised(runs_table([0.8])).set_index("metric")["majority_baseline"]
    assert baseline[["accuracy", "micro_f1", "macro_f1"]].tolist() == [0.4, 0.4, 0.2]
    assert np.isnan(baseline["loss"])


def test_a_group_without_a_finished_run_has_the_baseline_of_its_task():
    broken = runs_table([np.nan], method="broken", state=FAILED, majority_accuracy=np.nan)
    summary = summarised(pd.concat([broken, runs_table([0.8])]))
    rows = summary[summary["metric"] == "accuracy"]
    assert rows["method"].tolist() == ["broken", "full"]
    assert rows["majority_baseline"].tolist() == [0.4, 0.4]


def test_the_crossed_interval_stands_beside_that_over_seeds():
    ends = pd.DataFrame(
        [("m", "t", "full", "accuracy", 0.5, 0.9), ("m", "t", "full", "macro_f1", 0.4, 0.6)],
        columns=INTERVALS,
    )
    summary = summarise(runs_table([0.6, 0.8]), [], ends).set_index("metric")
    found = summary[["crossed_low", "crossed_high"]]
    assert found.loc[["accuracy", "micro_f1"]].to_numpy().tolist() == [[0.5, 0.9]] * 2
    assert found.loc["macro_f1"].tolist() == [0.4, 0.6]
    assert found.loc["loss"].isna().all()


def test_groups_and_metrics_keep_the_grid_s_order():
    runs = pd.concat(
        [runs_table([0.5], task=task, method=method) for task in "zb" for method in ("full", "a")]
    )
    summary = summarised(runs)
    groups = summary[["task", "method"]].drop_duplicates().to_numpy().tolist()
    assert groups == [["z", "full"], ["z", "a"], ["b", "full"], ["b", "a"]]
    assert summary["metric"].tolist() == list(METRICS) * 4


@pytest.fixture
def one_run(tmp_path):
    """The files of a run as train.py writes them: (cells, root, folder)."""
    folder = tmp_path / "m/t/full/seed1"
    folder.mkdir(parents=True)
    metrics = {
        "model": "m", "task": "t", "method": "full", "seed": 1, "hash": "abc",
        "accuracy": 0.75, "micro_f1": 0.75, "loss": 1.0, "macro_f1": 0.5, "degenerate": False,
        "out_of_memory": [], "parts": {"a": {"accuracy": 0.5}},
    }  # fmt: skip
    made = {
        "hash": "abc",
        "settings": {"data": {"max_length": 32}, "train": {"epochs": 3, "micro_batch": "auto"}},
        "splits": {"train": {"examples": 9, "labels": {"x": 4, "y": 5}, "truncated": 1}},
        "git": {"commit": "f00", "dirty": False},
        "versions": {"torch": "2"},
    } | dict.fromkeys(
        ["code", "device", "threads", "deterministic", "host", "slurm_job", "started", "seconds",
         "python"], 0,
    )  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "provenance.json").write_text(json.dumps(made))
    (folder / "history.csv").write_text("step,epoch,loss\n1,1,0.1\n2,1,0.30000000000000004\n")
    cells = pd.DataFrame(
        [{"model": "m", "task": "t", "method": "full", "seed": 1, "hash": "abc",
          "path": "m/t/full/seed1", "settings": json.dumps(made["settings"])}]
    )  # fmt: skip
    return cells, tmp_path, folder


def test_a_run_becomes_a_row_with_settings_and_provenance(one_run):
    cells, root, _ = one_run
    (row,) = collect_runs(cells, root).to_dict("records")
    assert (row["seed"], row["accuracy"], row["hash"]) == (1, 0.75, "abc")
    assert (row["settings.epochs"], row["settings.max_length"]) == (3, 32)
    assert (row["examples.train"], row["labels.train"], row["truncated.train"]) == (9, 2, 1)
    assert row["parts.a.accuracy"] == 0.5
    assert (row["provenance.commit"], row["provenance.torch"]) == ("f00", "2")


def test_a_hash_of_digits_and_a_name_like_na_stay_text(one_run, tmp_path):
    _, root, folder = one_run
    hashes = {"hash": "123456789012", "model": "NA"}
    for name in ("metrics.json", "provenance.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | hashes))
    (root / "NA").mkdir()
    (root / "m/t").rename(root / "NA/t")
    cell = "model,task,method,seed,hash,path,settings\nNA,t,full,1,123456789012,NA/t/full/seed1,\n"
    (tmp_path / "cells.csv").write_text(cell)
    out = [tmp_path / name for name in ("runs.parquet", "runs.csv", "history.parquet")]
    subprocess.run(
        [sys.executable, ROOT / "scripts/collect_runs.py", "--cells", tmp_path / "cells.csv",
         "--runs", root, "--parquet", out[0], "--csv", out[1], "--history", out[2]],
        check=True,
    )  # fmt: skip
    assert pd.read_parquet(out[0])[["model", "hash"]].to_numpy().tolist() == [
        ["NA", "123456789012"]
    ]


def test_history_keeps_its_last_bit(one_run):
    cells, root, _ = one_run
    history = collect_history(cells, root).to_pandas()
    assert history["loss"].tolist() == [0.1, 0.30000000000000004]
    assert history["seed"].tolist() == [1, 1]


def test_curves_that_lack_a_column_stand_beside_those_that_have_it(one_run):
    """An evaluation that no epoch of a run has is an empty column: of no type."""
    cells, root, folder = one_run
    (folder / "history.csv").write_text("step,loss,eval_loss\n1,2,\n2,1,\n")
    # As an editor may leave them: an empty line, no end of the last one.
    texts = {2: "step,loss,eval_loss\n1,0.5,0.25\n\n", 3: "loss,step\n0.3,1"}
    for seed, text in texts.items():
        other = folder.parent / f"seed{seed}"
        other.mkdir()
        (other / "history.csv").write_text(text)
    history = collect_history(others(cells, 2, 3), root).to_pandas()
    assert history["seed"].tolist() == [1, 1, 2, 3]
    assert history["loss"].tolist() == [2.0, 1.0, 0.5, 0.3]
    assert history["step"].tolist() == [1, 2, 1, 1]
    assert history["eval_loss"].isna().tolist() == [True, True, False, True]


def test_a_metric_may_come_after_a_megabyte_of_steps_without_it(one_run):
    cells, root, folder = one_run
    rows = "".join(f"{step},0.5,\n" for step in range(150_000))
    (folder / "history.csv").write_text(f"step,loss,eval_loss\n{rows}150000,0.5,0.25\n")
    history = collect_history(cells, root).to_pandas()
    assert history["eval_loss"].tolist()[-1] == 0.25
    assert history["eval_loss"].isna().sum() == 150_000


def test_a_run_of_other_settings_is_refused(one_run):
    cells, root, _ = one_run
    with pytest.raises(UserError, match=r"was made by settings abc, the grid has xyz; run the"):
        collect_runs(cells.assign(hash="xyz"), root)


def test_every_missing_run_is_named(one_run):
    cells, root, folder = one_run
    (folder / "provenance.json").unlink()
    absent = cells.assign(path="m/t/full/seed2")
    with pytest.raises(UserError) as error:
        collect_runs(pd.concat([cells, absent]), root)
    first, second = error.value.problems
    assert first == (
        f"{folder}/provenance.json: is missing; run the workflow to make it, or set partial: true"
    )
    assert "seed2/metrics.json: is missing" in second


def others(cells, *seeds, **columns):
    """The same cell from other seeds, too."""
    rows = [cells.assign(seed=seed, path=f"m/t/full/seed{seed}", **columns) for seed in seeds]
    return pd.concat([cells, *rows], ignore_index=True)


def test_what_is_not_finished_is_a_row_that_says_why(one_run):
    cells, root, _ = one_run
    attempts = root / "attempts"
    for seed, error in ((3, UserError("no such\nlayer")), (4, MemoryError()), (5, None)):
        noted = AttemptLog(attempts / f"m/t/full/seed{seed}.jsonl", "abc")
        if error is None:
            noted.begin(None, {})
            continue
        with pytest.raises(type(error)), noted.recorded(None, {}):
            raise error
    runs = collect_runs(others(cells, 2, 3, 4, 5), root, attempts).set_index("seed")
    assert runs["state"].tolist() == [FINISHED, MISSING, FAILED, FAILED, MISSING]
    assert runs.loc[[2, 3, 4], "problem"].tolist() == [
        "was never started", "error: no such layer", "error: MemoryError"
    ]  # fmt: skip
    assert runs.loc[5, "problem"].startswith("began and has not ended (")
    assert runs["accuracy"].isna().tolist() == [False, True, True, True, True]
    assert runs["settings.epochs"].tolist() == [3] * 5
    assert runs["examples.train"].dtype == "Int64"
    assert not runs["degenerate"].any()


def test_a_run_of_other_settings_is_missing_beside_finished_ones(one_run):
    cells, root, _ = one_run
    shutil.copytree(root / "m/t/full/seed1", root / "m/t/full/seed2")
    runs = collect_runs(others(cells, 2, hash="xyz"), root, root / "attempts")
    assert runs["state"].tolist() == [FINISHED, MISSING]
    assert "was made by settings abc, the grid has xyz" in runs["problem"].iloc[1]


def test_a_grid_without_a_finished_run_is_refused(one_run):
    cells, root, folder = one_run
    (folder / "metrics.json").unlink()
    with pytest.raises(UserError, match="no run of the grid is finished"):
        collect_runs(cells, root, root / "attempts")


def test_missing_and_failed_runs_are_counted_and_never_dropped():
    runs = runs_table([0.8, np.nan, np.nan])
    runs["state"] = [FINISHED, FAILED, MISSING]
    none = runs_table([np.nan] * 2, method="none", state=MISSING, trainable_parameters=np.nan)
    table = summarised(pd.concat([runs, none])).set_index(["method", "metric"])
    row = table.loc[("full", "accuracy")]
    assert row[["n", "n_runs", "n_failed", "n_missing"]].tolist() == [1, 3, 1, 1]
    row = table.loc[("none", "accuracy")]
    assert row[["n", "n_runs", "n_failed", "n_missing"]].tolist() == [0, 2, 0, 2]
    assert row[["mean", "sd", "low", "trainable_percent"]].isna().all()


def test_metrics_that_no_run_writes_are_refused(one_run):
    cells, root, folder = one_run
    metrics = json.loads((folder / "metrics.json").read_text()) | {"accuracy": 0.9}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"accuracy 0\.9 differs from micro-F1 0\.75"):
        collect_runs(cells, root)


def test_unequal_numbers_of_steps_are_named():
    full, adapter = runs_table([0.5, 0.6]), runs_table([0.4, 0.5], method="adapter")
    assert unequal_steps(summarised(pd.concat([full, adapter]))) == []
    adapter["steps"] = [5, 6]
    assert unequal_steps(summarised(pd.concat([full, adapter]))) == ["m on t: full 7, adapter 5–6"]
