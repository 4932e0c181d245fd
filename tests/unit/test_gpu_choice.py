"""Which GPUs are asked for: names as people write them, and sizes."""

import pytest

from tunegrid.errors import UserError
from tunegrid.memory.fit import load_gpus
from tunegrid.memory.gpu_choice import choose_gpus


def test_without_a_wish_the_whole_catalogue_is_taken():
    assert choose_gpus([]) == load_gpus()


@pytest.mark.parametrize(
    ("text", "name", "gigabytes"),
    [
        ("T4", "T4", 15.6),
        ("t4", "T4", 15.6),
        ("H100", "H100", 84.9),
        ("A100 (80 GB)", "A100 (80 GB)", 84.9),
        ("a100-80gb", "A100 (80 GB)", 84.9),
        ("rtx4090", "RTX 4090", 25.3),
        ("3090", "RTX 3090", 25.3),
        ("12GB", "12 GB", 12),
        ("11.5 GiB", "12.348 GB", 12.348030976),
    ],
)
def test_a_gpu_is_known_by_its_name_or_its_size(text, name, gigabytes):
    assert choose_gpus([text]) == {name: pytest.approx(gigabytes * 1e9)}


def test_a_whole_line_of_the_catalogue_is_a_name():
    assert choose_gpus(list(load_gpus())) == load_gpus()


def test_gpus_stand_from_the_smallest_to_the_largest():
    assert list(choose_gpus(["H200", "12GB", "T4"])) == ["12 GB", "T4", "H200"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("V100", "--gpu: 'V100' may be V100 (16 GB) or V100 (32 GB): write which"),
        ("TPU", "--gpu: 'TPU' is no GPU of config/gpus.yaml (RTX 3060, "),
        ("12 apples", "--gpu: '12 apples' is no size; write one such as 12GB"),
        ("0GB", "--gpu: '0GB' is no size; write one such as 12GB"),
    ],
)
def test_a_gpu_that_is_not_known_is_one_line(text, problem):
    with pytest.raises(UserError) as error:
        choose_gpus(["T4", text])
    (line,) = error.value.problems
    assert line.startswith(problem)
