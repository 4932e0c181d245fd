"""The live tensors of a run on a CPU: counted after the results, and nothing is changed."""

from itertools import accumulate

import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell
from torch.profiler import ProfilerActivity, profile

from tunegrid.errors import UserError
from tunegrid.memory.run_memory import compare_run, format_comparison
from tunegrid.stopping import StopRequest
from tunegrid.training import finetune, live_memory, run_files
from tunegrid.training.live_memory import measure_live_tensors
from tunegrid.training.run_request import RunRequest

LORA = {"kind": "adapter", "adapter": "lora[r=4]"}


@pytest.fixture
def trained(tiny_model, encoded, tmp_path):
    """The run of a cell at its end, before its files are written."""

    def make(method=FULL, **settings):
        request = RunRequest(cell(method, **settings), tiny_model, encoded[0], tmp_path / "run")
        run = finetune.build(request, {}, StopRequest())
        finetune.train(run)
        return run

    return make


def independent_count(run):
    """The same batch's passes by the profiler's record of the CPU's allocations."""
    held = live_memory._held_between_steps(run)
    before = {part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in held}
    train = run.splits["train"]
    batch = live_memory._largest_batch(run)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        for rows in run.guard.share(batch):
            finetune.add_gradient(run, rows, run.objective.divisor(train.labels[batch]))
        run.gradients.complete()
    run.gradients.clear()
    events = [one for one in profiler.profiler.kineto_results.events() if one.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return sum(before.values()) + max(accumulate(event.nbytes() for event in events))


@pytest.mark.parametrize("method", [FULL, ADAPTER, LORA], ids=["full", "adapter", "lora"])
@pytest.mark.parametrize("micro_batch", [1, 16])
def test_the_count_is_what_the_cpu_allocates(trained, method, micro_batch):
    """Also where gradients are sparse, and where there are several micro-batches."""
    run = trained(method, micro_batch=micro_batch, select="best_dev", batch_size=16)
    found = measure_live_tensors(run)
    assert found["peak"] == pytest.approx(independent_count(run), rel=0.02)
    assert found["examples"] <= micro_batch
    assert found["tokens"] == run.splits["train"].lengths.max()


def test_counting_leaves_a_run_as_it_is(trained):
    run = trained(FULL)
    weights = {name: value.clone() for name, value in run.model.state_dict().items()}
    random = torch.get_rng_state()
    first, second = measure_live_tensors(run), measure_live_tensors(run)
    assert first == second
    for name, value in run.model.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=0, atol=0)
    torch.testing.assert_close(torch.get_rng_state(), random, rtol=0, atol=0)
    assert all(weight.grad is None for weight in run.model.parameters())


def test_a_run_tells_its_live_tensors(tiny_model, encoded, tmp_path):
    training = tiny.train(cell(FULL), tiny_model, encoded[0], tmp_path)
    assert 0 < training["live_tensors"]["peak"] < training["peak_memory"]


def test_a_count_that_fails_costs_the_count_alone(tiny_model, encoded, tmp_path, monkeypatch):
    def fail(run):
        raise RuntimeError("no\nmemory")

    monkeypatch.setattr(run_files, "measure_live_tensors", fail)
    training = tiny.train(cell(FULL), tiny_model, encoded[0], tmp_path)
    assert training["live_tensors"] == {"not_measured": "RuntimeError: no memory"}
    assert (tmp_path / "predictions.parquet").is_file()


def test_on_a_gpu_the_allocator_tells(trained, monkeypatch):
    run = trained(FULL)
    monkeypatch.setattr(run.accelerator.state, "device", torch.device("cuda"))
    assert measure_live_tensors(run) is None


@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
def test_a_run_is_set_beside_its_prediction(tiny_model, encoded, tmp_path, method):
    settings = cell(method, micro_batch=4, batch_size=4, select="best_dev", trim_last_layer=False)
    training = tiny.train(settings, tiny_model, encoded[0], tmp_path)
    found = compare_run(tmp_path, str(tiny_model))
    assert found.measured == training["live_tensors"]["peak"]
    assert found.step.batch == training["live_tensors"]["examples"]
    assert found.predicted == pytest.approx(found.measured, rel=0.02)
    (row,) = format_comparison([found]).splitlines()[2:]
    assert f"{found.step.batch} × {found.step.tokens}" in row


def test_a_folder_without_a_finished_run_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"holds no training\.json; give the folder of a finished"):
        compare_run(tmp_path)
