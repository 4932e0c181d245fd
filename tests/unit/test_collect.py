"""Collecting the runs of a grid into one table."""

import json
import shutil
import subprocess

import forked
import pandas as pd
import pytest
from measured import BY_ACCURACY
from paths import ROOT

from tunegrid.cluster.attempts import AttemptLog
from tunegrid.errors import UserError
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.collect import (
    PROVENANCE_COLUMNS,
    TRAINING_COLUMNS,
    collect_history,
    collect_runs,
)
from tunegrid.statistics.costs import INFERENCE


def scored(paths):
    """The scores of the runs at some paths, as score_grid has them."""
    rows = []
    for path in paths:
        model, task, method, seed = path.split("/")
        rows.append(
            {"model": model, "task": task, "method": method, "seed": int(seed[4:]), "hash": "abc",
             "accuracy": 0.75, "loss": 1.0, "degenerate": False, "parts.a.accuracy": 0.5}
        )  # fmt: skip
    return pd.DataFrame(rows)


def collect(cells, root, attempts=None):
    """Collect the runs, all of which were scored."""
    return collect_runs(cells, scored(cells["path"]), root, attempts)


@pytest.fixture
def one_run(tmp_path):
    """The files of a run as train.py writes them: (cells, root, folder)."""
    folder = tmp_path / "m/t/full/seed1"
    folder.mkdir(parents=True)
    training = {
        "hash": "abc", "out_of_memory": [{"step": 1, "micro_batch": 4}], "inference": None,
    } | dict.fromkeys(TRAINING_COLUMNS, 3)  # fmt: skip
    made = {
        "hash": "abc",
        "settings": {
            "data": {"max_length": 32},
            "train": {"epochs": 3, "micro_batch": "auto", "threshold": 0.5, "class_weights": None},
            "model_source": {},
        },
        "splits": {"train": {"examples": 9, "labels": {"x": 4, "y": 5}, "truncated": 1}},
        "git": {"commit": "f00", "dirty": False},
        "versions": {"torch": "2"},
    } | dict.fromkeys(PROVENANCE_COLUMNS, 0)
    (folder / "training.json").write_text(json.dumps(training))
    (folder / "provenance.json").write_text(json.dumps(made))
    (folder / "history.csv").write_text("step,epoch,loss\n1,1,0.1\n2,1,0.30000000000000004\n")
    cells = pd.DataFrame(
        [{"model": "m", "task": "t", "method": "full", "seed": 1, "hash": "abc",
          "path": "m/t/full/seed1", "test_score": "pooled",
          **BY_ACCURACY, "settings": json.dumps(made["settings"])}]
    )  # fmt: skip
    return cells, tmp_path, folder


def test_a_run_becomes_a_row_with_settings_and_provenance(one_run):
    cells, root, _ = one_run
    (row,) = collect(cells, root).to_dict("records")
    assert (row["seed"], row["accuracy"], row["hash"]) == (1, 0.75, "abc")
    assert (row["settings.epochs"], row["settings.max_length"]) == (3, 32)
    assert (row["examples.train"], row["labels.train"], row["truncated.train"]) == (9, 2, 1)
    assert (row["parts.a.accuracy"], row["steps"], row["out_of_memory"]) == (0.5, 3, 1)
    assert (row["provenance.commit"], row["provenance.torch"]) == ("f00", "2")


USED = {"latency_seconds": 0.2, "examples_per_second": 50.0, "batch_seconds": 0.6}


@pytest.mark.parametrize(
    ("inference", "expected"),
    [
        (None, [None] * 4),
        ({"not_measured": "RuntimeError: no"}, [None] * 4),
        (USED | {"merged": None, "not_merged": "no"}, [0.2, 50.0, None, None]),
        (USED | {"merged": {"latency_seconds": 0.1, "examples_per_second": 60.0}},
         [0.2, 50.0, 0.1, 60.0]),
    ],
)  # fmt: skip
def test_the_cost_at_use_becomes_columns_that_are_missing_where_it_was_not_measured(
    one_run, inference, expected
):
    cells, root, folder = one_run
    training = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps(training | {"inference": inference}))
    row = collect(cells, root)[INFERENCE].iloc[0]
    assert row.where(row.notna(), None).tolist() == expected


def test_a_hash_of_digits_and_a_name_like_na_stay_text(one_run, tmp_path):
    _, root, folder = one_run
    hashes = {"hash": "123456789012", "model": "NA"}
    for name in ("training.json", "provenance.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | hashes))
    (root / "NA").mkdir()
    (root / "m/t").rename(root / "NA/t")
    names = "model,task,method,seed,hash,path,test_score,target,metrics,main_metric,positive"
    row = "NA,t,full,1,123456789012,NA/t/full/seed1,pooled,single_label,accuracy,accuracy,"
    cell = f"{names},settings\n{row},\n"
    (tmp_path / "cells.csv").write_text(cell)
    scored(["NA/t/full/seed1"]).to_parquet(tmp_path / "scores.parquet")
    out = [tmp_path / name for name in ("runs.parquet", "runs.csv", "history.parquet")]
    subprocess.run(
        [forked.interpreter(), ROOT / "scripts/collect_runs.py", "--cells", tmp_path / "cells.csv",
         "--scores", tmp_path / "scores.parquet",
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
    """It is made older than its inputs, so that the next start does not take it for finished."""
    cells, root, folder = one_run
    with pytest.raises(UserError, match=r"was made by settings abc, the grid has xyz; run the"):
        collect(cells.assign(hash="xyz"), root)
    assert (folder / "training.json").stat().st_mtime == 1


def test_every_missing_run_is_named(one_run):
    cells, root, folder = one_run
    (folder / "provenance.json").unlink()
    absent = cells.assign(path="m/t/full/seed2")
    with pytest.raises(UserError) as error:
        collect(pd.concat([cells, absent]), root)
    first, second = error.value.problems
    assert first == (
        f"{folder}/provenance.json: is missing; run the workflow to make it, or set partial: true"
    )
    assert "seed2/provenance.json: is missing" in second


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
    runs = collect(others(cells, 2, 3, 4, 5), root, attempts).set_index("seed")
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
    runs = collect(others(cells, 2, hash="xyz"), root, root / "attempts")
    assert runs["state"].tolist() == [FINISHED, MISSING]
    assert "was made by settings abc, the grid has xyz" in runs["problem"].iloc[1]


def test_a_grid_without_a_finished_run_is_refused(one_run):
    cells, root, folder = one_run
    (folder / "training.json").unlink()
    with pytest.raises(UserError, match="no run of the grid is finished"):
        collect(cells, root, root / "attempts")
