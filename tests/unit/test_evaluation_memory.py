"""An evaluation obeys memory as training does: predicted, halved where it runs out, recorded."""

from functools import wraps
from itertools import accumulate

import numpy as np
import pytest
import tiny
import torch
from memory_cases import make_step
from tiny import ADAPTER, FULL, cell, results
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, BertForSequenceClassification

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.predict import UntraceableError, predict_evaluation
from tunegrid.memory.workload import build_inputs, build_model, evaluate_batch
from tunegrid.stopping import StopCause, Stopped, StopReason, StopRequest
from tunegrid.training import finetune, micro_batch
from tunegrid.training.micro_batch import LARGEST_EVALUATION_BATCH, choose_evaluation_batch
from tunegrid.training.run_request import RunRequest

CPU = torch.device("cpu")
LONGEST = 22
EXHAUSTED = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.fixture
def build(tiny_model, encoded, tmp_path):
    """Build a run that has not begun."""

    def make(method=FULL, **settings):
        request = RunRequest(cell(method, **settings), tiny_model, encoded[0], tmp_path / "run")
        return finetune.build(request, {}, StopRequest())

    return make


@pytest.fixture
def room_for(monkeypatch):
    """Let memory suffice to evaluate so many examples at a time; returns what was tried."""
    real, tried = BertForSequenceClassification.forward, []

    def arrange(most, error=EXHAUSTED):
        @wraps(real)  # the columns that a model takes are read from its signature
        def forward(self, input_ids=None, **inputs):
            if not torch.is_grad_enabled() and len(input_ids) > 2:  # not the trial of trimming
                tried.append(len(input_ids))
                if len(input_ids) > most:
                    raise error
            return real(self, input_ids=input_ids, **inputs)

        monkeypatch.setattr(BertForSequenceClassification, "forward", forward)
        return tried

    return arrange


@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
@pytest.mark.parametrize(
    "error",
    [
        EXHAUSTED,
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"),
    ],
)
def test_out_of_memory_halves_the_micro_batch_and_loses_nothing(build, room_for, method, error):
    small = build(method)
    small.evaluation_guard.micro_batch = 5
    expected = finetune.evaluate(small, "test")
    run = build(method)
    tried = room_for(5, error)
    found = finetune.evaluate(run, "test")
    assert tried == [20, 10, 5, 5, 5, 5]
    np.testing.assert_array_equal(found.log_probabilities, expected.log_probabilities)
    np.testing.assert_array_equal(found.predicted, expected.predicted)
    assert run.evaluation_guard.micro_batch == 5
    assert run.evaluation_guard.out_of_memory == [
        {"evaluation_of": "test", "micro_batch": 10},
        {"evaluation_of": "test", "micro_batch": 5},
    ]
    assert run.model.training
    tried.clear()
    finetune.evaluate(run, "dev")
    assert tried == [5, 5], "a later evaluation begins with what fits; its last two are not counted"


def test_what_does_not_fit_one_example_is_one_line(build, monkeypatch):
    run = build()

    def forward(**_):
        raise EXHAUSTED

    monkeypatch.setattr(run.model, "forward", forward)
    with pytest.raises(UserError, match=r"^out of memory with a single example at a time; [^\n]*$"):
        finetune.evaluate(run, "test")


def test_another_error_is_not_taken_for_one_of_memory(build, room_for):
    room_for(0, RuntimeError("shapes do not fit"))
    run = build()
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        finetune.evaluate(run, "test")


def test_a_run_that_ran_out_in_evaluations_is_finished_and_says_so(
    tiny_model, encoded, tmp_path, room_for
):
    tiny.train(cell(), tiny_model, encoded[0], tmp_path / "plain")
    room_for(6)
    training = tiny.train(cell(), tiny_model, encoded[0], tmp_path / "run")
    plain = read_json(tmp_path / "plain/training.json")
    assert (plain["evaluation_micro_batch"], plain["out_of_memory"]) == (32, [])
    assert training["evaluation_micro_batch"] == 6
    assert training["out_of_memory"] == [{"evaluation_of": "dev", "micro_batch": 6}]
    assert training["micro_batch"] == plain["micro_batch"]
    histories = [(tmp_path / name / "history.csv").read_bytes() for name in ("plain", "run")]
    assert histories[0] == histories[1]


