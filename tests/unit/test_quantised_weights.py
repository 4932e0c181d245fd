"""Base weights of 8 and 4 bits: what is stored of them, and what a step takes with them."""

import gc
from importlib.util import find_spec

import pytest
import torch
from memory_cases import make_step
from torch import nn
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory import measure as measuring
from tunegrid.memory.predict import predict, predict_evaluation
from tunegrid.memory.quantised_weights import quantised_linear_maps
from tunegrid.memory.workload import build_inputs, build_model, build_optimizer, take_step

SMALL = {
    "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512,
    "vocab_size": 1000, "pad_token_id": 0,
}  # fmt: skip
#: Weights of the linear maps of a layer of BERT and of the pooler; each is a multiple of a block.
QUANTISED = 2 * (4 * 256 * 256 + 2 * 256 * 512) + 256 * 256
#: Rows of these maps, and how many maps there are.
ROWS, MAPS = 2 * (5 * 256 + 512) + 256, 13


def step_of(method="lora", batch=2, **options):
    return make_step(method, batch=batch, tokens=32, labels=2, **options)


@pytest.mark.parametrize(
    ("quantised", "stored"),
    [
        ("int8", QUANTISED + 4 * ROWS),
        ("nf4", QUANTISED / 2 + 4 * QUANTISED / 64 + 64 * MAPS),
        (
            "nf4-double",
            QUANTISED / 2 + QUANTISED / 64 + 4 * QUANTISED / 64 / 256 + (64 + 1024 + 4) * MAPS,
        ),
    ],
)
@pytest.mark.parametrize(("precision", "width"), [("fp32", 4), ("pure-bf16", 2)])
def test_what_is_stored_is_the_format_s(quantised, stored, precision, width):
    """And a single value of each map, which has its shape and its type."""
    config = AutoConfig.for_model("bert", **SMALL)
    whole = predict(config, step_of(precision=precision)).parts["frozen weights"]
    found = predict(config, step_of(precision=precision, quantised=quantised))
    expected = whole - width * QUANTISED + stored + width * MAPS
    assert found.parts["frozen weights"] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_fewer_bits_take_less_and_count_as_many_weights(kind):
    config = AutoConfig.for_model(kind, **SMALL)
    found = [
        predict(config, step_of(precision="pure-bf16", quantised=quantised))
        for quantised in ("", "int8", "nf4", "nf4-double")
    ]
    stored = [one.parts["frozen weights"] for one in found]
    assert stored == sorted(set(stored), reverse=True)
    assert len({(one.total_parameters, one.trainable_parameters) for one in found}) == 1
    step = step_of(precision="pure-bf16", quantised="nf4")
    assert predict_evaluation(config, step).peak < found[2].peak


def test_linear_maps_in_8_bits_keep_their_inputs():
    """`MatMul8bitLt` does, and `MatMul4Bit` does not."""
    config = AutoConfig.for_model("bert", **SMALL)
    eight, four = (
        predict(config, step_of(quantised=quantised)).parts["activations"]
        for quantised in ("int8", "nf4")
    )
    assert eight > 1.05 * four


@pytest.mark.parametrize(("kind", "method"), [("bert", "full"), ("gpt2", "head")])
def test_where_nothing_can_be_quantised_it_is_one_line(kind, method):
    config = AutoConfig.for_model(kind, **SMALL)
    with pytest.raises(UserError, match="choose a method that adds weights, such as lora"):
        predict(config, step_of(method, quantised="nf4"))


def test_quantised_weights_are_not_measured():
    config = AutoConfig.for_model("bert", **SMALL)
    with pytest.raises(UserError, match="predicted, and not measured"):
        measuring.measure(config, step_of(quantised="int8"))


def quantise_really(model, kind):
    """Put bitsandbytes' own maps into a model, as the Transformers library does."""
    import bitsandbytes

    double = kind == "nf4-double"
    for name, module in list(model.named_modules()):
        if not isinstance(module, nn.Linear) or module.weight.requires_grad:
            continue
        new = bitsandbytes.nn.Linear4bit(
            module.in_features, module.out_features, module.bias is not None,
            compress_statistics=double, quant_type="nf4",
        )  # fmt: skip
        packed = bitsandbytes.nn.Params4bit(
            module.weight.data, requires_grad=False, compress_statistics=double, quant_type="nf4"
        )
        new.weight, new.bias = packed._quantize(torch.device("cpu")), module.bias
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, new)


def states_of(model):
    """The tensors beside the packed weights."""
    for weight in model.parameters():
        state = getattr(weight, "quant_state", None)
        if state is not None:
            yield from (state.absmax, state.code)
            if state.nested:
                yield from (state.offset, state.state2.absmax, state.state2.code)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="no bitsandbytes here")
@pytest.mark.parametrize("kind", ["bert", "llama"])
@pytest.mark.parametrize("precision", ["fp32", "pure-bf16"])
@pytest.mark.parametrize("quantised", ["nf4", "nf4-double"])
def test_the_package_s_own_maps_take_as_much(kind, precision, quantised):
    """Those of 4 bits: of 8 bits the package has another kernel on a CPU."""
    config = AutoConfig.for_model(kind, **SMALL)
    step = step_of("peft-lora", batch=8, precision=precision)
    model = build_model(config, step)
    quantise_really(model, quantised)
    optimizer, inputs = build_optimizer(model, "adamw"), build_inputs(step)
    take_step(step, model, optimizer, inputs)
    gc.collect()
    held = [*model.parameters(), *model.buffers(), *inputs.values(), *states_of(model)]
    before = measuring._bytes_held([*held, *measuring._state_tensors(optimizer)])
    during = measuring._peak_of_allocations(step, model, optimizer, inputs)
    predicted = predict(
        config, step_of("peft-lora", batch=8, precision=precision, quantised=quantised), cuda=False
    )
    assert predicted.peak == pytest.approx(before + during, rel=0.01)


def test_a_linear_map_takes_its_arguments_by_the_names_that_torch_has():
    weight, values = torch.randn(3, 2), torch.randn(4, 2)
    with quantised_linear_maps():
        result = torch.nn.functional.linear(input=values, weight=weight, bias=None)
    torch.testing.assert_close(result, values @ weight.T)
