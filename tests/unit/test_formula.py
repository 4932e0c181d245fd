"""The formula against the traced prediction, and the report's own arithmetic to its digits."""

import pytest
from memory_cases import METHODS, MODELS, config_of, make_step

from tunegrid.errors import UserError
from tunegrid.memory.analysis import step_formula
from tunegrid.memory.model_shapes import (
    encoder_shape,
    method_entry,
    method_shape,
    trained_parameters,
)
from tunegrid.memory.predict import predict

#: Layers of the same widths as the whole model's. What is held for a moment weighs more in so few,
#: so the formula is held to its 1 % more strictly.
LAYERS = 3


def assert_formula_agrees_with_trace(config, step):
    traced = predict(config, step)
    assert step_formula(config, step).peak == pytest.approx(traced.peak, rel=0.01)
    method = method_shape(step.method_source, config.hidden_size)
    shape = encoder_shape(config, step.labels)
    assert trained_parameters(shape, method) == traced.trainable_parameters


@pytest.mark.parametrize(
    ("model", "precision", "batch", "tokens", "attention"),
    [
        ("roberta-base", "fp32", 4, 128, "eager"),
        ("roberta-base", "fp32", 32, 100, "sdpa"),
        ("roberta-base", "bf16", 8, 120, "eager"),
        ("roberta-base", "bf16", 8, 120, "sdpa"),
        ("minilm-l6", "fp32", 32, 100, "eager"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_the_formula_agrees_with_the_trace_within_one_percent(
    model, method, precision, batch, tokens, attention
):
    config = config_of(model, num_hidden_layers=LAYERS)
    step = make_step(method, batch=batch, tokens=tokens, precision=precision, attention=attention)
    assert_formula_agrees_with_trace(config, step)


# Each further layer is as those before it, whatever the method.
@pytest.mark.parametrize("method", ["full", "adapter-64"])
@pytest.mark.parametrize("model", MODELS)
def test_the_formula_agrees_with_the_trace_of_a_whole_model(model, method):
    step = make_step(method, batch=32, tokens=100, attention="auto")
    assert_formula_agrees_with_trace(config_of(model), step)


@pytest.mark.parametrize("method", ["full", "adapter-64", "adapter-8", "lora"])
@pytest.mark.parametrize("model", MODELS)
def test_the_formula_agrees_where_layers_are_computed_again(model, method):
    config = config_of(model, num_hidden_layers=LAYERS)
    step = make_step(method, batch=8, tokens=120, checkpointing=True)
    assert_formula_agrees_with_trace(config, step)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        *((method, {}) for method in ("head", "bitfit")),
        *((method, {"attention": "eager"}) for method in METHODS),
    ],
)
def test_computing_layers_again_without_a_formula_is_named(model, method, options):
    step = make_step(method, batch=4, tokens=128, checkpointing=True, **options)
    with pytest.raises(UserError, match="no closed form for checkpointing"):
        step_formula(config_of(model), step)


@pytest.mark.parametrize(
    ("model", "method", "problem"),
    [
        ("llama-3.2-3b", "full", "no closed form for models of type 'llama'"),
        ("roberta-base", "compacter", "no closed form for the method 'compacter'"),
    ],
)
def test_what_has_no_formula_is_named(model, method, problem):
    config = config_of(model)

    def shapes():
        return encoder_shape(config, labels=2), method_shape(
            method_entry(method), config.hidden_size
        )

    with pytest.raises(UserError, match=problem):
        shapes()
