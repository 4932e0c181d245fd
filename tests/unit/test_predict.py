"""The trace: what it counts, which models it takes, what it says of others."""

from importlib.util import find_spec
from itertools import product

import pytest
import torch
from memory_cases import make_step
from transformers import AutoConfig, BertForSequenceClassification

from tunegrid.errors import UserError
from tunegrid.memory.fake_tensors import fake_tensors
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import StepTracer, UntraceableError, predict
from tunegrid.memory.storage_counter import StorageCounter
from tunegrid.memory.workload import build_inputs, build_model, build_optimizer, take_step

SMALL = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
    "vocab_size": 1000,
}  # fmt: skip


def small(kind, **more):
    return AutoConfig.for_model(kind, **SMALL | more, pad_token_id=0)


def test_storage_is_counted_from_birth_to_death():
    with fake_tensors(cuda=False):
        counter = StorageCounter()
        with counter:
            one = torch.zeros(100)
            view = one[:50]
            two = one + 1
            del one
        assert counter.live == 800  # the view holds it
        del view, two
        assert counter.live == 0
        assert counter.peak == 800


@pytest.mark.parametrize(("precision", "accumulated"), [("fp32", 2), ("pure-bf16", 1)])
@pytest.mark.parametrize("optimizer", ["adamw", "adamw-foreach", "sgd"])
def test_optimizers_precisions_and_accumulation_agree_with_real_steps(
    optimizer, accumulated, precision
):
    config = small("bert")
    step = make_step(
        "full",
        batch=2,
        tokens=16,
        labels=2,
        precision=precision,
        optimizer=optimizer,
        accumulated=accumulated,
    )
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_layers_computed_again_agree_with_real_steps(attention):
    config = small("bert", num_hidden_layers=5)
    step = make_step("full", batch=8, tokens=64, labels=2, attention=attention, checkpointing=True)
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)
    whole = make_step("full", batch=8, tokens=64, labels=2, attention=attention)
    assert predicted.peak < 0.7 * predict(config, whole, cuda=False).peak


SETTINGS = {
    "adafactor": {"optimizer": "adafactor"},
    "frozen": {"frozen_layers": 2},
    "fp16": {"precision": "fp16"},
    "all": {
        "optimizer": "adafactor", "frozen_layers": 1, "precision": "fp16", "checkpointing": True,
    },
}  # fmt: skip


# Of what bitfit trains, biases, Adafactor has another state than of matrices.
@pytest.mark.parametrize(
    ("settings", "method"),
    [
        *product(["adafactor", "all"], ["full", "lora", "bitfit"]),
        *product(["frozen"], ["full", "lora"]),
        ("fp16", "full"),
    ],
)
def test_settings_of_the_optimizer_step_agree_with_real_steps(settings, method):
    config = small("bert", num_hidden_layers=3)
    step = make_step(method, batch=8, tokens=64, labels=2, **SETTINGS[settings])
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


def test_frozen_layers_cost_neither_state_nor_activations():
    config = small("bert", num_hidden_layers=4)
    whole, frozen = (
        predict(config, make_step("full", batch=8, tokens=64, labels=2, frozen_layers=layers))
        for layers in (0, 3)
    )
    assert frozen.trainable_parameters < whole.trainable_parameters / 3
    assert frozen.parts["optimizer state"] < whole.parts["optimizer state"] / 3
    assert frozen.parts["activations"] < whole.parts["activations"] / 2


def test_adamw_in_8_bits_holds_a_byte_a_moment_and_little_beside():
    config = small("bert", vocab_size=100_000)
    peaks = {
        optimizer: predict(
            config, make_step("full", batch=2, tokens=16, labels=2, optimizer=optimizer)
        )
        for optimizer in ("adamw", "adamw_8bit")
    }
    weights = 4 * peaks["adamw"].total_parameters
    states = {name: peak.parts["optimizer state"] for name, peak in peaks.items()}
    assert states["adamw"] == pytest.approx(2 * weights, rel=0.01)
    assert states["adamw_8bit"] == pytest.approx(weights * (2 / 4 + 2 / 256), rel=0.02)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="no bitsandbytes here")
