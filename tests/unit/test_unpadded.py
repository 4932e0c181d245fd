"""ModernBERT without padding computes what it computes with padding, to rounding; or says why not.

The package flash-attn needs a GPU to be built and used. Here its two kernels stand in, computed
text by text in fp32; the code around them is the Transformers library's own.
"""

import functools
from types import SimpleNamespace

import pytest
import torch
from families import small_classifier
from torch import nn
from torch.nn import functional
from transformers.models.modernbert import modeling_modernbert

from tunegrid.errors import UserError
from tunegrid.training import unpadded_attention
from tunegrid.training.unpadded_attention import (
    check_need_not_pad,
    leave_padding_out,
    why_not_unpadded,
)

LENGTHS = [9, 4, 1]
GPU = torch.device("cuda")


class Rotary(nn.Module):
    """In the place of flash-attn's rotary embedding: positions begin anew with each text."""

    def __init__(self, dim, base, max_seqlen, device):
        super().__init__()
        self.frequencies = 1 / base ** (torch.arange(0, dim, 2) / dim)

    def forward(self, qkv, cu_seqlens, max_seqlen):
        lengths = cu_seqlens.diff().tolist()
        assert max(lengths) == max_seqlen
        positions = torch.cat([torch.arange(length) for length in lengths])
        angles = (positions[:, None] * self.frequencies).repeat(1, 2)[:, None, None]
        turned = (
            qkv[:, :2] * angles.cos() + modeling_modernbert.rotate_half(qkv[:, :2]) * angles.sin()
        )
        return torch.cat([turned, qkv[:, 2:]], dim=1)


def attention_of_each_text(qkv, cu_seqlens, max_seqlen, dropout_p, deterministic, window_size):
    """In the place of flash-attn's kernel."""
    parts = []
    for text in qkv.split(cu_seqlens.diff().tolist()):
        distance = torch.arange(len(text))[None] - torch.arange(len(text))[:, None]
        near = distance.abs() <= window_size[0] if window_size[0] >= 0 else None
        query, key, value = text.transpose(0, 2).unbind(1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=near)
        parts.append(attended.transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture
def flash(monkeypatch):
    """Let flash-attn be installed, and this machine have a GPU for it."""
    module = modeling_modernbert
    monkeypatch.setattr(module, "ModernBertUnpaddedRotaryEmbedding", Rotary)
    monkeypatch.setattr(
        module, "flash_attn_varlen_qkvpacked_func", attention_of_each_text, raising=False
    )
    in_fp32 = functools.partial(module.flash_attention_forward, target_dtype=torch.float32)
    monkeypatch.setitem(module.MODERNBERT_ATTENTION_FUNCTION, "flash_attention_2", in_fp32)
    monkeypatch.setattr(unpadded_attention, "why_not_unpadded", lambda *_: None)
    without_autocast = functools.partial(torch.autocast, "cpu", enabled=False)
    return SimpleNamespace(
        device=torch.device("cpu"), mixed_precision="no", autocast=without_autocast
    )


@pytest.fixture
def texts():
    torch.manual_seed(0)
    mask = torch.tensor([[1] * length + [0] * (9 - length) for length in LENGTHS])
    return {"input_ids": torch.randint(3, 64, (3, 9)) * mask, "attention_mask": mask}


@pytest.fixture
def modernbert():
    """A function that builds it; layers of both kinds, and a window smaller than a text."""
    return functools.partial(
        small_classifier, "modernbert", local_attention=4, global_attn_every_n_layers=2,
        global_rope_theta=1000.0, local_rope_theta=10.0,
    )  # fmt: skip


def logits_and_gradients(model, texts):
    logits = model(**texts).logits
    logits.square().sum().backward()
    return [logits, *(value.grad for value in model.parameters() if value.grad is not None)]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_logits_and_gradients_agree_with_those_of_padded_texts(flash, modernbert, texts, pooling):
    padded, unpadded = (modernbert(classifier_pooling=pooling) for _ in range(2))
    leave_padding_out(unpadded, flash, texts, deterministic=True)
    computed = []
    unpadded.model.layers[0].register_forward_hook(lambda *call: computed.append(call[1][0].shape))
    expected = logits_and_gradients(padded, texts)
    found = logits_and_gradients(unpadded, texts)
    assert computed == [(sum(LENGTHS), 32)], "no token of padding is computed"
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_backward_passes_are_deterministic_where_the_run_is_to_be(flash, modernbert, texts):
    for deterministic in (True, False):
        model = modernbert()
        leave_padding_out(model, flash, texts, deterministic=deterministic)
        asked = {layer.attn.deterministic_flash_attn for layer in model.model.layers}
        assert asked == {deterministic}


def test_kernels_that_compute_something_else_are_refused(flash, modernbert, texts, monkeypatch):
    def everything(*args, window_size, **options):
        return 2 * attention_of_each_text(*args, window_size=(-1, -1), **options)

    monkeypatch.setattr(modeling_modernbert, "flash_attn_varlen_qkvpacked_func", everything)
    with pytest.raises(UserError, match=r"attention: unpadded, but it changes logits by [\d.]+ "):
        leave_padding_out(modernbert(), flash, texts, deterministic=True)


@pytest.mark.parametrize(
    ("device", "precision", "reason"),
    [
        (torch.device("cpu"), "bf16", "no GPU"),
        (GPU, "no", "needs precision: bf16 or fp16"),
        (GPU, "bf16", "flash-attn is not installed"),
    ],
)
def test_what_is_lacking_is_told(monkeypatch, device, precision, reason):
    monkeypatch.setattr(unpadded_attention, "find_spec", lambda _: None)
    assert reason in why_not_unpadded(device, precision)
    monkeypatch.setattr(unpadded_attention, "find_spec", lambda _: "there")
    assert why_not_unpadded(GPU, "fp16") is None


def test_a_model_that_always_pads_is_refused():
    with pytest.raises(UserError, match="BertForSequenceClassification always computes padding"):
        check_need_not_pad(small_classifier("bert"))
    check_need_not_pad(small_classifier("modernbert"))
