import copy

import pytest
import tiny
from workflow import Workflow, copy_workflow


@pytest.fixture(scope="session")
def finished(tiny_model, tmp_path_factory):
    """The tiny grid (2 methods × 2 seeds), run to its end: (workflow, configuration)."""
    folder = tmp_path_factory.mktemp("tiny grid")
    workflow = Workflow(
        source=copy_workflow(folder / "the workflow"),
        directory=folder / "out",
        configfile=folder / "tiny.yaml",
    )
    config = tiny.config(tiny_model, tiny.write_data(folder / "data"))
    workflow.configure(config)
    workflow.run()
    return workflow, config


@pytest.fixture
def grid(finished):
    """The finished grid with a configuration that may be changed for one test."""
    workflow, config = finished
    yield workflow, copy.deepcopy(config)
    workflow.configure(config)
