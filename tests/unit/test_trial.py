"""What would go wrong in a training job, or silently, is one line before it."""

import dataclasses
import shutil
from concurrent.futures import Executor, Future

import family_checkpoints
import pytest
import tiny
import torch
from datasets import DatasetDict, load_from_disk
from safetensors.torch import load_file, save_file

from tunegrid.config.catalogue import ModelEntry
from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.training import trial, trial_proofs
from tunegrid.training.encoded_splits import load_splits
from tunegrid.training.input_columns import input_columns
from tunegrid.training.run_request import RunRequest
from tunegrid.training.trial_store import trial_of

METHODS = {
    "full": {"kind": "full"},
    "head": {"kind": "head"},
    "adapter": {"kind": "adapter", "adapter": "double_seq_bn", "bottleneck_size": 4},
    "dora": {
        "kind": "peft",
        "peft": {"peft_type": "LORA", "use_dora": True, "target_modules": "all-linear"},
    },
    "third layer": {
        "kind": "peft",
        "peft": {
            "peft_type": "LORA", "target_modules": ["query"], "layers_to_transform": [2],
        },
    },
}  # fmt: skip


@pytest.fixture
def save(tmp_path, tiny_model):
    """Save a random model of a family; its folder."""

    def save(name, **changes):
        return family_checkpoints.save_family(name, tmp_path / name, tiny_model, **changes)

    return save


def request_of(folder, encoded, method="full", keep="none", train=None, **entry):
    settings = tiny.cell(METHODS[method], **train or {})
    source = ModelEntry(folder=str(folder), **entry)
    settings = dataclasses.replace(settings, model=folder.name, method=method, model_source=source)
    return RunRequest(settings, folder, encoded, folder / "run", keep=keep)


def attempt(folder, encoded, method="full", memory=10**9, **options):
    """The trial of one method."""
    (tried,) = trial.try_cells([request_of(folder, encoded, method, **options)], memory)
    return tried


@pytest.mark.parametrize(
    "name",
    [
        "bert", "roberta", "distilbert", "electra", "albert", "deberta", "deberta-v2", "mpnet",
        "modernbert", "camembert", "roformer", "squeezebert", "longformer", "bart", "t5", "gpt2",
        "llama", "mistral", "qwen2", "qwen3", "gemma", "opt",
    ],
)  # fmt: skip
def test_a_family_trains_whatever_shares_a_batch(save, encoded, name):
    folder = save(name)
    for method in ("full", "head"):
        assert attempt(folder, encoded[0], method)["problem"] is None


def test_what_is_kept_gives_its_predictions_again(save, encoded):
    """Of methods of both libraries; one fresh process serves all."""
    folders = {name: save(name) for name in ("bert", "llama", "qwen2", "modernbert")}
    requests = [
        request_of(folders[name], encoded[0], method, keep="adapters")
        for method, names in (
            ("adapter", ("bert", "llama", "qwen2")),
            ("dora", ("bert", "modernbert", "qwen2")),
        )
        for name in names
    ]
    tried = trial.try_cells(requests, memory=10**9)
    assert [one["problem"] for one in tried] == [None] * 6


class ThisProcess(Executor):
    """Runs functions here at once, where it does not matter which models were built before."""

    def submit(self, function, /, *args, **options):
        done = Future()
        done.set_result(function(*args, **options))
        return done


def test_a_method_of_a_layer_that_few_layers_lack_is_tried_on_the_whole_model(save, encoded):
    whole = request_of(save("bert", num_hidden_layers=3), encoded[0], "third layer")
    trial.try_cell(whole, ThisProcess(), memory=1)
    lacks_it = request_of(save("roberta", num_hidden_layers=2), encoded[0], "third layer")
    refused = "peft: LORA cannot be added to RobertaForSequenceClassification"
    with pytest.raises(UserError, match=refused):
        trial.try_cell(lacks_it, ThisProcess(), memory=1)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("xlnet", "set `padding_side: left` in its entry"),
        ("convbert", "leave it out of the grid"),
        ("fnet", "leave it out of the grid"),
    ],
)
def test_a_model_that_padding_changes_is_refused(save, encoded, name, remedy):
    folder = save(name)
    problem = attempt(folder, encoded[0])["problem"]
    assert problem.startswith(f"model '{name}', task 'tiny', method 'full': predictions depend on")
    assert remedy in problem
    assert "or accept it by `padding_dependent: true`" in problem


