"""The trace: what it counts, which models it takes, what it says of others."""

import pytest
import torch
from memory_cases import make_step
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory.fake_tensors import fake_tensors
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import StepTracer, StorageCounter, UntraceableError, predict

pytestmark = pytest.mark.usefixtures("one_thread")

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


@pytest.mark.parametrize(("precision", "accumulated"), [("fp32", 1), ("fp32", 2), ("pure-bf16", 1)])
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
    config = small("bert", num_hidden_layers=6)
    step = make_step("full", batch=8, tokens=64, labels=2, attention=attention, checkpointing=True)
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)
    whole = make_step("full", batch=8, tokens=64, labels=2, attention=attention)
    assert predicted.peak < 0.7 * predict(config, whole, cuda=False).peak


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


def test_a_model_that_asks_for_values_is_named():
    config = small("mixtral", num_key_value_heads=2, num_local_experts=4)
    step = make_step("full", batch=4, tokens=64, labels=2, attention="auto")
    with pytest.raises(UntraceableError, match=r"cannot be traced without data: .*; measure it"):
        predict(config, step)


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
