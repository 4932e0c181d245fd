"""Fixtures of all tests; tiny models and tasks are built in `tiny.py`."""

import pytest
import tiny
from paths import DATA_ROOT


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


@pytest.fixture(scope="module")
def one_thread():
    """Torch computes with one thread: steps of small models are faster than with several.

    The threads of such steps wait for each other, and on a busy machine long.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
