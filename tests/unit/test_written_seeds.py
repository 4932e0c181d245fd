"""Seeds as users write them, and what is refused with a remedy that works."""

import pytest
import yaml

from tunegrid.config.schema import GridBlock, Where
from tunegrid.config.tuning import TuneSettings
from tunegrid.errors import UserError
from tunegrid.planning.loading import load_project

FIVE = [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "written",
    ["5", "1-5", "1..5", "'1-5'", "1...5", "1 - 5", "1 to 5", "1–5", "[1..5]", "[1-3, 4, 5]",
     "'1,2,3,4,5'", "1, 2, 3-5", "[1, 2, 3, 4, 5]"],
)  # fmt: skip
def test_five_seeds_as_users_write_them(written):
    # In braces a comma would end the value: blocks are written line by line.
    block = yaml.safe_load(f"models: [a]\ntasks: [b]\nmethods: [c]\nseeds: {written}\n")
    assert GridBlock.model_validate(block).seeds == FIVE


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("0", "0 is no number of seeds; write [0] for the one seed"),
        ("42", "write [42] for the one seed, 1..42 for so many"),
        ("5-1", "'5-1' ends before it begins; write 1..5"),
        ("range(5)", "'range(5)' are no seeds; write a list, [1, 2, 3], or a range, 1..3"),
        ("[a]", "grid[0].seeds[0]: 'a' is not a whole number"),
        ("['1']", "grid[0].seeds[0]: '1' is not a whole number but text; write 1 without quotes"),
        ("true", "grid[0].seeds: True is not a list"),
        ("[1..3, 2]", "grid[0].seeds: 2 stands 2 times; name it once"),
    ],
)
def test_what_are_no_seeds_is_told_with_its_remedy(tmp_path, written, told):
    path = tmp_path / "my.yaml"
    path.write_text(
        "grid:\n  - models: [minilm-l6]\n    tasks: [reviews]\n    methods: [full]\n"
        f"    seeds: {written}\n"
    )
    with pytest.raises(UserError) as error:
        load_project([path])
    [problem] = error.value.problems
    assert told in problem


@pytest.mark.parametrize(("kind", "key"), [(Where, "seed"), (TuneSettings, "seeds")])
def test_where_a_number_could_be_one_seed_it_is_no_count(kind, key):
    """A range is taken there, too."""
    given = (
        {key: "7..9"} if kind is Where else {key: "7..9", "trials": 2, "space": {"epochs": [1, 2]}}
    )
    assert getattr(kind.model_validate(given), key) == [7, 8, 9]
    with pytest.raises(ValueError, match="valid list"):
        kind.model_validate(given | {key: 7})