def test_the_side_that_a_refusal_names_is_right(save, encoded, tmp_path):
    left = shutil.copytree(encoded[0], tmp_path / "left")
    card = read_json(left / "encoding.json")
    write_json(left / "encoding.json", card | {"padding_side": "left"})
    assert attempt(save("xlnet"), left)["problem"] is None


def test_a_model_that_padding_changes_is_accepted_with_a_warning(save, encoded):
    accepted = attempt(save("convbert"), encoded[0], padding_dependent=True)
    assert accepted["problem"] is None
    assert any(note.startswith("predictions depend on what shares") for note in accepted["notes"])


def test_a_model_that_changes_itself_is_refused(save, encoded):
    """BigBird turns to full attention for good at its first short text."""
    sparse = {"attention_type": "block_sparse", "block_size": 2, "num_random_blocks": 1}
    problem = attempt(save("big_bird", **sparse), encoded[0])["problem"]
    assert "predictions depend on the texts before" in problem
    assert "attention_type to original_full" in problem
    full = save("big_bird", **sparse | {"attention_type": "original_full"})
    assert attempt(full, encoded[0])["problem"] is None


def test_too_few_positions_are_told_with_the_length_that_works(save, encoded):
    """RoBERTa numbers its positions from 1 after the padding token's id, here 0."""
    problem = attempt(save("roberta", max_position_embeddings=18), encoded[0])["problem"]
    assert "cannot compute one example of" in problem
    assert problem.endswith("set data.max_length to 17 at most")


def test_a_model_of_fixed_length_is_refused_in_one_line(save, encoded):
    problem = attempt(save("nystromformer"), encoded[0])["problem"]
    assert problem.startswith("model 'nystromformer', task 'tiny', method 'full': Nystromformer")
    assert problem.endswith("leave the model out of the grid for this task")
    assert "\n" not in problem


def test_a_smaller_vocabulary_is_told(save, encoded):
    problem = attempt(save("bert", vocab_size=20), encoded[0])["problem"]
    assert "cannot compute" in problem or "its vocabulary has 20 tokens" in problem


@pytest.fixture
def pairs(encoded, tmp_path):
    """The tiny task as if every text were two: a half of its tokens has another type."""

    def with_types(row):
        half = len(row["token_type_ids"]) // 2
        return {"token_type_ids": [0] * half + [1] * (len(row["token_type_ids"]) - half)}

    data = load_from_disk(encoded[0])
    folder = tmp_path / "pairs"
    data.map(with_types, features=data["train"].features).save_to_disk(folder)
    write_json(folder / "encoding.json", read_json(encoded[0] / "encoding.json"))
    return folder


@pytest.mark.parametrize(
    ("name", "changes"), [("bert", {"type_vocab_size": 1}), ("distilbert", {}), ("llama", {})]
)
def test_token_types_that_a_model_does_not_know_are_left_out(save, pairs, name, changes):
    folder = save(name, **changes)
    assert "token_type_ids" not in input_columns(folder)
    splits, _ = load_splits(request_of(folder, pairs), input_columns(folder))
    assert set(splits["train"].collate([0, 1])) == {"input_ids", "attention_mask"}
    assert attempt(folder, pairs)["problem"] is None


def test_token_types_that_a_model_knows_are_kept(save, pairs):
    folder = save("bert")
    splits, _ = load_splits(request_of(folder, pairs), input_columns(folder))
    assert splits["train"].collate([0])["token_type_ids"].max() == 1


def test_weights_that_are_no_numbers_are_found(save, encoded):
    folder = save("bert")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.encoder.layer.1.output.dense.bias"] += float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    problem = attempt(folder, encoded[0])["problem"]
    assert "layer.1.output.dense.bias holds values that are no finite numbers" in problem


def test_weights_that_cannot_be_kept_are_a_problem_only_where_they_are_to_be(
    save, encoded, monkeypatch
):
    def fail(*_arguments):
        raise OSError("no space")

    monkeypatch.setattr(trial_proofs, "keep_weights", fail)
    folder = save("bert")
    assert "no space" in attempt(folder, encoded[0], "adapter", keep="adapters")["problem"]
    tried = attempt(folder, encoded[0], "adapter", keep="none")
    assert tried["problem"] is None
    assert any("no space" in note for note in tried["notes"])


