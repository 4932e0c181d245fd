"""The name of a configuration: its results' folder, and what no folder or file can be called."""

import re

import pytest
import tiny
import yaml
from paths import ROOT

from tunegrid.errors import UserError
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.planning.name_checks import LONGEST_CELL, LONGEST_NAME
from tunegrid.results import FOLDERS


def project(tmp_path, **changes):
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(tiny.config(tmp_path, None, **changes)))
    return load_project([path])


def test_a_name_is_a_folder_and_decides_no_cell(tmp_path):
    plain, named = project(tmp_path), project(tmp_path, name="my-study")
    assert (plain.results, named.results) == ("results", "results/my-study")
    hashes = [[cell.hash for cell in expand_grid(one)] for one in (plain, named)]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a/b", "is no name of a folder"),
        ("../up", "is no name of a folder"),
        (".hidden", "is no name of a folder"),
        ("runs.csv", "is no name of a folder"),
        ("two words", "is no name of a folder"),
        ("", "is no name of a folder"),
        ("é", "is no name of a folder"),
        ("a\n", "is no name of a folder"),
        ("x" * 61, "has 61 characters"),
        ("runs", "is a folder of the workflow's own below results/; give another name, as my-runs"),
        ("Tables", "is a folder of the workflow's own"),
        (True, "truth value"),
    ],
)
def test_a_name_that_no_folder_can_have_is_one_line(tmp_path, name, problem):
    with pytest.raises(UserError) as error:
        project(tmp_path, name=name)
    (line,) = error.value.problems
    assert line.startswith(f"{tmp_path}/my.yaml: name: ")
    assert problem in line


def test_the_folders_of_the_workflow_are_all_known():
    """Those below the folder of the results, as the rules write them."""
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    written = set(re.findall(r"(?:<results>|\{RESULTS\}|\{params.results\})/([a-z]\w*)/", rules))
    assert written == FOLDERS


def test_names_that_are_too_long_for_a_file_are_one_line(tmp_path):
    long = "m" * (LONGEST_NAME + 1)
    entry = {"folder": str(tmp_path)}
    block = tiny.config(tmp_path, None)["grid"][0]
    with pytest.raises(UserError) as error:
        project(tmp_path, models={long: entry}, grid=[block | {"models": [long]}])
    (line,) = error.value.problems
    assert "grid[0].models[0]: mmm" in line
    assert f"at most {LONGEST_NAME}" in line


def test_names_that_are_too_long_together_are_one_line(tmp_path):
    long = "m" * (LONGEST_CELL - 20), "a" * 40
    block = tiny.config(tmp_path, None)["grid"][0]
    with pytest.raises(UserError) as error:
        project(
            tmp_path,
            models={long[0]: {"folder": str(tmp_path)}},
            methods={long[1]: {"kind": "head"}},
            grid=[block | {"models": [long[0]], "methods": [long[1]]}],
            overrides=[],
        )
    (line,) = error.value.problems
    assert "grid[0]: the names of model, task and method have 244 characters together" in line
