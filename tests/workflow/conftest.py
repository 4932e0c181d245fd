import copy

import pytest
import tiny
from sharing import made_once
from workflow import Workflow, copy_workflow


@pytest.fixture(scope="session")
def run_once(request, tmp_path_factory, worker_id):
    """The tiny grid (2 methods × 2 seeds), run to its end: (workflow, configuration).

    It is run once, and nobody changes it.
    """

    def make(folder):
        workflow = Workflow(
            source=copy_workflow(folder / "the workflow"),
            directory=folder / "out",
            configfile=folder / "tiny.yaml",
        )
        model = request.getfixturevalue("tiny_model")
        config = tiny.config(model, tiny.write_data(folder / "data"))
        workflow.configure(config)
        workflow.run()
        return workflow, config

    return made_once(tmp_path_factory, worker_id, "tiny grid", make)


@pytest.fixture(scope="session")
def finished(run_once, tmp_path_factory):
    """The finished grid in a copy of this process, which its tests may change."""
    workflow, config = run_once
    return workflow.copy(tmp_path_factory.mktemp("own copy")), config


@pytest.fixture
def untouched(run_once, tmp_path):
    """The finished grid as it was made, in a copy of one test."""
    workflow, config = run_once
    return workflow.copy(tmp_path / "own copy"), copy.deepcopy(config)


@pytest.fixture
def grid(finished):
    """The finished grid with a configuration that may be changed for one test."""
    workflow, config = finished
    workflow.configure(config)
    return workflow, copy.deepcopy(config)
