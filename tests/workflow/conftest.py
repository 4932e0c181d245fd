import copy

import pytest
import tiny
from sharing import made_once
from workflow import Workflow, copy_workflow


@pytest.fixture(scope="session")
def finished(request, tmp_path_factory, worker_id):
    """The tiny grid (2 methods × 2 seeds), run to its end: (workflow, configuration).

    It is run once. Each process has a copy, which its tests may change.
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

    workflow, config = made_once(tmp_path_factory, worker_id, "tiny grid", make)
    return workflow.copy(tmp_path_factory.mktemp("own copy")), config


@pytest.fixture
def grid(finished):
    """The finished grid with a configuration that may be changed for one test."""
    workflow, config = finished
    yield workflow, copy.deepcopy(config)
    workflow.configure(config)
