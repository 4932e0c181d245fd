"""Successive halving: its rounds, who survives, and that survivors are whole runs."""

import itertools

import pytest
import tiny

from tunegrid.files import read_json, write_json
from tunegrid.metrics import METRICS
from tunegrid.settings import CellSettings
from tunegrid.stopping import StopRequest
from tunegrid.training.packing import make_all
from tunegrid.training.run_request import RunRequest
from tunegrid.tuning.halving import Tried, halve
from tunegrid.tuning.rungs import budget, plan_rungs, say_budget

ACCURACY = METRICS["accuracy"]


@pytest.mark.parametrize(
    ("candidates", "epochs", "rate", "rounds"),
    [
        (9, [9] * 9, 3, [(9, 1), (3, 3), (1, None)]),
        (8, [9] * 8, 3, [(8, 3), (2, None)]),
        (8, [3, 10] * 4, 3, [(8, 4), (2, None)]),  # a round is an epoch of the shortest
        (8, [2] * 8, 3, [(8, None)]),
        (2, [16] * 2, 2, [(2, 8), (1, None)]),
        (16, [16] * 16, 4, [(16, 1), (4, 4), (1, None)]),
    ],
)
def test_the_rounds(candidates, epochs, rate, rounds):
    planned = plan_rungs(candidates, epochs, rate)
    assert [(rung.candidates, rung.epochs(max(epochs))) for rung in planned] == rounds
    assert planned[-1].share == 1


def test_every_candidate_has_the_same_share_of_its_own_epochs():
    first, last = plan_rungs(8, [3, 10], 3)
    assert [first.epochs(3), first.epochs(10)] == [1, 4]
    assert [last.epochs(3), last.epochs(10)] == [None, None]


def test_the_budget_is_what_all_rounds_train():
    # 9 candidates × 1 epoch, 3 × 2 more, 1 × 6 more, instead of 81
    assert budget(plan_rungs(9, [9] * 9, 3), [9] * 9) == 9 + 6 + 6


def test_the_budget_of_a_grid_is_told_in_epochs():
    line = say_budget([[9] * 9, [2] * 8], rate=3, seeds=2)
    assert f"at most {2 * (21 + 16):,} epochs, in place of {2 * (81 + 16):,}" in line


@pytest.fixture(scope="module")
def made(tiny_model, tmp_path_factory):
    """A function: four candidates × one seed in a folder, and what trains them."""
    encoded, _ = tiny.encode(tiny_model, tmp_path_factory.mktemp("halving"))
    rates = (1e-5, 1e-2, 1e-4, 2e-2)

    def make(folder):
        runs = {}
        for number, rate in enumerate(rates, start=1):
            settings = tiny.settings_json(seed=101, learning_rate=rate, epochs=4)
            request = RunRequest(
                settings=CellSettings.from_json(settings),
                model=tiny_model,
                encoded=encoded,
                output=folder / f"candidate{number}",
                checkpoints=folder / "checkpoints",
                finished=folder / "finished",
            )
            runs[f"candidate{number}/seed101"] = Tried(number, request)
        return runs

    return make


def trainer(folder, calls):
    def train(requests):
        calls.append({path: request.ends_after for path, request in requests.items()})
        return make_all(requests, folder / "logs", StopRequest())

    return train


def test_survivors_are_the_runs_they_would_have_been(made, tmp_path):
    runs, calls = made(tmp_path / "halved"), []
    ended = halve(
        runs, rate=2, metric=ACCURACY, state=tmp_path / "state.json",
        make_all=trainer(tmp_path, calls),
    )  # fmt: skip
    assert [set(call.values()) for call in calls] == [{1}, {2}, {None}]
    assert [len(call) for call in calls] == [4, 2, 1]
    survivors = [path for path, result in ended.items() if result["ends_after"] is None]
    assert len(survivors) == 1
    whole = made(tmp_path / "whole")[survivors[0]].request
    make_all({"whole": whole}, tmp_path / "logs", StopRequest())
    for name in ("history.csv", "predictions.parquet", "evaluations.parquet"):
        assert (runs[survivors[0]].request.output / name).read_bytes() == (
            whole.output / name
        ).read_bytes()
    for path, result in ended.items():
        training = read_json(runs[path].request.output / "training.json")
        assert training["ends_after"] == result["ends_after"]
        epochs = 4 if result["ends_after"] is None else result["ends_after"]
        assert training["steps"] == epochs * training["steps_per_epoch"]
    assert not list((tmp_path / "halved/checkpoints").glob("*/step*.pt"))


def test_a_job_that_goes_on_decides_as_before(made, tmp_path):
    runs, calls = made(tmp_path), []
    state = tmp_path / "state.json"
    halve(runs, rate=2, metric=ACCURACY, state=state, make_all=trainer(tmp_path, calls))
    found = read_json(state)
    kept = found["rounds"][0]["kept"]
    others = [number for number in (1, 2, 3, 4) if number not in kept]
    # As if the job had been killed within the second round, and scores had been seen otherwise.
    found["rounds"] = [{"scores": {}, "kept": others}]
    write_json(state, found)
    calls.clear()
    halve(runs, rate=2, metric=ACCURACY, state=state, make_all=trainer(tmp_path, calls))
    assert set(calls[0]) == {f"candidate{number}/seed101" for number in kept}
    assert set(calls[1]) == {f"candidate{number}/seed101" for number in others}


def test_a_candidate_that_failed_does_not_survive(made, tmp_path):
    runs = made(tmp_path)
    real = trainer(tmp_path, [])
    failing = itertools.islice(runs, 2)
    failed = set(failing)

    def train(requests):
        ended = real({path: one for path, one in requests.items() if path not in failed})
        return ended | {path: {"ended": "failed", "log": ""} for path in requests if path in failed}

    ended = halve(runs, rate=2, metric=ACCURACY, state=tmp_path / "s.json", make_all=train)
    assert all(ended[path]["ends_after"] == 1 for path in failed)
