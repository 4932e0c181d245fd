"""Which methods are told to be dominated: by costs beyond noise, and by verdicts."""

import numpy as np
import pandas as pd
import pytest
from synthetic import make_comparison

from tunegrid.statistics.domination import cheaper_by_more_than_noise, find_dominated
from tunegrid.statistics.verdicts import Verdict

FULL, ADAPTER = ("m1", "full"), ("m1", "a8")


def make_costs(full=100.0, adapter=50.0, sd=1.0, n=2, devices=("CPU", "CPU")):
    return pd.DataFrame(
        {
            "model": "m1",
            "task": "t1",
            "method": ["full", "a8"],
            "n": n,
            "devices": devices,
            "traced": [full, adapter],
            "train_seconds": [full, adapter],
            "train_seconds_sd": [sd, sd],
        }
    )


def dominated(costs, verdict, cost="traced"):
    comparison = make_comparison("m1", difference=0.0, low=-0.1, high=0.1, verdict=verdict)
    return find_dominated(costs, cost, pd.DataFrame([comparison]), "accuracy")


@pytest.mark.parametrize("verdict", ["better", "same", "identical"])
def test_a_method_is_dominated_by_a_cheaper_one_that_is_not_behind(verdict):
    assert dominated(make_costs(), verdict) == {FULL: ADAPTER}


@pytest.mark.parametrize("verdict", ["worse", "same", "identical"])
def test_the_method_that_is_compared_is_dominated_by_a_cheaper_reference(verdict):
    assert dominated(make_costs(full=10), verdict) == {ADAPTER: FULL}


@pytest.mark.parametrize("verdict", ["worse", "cannot be told", "one seed", "not compared"])
def test_a_cheaper_method_that_is_behind_or_cannot_be_told_dominates_nothing(verdict):
    assert dominated(make_costs(), verdict) == {}


def test_other_tasks_and_metrics_tell_nothing():
    row = make_comparison("m1", difference=0.0, low=-0.1, high=0.1, verdict="better")
    others = pd.DataFrame([row | {"task": "t2"}, row | {"metric": "macro_f1"}])
    assert find_dominated(make_costs(), "traced", others, "accuracy") == {}


def test_of_several_the_cheapest_one_dominates():
    costs = pd.concat([make_costs(), make_costs(adapter=40).iloc[1:].assign(method="a2")])
    row = make_comparison("m1", difference=0.0, low=-0.1, high=0.1, verdict=Verdict.SAME)
    both = pd.DataFrame([row, row | {"method": "a2"}])
    assert find_dominated(costs, "traced", both, "accuracy") == {FULL: ("m1", "a2")}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sd": 1.0}, True),
        ({"sd": 40.0}, False),  # with two degrees of freedom the noise may be as large
        ({"sd": 40.0, "n": 30}, True),
        ({"sd": np.nan, "n": 1}, False),
        ({"devices": ("CPU", "GPU")}, False),
        ({"adapter": np.nan}, False),
    ],
)
def test_measured_costs_differ_where_that_is_more_than_noise(changes, told):
    costs = make_costs(**changes)
    assert cheaper_by_more_than_noise(costs, "train_seconds") == (
        {(ADAPTER, FULL)} if told else set()
    )
    assert dominated(costs, "same", "train_seconds") == ({FULL: ADAPTER} if told else {})


def test_an_exact_cost_differs_however_little_and_with_one_seed():
    costs = make_costs(full=100, adapter=99.9, n=1)
    assert cheaper_by_more_than_noise(costs, "traced") == {(ADAPTER, FULL)}
    assert cheaper_by_more_than_noise(make_costs(full=50), "traced") == set()
