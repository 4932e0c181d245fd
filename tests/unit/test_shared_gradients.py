"""Processes that share a batch sum their gradients at once, and agree by what comes with them."""

import multiprocessing
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import distributed, nn

from tunegrid.errors import UserError
from tunegrid.stopping import Interrupted, StopCause, StopReason
from tunegrid.training.gradients import Gradients
from tunegrid.training.step_guard import StepGuard

LENGTHS = np.arange(8, 0, -1)


class Model(nn.Module):
    """Words, of which a process touches some, and two layers whose sizes are odd."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(50, 7)
        self.middle = nn.Linear(7, 5)
        self.top = nn.Linear(5, 3)
        self.middle.bias.requires_grad_(requires_grad=False)

    def get_input_embeddings(self):
        return self.words

    def forward(self, rows):
        words = torch.from_numpy(rows * 3) + torch.arange(4)[:, None]
        return self.top(self.middle(self.words(words).mean(dim=0)))


def gradients_by_hand(model, trained):
    """What every process gets where each gradient is summed by itself."""
    for value in trained:
        if value.grad is None:
            value.grad = torch.zeros_like(value)
        if value.grad.is_sparse:
            value.grad = value.grad.to_dense()
        distributed.all_reduce(value.grad)
    return [value.grad.clone() for value in trained]


def computed(rank, case, batch):
    """What a process finds of a step: gradients, loss, calls of all-reduce; or its error."""
    model = Model()
    trained = [value for value in model.parameters() if value.requires_grad]
    accelerator = SimpleNamespace(
        device=torch.device("cpu"), num_processes=2, process_index=rank, is_main_process=rank == 0
    )

    def add_gradient(rows):
        if case == "memory" and rank == 1 and len(rows) > 2:
            model(rows).sum().backward()  # a part of the gradient
            raise torch.OutOfMemoryError("CUDA out of memory")
        loss = (model(rows) ** 2).sum() / len(batch) / 3
        loss.backward()
        return loss.detach()

    calls = []
    reduce = distributed.all_reduce
    distributed.all_reduce = lambda value: calls.append(len(value)) or reduce(value)
    cause = StopCause(StopReason.SIGNAL, "SIGTERM")
    stop = SimpleNamespace(cause=lambda: cause if case == "stop" and rank == 1 else None)
    gradients = Gradients(accelerator, model)
    guard = StepGuard(accelerator, gradients, LENGTHS, 4, stop)
    try:
        loss, due = guard.compute(batch, add_gradient, step=1, checkpoint_due=case == "due")
    except (Interrupted, UserError) as error:
        return type(error).__name__, [value.grad is None for value in trained]
    found = [value.grad.clone() for value in trained]
    clipped = torch.nn.utils.clip_grad_norm_(trained, 1.0)
    gradients.clear()
    kept = [float(tensor.abs().sum()) for tensor in gradients.kept_tensors()]
    distributed.all_reduce = reduce
    for rows in guard.share(batch):
        ((model(rows) ** 2).sum() / len(batch) / 3).backward()
    expected = gradients_by_hand(model, trained)
    same = [torch.equal(one, other) for one, other in zip(found, expected, strict=True)]
    return {
        "same": same, "calls": len(calls), "loss": float(loss), "due": due, "kept": kept,
        "clipped": float(clipped), "micro_batch": guard.micro_batch,
    }  # fmt: skip


def process(rank, folder, case, batch, results):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    results.put((rank, computed(rank, case, batch)))
    distributed.destroy_process_group()


@pytest.fixture
def both(tmp_path):
    """What each of two processes finds of a step."""

    def run(case, examples=8):
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        batch = np.arange(examples)
        children = [
            context.Process(target=process, args=(rank, tmp_path, case, batch, results))
            for rank in range(2)
        ]
        for child in children:
            child.start()
        found = dict(results.get(timeout=60) for _ in children)
        for child in children:
            child.join(timeout=60)
        return found[0], found[1]

    return run


def test_one_all_reduce_sums_all_gradients_to_the_bit(both):
    one, other = both("plain")
    assert one == other
    assert one["calls"] == 1
    assert one["same"] == [True] * 4
    assert one["kept"] == [0.0], "the word embedding's memory is clean for the next batch"
    assert one["loss"] > 0
    assert not one["due"]


def test_a_process_without_examples_takes_part(both):
    one, other = both("plain", examples=1)
    assert one == other
    assert one["same"] == [True] * 4


def test_the_main_process_tells_that_a_checkpoint_is_due(both):
    one, other = both("due")
    assert one["due"]
    assert other["due"]


def test_all_halve_where_one_has_too_little_memory(both):
    one, other = both("memory")
    assert one == other
    assert (one["calls"], one["micro_batch"]) == (2, 2)
    assert one["same"] == [True] * 4


def test_all_stop_where_one_is_asked_to(both):
    assert both("stop") == (("Interrupted", [True] * 4),) * 2
