"""Mistakes of the command and of YAML: one line each, and the remedy in it works."""

import shlex

import pytest

from tunegrid.config.origin import read_yaml
from tunegrid.errors import UserError
from tunegrid.planning.command_line import command_line_problems

GRID = "grid:\n  - models: [a]\n    seeds: [1]\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(GRID)


def problems(*arguments):
    return list(command_line_problems(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        "-n",
        "report --configfile my.yaml -n --profile profiles/local",
        "-n --configfiles my.yaml --config partial=true 'train={epochs: 2}'",
        "--configfile my.yaml -- report",
        "--configfile my.yaml my.yaml --config data_root=",
        "-C partial=true --configfile=my.yaml",
    ],
)
def test_commands_without_mistake_pass(arguments):
    assert problems(*shlex.split(arguments)) == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ("-n --configfile my.yaml report", "snakemake report -n --configfile my.yaml"),
        (
            "--configfile my.yaml results/tables/cost.csv --profile profiles/local",
            "snakemake results/tables/cost.csv --configfile my.yaml --profile profiles/local",
        ),
        ("--configfile my.yaml report tables", "snakemake report tables --configfile my.yaml"),
        (
            "--config partial=true report --configfile my.yaml",
            "snakemake report --config partial=true --configfile my.yaml",
        ),
        ("--config train.epochs=2", "--config 'train={epochs: 2}'"),
        ("--config data.tasks.x.max_train=20", "--config 'data={tasks: {x: {max_train: 20}}}'"),
        ("--config train={epochs: 2, keep: all}", "--config 'train={epochs: 2, keep: all}'"),
        ("--config partial:true", "--config partial=true"),
        ("--configfile my.yaml --configfile my.yaml", "--configfile my.yaml my.yaml"),
        ("--config partial=true --config data_root=x", "--config partial=true data_root=x"),
    ],
)
def test_the_remedy_of_a_message_can_be_typed(arguments, remedy):
    [problem] = problems(*arguments.split())
    assert problem.endswith((f": {remedy}", f"write {remedy}"))
    assert problems(*shlex.split(remedy.removeprefix("snakemake "))) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--configfile mi.yaml", "mi.yaml: no such file in"),
        ("--configfile mi.yaml", "did you mean 'my.yaml'?"),
        ("--configfile demo.yaml", "/config/demo.yaml?"),
        ("--configfile none/my.yaml", "there is no folder none"),
        ("--configfile .", ".: is a folder"),
        ("--config partial", "write --config partial=VALUE"),
        ("--config 1x=2", "'1x' is no key"),
    ],
)
def test_each_mistake_is_one_line_that_says_what_would_be_right(arguments, told):
    [problem] = problems(*arguments.split())
    assert told in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("grid:\n  - models: [a\n    seeds: [1]\n", (2, 13), "the [ here is not closed"),
        ("train: {epochs: 3\ndata: {}\n", (1, 8), "the { here is not closed"),
        ('data_root: "x\npartial: true\n', (1, 12), 'the " here is not closed'),
        ("data:\n\tmax_length: 64\n", (2, 1), "a tab"),
        ("grid:\n  - models: [a]\n   seeds: [1]\n", (3, 4), "begin at line 2, column 3"),
        ("train: {}\ndata\ntune: {}\n", (2, 1), "a key is followed by a colon"),
        ("train:\n  epochs 3\n  batch_size: 4\n", (3, 13), "a key just before it lacks its own"),
        ("train {epochs: 3, batch_size: 2}\n", (1, 29), "a key just before it lacks its own"),
        ("train: {epochs: ]}\n", (1, 17), "the ] here closes nothing"),
        ("train: &a {epochs: 3}\ndata: *b\n", (2, 7), "undefined alias"),
        ("a: @b\n", (1, 4), "not valid YAML"),
    ],
)
def test_what_is_no_yaml_is_told_with_line_column_and_remedy(tmp_path, text, place, told):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_yaml(path, "broken.yaml")
    [problem] = error.value.problems
    assert problem.startswith(f"broken.yaml: line {place[0]}, column {place[1]}: ")
    assert told in problem
    assert "\n" not in problem


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_than_utf_8_are_named(tmp_path, encoding):
    (tmp_path / "my.yaml").write_text(GRID + "data_root: é\n", encoding=encoding)
    [problem] = problems("--configfile", "my.yaml")
    assert problem.endswith("not written in UTF-8; save it as UTF-8")
