"""Margins by what attention computes with, and those of a user's own GPUs."""

import json
from types import SimpleNamespace

import pytest
from memory_cases import config_of, make_step

from tunegrid.errors import UserError
from tunegrid.memory.advice import weigh_ways
from tunegrid.memory.analysis import analyse_step, format_answer
from tunegrid.memory.calibration_fit import calibrated, held_by_step, read_held
from tunegrid.memory.fit import gpu_memory_needed, room_for_tensors
from tunegrid.memory.margins import PUBLIC, kernel_of, load_margins
from tunegrid.memory.predict import predict
from tunegrid.memory.records import MeasuredStep
from tunegrid.results import PROVENANCE, TRAINING
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


def write_steps(path, *steps):
    """A file of measured steps."""
    path.write_text(json.dumps([step.to_json() for step in steps]))
    return path


def write_run(folder, *, attention="sdpa", made=PROVENANCE, **training):
    """What a finished run on a GPU leaves that tells of memory."""
    folder.mkdir(parents=True)
    told = {
        "peak_memory": 2_000_000_000,
        "peak_memory_of": "tensors",
        "reserved_memory": 2_200_000_000,
        "context_memory": None,
        "out_of_memory": [],
    }
    (folder / TRAINING).write_text(json.dumps(told | training))
    (folder / made).write_text(json.dumps({"attention": attention, "device": "Tesla T4"}))


def test_measured_steps_replace_the_margin_of_their_kind_of_attention_alone(tmp_path):
    steps = [measured(ratio, attention="eager") for ratio in (1.02, 1.05, 1.3)]
    on_a_cpu = MeasuredStep("m", steps[0].step, "CPU", 9, None, 9)
    margins, lines = calibrated(read_held([write_steps(tmp_path / "m.json", *steps, on_a_cpu)]))
    assert margins.kernels["eager"].typical == pytest.approx(1.05, abs=0.001)
    assert margins.kernels["eager"].most == pytest.approx(1.3, abs=0.001)
    assert margins.kernels["masked"] == PUBLIC.kernels["masked"]
    assert len(lines) == 1
    assert "eager attention: 3 measured" in lines[0]
    file = tmp_path / "margins.json"
    file.write_text(json.dumps(margins.to_json()))
    assert load_margins(file).kernels == margins.kernels


def test_the_kernel_that_a_measured_step_s_trace_saw_names_its_margin():
    step = make_step("full", batch=8, tokens=64, attention="auto")
    one = MeasuredStep("m", step, "Tesla T4", 9, reserved=9, predicted=9, attention="eager")
    assert held_by_step(one).kernel == "eager"


def test_runs_replace_margins_by_what_their_allocator_held_and_their_context(tmp_path):
    write_run(tmp_path / "runs/a/seed1", reserved_memory=2_400_000_000)
    write_run(tmp_path / "runs/a/seed2", context_memory=150_000_000)
    write_run(tmp_path / "runs/a/seed3", reserved_memory=9_000_000_000, out_of_memory=[16])
    write_run(tmp_path / "runs/b/seed1", attention="eager", reserved_memory=2_600_000_000)
    write_run(tmp_path / "runs/cpu/seed1", reserved_memory=None)
    steps = write_steps(tmp_path / "measured.json", measured(1.3))
    margins, lines = calibrated(read_held([tmp_path / "runs", steps]))
    assert (margins.kernels["masked"].typical, margins.kernels["masked"].most) == (1.2, 1.3)
    assert margins.kernels["eager"].typical == 1.3
    assert margins.kernels["unmasked"] == PUBLIC.kernels["unmasked"]
    assert margins.other_context == margins.context("Tesla T4") == 150_000_000
    assert [line.split(":")[0] for line in lines] == [
        "masked attention",
        "eager attention",
        "CUDA's context on Tesla T4",
    ]


def test_the_file_of_a_run_is_the_run(tmp_path):
    write_run(tmp_path / "run")
    assert read_held([tmp_path / "run" / TRAINING]) == read_held([tmp_path / "run"])


def test_a_folder_that_holds_no_run_is_refused_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no finished run in it or below it \(training\.json\)"):
        read_held([tmp_path])
    write_run(tmp_path / "run", made="something.json")
    with pytest.raises(UserError, match=r"holds no provenance\.json"):
        read_held([tmp_path])


def test_steps_of_a_cpu_calibrate_nothing(tmp_path):
    step = make_step("full", batch=8, tokens=64)
    on_a_cpu = MeasuredStep("m", step, "CPU", peak=9, reserved=None, predicted=9)
    with pytest.raises(UserError, match="nothing that was given is of a GPU"):
        calibrated(read_held([write_steps(tmp_path / "m.json", on_a_cpu)]))


def test_a_file_that_holds_no_margins_is_refused_in_one_line(tmp_path):
    file = tmp_path / "margins.json"
    file.write_text(json.dumps({"kernels": {}}))
    with pytest.raises(UserError, match="give a file of scripts/calibrate"):
        load_margins(file)


def test_an_answer_names_the_margins_that_it_was_made_with():
    margins, _ = calibrated([held_by_step(measured(1.5))])
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
