"""A step waits for its device once; what the host answers in its place is the same to the bit."""

import inspect

import pytest
import torch
from families import small_classifier
from synchronisations import DEVICE, Waits, as_on_a_gpu, at_device
from tiny import ADAPTER, FULL, cell
from transformers.models.modernbert import modeling_modernbert

from tunegrid.memory.fake_tensors import cuda_kernels
from tunegrid.stopping import StopRequest
from tunegrid.training import finetune
from tunegrid.training.batching import to_device
from tunegrid.training.host_answers import HostKnown, answered_by_host
from tunegrid.training.run_request import RunRequest

IDS = torch.tensor([[5, 6, 7, 8, 9, 2], [5, 6, 7, 2, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
#: The kinds of the catalogue's models, and how often each one's own code copies positions to the
#: device in a pass, which it computes on the host.
KINDS = {
    "bert": 0, "roberta": 0, "electra": 0, "albert": 0, "deberta-v2": 0, "mpnet": 1,
    "modernbert": 1, "gpt2": 0, "llama": 0, "qwen2": 0, "distilbert": 0,
}  # fmt: skip
#: Those that ask whether there is padding.
ASKING = ["bert", "roberta", "albert", "distilbert", "gpt2", "llama", "qwen2"]


@pytest.fixture
def pinned(monkeypatch):
    return as_on_a_gpu(monkeypatch)


@pytest.fixture
def at_stand_in(monkeypatch, pinned, tiny_model, encoded, tmp_path):
    """Build a run whose device is the one that stands in."""
    start = finetune.start_accelerator
    monkeypatch.setattr(finetune, "start_accelerator", lambda asked: at_device(start(asked)))

    def build(method=FULL, **settings):
        request = RunRequest(cell(method, **settings), tiny_model, encoded[0], tmp_path / "run")
        run = finetune.build(request, {}, StopRequest())
        run.model.train()
        return run

    return build


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        pytest.param(FULL, {}, id="full"),
        pytest.param(ADAPTER, {"micro_batch": 3}, id="adapter"),
        pytest.param(FULL, {"class_weights": "balanced", "label_smoothing": 0.1}, id="weighted"),
        pytest.param(FULL, {"gradient_checkpointing": True}, id="checkpointing"),
        pytest.param(FULL, {"max_grad_norm": None, "attention": "eager"}, id="eager"),
    ],
)
def test_a_step_waits_once_however_many_micro_batches_it_has(at_stand_in, pinned, method, settings):
    run = at_stand_in(method, **settings)
    batches = list(finetune.batches_to_next_evaluation(run))
    with run.loader:
        for batch, following in finetune.with_following(batches):
            run.loader.expect(following)
            with cuda_kernels(), Waits(pinned) as waits:
                finetune.take_step(run, batch, epoch=0)
            assert len(run.guard.share(batch)) > 1
            assert +waits.found == {"a number": 1}


def test_a_scaled_loss_is_read_with_its_scale(at_stand_in, pinned):
    run = at_stand_in(precision="fp16")
    (batch, *_) = finetune.batches_to_next_evaluation(run)
    with cuda_kernels(), Waits(pinned) as waits:
        finetune.take_step(run, batch, epoch=0)
    assert +waits.found == {"copy to the host": 1}


def test_several_processes_wait_for_their_one_all_reduce(at_stand_in, pinned, monkeypatch):
    reduced = []
    monkeypatch.setattr(torch.distributed, "all_reduce", reduced.append)
    run = at_stand_in()
    monkeypatch.setattr(type(run.accelerator), "num_processes", 2)
    (batch, *_) = finetune.batches_to_next_evaluation(run)
    with cuda_kernels(), Waits(pinned) as waits:
        run.guard.compute(batch, lambda rows: finetune.add_gradient(run, rows, 1.0), step=1)
    assert len(reduced) == 1
    assert +waits.found == {"copy to the host": 1}


def test_an_evaluation_waits_once(at_stand_in, pinned):
    run = at_stand_in()
    run.evaluation_guard.micro_batch = 4
    with cuda_kernels(), Waits(pinned) as waits:
        finetune.evaluate(run, "test")
    assert +waits.found == {"copy to the host": 1}


def waits_of_a_pass(model, inputs, pinned):
    """What a forward and a backward pass wait for."""
    with cuda_kernels(), Waits(pinned) as waits:
        model(**inputs).logits.sum().backward()
    return +waits.found


def inputs_of(model):
    """Inputs of two texts, the second padded, that the model takes."""
    taken = inspect.signature(type(model).forward).parameters
    return {"input_ids": IDS} | ({"attention_mask": MASK} if "attention_mask" in taken else {})


@pytest.mark.parametrize("family", KINDS)
def test_the_device_is_not_asked_what_the_host_knows(family, pinned):
    model = small_classifier(family).to(DEVICE).train()
    inputs = inputs_of(model)
    plain = {name: value.to(DEVICE) for name, value in inputs.items()}
    copies = {"copy to the device": KINDS[family]} if KINDS[family] else {}
    asks = {"a number": 1} if family in ASKING else {}
    assert waits_of_a_pass(model, plain, pinned) == copies | asks, "the library has changed"
    assert waits_of_a_pass(model, to_device(inputs, DEVICE), pinned) == copies


def test_padding_is_left_out_without_waiting(pinned):
    """As ModernBERT does it before its first layer (`attention: unpadded`)."""
    inputs = to_device({"input_ids": IDS, "attention_mask": MASK}, DEVICE)
    with Waits(pinned) as waits:
        tokens, indices, ends, longest, *_ = modeling_modernbert._unpad_modernbert_input(
            inputs["input_ids"], inputs["attention_mask"]
        )
    assert (tokens.shape, indices.shape, ends.shape, longest) == ((10,), (10,), (3,), 6)
    assert not +waits.found


@pytest.mark.parametrize("family", KINDS)
@pytest.mark.parametrize("length", [4, 6], ids=["whole", "padded"])
def test_answers_of_the_host_change_no_bit(family, length):
    def results(known):
        model = small_classifier(family).train()
        inputs = {name: value[:, :length] for name, value in inputs_of(model).items()}
        if known:
            inputs = answered_by_host(inputs, {key: value.clone() for key, value in inputs.items()})
        torch.manual_seed(0)
        logits = model(**inputs).logits
        logits.sum().backward()
        return [logits, *(value.grad for value in model.parameters() if value.grad is not None)]

    for plain, known in zip(results(known=False), results(known=True), strict=True):
        assert type(known) is torch.Tensor
        assert torch.equal(plain, known)


def known_at_device(values):
    """A tensor on the device that the host knows."""
    return answered_by_host({"it": values.to(DEVICE)}, {"it": values})["it"]


@pytest.mark.usefixtures("pinned")
def test_what_follows_from_inputs_is_answered():
    mask = known_at_device(MASK)
    assert not mask.bool().all()
    assert mask[:, :4].all()
    assert 0 in mask
    assert mask.sum(dim=-1, dtype=torch.int32).max().item() == 6
    assert (1 - mask[:, None, None, :].expand(2, 1, 6, 6)).sum().tolist() == 12
    assert torch.nonzero(mask.flatten()).shape == (10, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda mask: mask.zero_(),
        lambda mask: mask.__setitem__(0, 0),
        lambda mask: mask[0].zero_(),
        lambda mask: torch.mul(mask, 0, out=mask),
    ],
    ids=["all", "a row", "through a view", "out"],
)
def test_what_is_written_into_is_asked_of_the_device_again(change):
    mask = known_at_device(MASK)
    change(mask)
    with pytest.raises(RuntimeError, match="meta"):
        mask.all().item()


def test_what_is_drawn_or_learned_is_not_answered():
    mask = known_at_device(MASK)
    weights = torch.ones(6, device=DEVICE)
    for value in (torch.rand_like(mask.float()), mask * weights, torch.bernoulli(mask.float())):
        assert not isinstance(value, HostKnown)
