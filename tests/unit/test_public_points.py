"""Others' measurements beside predictions: what a row may say, and how errors are counted."""

import csv
from dataclasses import replace

import pytest

from tunegrid.errors import UserError
from tunegrid.memory.margins import PUBLIC
from tunegrid.memory.public_points import (
    Comparison,
    compare_points,
    comparison_table,
    hold_out,
    load_points,
    summary,
)


@pytest.fixture(scope="module")
def points():
    return load_points()


def test_each_figure_has_a_source_and_a_step_or_a_reason(points):
    assert len(points) > 200
    for point in points:
        assert point.source
        assert point.mebibytes > 0
        assert (point.step is None) == bool(point.reason)


def test_measured_tensors_of_a_small_model_are_predicted_within_half_a_percent(points):
    chosen = [
        point
        for point in points
        if point.model == "SmolLM2-135M"
        and point.quantity == "allocated"
        and point.step is not None
        and point.step.batch * point.step.tokens == 1024
        and point.step.attention == "sdpa"
    ]
    (compared,) = compare_points(chosen, PUBLIC)
    assert abs(compared.error) < 0.005
    assert "1 of 1 figures" in summary([compared])
    assert len(comparison_table([compared])) == 1


def test_a_row_without_a_step_and_without_a_reason_is_refused_with_its_line(points, tmp_path):
    file = tmp_path / "points.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["compared", "reason", "mib"])
        writer.writeheader()
        writer.writerow({"compared": "", "reason": "", "mib": "1"})
    with pytest.raises(UserError, match="line 2: names '' as compared"):
        load_points(file)


def test_a_model_is_held_against_the_others_of_its_kind_of_attention(points):
    point = next(
        point for point in points if point.quantity == "reserved" and point.step is not None
    )
    workspaces = PUBLIC.workspaces / 2**20
    compared = [
        Comparison(
            replace(point, model=model, mebibytes=(1000 + workspaces) * held),
            live=1000,
            predicted=1,
            margin=0,
            reason="",
        )
        for model, held in [("a", 1.0), ("a", 1.2), ("b", 1.3), ("c", 1.5)]
    ]
    table = hold_out(compared, PUBLIC).set_index("model")
    assert table["held"].round(3).to_dict() == {"a": 1.1, "b": 1.3, "c": 1.5}
    assert table["others"].round(3).to_dict() == {"a": 1.4, "b": 1.3, "c": 1.2}
    assert table.loc["c", "error"] == pytest.approx(-20)


def test_the_summary_counts_reasons_and_figures_beyond_their_margin(points):
    point = next(point for point in points if point.quantity == "reserved")
    under = Comparison(point, live=1, predicted=point.mebibytes * 0.5, margin=0.1, reason="")
    refused = Comparison(point, live=None, predicted=None, margin=None, reason="no such thing")
    text = summary([under, refused])
    assert "1 under by more than the margin" in text
    assert "not predicted (1): no such thing" in text
