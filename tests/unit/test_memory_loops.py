"""The trace of what attention keeps on CUDA, of fp32 adapters on a bf16 base, of other loops."""

import pytest
from memory_cases import make_step
from transformers import AutoConfig

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import predict
from tunegrid.memory.records import TrainingStep

RANK = 8


def small_llama(**changes):
    sizes = {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 500,
    }  # fmt: skip
    return AutoConfig.for_model("llama", **sizes | changes, pad_token_id=0)


def lora_step(*, labels=None, **options):
    peft = {"peft_type": "LORA", "r": RANK, "target_modules": ["q_proj", "v_proj"]}
    method = MethodEntry.model_validate({"kind": "peft", "peft": peft})
    sizes = {"batch": 3, "tokens": 40, "precision": "bf16-base"} | options
    return TrainingStep(method="lora", method_source=method, labels=labels, **sizes)


@pytest.mark.parametrize("padded", [True, False], ids=["padded", "unpadded"])
@pytest.mark.parametrize("loop", ["ours", "trainer", "trainer-torch1"])
def test_what_a_loop_keeps_agrees_with_real_steps(loop, padded):
    config = small_llama()
    for step in (
        lora_step(loop=loop, padded=padded),
        make_step("full", batch=3, tokens=40, labels=None, loop=loop, padded=padded),
    ):
        predicted = predict(config, step, cuda=False)
        assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.001)


def test_a_script_that_keeps_outputs_and_gradients_takes_more_after_the_step():
    config = small_llama()
    after = {
        loop: predict(config, make_step("full", batch=3, tokens=40, labels=None, loop=loop)).after
        for loop in ("ours", "trainer")
    }
    weights = (
        4 * predict(config, make_step("full", batch=1, tokens=8, labels=None)).total_parameters
    )
    logits = 4 * 3 * 40 * config.vocab_size
    assert after["trainer"] - after["ours"] >= weights + logits


def test_tied_embeddings_in_bf16_agree_with_real_steps():
    config = small_llama(tie_word_embeddings=True)
    step = make_step("full", batch=3, tokens=40, labels=None, precision="pure-bf16")
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.001)


def test_what_is_added_to_a_bf16_base_is_fp32_and_the_output_layer_stays_frozen():
    config = small_llama()
    added = 2 * RANK * (64 + 64 + 64 + 32)
    predicted = predict(config, lora_step())
    assert predicted.trainable_parameters == added
    assert predicted.parts["trainable weights"] == 4 * added
    assert predicted.parts["optimizer state"] == pytest.approx(8 * added, rel=0.01)
    frozen = predicted.total_parameters - added
    assert predicted.parts["frozen weights"] == pytest.approx(2 * frozen, rel=0.01)


@pytest.mark.parametrize(
    ("method", "words"), [("full", "take pure-bf16"), ("ln_tuning", "layer norms in fp32")]
)
def test_a_bf16_base_is_refused_where_nothing_is_added_to_it(method, words):
    with pytest.raises(UserError, match=words):
        predict(small_llama(), make_step(method, batch=1, tokens=8, precision="bf16-base"))


@pytest.mark.parametrize(("tokens", "row"), [(64, 64), (61, 64)])
def test_a_boolean_mask_is_kept_by_every_layer_as_numbers_in_rows_of_eight(tokens, row):
    batch = 4
    peaks = {
        (layers, padded): predict(
            small_llama(num_hidden_layers=layers),
            make_step("full", batch=batch, tokens=tokens, labels=None, padded=padded),
        ).parts["activations"]
        for layers in (2, 4)
        for padded in (True, False)
    }
    mask = 4 * batch * tokens * row
    kept = {layers: peaks[layers, True] - peaks[layers, False] for layers in (2, 4)}
    assert kept[4] - kept[2] == 2 * mask
