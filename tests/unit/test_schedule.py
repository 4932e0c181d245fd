"""The schedule trains from its first step, and is the library's own after the warm-up."""

import math
import warnings

import pytest
import tiny
import torch
from transformers import get_scheduler

from tunegrid.training.schedule import (
    FEW_STEPS,
    LONGER_WARMUP,
    SCHEDULES,
    build_schedule,
    schedule_notes,
    warmup_steps,
)

PEAK = 3e-4
RATIOS = [0.0, 0.06, 0.1, 0.15, 0.5, 0.99]
LENGTHS = [1, 2, 9, 30, 101]


def rates(make_schedule, steps):
    """The rate of every step, and the optimizer's own beside it."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(2)]
    optimizer = torch.optim.AdamW(groups, lr=PEAK)
    schedule = make_schedule(optimizer)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(steps):
            assert len({group["lr"] for group in optimizer.param_groups}) == 1
            assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    return found


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("steps", LENGTHS)
def test_only_the_warm_up_differs_from_the_library_s(schedule, ratio, steps):
    settings = tiny.train_settings(schedule=schedule, warmup_ratio=ratio, learning_rate=PEAK)
    warmup = math.ceil(ratio * steps)
    ours = rates(lambda optimizer: build_schedule(optimizer, settings, steps), steps)
    library = rates(
        lambda optimizer: get_scheduler(SCHEDULES[schedule], optimizer, warmup, steps), steps
    )
    assert ours[warmup:] == library[warmup:]
    assert ours[:warmup] == [PEAK * (step / warmup) for step in range(1, warmup + 1)]
    # In the warm-up ours is one step ahead.
    assert ours[: max(warmup - 1, 0)] == library[1:warmup]
    assert ours[0] > 0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_resumed_schedule_goes_on(schedule):
    settings = tiny.train_settings(schedule=schedule, warmup_ratio=0.3, learning_rate=PEAK)

    def make():
        optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=PEAK)
        return optimizer, build_schedule(optimizer, settings, 20)

    optimizer, scheduled = make()
    for stopped_at in range(12):
        again, resumed = make()
        again.load_state_dict(optimizer.state_dict())
        resumed.load_state_dict(scheduled.state_dict())
        for one, other in ((optimizer, scheduled), (again, resumed)):
            one.step()
            other.step()
        assert scheduled.get_last_lr() == resumed.get_last_lr(), stopped_at
        assert optimizer.param_groups[0]["lr"] == again.param_groups[0]["lr"]


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("steps", [*range(1, 40), 1000])
def test_notes_tell_short_runs_and_long_warm_ups_alone(ratio, steps):
    settings = tiny.train_settings(warmup_ratio=ratio)
    notes = schedule_notes(settings, steps)
    longer = warmup_steps(settings, steps) / steps > LONGER_WARMUP * ratio
    assert len(notes) == (1 if longer or steps < FEW_STEPS else 0)
    assert all("\n" not in note and str(steps) in note for note in notes)
