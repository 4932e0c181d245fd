"""The records of the memory analysis on their way between programs, and the catalogue of GPUs."""

import json

import pytest
from memory_cases import make_step
from synthetic import MEASURED, PREDICTED

from tunegrid.errors import UserError
from tunegrid.files import write_json
from tunegrid.memory.fit import GPUS, load_gpus
from tunegrid.memory.records import parse_steps, read_measurements, read_predictions


@pytest.mark.parametrize(
    ("records", "read"), [(PREDICTED, read_predictions), (MEASURED, read_measurements)]
)
def test_a_record_is_read_as_it_was_written(records, read, tmp_path):
    write_json(tmp_path / "records.json", [record.to_json() for record in records])
    assert read([tmp_path / "records.json"]) == records


def test_a_step_is_read_as_it_was_written():
    steps = [make_step("adapter-64", batch=4, tokens=32), make_step("full", batch=1, tokens=8)]
    assert parse_steps(json.loads(json.dumps([step.to_json() for step in steps]))) == steps


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"batches": 4}, "--cases: 0.batches: Unexpected keyword argument"),
        ({"tokens": "many"}, "--cases: 0.tokens: Input should be a valid integer"),
        ({"precision": "fp8"}, "--cases: 0.precision: Input should be 'fp32', 'tf32', 'bf16'"),
        ({"method_source": {"kind": "ful"}}, "--cases: 0.method_source.kind: Input should be"),
    ],
)
def test_a_step_that_cannot_be_is_named(change, problem):
    step = make_step("full", batch=4, tokens=32).to_json()
    with pytest.raises(UserError) as error:
        parse_steps([step | change])
    assert error.value.problems[0].startswith(problem)


def test_every_gpu_of_the_catalogue_has_its_memory():
    gpus = load_gpus()
    assert gpus["T4"] == 15.6e9
    assert list(gpus.values()) == sorted(gpus.values()), "the report names the smallest that fits"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("T4: 16GB", "T4: '16GB' is no size; write a number of GB, such as 16"),
        ("T4: -1", "T4: -1 is no size"),
        ("- T4", "holds no GPU; write lines such as `T4: 16` (GB)"),
    ],
)
def test_a_gpu_without_a_size_is_named(text, problem, tmp_path):
    assert GPUS.is_file()
    (tmp_path / "gpus.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        load_gpus(tmp_path / "gpus.yaml")
    assert problem in error.value.problems[0]
