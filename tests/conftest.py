"""Fixtures of all tests; tiny models and tasks are built in `tiny.py`."""

import gc
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import tiny
from paths import DATA_ROOT


def pytest_configure():
    """Let what tests compute, and the programs that they start, use one thread.

    The threads of a small model's step wait for each other, and beside other processes long. Torch
    reads the variable when it is first imported, which no module of fixtures does.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish():
    """Spare every later collection of garbage the millions of objects of imported libraries.

    Measuring a step's memory begins with such a collection, which else takes half a second.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _skipped_without_adapters() -> Iterator[None]:
    """Skip what needs the adapters library where the environment has none (`envs/`)."""
    try:
        yield
    except Exception as error:
        from tunegrid.methods import LibraryMissingError

        missing = isinstance(error, ModuleNotFoundError) and error.name == "adapters"
        if missing or isinstance(error, LibraryMissingError):
            pytest.skip("the adapters library is not in this environment")
        raise


if importlib.util.find_spec("adapters") is None:

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup():
        with _skipped_without_adapters():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call():
        with _skipped_without_adapters():
            return (yield)


@pytest.fixture(scope="session")
def data_root():
    if not (DATA_ROOT / "restaurant" / "train.json").is_file():
        pytest.skip(f"the real corpora are not at {DATA_ROOT}; set TUNEGRID_DATA_ROOT")
    return DATA_ROOT


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a random BERT of 2 layers and its WordPiece tokenizer."""
    return tiny.save_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def tiny_data(tmp_path):
    """A data root with one small task."""
    return tiny.write_data(tmp_path / "data")


@pytest.fixture(scope="session")
def encoded(tiny_model, tmp_path_factory):
    """The small task, fetched and encoded: (folder, card)."""
    return tiny.encode(tiny_model, tmp_path_factory.mktemp("encoded"))
