"""What is known of the values of fake tensors, and what is assumed of the others."""

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from tunegrid.memory.fake_tensors import fake_tensors


@pytest.fixture
def values():
    with fake_tensors(cuda=False) as known:
        yield known


def test_what_follows_from_inputs_is_computed(values):
    ids = torch.arange(12).view(3, 4) % 5
    assert (ids == 4).sum().item() == 2
    assert len(torch.unique_consecutive((ids == 4).sum(1))) == 2
    assert (ids == 4).nonzero().shape == (2, 2)
    assert ids.max().item() == 4
    assert not values.guessed
    assert not values.chose


def test_a_known_mask_picks_rows_of_what_is_not_known(values):
    hidden = torch.randn(3, 4, 8, requires_grad=True)
    ends = (torch.arange(12).view(3, 4) % 4) == 3
    picked = hidden[ends, :]
    assert picked.shape == (3, 8)
    picked.sum().backward()
    assert hidden.grad.shape == hidden.shape


def test_what_is_written_over_is_known_no_more(values):
    ids = torch.zeros(4, dtype=torch.long)
    view = ids[:2]
    ids[0] = 3
    assert view.sum().item() == 3
    ids.copy_(torch.randn(4).argsort())  # of unknown numbers
    with pytest.raises(DataDependentOutputException):
        view.sum().item()


def test_experts_get_as_many_tokens_each(values):
    _, experts = torch.topk(torch.randn(32, 8), 2, dim=-1)
    mask = torch.nn.functional.one_hot(experts, num_classes=8).permute(2, 1, 0)
    assert [torch.where(of_expert)[0].numel() for of_expert in mask] == [8] * 8
    assert values.chose


def test_what_follows_from_weights_is_not_known(values):
    weights = torch.randn(4, 4)
    with pytest.raises(DynamicOutputShapeException):
        weights.nonzero()
    with pytest.raises(DataDependentOutputException):
        weights.long().sum().item()
    assert not values.guessed
    assert not (weights > 0).all()
    assert values.guessed


def test_a_random_number_leaves_out_what_is_mostly_left_out(values):
    assert not torch.rand([]) < 0.1
    assert torch.rand(1) < 0.9
    assert not values.guessed


def test_no_number_is_none(values):
    assert torch.randn(4).isnan().sum().item() == 0


def test_a_known_number_stands_among_others_in_a_new_tensor(values):
    number = torch.arange(5).sum()
    shape = torch.as_tensor([2, number])
    assert torch.zeros(shape.tolist()).shape == (2, 10)
