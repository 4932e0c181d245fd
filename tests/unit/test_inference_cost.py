"""What a model costs at use: measured on it as it is and merged, and nothing of it is changed."""

import copy

import numpy as np
import pytest
import tiny
import torch
from families import small_classifier
from tiny import ADAPTER, FULL, cell, results

from tunegrid.files import read_json
from tunegrid.stopping import StopRequest
from tunegrid.training import finetune, inference_cost, run_files
from tunegrid.training.inference_cost import middling_examples
from tunegrid.training.merging import CannotMergeError, merged_copy
from tunegrid.training.run_request import RunRequest

BITFIT, HEAD = {"kind": "bitfit"}, {"kind": "head"}
LORA = {"kind": "adapter", "adapter": "lora[r=4]"}
PEFT = {
    "kind": "peft",
    "peft": {"peft_type": "LORA", "r": 4, "target_modules": ["query", "value"]},
}
IA3 = {"kind": "adapter", "adapter": "ia3"}
MIXED = {"kind": "adapter", "adapter": "mam"}
MERGED = {"latency_seconds", "batch_seconds", "examples_per_second", "change_of_logits"}


@pytest.fixture
def train(tiny_model, encoded, tmp_path):
    """Train a cell in a folder of its own: (training.json, folder)."""

    def make(name, method=FULL, **settings):
        folder = tmp_path / name
        return tiny.train(cell(method, **settings), tiny_model, encoded[0], folder), folder

    return make


@pytest.fixture
def trained(tiny_model, encoded, tmp_path):
    """The run of a cell at its end, before its files are written."""

    def make(method, **settings):
        request = RunRequest(
            cell(method, learning_rate=5e-2, **settings), tiny_model, encoded[0], tmp_path / "run"
        )
        run = finetune.build(request, {}, StopRequest())
        finetune.train(run)
        return run

    return make


@pytest.mark.parametrize("method", [FULL, BITFIT, HEAD, ADAPTER, LORA, IA3, PEFT])
def test_measuring_changes_nothing_of_a_run(train, method):
    """Predictions, curve and all that training found, to the last bit; the hash aside."""
    plain, at = train("plain", method)
    measured, too = train("measured", method, measure_inference=True)
    assert plain["inference"] is None
    assert results(at)[1:] == results(too)[1:]
    differ = {"hash", "inference", "train_seconds", "peak_memory"}
    assert {key: plain[key] for key in plain.keys() - differ} == {
        key: measured[key] for key in measured.keys() - differ
    }
    found = measured["inference"]
    assert found["batch"] == 20, "the test split has no more"
    assert 0 < found["latency_seconds"] < 1
    assert found["examples_per_second"] == pytest.approx(20 / found["batch_seconds"])


@pytest.mark.parametrize("method", [LORA, IA3, PEFT])
@pytest.mark.parametrize("trimmed", [True, False])
def test_what_can_be_merged_is_and_computes_the_same(trained, method, trimmed):
    run = trained(method, trim_last_layer=trimmed)
    model = run.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kind = type(model)
    rows = np.arange(len(run.splits["test"]))
    inputs = run.splits["test"].collate(rows)
    model.eval()
    expected = model(**inputs).logits.detach()
    merged = merged_copy(model)
    assert not any("loras" in name or "task" in name.split(".") for name in merged.state_dict())
    assert sum(value.numel() for value in merged.parameters()) < sum(
        value.numel() for value in model.parameters()
    )
    with torch.no_grad():
        assert (merged(**inputs).logits - expected).abs().max() < 1e-5
        # The method has an effect, or nothing would be shown.
        plain = tiny.build(run.request.model).model.state_dict()
        key = "bert.encoder.layer.0.attention.self.value.weight"
        assert (merged.state_dict()[key] - plain[key]).abs().max() > 1e-3
    assert type(model) is kind
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(after[name].equal(value) for name, value in before.items())


@pytest.mark.parametrize("method", [LORA, IA3, PEFT])
def test_a_run_measures_the_merged_model_too(train, method):
    training, _ = train("a", method, measure_inference=True)
    merged = training["inference"]["merged"]
    assert set(merged) == MERGED
    assert training["inference"]["not_merged"] is None
    assert 0 <= merged["change_of_logits"] < 1e-4


@pytest.mark.parametrize("method", [ADAPTER, MIXED])
def test_what_cannot_be_merged_says_so(train, method):
    training, _ = train("a", method, measure_inference=True)
    assert training["inference"]["merged"] is None
    assert training["inference"]["not_merged"] == (
        "it has parts that are no update of a layer's weights"
    )


@pytest.mark.parametrize("method", [FULL, BITFIT, HEAD])
def test_where_nothing_is_added_nothing_is_merged(train, method):
    found = train("a", method, measure_inference=True)[0]["inference"]
    assert (found["merged"], found["not_merged"]) == (None, None)


