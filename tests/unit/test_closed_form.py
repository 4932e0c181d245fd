"""The formula against the traced prediction, and the report's own arithmetic to its digits."""

import csv

import pytest
from memory_cases import METHODS, SHAPES, config_of

from tunegrid.errors import UserError
from tunegrid.memory.closed_form import closed_form
from tunegrid.memory.parameters import method_of, shape_of, trained_parameters
from tunegrid.memory.predicting import predict
from tunegrid.memory.workload import Workload
from tunegrid.paths import ROOT
from tunegrid.published import memory_arithmetic as published

PRECISIONS = ["fp32", "bf16", "fp32 again"]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_formula_agrees_with_the_trace_within_one_percent(shape, method, precision, attention):
    config, again = config_of(shape), precision.endswith("again")
    precision = precision.removesuffix(" again")
    form = method_of(METHODS[method], config.hidden_size)
    options = {"precision": precision, "attention": attention, "checkpointing": again}
    if again and (method in ("head", "bitfit") or attention == "eager"):
        with pytest.raises(UserError, match="no closed form for checkpointing"):
            closed_form(shape_of(config, 3), form, 4, 128, **options)
        return
    for batch, tokens in ((4, 128), (32, 100)) if precision == "fp32" else ((8, 120),):
        work = Workload(config, METHODS[method], 3, batch, tokens, **options)
        traced = predict(work)
        formula = closed_form(shape_of(config, 3), form, batch, tokens, **options)
        assert formula.peak == pytest.approx(traced.peak, rel=0.01)
        assert trained_parameters(shape_of(config, 3), form) == traced.trainable_parameters


@pytest.mark.parametrize(
    ("model", "method", "problem"),
    [
        ("llama-3.2-3b", "full", "no closed form for models of type 'llama'"),
        ("roberta-base", "compacter", "no closed form for the method 'compacter'"),
    ],
)
def test_what_has_no_formula_is_named(model, method, problem):
    config = config_of(model)
    entry = METHODS.get(method) or {"kind": "adapter", "adapter": method}
    with pytest.raises(UserError, match=problem):
        closed_form(shape_of(config, 2), method_of(entry, config.hidden_size), 1, 8)


def test_the_report_s_arithmetic_is_reproduced_to_its_digits():
    with (ROOT / "config/published/memory.csv").open() as file:
        rows = {
            (row["method"], row["component"]): float(row["gigabytes"])
            for row in csv.DictReader(file)
        }
    assert published.as_written() == pytest.approx(rows)


def test_the_report_s_formula_gives_what_its_errata_say():
    assert published.activations_per_example() == pytest.approx(5.82e9, rel=1e-3)
    assert published.activations_per_example() / 2**30 == pytest.approx(5.42, rel=1e-3)
    # 72 sh more: 18 for each of the four layers that were left out
    assert published.activations_per_example(28) - published.activations_per_example() == (
        72 * 1024 * 3072
    )
    assert published.adapter_activations_per_example() / 1e9 == pytest.approx(0.54, abs=0.005)
