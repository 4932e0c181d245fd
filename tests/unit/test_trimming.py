"""The last layer's feed-forward block is left out where no head reads it, and nowhere else."""

import pytest
import tiny
import torch
from tiny import ADAPTER, FULL
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BigBirdConfig,
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
)

from tunegrid.config.catalogue import MethodEntry
from tunegrid.methods import apply_method
from tunegrid.training.trimming import trim_last_layer

SIZES = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
METHODS = {
    "full": FULL,
    "adapter": ADAPTER,
    **{
        name: {"kind": "adapter", "adapter": name}
        for name in (
            "par_bn",
            "lora",
            "ia3",
            "prefix_tuning",
            "compacter[phm_dim=2,reduction_factor=4]",
        )
    },
}
IDS = torch.randint(3, 50, (4, 9), generator=torch.Generator().manual_seed(0))
MASK = (torch.arange(9) < torch.tensor([[9], [5], [2], [7]])).long()
EXAMPLES = {"input_ids": IDS, "attention_mask": MASK}


def build(config, method):
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    apply_method(model.eval(), MethodEntry(**method))
    return model


def outcome(model):
    """Logits and every gradient of a loss."""
    logits = model(input_ids=IDS, attention_mask=MASK).logits
    logits.square().sum().backward()
    return logits.detach(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("config", [BertConfig, RobertaConfig, ElectraConfig])
@pytest.mark.parametrize("method", METHODS)
def test_neither_logits_nor_gradients_change(config, method):
    whole, trimmed = (build(config(**SIZES), METHODS[method]) for _ in range(2))
    assert trim_last_layer(trimmed, EXAMPLES)
    logits, gradients = outcome(whole)
    less, same = outcome(trimmed)
    torch.testing.assert_close(less, logits, rtol=1e-4, atol=1e-6)
    assert same.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(same[name], gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", [FULL, ADAPTER])
def test_dropout_does_not_disturb_the_comparison(method):
    config = BertConfig(**SIZES | {"hidden_dropout_prob": 0.5})
    assert trim_last_layer(build(config, method), EXAMPLES)


def test_the_last_block_sees_one_token_an_example():
    model = build(BertConfig(**SIZES), FULL)
    trim_last_layer(model, EXAMPLES)
    seen = []
    for layer in model.bert.encoder.layer:
        layer.output.register_forward_hook(lambda *args: seen.append(args[-1].shape[1]))
    model(input_ids=IDS, attention_mask=MASK)
    assert seen == [9, 1]


def test_a_head_that_reads_every_token_is_left_whole():
    model = build(BertConfig(**SIZES), FULL)
    model.bert.pooler.forward = lambda hidden: hidden.mean(dim=1)
    assert not trim_last_layer(model, EXAMPLES)
    assert "feed_forward_chunk" not in vars(model.bert.encoder.layer[-1])


@pytest.mark.parametrize(
    "config",
    [
        AlbertConfig(**SIZES, embedding_size=32),  # its layers are one
        DistilBertConfig(vocab_size=50, dim=32, n_layers=2, n_heads=2, hidden_dim=64),
    ],
)
def test_a_model_of_another_shape_is_left_whole(config):
    model = build(config, FULL)
    expected = model(input_ids=IDS, attention_mask=MASK).logits
    assert not trim_last_layer(model, EXAMPLES)
    assert torch.equal(model(input_ids=IDS, attention_mask=MASK).logits, expected)


def test_a_model_that_changes_itself_in_a_forward_pass_is_left_as_it_is():
    """BigBird turns from sparse to full attention for good when it sees a short text."""
    config = BigBirdConfig(**SIZES, attention_type="block_sparse", block_size=2)
    model = AutoModelForSequenceClassification.from_config(config)
    before = [type(module) for module in model.modules()]
    trim_last_layer(model, EXAMPLES)
    assert [type(module) for module in model.modules()] == before
    assert model.bert.attention_type == "block_sparse"


def test_trimming_can_be_switched_off(tiny_model):
    assert tiny.build(tiny_model).trimmed
    whole = tiny.build(tiny_model, trim_last_layer=False)
    assert not whole.trimmed
    assert "feed_forward_chunk" not in vars(whole.model.bert.encoder.layer[-1])
