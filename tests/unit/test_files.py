import math

import pytest

from tunegrid.files import atomic_path, canonical_json, read_json, write_json, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    write_json(tmp_path / "x.json", {"loss": math.nan, "all": [math.inf, 1.5], "n": 3})
    assert read_json(tmp_path / "x.json") == {"loss": None, "all": [None, 1.5], "n": 3}


def test_canonical_json_does_not_depend_on_order_and_refuses_nan():
    assert canonical_json({"b": 1, "a": [1, 2]}) == '{"a":[1,2],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(math.nan)