def test_a_merge_that_changes_logits_is_not_measured(train, monkeypatch):
    real = inference_cost.merged_copy

    def broken(model):
        merged = real(model)
        with torch.no_grad():
            merged.classifier.bias += 0.1
        return merged

    monkeypatch.setattr(inference_cost, "merged_copy", broken)
    found = train("a", LORA, measure_inference=True)[0]["inference"]
    assert found["merged"] is None
    assert found["not_merged"].startswith("merging it changes logits by 0.1")


def test_a_measurement_that_fails_costs_itself_alone(train, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(run_files, "measure_inference", fail)
    training, folder = train("a", measure_inference=True)
    assert training["inference"] == {"not_measured": "RuntimeError: out of luck"}
    assert (folder / "predictions.parquet").is_file()
    assert "inference is not measured, the results are complete" in caplog.text


def test_too_little_memory_for_a_copy_is_said(train, monkeypatch):
    def exhausted(_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(inference_cost, "merged_copy", exhausted)
    found = train("a", LORA, measure_inference=True)[0]["inference"]
    assert found["not_merged"] == "there is no memory for a copy of it"
    assert found["latency_seconds"] > 0


def test_the_examples_are_of_middling_length_and_the_same_for_every_method():
    lengths = np.array([9, 1, 5, 3, 7, 100, 2])
    assert lengths[middling_examples(lengths, 1)].tolist() == [5]
    assert sorted(lengths[middling_examples(lengths, 3)].tolist()) == [3, 5, 7]
    assert sorted(middling_examples(lengths, 32).tolist()) == list(range(7))


@pytest.mark.parametrize("method", [FULL, BITFIT, HEAD, ADAPTER, LORA, PEFT])
def test_stored_is_what_trains(train, method):
    training, _ = train("a", method)
    assert training["stored_bytes"] == 4 * training["trainable_parameters"]


def test_what_a_method_adds_to_frozen_layers_is_stored(train):
    whole, _ = train("whole", ADAPTER)
    frozen, _ = train("frozen", ADAPTER, frozen_layers=1)
    assert frozen["trainable_parameters"] < whole["trainable_parameters"]
    assert frozen["stored_bytes"] == whole["stored_bytes"]


def test_a_kept_adapter_is_about_as_large_as_what_is_stored(tiny_model, encoded, tmp_path):
    training = tiny.train(cell(ADAPTER), tiny_model, encoded[0], tmp_path / "run", keep="adapters")
    kept = read_json(tmp_path / "run/provenance.json")["kept"]
    size = sum(
        (tmp_path / "run" / name).stat().st_size for name in kept if name.endswith(".safetensors")
    )
    assert training["stored_bytes"] <= size < training["stored_bytes"] + 10_000


peft = pytest.importorskip("peft")


@pytest.mark.parametrize("family", ["bert", "gpt2", "qwen2"])
@pytest.mark.parametrize(
    "config",
    [
        {"peft_type": "LORA", "r": 4, "init_lora_weights": False},
        {"peft_type": "LORA", "r": 4, "use_dora": True, "init_lora_weights": False},
        {"peft_type": "OFT", "init_weights": False, "oft_block_size": 8},
    ],
    ids=["lora", "dora", "oft"],
)
def test_layers_of_the_peft_library_are_merged(family, config):
    if (family, config["peft_type"]) == ("gpt2", "OFT"):
        pytest.skip("OFT takes linear layers alone")
    model = small_classifier(family)
    model.config.use_cache = False
    targets = {"bert": ["query", "value"], "gpt2": ["c_attn"], "qwen2": ["q_proj", "v_proj"]}
    fan = {"fan_in_fan_out": True} if family == "gpt2" else {}
    options = {"target_modules": targets[family], "task_type": None} | config | fan
    peft.inject_adapter_in_model(peft.get_peft_config(options), model, "task")
    model.eval()
    inputs = {"input_ids": torch.arange(3, 15).reshape(2, 6), "attention_mask": torch.ones(2, 6)}
    expected = model(**inputs).logits.detach()
    before = copy.deepcopy(model.state_dict())
    merged = merged_copy(model)
    names = {name for name, _ in small_classifier(family).named_parameters()}
    assert {name for name, _ in merged.named_parameters()} == names
    assert (merged(**inputs).logits - expected).abs().max() < 1e-4 * expected.abs().max() + 1e-5
    assert all(model.state_dict()[name].equal(value) for name, value in before.items())


def test_a_model_that_the_library_cannot_merge_is_told():
    model = small_classifier("bert")
    with pytest.raises(CannotMergeError, match="its library cannot merge it"):
        merged_copy(model)
