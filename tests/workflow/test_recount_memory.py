"""A paper's memory example counted again: the report's, at full size where its answers need it."""

import json
import subprocess

import forked
import pytest
from paths import ROOT

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.planning.loading import load_methods
from tunegrid.published.formulas import fill
from tunegrid.published.memory_case import QuantityValues
from tunegrid.published.memory_recount import recount
from tunegrid.published.paper import read_paper

CASE = read_paper("config/published/lab-report-2024").memory
METHODS = {name: entry.settings() for name, entry in load_methods().items()}
SETUP = CASE.recount_setup(METHODS)
EAGER, FUSED = "fp32, eager attention", "fp32"


def part_of(methods=None, ways=None, layers=None):
    """The report's set-up for its network, maybe of fewer layers, and for some methods and ways."""
    (network,) = SETUP["networks"]
    if layers:
        network = network | {"shape": network["shape"] | {"num_hidden_layers": layers}}
    return SETUP | {
        "networks": [network],
        "methods": [one for one in SETUP["methods"] if not methods or one["name"] in methods],
        "ways": [one for one in SETUP["ways"] if not ways or one["name"] in ways],
    }


@pytest.fixture(scope="module")
def recounted():
    """Of the 16 cases the four that the report's answers and most errata are computed of."""
    return recount(part_of(methods=["full", "adapter-64"], ways=[EAGER, FUSED]), processes=1)


def test_the_report_s_answers_are_corrected(recounted):
    peaks = {(row["method"], row["way"]): row["traced"] / 1e9 for row in recounted}
    assert peaks["full", EAGER] == pytest.approx(215, abs=0.5)
    assert peaks["full", FUSED] == pytest.approx(114, abs=0.5)
    assert peaks["adapter-64", EAGER] == pytest.approx(168.5, abs=0.5)
    assert peaks["adapter-64", FUSED] == pytest.approx(76, abs=0.5)
    values = QuantityValues(CASE, recounted)
    errata = {erratum.what: fill(erratum.right, values) for erratum in CASE.example.errata}
    assert len(errata) == len(CASE.example.errata)  # every error is named once
    assert errata == {
        "bytes of a value": "4 (weights 11.50 GB)",
        "AdamW's state": "22.99 GB: momentum and variance",
        "the embedding's input": "b·s token ids of 8 bytes, 0.13 MB",
        "the feed-forward block's terms": "8bsi + 9bsh (fp32)",
        "the output layer's input": "0.10 GB more, at its own 2 bytes a value",
        "layers of the first term": "504 = 28 · 18",
        "activations of one example": "5.82 GB as its formula stands, 6.05 GB with 504",
        "batch of the adapters' case": "140.5 GB by its own formula at 256",
        "activations of one adapter": "3bsh + 4bsr",
        "gradients with adapters": "0.09 GB",
        "share that adapters train": "0.767 %",
        "number of all weights with adapters": "grows to 100.77 % (2.896 billion)",
        "activations with adapters": "155.0 GB; 62.7 GB with fused attention",
        "logits and loss": "8.4 GB each time they are held, of a language model",
        "what a GPU needs beside tensors": "CUDA's context and the allocator's reserve",
        "adapters against full fine-tuning": "78 %; 67 % with fused attention",
    }


def test_formula_and_trace_agree_on_the_report_s_own_network(recounted):
    """At full size, and by every method and way for four of its layers."""
    rows = recount(part_of(layers=4), processes=1)
    assert len(rows) == 16
    for row in [*rows, *recounted]:
        assert row["closed_form"] == pytest.approx(row["traced"], rel=0.01)


def test_a_language_model_of_the_example_is_traced_and_has_no_formula():
    shape = read_json(ROOT / "config/shapes/llama-3.2-3b.json") | {"num_hidden_layers": 1}
    setup = part_of(methods=["lora"], ways=[FUSED])
    setup["networks"] = [{"name": "llama", "shape": shape}]
    (row,) = recount(setup, processes=1)
    assert row["closed_form"] is None
    # Its logits, of every token, are alive three times at the peak.
    assert row["traced"] > 3 * 4 * 16 * 1024 * 128256


def test_a_network_that_no_library_knows_is_one_line():
    setup = part_of(methods=["full"], ways=[FUSED])
    setup["networks"] = [{"name": "odd", "shape": {"model_type": "odd"}}]
    with pytest.raises(UserError, match="a shape of model_type 'odd' is no model of the Transf"):
        recount(setup, processes=1)


def test_processes_share_the_work_and_change_nothing(tmp_path):
    entry = MethodEntry(kind="full").settings()
    shape = {
        "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 64, "vocab_size": 99, "max_position_embeddings": 64,
    }  # fmt: skip
    setup = {
        "batch": 4, "tokens": 16, "labels": 2, "networks": [{"name": "tiny", "shape": shape}],
        "methods": [{"name": "lora", "entry": METHODS["lora"]}, {"name": "full", "entry": entry}],
        "ways": [
            {"name": "fp32", "options": {}},
            {"name": "eager", "options": {"attention": "eager"}},
        ],
    }  # fmt: skip
    output = tmp_path / "recounted.json"
    run = subprocess.run(
        [forked.interpreter(), ROOT / "scripts/recount_memory.py", "--setup", json.dumps(setup),
         "--processes", "2", "--output", output],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = json.loads(output.read_text())
    assert [(row["method"], row["way"]) for row in rows] == [
        ("lora", "fp32"), ("lora", "eager"), ("full", "fp32"), ("full", "eager"),
    ]  # fmt: skip
    assert rows == json.loads(json.dumps(recount(setup, processes=1)))
