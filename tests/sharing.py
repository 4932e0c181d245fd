"""What is made once, whatever number of processes share the tests."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

Made = TypeVar("Made")


def made_once(
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
    name: str,
    make: Callable[[Path], Made],
) -> Made:
    """Make something in the process that needs it first; the others wait for it.

    Args:
        tmp_path_factory: the fixture of this name.
        worker_id: the fixture of this name, which pytest-xdist has.
        name: tells it from other things that are made once.
        make: makes it in a folder that it is given.

    Returns:
        What `make` returned, which says where the files are. The files themselves are the same for
        all processes: a test that changes them needs a copy.
    """
    own = tmp_path_factory.getbasetemp()
    common = own if worker_id == "master" else own.parent
    kept = common / f"{name}.pickle"
    with FileLock(common / f"{name}.lock"):
        if not kept.exists():
            made = make(tmp_path_factory.mktemp(name))
            kept.write_bytes(pickle.dumps(made))
        return pickle.loads(kept.read_bytes())
