import pytest

from tunegrid import staleness as code


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A program `run` that imports tunegrid.a, which imports tunegrid.b in a function."""
    package = tmp_path / "tunegrid"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (tmp_path / "run.py").write_text('"""Runs."""\nfrom tunegrid.a import f\nf()\n')
    (package / "a.py").write_text("def f():\n    from tunegrid import b\n    return b.g()\n")
    (package / "b.py").write_text('def g():\n    """Say one."""\n    return 1\n')
    (package / "c.py").write_text("X = 1\n")
    monkeypatch.setattr(code, "SCRIPTS", tmp_path)

    def digest():
        code.code_digest.cache_clear()
        code._module.cache_clear()
        return code.code_digest("run")

    return package, digest


def test_editing_an_imported_function_changes_the_digest(scripts):
    package, digest = scripts
    before = digest()
    (package / "b.py").write_text("def g():\n    return 2\n")
    assert digest() != before


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("b.py", '# why\ndef g():\n    """Say another thing."""\n\n    return (1)\n'),
        ("c.py", "X = 2\n"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_do_not(scripts, module, text):
    package, digest = scripts
    before = digest()
    (package / module).write_text(text)
    assert digest() == before


def test_every_program_has_a_digest_of_its_own():
    programs = [path.stem for path in code.SCRIPTS.glob("*.py")]
    assert len({code.code_digest(name) for name in programs}) == len(programs) > 10


def test_training_s_digest_holds_what_training_uses_and_no_figure():
    used = set()
    pending = [code.SCRIPTS / "train.py"]
    while pending:
        path = pending.pop()
        if path not in used:
            used.add(path)
            pending.extend(code._module(path)[1])
    names = {str(path.relative_to(code.SCRIPTS)) for path in used}
    assert {"tunegrid/training/loop.py", "tunegrid/methods.py"} <= names
    # A new key of the configuration, or another figure, must not train 75 cells again.
    assert not any(part in name for name in names for part in ("reporting", "config", "planning"))
