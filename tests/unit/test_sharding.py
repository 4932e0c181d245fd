"""A step over several GPUs: what each holds of weights, gradients and optimizer state."""

import subprocess

import forked
import pytest
from memory_cases import make_step
from paths import ROOT
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import StepTracer, predict

GPUS = 4
LAYERS = 8
#: So many layers and so few tokens that weights and what belongs to them are nearly all.
CONFIG = AutoConfig.for_model(
    "bert", hidden_size=64, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=256,
    vocab_size=100, pad_token_id=0,
)  # fmt: skip
KINDS = ("none", "zero1", "zero2", "zero3", "fsdp")


def step_of(sharding="none", method="full", *, batch=1, tokens=4, **options):
    return make_step(
        method, batch=batch, tokens=tokens, labels=2, gpus=GPUS, sharding=sharding, **options
    )


@pytest.fixture(scope="module")
def predicted():
    """A step with hardly any activations, by what is shared."""
    return {kind: predict(CONFIG, step_of(kind)) for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "copies"),
    [  # of the weights: themselves, gradients, two moments
        ("none", 1 + 1 + 2),
        ("zero1", 1 + 1 + 2 / GPUS),
        ("zero2", 1 + 1 / GPUS + 2 / GPUS),
        ("zero3", 4 / GPUS),
    ],
)
def test_each_gpu_holds_its_share(predicted, kind, copies):
    """As the table of model states in the paper says, but for a few layers that are whole."""
    weights = 4 * predicted["none"].total_parameters
    few_layers = 4 * weights / LAYERS
    assert copies * weights <= predicted[kind].peak < copies * weights + few_layers


def test_more_that_is_shared_takes_less(predicted):
    peaks = [predicted[kind].peak for kind in ("none", "zero1", "zero2", "zero3")]
    assert peaks == sorted(set(peaks), reverse=True)
    assert predicted["fsdp"].peak == predicted["zero3"].peak
    for found in predicted.values():
        assert sum(found.parts.values()) == found.peak


def test_activations_are_not_shared():
    whole, shared = (
        predict(CONFIG, step_of(kind, "lora", batch=16, tokens=64)) for kind in ("none", "zero2")
    )
    assert shared.parts["activations"] == whole.parts["activations"]
    assert whole.peak * 0.97 < shared.peak < whole.peak


def test_one_gpu_that_shares_with_none_takes_no_less(predicted):
    alone = predicted["none"]
    for kind in ("zero1", "zero2"):
        step = make_step("full", batch=1, tokens=4, labels=2, gpus=1, sharding=kind)
        assert predict(CONFIG, step).peak == pytest.approx(alone.peak, abs=len(alone.parts))


def test_every_micro_batch_of_a_tracer_is_shared(predicted):
    """The history of one step is not that of the steps before it."""
    tracer = StepTracer(CONFIG, step_of("zero2", batch=8, tokens=64))
    tracer.predict(step_of("zero2", batch=8, tokens=64))
    assert tracer.predict(step_of("zero2")) == predicted["zero2"]


def test_what_cannot_be_predicted_or_measured_is_one_line():
    with pytest.raises(UserError, match="zero3 shares are not predicted; choose zero2"):
        predict(CONFIG, step_of("zero3", "lora", quantised="nf4"))
    with pytest.raises(UserError, match="predicted, and not measured"):
        measure(CONFIG, step_of("zero2"))


def test_an_answer_says_what_is_shared():
    assert step_of("zero2").kind == f"fp32, zero2 over {GPUS} GPUs"
    assert step_of().kind == f"fp32, each of {GPUS} GPUs, which share nothing"
    assert make_step("full", batch=1, tokens=4).kind == "fp32"


def test_one_gpu_cannot_share():
    run = subprocess.run(
        [forked.interpreter(), ROOT / "scripts/predict_memory.py", "--model", "roberta-base",
         "--sharding", "zero1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "--sharding zero1 needs --gpus 2 or more" in run.stderr
