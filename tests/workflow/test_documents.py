"""Every command and every YAML block in README and docs works as it stands there.

Commands of Snakemake are planned (`-n`) where they would train; programs run. `my.yaml` is the
document's own block of that name, or the first one with a grid.
"""

import os
import re
import shlex
import subprocess

import forked
import pytest
import yaml
from paths import ROOT
from workflow import copy_workflow

from tunegrid.config.task_entry import TaskEntry
from tunegrid.planning.grid_tasks import parts_of
from tunegrid.planning.loading import load_project, load_tasks

DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")],
    key=lambda path: path.name,
)
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
#: A configuration without a grid of its own is planned beside this one.
SMALL = {
    "grid": [{"models": ["minilm-l6"], "tasks": ["reviews"], "methods": ["full"], "seeds": [1]}]
}
#: Programs of the system, of which only this is known: that they are none of the workflow's.
OTHERS = {"git", "editor", "tmux", "."}
#: Where the documents say that data lie.
SAID_ROOT = "/data/corpora"
#: The pages whose blocks need what they show, with the test that tries them.
OWN_TESTS = {"add-a-reader": "tests/unit/test_task_docs.py"}
#: What the demo's grid, of which the documents speak, is called in the grid that is finished here.
NAMES = {"minilm-l6": "tiny-bert", "questions": "tiny", "adapter-64": "adapter-4"}
#: What is tried elsewhere, since it changes the environment or runs everything.
TRIED_ELSEWHERE = {
    "make install": "every test runs in the environment that it makes",
    "make demo": "tests/workflow/test_embedded.py trains the demo's encoder",
    "make test": "this test is part of it",
    "make test-quick": "its parts are parts of make test",
    "make slurm-check": "tests/cluster/test_check_slurm.py",
    "pytest tests/unit/test_fasttext.py": "tests/unit/test_task_docs.py",
}


def blocks(language):
    """(document, text) of every block of a language."""
    found = []
    for path in DOCUMENTS:
        for kind, text in BLOCK.findall(path.read_text()):
            if kind == language:
                found.append(pytest.param(path, text, id=f"{path.stem}-{len(found)}"))
    return found


def commands():
    """(document, command) of every line behind a `$`, each once."""
    found = {}
    for parameter in blocks("console"):
        path, text = parameter.values
        joined = re.sub(r"\\\n\s*", "", text)
        for line in re.findall(r"^\s*\$ (.*)$", joined, re.MULTILINE):
            command = re.sub(r"\s+#.*$", "", line).strip()
            found.setdefault(command, pytest.param(path, command, id=command[:60]))
    return list(found.values())


def configurations():
    """(document, text) of every YAML block that is a configuration, or a part of one."""
    from tunegrid.config.schema import Config

    keys = set(Config.model_fields)
    return [
        one
        for one in blocks("yaml")
        if one.values[0].stem not in OWN_TESTS and set(yaml.safe_load(one.values[1]) or {}) <= keys
    ]


def with_its_files(config, root):
    """The configuration with a data root in which every file lies that its tasks name."""
    if "data_root" in config:
        config = config | {"data_root": str(root)}
        declared, known = config.get("tasks", {}), load_tasks()
        entries = [*map(TaskEntry.model_validate, declared.values()), *known.values()]
        for pattern in [path for entry in entries for path in entry.source_paths()]:
            path = root / pattern.replace("{label}", "some").replace("*", "1")
            path = path if path.suffix else path / "part.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return config


def with_its_models(config, root):
    """The configuration with a model in every folder that it names."""
    models = {}
    for name, entry in config.get("models", {}).items():
        models[name] = entry
        if "folder" in entry and "package" not in entry:
            folder = root / entry["folder"]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_text("{}")
            models[name] = entry | {"folder": str(folder)}
    return config | {"models": models} if models else config


def prepared(text, folder):
    """A block of YAML as a configuration that can be planned."""
    config = SMALL | (yaml.safe_load(text) or {})
    return with_its_models(with_its_files(config, folder / "data"), folder)


