"""Steps whose examples differ in length: batched and padded as training does it."""

import json
import subprocess

import forked
import numpy as np
import pytest
from memory_cases import make_step
from paths import ROOT
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory.lengths import (
    MicroBatch,
    largest_shapes,
    memory_of_lengths,
    read_lengths,
    shapes_of_an_epoch,
)
from tunegrid.memory.predict import StepTracer

LENGTHS = np.random.default_rng(0).integers(3, 60, size=50)


def step_of(*, batch=4, accumulated=1):
    return make_step("full", batch=batch, tokens=60, labels=2, accumulated=accumulated)


@pytest.mark.parametrize("accumulated", [1, 3])
def test_an_epoch_has_every_example_once_and_none_is_cut(accumulated):
    shapes = shapes_of_an_epoch(LENGTHS, step_of(accumulated=accumulated))
    assert sum(shape.examples for shape in shapes) == len(LENGTHS)
    assert max(shape.examples for shape in shapes) <= 4
    assert max(shape.tokens for shape in shapes) == LENGTHS.max()
    assert any(shape.is_later for shape in shapes) == (accumulated > 1)


def test_only_shapes_that_may_have_the_peak_are_traced():
    later, first = MicroBatch(4, 9, is_later=True), MicroBatch(4, 12, is_later=False)
    smaller = [MicroBatch(4, 8, is_later=True), MicroBatch(3, 9, is_later=False)]
    narrow = MicroBatch(1, 20, is_later=True)
    assert set(largest_shapes([*smaller, later, first, narrow])) == {later, first, narrow}


def test_the_peak_is_that_of_the_largest_micro_batch_of_all():
    """As tracing every one of them says."""
    config = AutoConfig.for_model(
        "bert", hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        vocab_size=100, pad_token_id=0,
    )  # fmt: skip
    step = step_of(accumulated=2)
    tracer = StepTracer(config, step)
    found = memory_of_lengths(LENGTHS, step, lambda one: tracer.predict(one).peak)
    peaks = [
        tracer.predict(
            make_step(
                "full", batch=shape.examples, tokens=shape.tokens, labels=2,
                accumulated=1 + shape.is_later,
            )
        ).peak
        for shape in set(shapes_of_an_epoch(LENGTHS, step))
    ]  # fmt: skip
    assert found.peak == max(peaks)
    assert found.peak <= tracer.predict(step).peak


def test_padding_is_the_part_of_tokens_that_no_example_has():
    same = memory_of_lengths(np.full(12, 7), step_of(), lambda _: 1)
    assert (same.padding, same.mean, same.longest) == (0, 7, 7)
    assert (same.batch, same.tokens) == (4, 7)
    two = memory_of_lengths(np.array([1, 3]), step_of(batch=2), lambda _: 1)
    assert two.padding == pytest.approx(2 / 6)


def test_lengths_are_read_from_lines_and_cut_to_the_model(tmp_path):
    path = tmp_path / "lengths.txt"
    path.write_text("5\n\n700\n12\n")
    assert read_lengths(path, most=512).tolist() == [5, 512, 12]


def test_lengths_of_an_encoded_task_are_those_of_its_train_split(encoded):
    folder, card = encoded
    lengths = read_lengths(folder, most=512)
    assert len(lengths) == card["splits"]["train"]["examples"]
    assert lengths.sum() == card["splits"]["train"]["tokens"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "5\n-3\n",
            r"lengths\.txt:2: '-3' is no length; write a whole number of tokens, 1 or more",
        ),
        ("5\n4.5\n", r"lengths\.txt:2: '4\.5' is no length"),
        ("0\n", r"lengths\.txt:1: '0' is no length"),
        ("\n", r"lengths\.txt: is empty; write a whole number"),
    ],
)
def test_what_is_no_length_is_one_line(tmp_path, text, message):
    path = tmp_path / "lengths.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_lengths(path, most=512)


def test_a_folder_that_holds_no_task_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no encoded task with a train split; give a folder"):
        read_lengths(tmp_path, most=512)
    with pytest.raises(UserError, match="no such file or folder"):
        read_lengths(tmp_path / "none", most=512)


def test_the_program_takes_lengths_in_place_of_tokens(tiny_model, encoded, tmp_path):
    run = subprocess.run(
        [forked.interpreter(), ROOT / "scripts/predict_memory.py", "--model", tiny_model,
         "--lengths", encoded[0], "--batch", "4", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    (record,) = json.loads(run.stdout)
    assert record["step"]["tokens"] == record["lengths"]["longest"]
    assert record["lengths"]["peak"] <= record["traced"]
