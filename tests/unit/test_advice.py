"""Advice: what fits as it is, what to change first, and what changes cost by their operations."""

from dataclasses import replace

import pytest
import torch
from memory_cases import config_of, make_step
from torch.utils.flop_counter import FlopCounterMode
from transformers import MPNetConfig

from tunegrid.memory.advice import AS_IS, advise, format_advice, weigh_ways
from tunegrid.memory.fit import gpu_memory_needed
from tunegrid.memory.margins import kernel_of
from tunegrid.memory.predict import StepTracer
from tunegrid.memory.workload import build_inputs, build_model, build_optimizer, take_step

MODEL = config_of("minilm-l6", num_hidden_layers=2)
STEP = make_step("full", batch=16, tokens=128, attention="eager")


@pytest.fixture(scope="module")
def ways():
    """The ways of a step on a GPU that has no room for it, and on one that has."""
    gpus = {"small": room_of(8, accumulated=2), "large": room_of(16)}
    return weigh_ways(MODEL, STEP, gpus=gpus, catalogue=gpus)


def room_of(batch, accumulated=1):
    """Bytes of a GPU on which micro-batches of so many examples just fit."""
    step = replace(STEP, batch=batch, accumulated=accumulated)
    traced = StepTracer(MODEL, STEP).predict(step)
    return gpu_memory_needed(traced.peak, kernel_of(STEP, traced.attention))


def test_a_change_is_what_its_own_step_takes(ways):
    """Also where its tracer has traced another one's steps before."""
    by_way = {way.way: way for way in ways}
    for name in ("bf16", "checkpointing and bf16", "AdamW in 8 bits", "64 tokens"):
        way = by_way[name]
        traced = StepTracer(MODEL, way.step, count_flops=True).predict(way.step)
        assert way.needed == gpu_memory_needed(traced.peak, kernel_of(way.step, traced.attention))
        assert way.flops == traced.flops / way.step.batch


def test_ways_come_in_the_order_in_which_to_try_them(ways):
    assert [way.way for way in ways] == [
        AS_IS,
        "gradient checkpointing",
        "bf16",
        "checkpointing and bf16",
        "AdamW in 8 bits",
        "all of these",
        "64 tokens",
    ]
    by_way = {way.way: way for way in ways}
    assert by_way["gradient checkpointing"].needed < by_way[AS_IS].needed
    assert 1.2 < by_way["gradient checkpointing"].flops / by_way[AS_IS].flops < 1.4
    assert by_way["bf16"].flops == by_way[AS_IS].flops


def test_what_fits_is_said_and_what_to_change_first(ways):
    assert ways[0].fits == {"small": 8, "large": 16}
    assert advise(ways, "large") == "fits as it is"
    assert advise(ways, "small") == (
        "fits as it is in 2 micro-batches of 8, whose gradients are added up; results stay the"
        " same; all 16 at once with gradient checkpointing"
    )
    none = [replace(way, fits={"small": 0}) for way in ways]
    assert advise(none, "small").startswith("does not fit by any of these changes")
    some = [replace(way, fits={"small": 4 if way.way == "bf16" else 0}) for way in ways]
    assert advise(some, "small") == "change first: bf16; then it fits, 4 of 16 at once"


def test_the_smallest_gpu_is_the_first_of_the_catalogue_that_has_room(ways):
    assert ways[0].smallest == "large"
    assert ways[0].smallest_for_one == "small"
    assert ways[1].smallest == "small"


def test_where_all_fits_no_change_is_tried():
    (only,) = weigh_ways(MODEL, STEP, gpus={"large": 1e12}, catalogue={"large": 1e12})
    assert only.way == AS_IS


def test_what_cannot_be_is_a_line_of_the_table_with_its_reason():
    mpnet = MPNetConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        vocab_size=99,
    )  # fmt: skip
    step = make_step("head", batch=2, tokens=16, attention="auto")
    found = weigh_ways(mpnet, step, gpus={}, catalogue={"T4": 16e9})
    table = format_advice("mpnet", {"head": found}, [])
    assert "| head     | gradient checkpointing | cannot be" in table
    assert "does not support gradient checkpointing" in table.splitlines()[-1]


def test_a_method_that_does_not_fit_the_model_leaves_the_others_their_answer():
    wrong = make_step("no_such_adapter", batch=2, tokens=16)
    (refused,) = weigh_ways(MODEL, wrong, gpus={"T4": 16e9}, catalogue={"T4": 16e9})
    right = weigh_ways(
        MODEL, make_step("head", batch=2, tokens=16), gpus={"T4": 16e9}, catalogue={"T4": 16e9}
    )
    answer = format_advice("mini", {"wrong": [refused], "head": right}, ["T4"])
    assert "T4, wrong: cannot be predicted as it is" in answer
    assert "T4, head: fits as it is." in answer
    assert "no_such_adapter" in answer.splitlines()[-1]


def test_operations_are_those_of_a_real_step():
    step = replace(STEP, batch=2, tokens=16)
    torch.manual_seed(0)
    model = build_model(MODEL, step)
    optimizer = build_optimizer(model, step.optimizer)
    with FlopCounterMode(display=False) as counter:
        take_step(step, model, optimizer, build_inputs(step))
    traced = StepTracer(MODEL, step, count_flops=True).predict(step)
    assert traced.flops == counter.get_total_flops()


def test_micro_batches_leave_room_for_the_gradients_of_those_before(ways):
    assert ways[0].fits["small"] == 8
    assert room_of(8, accumulated=2) > room_of(8)
