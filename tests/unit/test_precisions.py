"""`precision: auto` becomes what the hardware is made for, is recorded, and mixes with no other."""

import json

import pandas as pd
import pytest
import tiny
import torch
from measured import BY_ACCURACY
from tiny import cell, train_settings

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.records import TrainingStep
from tunegrid.planning.memory_cases import MAY_TAKE_LESS
from tunegrid.reporting.run_tables import _precisions
from tunegrid.statistics import collect
from tunegrid.training.make_run import take_finished
from tunegrid.training.micro_batch import training_step
from tunegrid.training.precisions import precision_here
from tunegrid.training.run_request import RunRequest
from tunegrid.tuning.choosing import choose

#: Compute capabilities of a T4, an A100 and an H100.
T4, A100, H100 = (7, 5), (8, 0), (9, 0)


@pytest.fixture
def gpus(monkeypatch):
    """Let this machine have GPUs of these compute capabilities."""

    def have(*capabilities):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda gpu: capabilities[gpu])

    return have


@pytest.mark.parametrize(
    ("capabilities", "used", "becomes"),
    [
        ([], 1, "fp32"),
        ([T4], 1, "tf32"),
        ([A100], 1, "bf16"),
        ([H100, H100], 2, "bf16"),
        ([A100, T4], 2, "tf32"),
        ([A100, T4], 1, "bf16"),
    ],
)
def test_auto_is_what_all_gpus_of_the_run_multiply(gpus, capabilities, used, becomes):
    gpus(*capabilities)
    assert precision_here(train_settings(precision="auto", gpus_per_run=used)) == becomes
    assert precision_here(train_settings(precision="fp16", gpus_per_run=used)) == "fp16"


def test_auto_on_a_cpu_is_fp32_to_the_bit_and_says_so(tiny_model, encoded, tmp_path):
    for precision in ("auto", "fp32"):
        tiny.train(cell(precision=precision), tiny_model, encoded[0], tmp_path / precision)
    found = [tiny.results(tmp_path / precision) for precision in ("auto", "fp32")]
    assert found[0][0].pop("hash") != found[1][0].pop("hash")
    assert found[0] == found[1]
    made = read_json(tmp_path / "auto/provenance.json")
    assert (made["precision"], made["settings"]["train"]["precision"]) == ("fp32", "auto")


def test_a_finished_run_of_another_precision_is_not_taken(tiny_model, encoded, tmp_path, gpus):
    request = RunRequest(
        cell(precision="auto"), tiny_model, encoded[0], tmp_path / "run", finished=tmp_path / "kept"
    )
    assert not take_finished(request), "there is none yet"
    tiny.train(request.settings, tiny_model, encoded[0], request.output, finished=request.finished)
    assert take_finished(request)
    gpus(A100)
    assert not take_finished(request)


@pytest.fixture
def grid(tmp_path):
    """The files of runs that asked for a precision and were trained in one: (cells, root)."""

    def write(*runs):
        rows = []
        for seed, (asked, became) in enumerate(runs, start=1):
            folder = tmp_path / f"m/t/full/seed{seed}"
            folder.mkdir(parents=True)
            train = {
                "precision": asked, "micro_batch": "auto", "threshold": 0.5, "class_weights": None,
            }  # fmt: skip
            settings = {"data": {"max_length": 32}, "train": train, "model_source": {}}
            made = {
                "hash": "abc", "settings": settings, "splits": {}, "versions": {},
                "git": {"commit": "f00", "dirty": False},
            }  # fmt: skip
            made |= dict.fromkeys(collect.PROVENANCE_COLUMNS, "")
            made |= {"precision": became, "device": f"a GPU of {became}"}
            training = {"hash": "abc", "out_of_memory": [], "inference": None}
            training |= dict.fromkeys(collect.TRAINING_COLUMNS, 3)
            (folder / "training.json").write_text(json.dumps(training))
            (folder / "provenance.json").write_text(json.dumps(made))
            rows.append(
                {"model": "m", "task": "t", "method": "full", "seed": seed, "hash": "abc",
                 "path": f"m/t/full/seed{seed}", "test_score": "pooled", **BY_ACCURACY,
                 "settings": json.dumps(settings)}
            )  # fmt: skip
        cells = pd.DataFrame(rows)
        scores = cells[["model", "task", "method", "seed", "hash"]].assign(degenerate=False)
        return collect.collect_runs(cells, scores, tmp_path)

    return write


def test_a_grid_in_which_auto_became_several_is_refused_with_the_runs_to_make_anew(grid):
    text = (
        r"^train\.precision: auto has become tf32 in 1 \(such as .*/m/t/full/seed2, on a GPU of"
        r" tf32\) and bf16 in 2 \(such as .*/m/t/full/seed1, on a GPU of bf16\), and these runs are"
        r" not comparable; write another precision .* or delete the folders of the runs in tf32 "
    )
    with pytest.raises(UserError, match=text):
        grid(("auto", "bf16"), ("auto", "tf32"), ("auto", "bf16"))


def test_candidates_of_which_auto_became_several_are_not_compared(tmp_path):
    candidates = []
    for number, became in enumerate(("bf16", "tf32"), start=1):
        path = f"m/t/full/candidate{number}/seed101"
        made = {"settings": {"train": {"precision": "auto"}}}
        made |= {"precision": became, "device": f"a GPU of {became}"}
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "provenance.json").write_text(json.dumps(made))
        run = {"task": "t", "seed": 101, "path": path}
        candidates.append({"settings": {"learning_rate": 0.1 * number}, "runs": [run]})
    with pytest.raises(UserError, match=r"^train\.precision: auto has become bf16 in 1 .* tf32"):
        choose(candidates, tmp_path, "accuracy")


def test_precisions_that_were_asked_for_may_differ(grid):
    runs = grid(("auto", "bf16"), ("fp32", "fp32"), ("auto", "bf16"))
    assert runs["provenance.precision"].tolist() == ["bf16", "fp32", "bf16"]
    assert _precisions(runs).tolist() == ["auto (bf16)", "fp32", "auto (bf16)"]


def test_memory_is_told_for_the_most_that_auto_may_take():
    step: TrainingStep = training_step(cell(precision="auto"), labels=2, batch=4, tokens=8)
    assert step.precision == "fp32"
    assert "auto" in MAY_TAKE_LESS
