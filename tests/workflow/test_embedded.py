"""The real encoder on a real corpus, from its package to its scores."""

import pandas as pd
import pytest
import yaml
from paths import ROOT
from workflow import Workflow


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """The demo cut down to two cells of a few steps."""
    folder = tmp_path_factory.mktemp("embedded")
    workflow = Workflow(ROOT, folder / "out", folder / "small.yaml")
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    demo["grid"][0] |= {
        "tasks": ["paper_sentences"], "methods": ["full", "adapter-64"], "seeds": [1],
    }  # fmt: skip
    demo["train"]["pack"] = 2  # one process for both
    demo["data"] = {"max_length": 32, "max_train": 160, "max_dev": 20, "max_test": 100}
    # So few steps want a higher rate than the demo's.
    demo["train"]["epochs"] = 3
    demo["overrides"] = [{"where": {"method": ["adapter-64"]}, "set": {"learning_rate": 2.0e-3}}]
    workflow.configure(demo)
    workflow.run("results/runs.parquet")
    return workflow


def test_the_real_encoder_learns_with_full_fine_tuning_and_with_adapters(embedded):
    runs = pd.read_parquet(embedded.directory / "results/runs.parquet").set_index("method")
    for method in ("full", "adapter-64"):
        run = runs.loc[method]
        assert run["accuracy"] > run["majority_accuracy"] + 0.1
        assert not run["degenerate"]
    # Two bottlenecks of 64 in each of 6 layers of hidden size 384, and a head of 3 labels.
    adapters = 6 * 2 * (2 * 384 * 64 + 384 + 64)
    assert runs.loc["adapter-64", "trainable_parameters"] == adapters + 385 * 3
