"""Bars are shown on a terminal alone, and only of what runs."""

import importlib.util
import sys

import pytest
import yte
from paths import ROOT

from tunegrid.status.progress_display import shows_bars


@pytest.fixture
def terminal(monkeypatch):
    """Standard output and errors are a terminal, and the plugin is installed."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_file_or_a_pipe_gets_plain_lines(terminal, monkeypatch, stream):
    assert shows_bars(["report"])
    monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: False)
    assert not shows_bars(["report"])


@pytest.mark.parametrize("option", ["-n", "-np", "--dry-run", "--quiet", "--logger=x", "--lint"])
def test_what_runs_nothing_or_asks_for_another_display_has_no_bars(terminal, option):
    assert not shows_bars(["report", option])


def test_without_the_plugin_there_are_no_bars(terminal, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not shows_bars(["report"])


@pytest.mark.parametrize(("shown", "options"), [(True, {"logger": ["rich"]}), (False, {})])
def test_the_default_profile_sets_the_display_alone(terminal, monkeypatch, shown, options):
    """Whatever else stood there would win over the profile that the command names."""
    monkeypatch.setattr(sys, "argv", ["snakemake", *([] if shown else ["-n"])])
    monkeypatch.chdir(ROOT)
    text = (ROOT / "profiles/default/config.yaml").read_text()
    assert yte.process_yaml(text, require_use_yte=True) == options