@pytest.mark.parametrize(("document", "text"), configurations())
def test_a_yaml_block_is_a_configuration_that_plans(document, text, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(prepared(text, tmp_path)))
    project = load_project([path])
    assert list(parts_of(project.grid_tasks.values()))


def test_most_blocks_are_configurations():
    assert len(configurations()) >= 8
    assert len(commands()) >= 20


@pytest.fixture(scope="module")
def checkout(finished, tiny_model, tmp_path_factory):
    """A checkout with a grid that is finished, and what documents take for given."""
    folder = copy_workflow(tmp_path_factory.mktemp("documents") / "tunegrid")
    workflow, _ = finished
    for name in ("results", "resources", ".snakemake"):
        (folder / name).symlink_to(workflow.directory / name)
    (folder / "tests").symlink_to(ROOT / "tests")
    for name in ("Makefile", "README.md", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def my_yaml(document):
    """The document's block that is called my.yaml, or its first one with a grid."""
    texts = [text for kind, text in BLOCK.findall(document.read_text()) if kind == "yaml"]
    named = [text for text in texts if text.startswith("# my.yaml")]
    with_grid = [text for text in texts if "grid:" in text]
    return (named + with_grid or [""])[0]


@pytest.mark.parametrize(("document", "command"), commands())
def test_a_command_works_as_it_is_written(document, command, checkout, tmp_path):
    words = shlex.split(command)
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
        return
    if command in TRIED_ELSEWHERE or words[0] in ("pre-commit", "pip") or words[0] in OTHERS:
        return
    if words[0] == "snakemake":
        run_snakemake(document, words[1:], checkout, tmp_path)
        return
    assert words[0] in ("python", "pytest"), f"{document.name}: who tries {command!r}?"
    run_program(words, checkout)


def run_snakemake(document, words, checkout, tmp_path):
    """Plan what the command would make; where it makes a report or a list, do not train for it."""
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(prepared(my_yaml(document), tmp_path)))
    words = [str(tmp_path / word) if word == "my.yaml" else word for word in words]
    words = [word.replace("/path/to/data", str(tmp_path / "data")) for word in words]
    with_its_files({"data_root": SAID_ROOT}, tmp_path / "data")
    if "--configfile" not in words and not any("minilm" in word for word in words):
        words += ["--configfile", str(tmp_path / "my.yaml")]
    elif "--configfile" not in words:
        words += ["--configfile", str(checkout / "config/demo.yaml")]
    if "--report" in words:
        at = words.index("--report")
        del words[at : at + 2]
    words += ["--directory", tmp_path]
    if not {"--cores", "--profile"} & set(words):
        words += ["--cores", "1"]
    run = forked.snakemake([*words, "--dry-run"], checkout)
    assert run.returncode == 0, run.stdout + run.stderr


def run_program(words, checkout):
    """Run a program or some tests as they stand there."""
    if words[0] == "pytest" or any("benchmarks" in word for word in words):
        files = [word for word in words if word.endswith(".py")]
        assert files
        assert all((ROOT / name).is_file() for name in files)
        return  # the tests themselves run these
    if {"scripts/trace.py", "scripts/compare_run_memory.py"} & set(words):
        for name, here in NAMES.items():
            words = [word.replace(name, here) for word in words]
        words = [one for word in words for one in paths_of(word, checkout)]
    environment = os.environ | {"PYTHONPATH": str(checkout / "scripts")}
    run = subprocess.run(
        [forked.interpreter(), *words[1:]],
        cwd=checkout, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def paths_of(word, folder):
    """What a shell in a folder makes of a word: the paths that a pattern matches, or the word."""
    if "*" not in word:
        return [word]
    return [str(path.relative_to(folder)) for path in sorted(folder.glob(word))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(document):
    """Files and headings that the documents link to are there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, heading = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), f"{document.name}: {target}"
        if heading:
            assert heading in anchors(there.read_text()), f"{document.name}: {target}"


def anchors(text):
    """The names that links to a document's headings have."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading).strip().lower() for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert "make demo" in "\n".join(lines[:40])


def test_python_blocks_are_python():
    for path in DOCUMENTS:
        for kind, text in BLOCK.findall(path.read_text()):
            if kind == "python":
                compile(text, path.name, "exec")
