"""Margins by what attention computes with, and those of a user's own GPUs."""

import json
from types import SimpleNamespace

import pytest
from memory_cases import config_of, make_step

from tunegrid.errors import UserError
from tunegrid.memory.advice import weigh_ways
from tunegrid.memory.analysis import analyse_step, format_answer
from tunegrid.memory.calibration_fit import calibrated
from tunegrid.memory.fit import gpu_memory_needed, room_for_tensors
from tunegrid.memory.margins import PUBLIC, kernel_of, load_margins
from tunegrid.memory.predict import predict
from tunegrid.memory.records import MeasuredStep
from tunegrid.training.micro_batch import memory_needed


def measured(ratio, *, attention="sdpa", device="Tesla T4"):
    step = make_step("full", batch=8, tokens=64, attention=attention)
    predicted = 4_000_000_000
    reserved = round((predicted + PUBLIC.workspaces) * ratio)
    return MeasuredStep("m", step, device, peak=predicted, reserved=reserved, predicted=predicted)


@pytest.mark.parametrize("kernel", ["eager", "masked", "unmasked"])
def test_what_a_gpu_has_room_for_is_what_a_step_needs_the_other_way_round(kernel):
    assert room_for_tensors(gpu_memory_needed(5e9, kernel), kernel) == pytest.approx(5e9)


def test_eager_attention_needs_the_widest_margin_and_a_mask_more_than_none():
    kernels = [
        kernel_of(make_step("full", batch=1, tokens=8, **options), None)
        for options in ({"attention": "eager"}, {}, {"padded": False})
    ]
    assert kernels == ["eager", "masked", "unmasked"]
    needed = [gpu_memory_needed(5e9, kernel) for kernel in kernels]
    assert needed == sorted(needed, reverse=True)


def test_a_model_that_has_eager_attention_alone_gets_its_margin():
    config = config_of("mpnet-base", num_hidden_layers=1)
    step = make_step("head", batch=1, tokens=8, attention="auto")
    record = analyse_step("m", config, step, gpus={}, growth=False)
    assert kernel_of(step, record.attention) == "eager"
    needed = gpu_memory_needed(record.traced, "eager") / 1e9
    answer = format_answer([record])
    assert f"| {needed:,.3f}" in answer
    assert "(eager attention" in answer
    (way,) = weigh_ways(config, step, gpus={}, catalogue={})[:1]
    assert way.needed == gpu_memory_needed(record.traced, "eager")
    gpu = SimpleNamespace(type="cuda")
    predicted = predict(config, step)
    assert memory_needed(predicted, step, gpu) == gpu_memory_needed(predicted.peak, "eager")


def test_measured_steps_replace_the_margin_of_their_kind_of_attention_alone(tmp_path):
    steps = [measured(ratio, attention="eager") for ratio in (1.02, 1.05, 1.3)]
    margins, lines = calibrated([*steps, MeasuredStep("m", steps[0].step, "CPU", 9, None, 9)])
    assert margins.kernels["eager"].typical == pytest.approx(1.05, abs=0.001)
    assert margins.kernels["eager"].most == pytest.approx(1.3, abs=0.001)
    assert margins.kernels["masked"] == PUBLIC.kernels["masked"]
    assert len(lines) == 1
    assert "eager attention: 3 steps" in lines[0]
    file = tmp_path / "margins.json"
    file.write_text(json.dumps(margins.to_json()))
    assert load_margins(file).kernels == margins.kernels


def test_steps_of_a_cpu_calibrate_nothing():
    step = make_step("full", batch=8, tokens=64)
    with pytest.raises(UserError, match="measured on a GPU"):
        calibrated([MeasuredStep("m", step, "CPU", peak=9, reserved=None, predicted=9)])


def test_a_file_that_holds_no_margins_is_refused_in_one_line(tmp_path):
    file = tmp_path / "margins.json"
    file.write_text(json.dumps({"kernels": {}}))
    with pytest.raises(UserError, match="give a file of scripts/calibrate"):
        load_margins(file)


def test_an_answer_names_the_margins_that_it_was_made_with():
    margins, _ = calibrated([measured(1.5)])
    config = config_of("minilm-l6", num_hidden_layers=1)
    step = make_step("head", batch=1, tokens=8)
    answers = [
        format_answer(
            [analyse_step("m", config, step, gpus={}, growth=False, margins=chosen)], chosen
        )
        for chosen in (PUBLIC, margins)
    ]
    assert "times 1.14 for what the allocator holds on top (masked attention" in answers[0]
    assert "times 1.5 for what the allocator holds on top (masked attention" in answers[1]