def test_a_resumed_run_goes_on_with_the_micro_batch_that_fits(
    tiny_model, encoded, tmp_path, room_for, monkeypatch
):
    room_for(6)
    tiny.train(cell(), tiny_model, encoded[0], tmp_path / "whole")
    stop, real = StopRequest(), finetune.take_step

    def take_step(run, batch, epoch):
        real(run, batch, epoch)
        if len(run.progress.history) == 4:
            stop.signal = "SIGTERM"

    folders = {"output": tmp_path / "run", "checkpoints": tmp_path / "checkpoints"}
    monkeypatch.setattr(finetune, "take_step", take_step)
    with pytest.raises(Stopped):
        tiny.train(cell(), tiny_model, encoded[0], stop=stop, **folders)
    monkeypatch.setattr(finetune, "take_step", real)
    tried = room_for(6)
    tried.clear()
    tiny.train(cell(), tiny_model, encoded[0], **folders)
    assert max(tried) == 6
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_an_interrupted_evaluation_leaves_no_trace(build, room_for, monkeypatch):
    run = build()
    tried = room_for(5)
    stop = run.evaluation_guard._stop
    cause = StopCause(StopReason.SIGNAL, "a signal")
    monkeypatch.setattr(stop, "cause", lambda: cause if len(tried) > 3 else None)
    with pytest.raises(finetune.Interrupted):
        finetune.evaluate(run, "test")
    assert run.evaluation_guard.state_dict() == {"micro_batch": 32, "out_of_memory": []}
    assert run.model.training


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("method", ["full", "adapter-8"])
def test_a_prediction_agrees_with_a_real_evaluation(method, attention):
    config = AutoConfig.for_model(
        "bert", hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        vocab_size=1000,
    )  # fmt: skip
    step = make_step(method, batch=32, tokens=64, labels=2, attention=attention)
    prediction = predict_evaluation(config, step, cuda=False)
    assert prediction.peak == sum(prediction.parts.values())

    model, inputs = build_model(config, step), build_inputs(step)
    evaluate_batch(step, model, inputs)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        evaluate_batch(step, model, inputs)
    events = [
        event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"
    ]
    events.sort(key=lambda event: event.start_ns())
    during = max(accumulate(event.nbytes() for event in events))
    trained = [one for one in model.parameters() if one.requires_grad]
    held = [*model.parameters(), *model.buffers(), *inputs.values(), *trained, *trained]
    there = sum(tensor.untyped_storage().nbytes() for tensor in held)
    assert prediction.peak == pytest.approx(there + during, rel=0.02)


def choose(model, method=FULL, trained=8, **train):
    return choose_evaluation_batch(
        cell(method, **train), model, labels=2, longest=LONGEST, micro_batch=trained, device=CPU
    )


def test_without_a_limit_a_cpu_evaluates_as_many_as_ever(tiny_model):
    assert choose(tiny_model) == 32
    assert choose(tiny_model, memory_limit="1GB") == 32
    assert choose(tiny_model, micro_batch="auto") == 32


@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
@pytest.mark.parametrize("select", ["last", "best_dev"])
@pytest.mark.parametrize("examples", [2, 16])
def test_a_memory_limit_lowers_the_micro_batch(tiny_model, method, select, examples):
    config, entry = AutoConfig.from_pretrained(tiny_model), cell(method).method_source

    def peak(batch):
        step = micro_batch.TrainingStep(
            method="m", method_source=entry, labels=2, batch=batch, tokens=LONGEST
        )
        copies = 3 if select == "best_dev" else 2  # the best weights are kept on the CPU, too
        return predict_evaluation(config, step, cuda=False, copies=copies).peak

    limit = f"{(peak(examples) + peak(2 * examples)) // 2} B"
    assert choose(tiny_model, method, select=select, memory_limit=limit) == examples


def test_where_nothing_is_predicted_to_fit_one_example_is_tried(tiny_model):
    assert choose(tiny_model, memory_limit="10 KB") == 1


@pytest.mark.parametrize(("trained", "evaluated"), [(8, 8), (500, 32)])
def test_an_untraceable_model_evaluates_as_many_as_it_trains(
    tiny_model, monkeypatch, caplog, trained, evaluated
):
    def fail(*_, **__):
        raise UntraceableError("no")

    monkeypatch.setattr(micro_batch, "predict_evaluation", fail)
    assert choose(tiny_model, trained=trained, memory_limit="1GB") == evaluated
    assert "not predicted: no" in caplog.text


def test_a_gpu_evaluates_more_at_once_and_keeps_the_margins(tiny_model, monkeypatch):
    asked = []

    def predicted(_config, step, *, cuda, copies):
        asked.append((cuda, copies))
        return predict_evaluation(_config, step, cuda=cuda, copies=copies)

    monkeypatch.setattr(micro_batch, "predict_evaluation", predicted)
    capacity = {"bytes": 80e9}
    monkeypatch.setattr(micro_batch, "memory_capacity", lambda *_: capacity["bytes"])
    settings = cell(select="best_dev")
    arguments = {"labels": 2, "longest": LONGEST, "micro_batch": 8, "device": torch.device("cuda")}
    most = choose_evaluation_batch(settings, tiny_model, **arguments)
    assert most == LARGEST_EVALUATION_BATCH["cuda"] == 256
    assert asked == [(True, 2)], "the best weights are on the CPU"
    capacity["bytes"] = 0.5e9  # less than CUDA's context takes
    assert choose_evaluation_batch(settings, tiny_model, **arguments) == 1
