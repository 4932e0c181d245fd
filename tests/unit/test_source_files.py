"""What is kept of source files is what parsing them tells."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from paths import ROOT

TELL = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tunegrid import source_files
file = Path(sys.argv[1], "tunegrid", "some.py")
told = [source_files.file_digest(file), source_files.imported_names(file)]
print(json.dumps({"told": told, "parsed": len(source_files._PARSED)}))
"""


@pytest.fixture
def scripts(tmp_path):
    """A folder of a copy of what is needed, and of a module `some`."""
    library = tmp_path / "tunegrid"
    library.mkdir()
    for name in ("__init__", "files", "path_patterns", "source_files"):
        shutil.copy(ROOT / f"scripts/tunegrid/{name}.py", library)
    (library / "some.py").write_text("def first():\n    from tunegrid.files import digest\n")
    return tmp_path


def tell(scripts, **environment):
    """What a process tells of the module, and how many files it has parsed for that."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [sys.executable, "-c", TELL, scripts],
        env=kept | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(run.stdout)


def test_a_file_is_parsed_once_and_again_when_its_content_changes(scripts):
    first, second = tell(scripts), tell(scripts)
    assert (first["parsed"], second["parsed"]) == (1, 0)
    assert first["told"] == second["told"]
    assert first["told"][1] == ["tunegrid.files", "tunegrid.files.digest"]
    some = scripts / "tunegrid/some.py"
    some.write_text(some.read_text() + "# a comment\n")
    commented = tell(scripts)
    assert commented["parsed"] == 1
    assert commented["told"] == first["told"]
    some.write_text(some.read_text().replace("first", "other"))
    assert tell(scripts)["told"][0] != first["told"][0]


def test_what_is_kept_counts_for_one_version_of_the_parsing_code_and_only_whole(scripts):
    first = tell(scripts)
    (kept,) = (scripts / "tunegrid/__pycache__").glob("*.json")
    kept.write_text(kept.read_text()[:-9])
    assert tell(scripts) == first
    own = scripts / "tunegrid/source_files.py"
    own.write_text(own.read_text() + "# another version\n")
    assert tell(scripts)["parsed"] == 1


def test_nothing_is_kept_where_no_bytecode_is(scripts):
    assert tell(scripts, PYTHONDONTWRITEBYTECODE="1") == tell(scripts, PYTHONDONTWRITEBYTECODE="1")
    assert not list(scripts.rglob("*.json"))
