"""Fixtures of the unit tests."""

import importlib.util
import sys

import pytest

#: What is about the adapters library, where the environment has none (`envs/`).
ABOUT_ADAPTERS = ["test_adapter_interface.py", "test_keeping.py"]
collect_ignore = [] if importlib.util.find_spec("adapters") else ABOUT_ADAPTERS


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn: matplotlib warns of more than 20 open figures."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
