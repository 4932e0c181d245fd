"""The project's papers agree with each other, and its own rules of plain code hold."""

import re

import pytest
import yaml
from checks import house_rules
from paths import ROOT

import tunegrid


def test_the_version_stands_in_one_place_and_the_papers_agree_with_it():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == tunegrid.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\d+\.\d+\.\d+)(?: \((.*)\))?$", changelog, re.MULTILINE)
    assert released[0] == (tunegrid.__version__, str(citation["date-released"]))


def test_the_house_rules_hold():
    assert list(house_rules.findings()) == []


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("f(*(a, b), c)", "a starred literal in a call"),
        ("x = [*(a, b), c]", "a starred literal in a list"),
        ("x = 's' * (n > 1)", "a truth value in a multiplication"),
        ("x = [1] * bool(y)", "a truth value in a multiplication"),
        ("if 'was made' in str(reason): pass", "state read from an error's text"),
        ("e = '\\nerror: '.join(problems)", "problems joined as text"),
    ],
)
def test_a_break_of_a_rule_is_found(code, finding, tmp_path):
    source = tmp_path / "scripts/tunegrid"
    source.mkdir(parents=True)
    (source / "some.py").write_text(f"\n{code}\n")
    (line,) = house_rules.findings(tmp_path)
    assert line.startswith(f"scripts/tunegrid/some.py:2: {finding}")


def test_modules_of_one_name_and_files_of_many_lines_are_found(tmp_path):
    for package in ("one", "two"):
        folder = tmp_path / "scripts/tunegrid" / package
        folder.mkdir(parents=True)
        (folder / "same.py").write_text("x = 1\n" * (401 if package == "two" else 1))
    found = list(house_rules.findings(tmp_path))
    assert len(found) == 2
    assert "scripts/tunegrid/two/same.py:1: has 401 lines" in found[0]
    assert "2 modules are called same.py" in found[1]