def test_a_kept_model_that_predicts_otherwise_is_found(save, encoded, monkeypatch):
    def forget(built, method, output):
        for value in built.model.parameters():
            value.data = value.data + 0.1 * torch.randn(value.shape) * value.requires_grad
        built.model.save_pretrained(output / "model")
        for value in built.model.parameters():
            value.data = value.data * 1.5

    monkeypatch.setattr(trial_proofs, "keep_weights", forget)
    request = request_of(save("bert"), encoded[0], "full", keep="all")
    with pytest.raises(UserError, match="does not give its predictions again"):
        trial.try_cell(request, ThisProcess(), memory=10**9)


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ({"frozen_layers": 2}, "frozen_layers: 2, but the model has 2 layers; set it to 1 at most"),
        ({"frozen_layers": 1, "layer_decay": 0.5, "gradient_checkpointing": True}, None),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused_before_any_training(
    save, encoded, train, problem
):
    found = attempt(save("bert"), encoded[0], train=train)["problem"]
    assert (found is None) if problem is None else (problem in found)


def test_layers_are_counted_in_the_whole_model_also_where_two_are_tried(save, encoded):
    folder = save("bert", num_hidden_layers=4)
    assert attempt(folder, encoded[0], memory=1000, train={"frozen_layers": 3})["problem"] is None


def test_a_large_model_is_tried_with_two_layers_and_accounted_for_whole(save, encoded):
    folder = save("bert", num_hidden_layers=4)
    assert attempt(folder, encoded[0], memory=1000)["problem"] is None
    tensors = load_file(folder / "model.safetensors")
    del tensors["bert.encoder.layer.3.output.dense.bias"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "the weights lack 1 of" in attempt(folder, encoded[0], memory=1000)["problem"]


@pytest.fixture
def tried(monkeypatch):
    """The methods of every call that tries cells; one called `misfit` has a problem."""
    calls = []

    def try_cells(requests, memory):
        calls.append([request.settings.method for request in requests])
        return [
            {"problem": "no" if method == "misfit" else None, "notes": [], "seconds": 0.0}
            for method in calls[-1]
        ]

    monkeypatch.setattr(trial, "try_cells", try_cells)
    return calls


def test_a_trial_tries_the_other_methods_and_is_not_made_twice(save, encoded, tmp_path, tried):
    folder = save("bert")
    full, head, adapter = (
        request_of(folder, encoded[0], method) for method in ("full", "head", "adapter")
    )
    for own, others in ((full, [head]), (head, [full]), (adapter, [full, head])):
        assert trial_of(own, others, tmp_path / "store", 10**9)["problem"] is None
    assert tried == [["full", "head"], ["adapter"]]


def test_a_trial_depends_on_what_is_in_the_files(save, encoded, tmp_path, tried):
    folder = save("bert")
    for changes in ({}, {"head": "keep"}, {"padding_dependent": True}, {"head": "keep"}):
        trial_of(request_of(folder, encoded[0], **changes), [], tmp_path / "store", 10**9)
    assert len(tried) == 3
    write_json(folder / "model.json", {"files": {"model.safetensors": "another"}, "entry": {}})
    trial_of(request_of(folder, encoded[0]), [], tmp_path / "store", 10**9)
    assert len(tried) == 4


def test_what_did_not_fit_is_tried_again(save, encoded, tmp_path, tried):
    request = request_of(save("bert"), encoded[0])
    settings = dataclasses.replace(request.settings, method="misfit")
    misfit = dataclasses.replace(request, settings=settings)
    for _ in range(2):
        assert trial_of(misfit, [], tmp_path / "store", 10**9)["problem"] == "no"
    assert len(tried) == 2


@pytest.mark.parametrize("name", ["xlnet", "convbert"])
def test_padding_is_proved_also_where_all_texts_have_one_length(save, encoded, tmp_path, name):
    data = load_from_disk(encoded[0])
    longest = max(len(ids) for ids in data["train"]["input_ids"])
    same = {
        split: rows.filter(lambda row: len(row["input_ids"]) == longest)
        for split, rows in data.items()
    }
    folder = tmp_path / "same"
    kept = {split: rows if len(rows) else same["train"] for split, rows in same.items()}
    DatasetDict(kept).save_to_disk(folder)
    write_json(folder / "encoding.json", read_json(encoded[0] / "encoding.json"))
    assert "predictions depend on what shares a batch" in attempt(save(name), folder)["problem"]


def test_a_model_that_computes_nothing_is_refused(save, encoded, monkeypatch):
    constant = torch.tensor([[0.1, -0.1]])
    monkeypatch.setattr(trial_proofs, "logits_of", lambda *_: constant)
    assert "logits are the same whatever the text" in attempt(save("bert"), encoded[0])["problem"]