def test_the_state_of_adamw_in_8_bits_is_the_package_s_own():
    """Its kernels for CPUs take memory that those for GPUs do not, so states are compared."""
    config = small("bert", vocab_size=10_000)
    step = make_step("full", batch=2, tokens=16, labels=2, optimizer="adamw_8bit")
    model = build_model(config, step)
    real = build_optimizer(model, "adamw_8bit")
    take_step(step, model, real, build_inputs(step))
    storages = {
        value.untyped_storage().data_ptr(): value.untyped_storage().nbytes()
        for state in real.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    }
    predicted = predict(config, step).parts["optimizer state"]
    assert predicted == pytest.approx(sum(storages.values()), rel=0.001)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("mpnet", {}),
        ("deberta-v2", {}),
        ("electra", {}),
        ("modernbert", {}),
        ("qwen2", {"num_key_value_heads": 2}),
    ],
)
def test_other_models_agree_with_real_steps(kind, more):
    config = small(kind, **more)
    step = make_step("full", batch=4, tokens=64, labels=2, attention="auto")
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


def test_a_step_takes_the_same_after_any_other():
    config = small("bert")
    steps = [
        make_step("adapter-8", batch=batch, tokens=tokens, labels=2, accumulated=accumulated)
        for batch, tokens, accumulated in ((64, 32, 1), (1, 32, 1), (8, 128, 1), (8, 128, 3))
    ]
    tracer = StepTracer(config, steps[0])
    assert [tracer.predict(step) for step in steps] == [predict(config, step) for step in steps]


def forward_that(does):
    """A classifier's forward pass that does something with its logits first."""
    forward = BertForSequenceClassification.forward

    def changed(self, **inputs):
        output = forward(self, **inputs)
        does(output.logits)
        return output

    return changed


@pytest.mark.parametrize(
    ("method_of_logits", "reason"),
    [
        ("nonzero", r"cannot be traced .* asks for values .*line \d+: .*; measure it"),
        ("unheard_of", r"fails in a step .*: AttributeError: .*unheard_of.*py, line \d+"),
    ],
)
def test_a_model_that_cannot_be_traced_is_named_with_the_line(
    method_of_logits, reason, monkeypatch
):
    calls = forward_that(lambda logits: getattr(logits, method_of_logits)())
    monkeypatch.setattr(BertForSequenceClassification, "forward", calls)
    step = make_step("full", batch=4, tokens=64, labels=2, attention="auto")
    with pytest.raises(UntraceableError, match=reason):
        predict(small("bert"), step)


def test_a_step_that_fails_is_named_where_it_is_measured(monkeypatch):
    fails = forward_that(lambda logits: logits.unheard_of())
    monkeypatch.setattr(BertForSequenceClassification, "forward", fails)
    step = make_step("full", batch=4, tokens=64, labels=2, attention="auto")
    with pytest.raises(UserError, match=r"fails in a training step: AttributeError: .*unheard_of"):
        measure(small("bert"), step)


def test_a_mixture_of_experts_is_predicted_as_if_all_had_as_much_to_do():
    config = small("mixtral", num_key_value_heads=2, num_local_experts=4)
    step = make_step("full", batch=4, tokens=64, labels=2, attention="auto")
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.02)


@pytest.mark.parametrize("precision", ["fp32", "pure-bf16"])
def test_gradients_of_tied_embeddings_are_added_up_in_place(precision):
    config = small("llama", tie_word_embeddings=True, vocab_size=5_000)
    step = make_step("full", batch=2, tokens=16, labels=None, precision=precision)
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.001)


def test_a_method_that_does_not_fit_is_named():
    with pytest.raises(UserError, match="'nonsense' is no configuration string"):
        predict(small("bert"), make_step("nonsense", batch=4, tokens=64, labels=2))


def test_parts_add_up_and_a_frozen_network_keeps_its_activations():
    config = small("bert")
    full = predict(config, make_step("full", batch=32, tokens=64, labels=2))
    adapter = predict(config, make_step("adapter-8", batch=32, tokens=64, labels=2))
    for one in (full, adapter):
        assert sum(one.parts.values()) == one.peak
    assert full.parts["frozen weights"] < 10_000  # positions' and segments' numbers
    assert adapter.parts["optimizer state"] < 0.2 * full.parts["optimizer state"]
    assert adapter.parts["activations"] > 0.5 * full.parts["activations"]
