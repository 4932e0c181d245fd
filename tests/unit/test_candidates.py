"""Which combinations of settings tuning tries: inside their space, and each once."""

import math

import pytest
from pydantic import ValidationError

from tunegrid.config.tuning import Span, TuneSettings
from tunegrid.errors import UserError
from tunegrid.tuning.candidates import draw_candidates

SPACES = {
    "one range": {"learning_rate": Span(log=[1e-5, 1e-3])},
    "a range and a list": {"learning_rate": Span(log=[1e-5, 1e-3]), "epochs": [3, 10]},
    "whole numbers": {"epochs": Span(linear=[2, 9]), "batch_size": Span(log=[8, 128])},
    "words": {"schedule": ["linear", "cosine"], "weight_decay": Span(linear=[0.0, 0.1])},
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_more_trials_begin_with_the_same_ones(space):
    many = draw_candidates(space, 12)
    for trials in range(2, 12):
        assert draw_candidates(space, trials) == many[:trials]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_candidate_is_in_the_space_and_is_tried_once(space):
    candidates = draw_candidates(space, 12)
    assert len({tuple(one.items()) for one in candidates}) == 12
    for candidate in candidates:
        assert list(candidate) == list(space)
        for key, value in candidate.items():
            values = space[key]
            if isinstance(values, Span):
                assert values.bounds[0] <= value <= values.bounds[1]
            else:
                assert value in values
            if key in ("epochs", "batch_size"):
                assert type(value) is int


def test_a_logarithmic_range_is_tried_in_every_decade():
    rates = [one["learning_rate"] for one in draw_candidates(SPACES["one range"], 8)]
    decades = {math.floor(math.log10(rate) * 2) for rate in rates}
    assert len(decades) == 4  # the range is two decades: four halves


def test_a_method_s_own_range_has_the_same_shares():
    """Methods are compared at the same points of their ranges."""
    low = draw_candidates({"learning_rate": Span(log=[1e-5, 1e-3])}, 6)
    high = draw_candidates({"learning_rate": Span(log=[1e-4, 1e-2])}, 6)
    ratios = [b["learning_rate"] / a["learning_rate"] for a, b in zip(low, high, strict=True)]
    assert ratios == pytest.approx([10] * 6, rel=0.01)


def test_a_grid_is_every_combination_of_the_lists():
    grid = draw_candidates({"learning_rate": [1e-4, 1e-3], "epochs": [3, 5, 10]}, "grid")
    assert len(grid) == 6
    assert grid[0] == {"learning_rate": 1e-4, "epochs": 3}


def test_a_space_that_is_too_small_says_how_large_it_is():
    with pytest.raises(UserError, match="6 combinations; set trials to 6 at most"):
        draw_candidates({"learning_rate": [1e-4, 1e-3], "epochs": Span(linear=[1, 3])}, 8)
    with pytest.raises(UserError, match="learning_rate has a range; write lists"):
        draw_candidates({"learning_rate": Span(log=[1e-4, 1e-3])}, "grid")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"space": {}}, "names no setting under `space`"),
        ({"space": {"learning_rate": {"log": [0, 1]}}}, "begins above 0"),
        ({"space": {"learning_rate": {"log": [1e-3, 1e-4]}}}, "write \\[least, greatest\\]"),
        ({"space": {"learning_rate": {"linear": [1, 2], "log": [1, 2]}}}, "name one"),
        ({"space": {"learning_rate": 1e-4}}, "neither a list of values nor a range"),
        ({"space": {"learning_rate": [1e-4, 1e-4]}}, "names a value twice"),
        ({"space": {"seed": [1, 2]}}, "Extra inputs"),
        ({"trials": 1}, "greater than or equal to 2"),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_wrong_block_is_refused(changes, line):
    block = {"space": {"learning_rate": {"log": [1e-5, 1e-3]}}, "seeds": [101]} | changes
    with pytest.raises(ValidationError, match=line):
        TuneSettings.model_validate(block)
