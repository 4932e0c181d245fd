"""The formula against the traced prediction."""

import pytest
from memory_cases import METHODS, SHAPES, config_of

from tunegrid.errors import UserError
from tunegrid.memory.closed_form import closed_form
from tunegrid.memory.parameters import method_of, shape_of, trained_parameters
from tunegrid.memory.predicting import predict
from tunegrid.memory.workload import Workload

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
