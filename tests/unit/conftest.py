"""Fixtures of the unit tests."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn: matplotlib warns of more than 20 open figures."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
