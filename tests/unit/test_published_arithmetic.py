"""The report's own memory arithmetic, as its folder holds it, to its digits."""

import csv
import json

import pytest
from paths import ROOT

from tunegrid.files import canonical_json
from tunegrid.published.formulas import evaluate
from tunegrid.published.memory_case import QuantityValues
from tunegrid.published.paper import read_paper

FOLDER = ROOT / "config/published/lab-report-2024"
CASE = read_paper(str(FOLDER)).memory
#: What of the report can be computed without tracing a step.
VALUES = QuantityValues(CASE, rows=[])


def test_the_report_s_arithmetic_is_reproduced_to_its_digits():
    """Its one rounding, "about 20" for 20.54, cuts off; every other figure is what it computes."""
    with (FOLDER / "memory.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    computed = {(row["method"], row["component"]): evaluate(row["formula"], VALUES) for row in rows}
    about_twenty = ("adapter-64", "total")
    assert computed.pop(about_twenty) == pytest.approx(20.54)
    printed = {(figure.method, figure.component): figure.gigabytes for figure in CASE.figures}
    assert printed.pop(about_twenty) == 20
    assert computed == pytest.approx(printed)


def test_the_example_is_traced_in_the_paper_s_own_order():
    """Also after the set-up has been JSON with sorted keys, as the workflow hands it on."""
    methods = {name: {"kind": "full"} for name in CASE.example.methods}
    setup = json.loads(canonical_json(CASE.recount_setup(methods)))
    for key in ("networks", "methods", "ways"):
        assert [one["name"] for one in setup[key]] == list(getattr(CASE.example, key))


def test_the_report_s_formula_gives_what_its_errata_say():
    assert VALUES["as_written"] == pytest.approx(5.82, rel=1e-3)
    assert VALUES["as_written_gib"] == pytest.approx(5.42, rel=1e-3)
    # 72 sh more: 18 for each of the four layers that were left out
    assert (VALUES["with_all_layers"] - VALUES["as_written"]) * 1e9 == pytest.approx(
        72 * 1024 * 3072
    )
    assert VALUES["adapters_as_written"] == pytest.approx(0.54, abs=0.005)
    # In the batch that it states, its own formula would say seven times what it says.
    assert VALUES["at_stated_batch"] == pytest.approx(140.54)
    # The heads, where the size of an adapter is meant, change hardly anything.
    assert VALUES["adapters_with_heads"] == pytest.approx(0.534, abs=0.001)
    assert VALUES["logits"] == pytest.approx(4 * 16 * 1024 * 128256 / 1e9)


def test_all_its_figures_are_of_one_network():
    """So that no row stands beside one of other weights."""
    assert CASE.example.networks == [CASE.example.beside.network]
