"""Methods of the peft library: what they change, what is kept, what is predicted and refused."""

import dataclasses
from itertools import product

import family_checkpoints
import peft
import pytest
import tiny
import torch
from memory_cases import make_step
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification

from tunegrid.config.catalogue import MethodEntry
from tunegrid.config.peft_entry import REFUSED_KEYS, RESERVED, UNSUPPORTED, peft_options
from tunegrid.errors import UserError
from tunegrid.files import read_json, sha256
from tunegrid.memory.measure import measure
from tunegrid.memory.predict import predict
from tunegrid.methods import in_head, parameter_counts
from tunegrid.planning.loading import load_methods
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training import finetune
from tunegrid.training.kept_weights import keep_weights, load_kept

pytestmark = [
    # With Transformers 5 the library asks for an attribute by its old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

CATALOGUE = {name: entry for name, entry in load_methods().items() if entry.kind == "peft"}
QUERIES_AND_VALUES = CATALOGUE["peft-lora"].peft["target_modules"]


def method(peft_type="LORA", **options):
    return MethodEntry(kind="peft", peft={"peft_type": peft_type, **options})


#: The catalogue's methods and one more; the small models have fewer weights than 1000 frequencies.
METHODS = CATALOGUE | {
    "fourierft": method("FOURIERFT", n_frequency=100, target_modules=QUERIES_AND_VALUES),
    "vblora": method(
        "VBLORA", r=2, num_vectors=16, vector_length=8, target_modules=QUERIES_AND_VALUES
    ),
}
FAMILIES = ["bert", "roberta", "distilbert", "deberta-v2", "modernbert"]
SMALL = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
    "vocab_size": 1000, "pad_token_id": 0,
}  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tiny_model, tmp_path_factory):
    """The folder of a small random checkpoint of a family."""
    folder = tmp_path_factory.mktemp(request.param)
    return family_checkpoints.save_family(request.param, folder, tiny_model)


def weights_of(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def train(model, steps=12):
    """Take a few steps on two texts; the losses."""
    inputs, losses = tiny.examples(), []
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-3)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([0, 1]))
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return losses


@torch.no_grad()
def logits(model):
    return model.eval()(**tiny.examples()).logits


def loaded_by_peft(model, folder):
    """What is kept, on a fresh pretrained model, by nothing but the two libraries."""
    base = AutoModelForSequenceClassification.from_pretrained(model, num_labels=2)
    base.config.pad_token_id = 0
    return peft.PeftModel.from_pretrained(base, folder)


#: Of the library: BOFT has no kernel, norms are no linear layers, projections are drawn again.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", METHODS)
def test_a_method_trains_changes_only_its_own_and_is_loaded_by_its_library(family, name, tmp_path):
    plain = tiny.build(family).model
    built = tiny.build(family, METHODS[name])
    model = built.model
    assert type(model) is type(plain)
    before, old = weights_of(model), weights_of(plain)
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    added = {name for name in trained if ".task" in name}
    assert added
    assert trained - added == {n for n in before if in_head(model, n)} | built.loaded.new
    for key, value in before.items():  # the head, too, is the one of the seed
        if key not in added:
            assert torch.equal(value, old[key.replace(".base_layer", "")])
    losses = train(model)
    assert losses[-1] < losses[0]
    changed = {n for n, value in model.named_parameters() if not torch.equal(value, before[n])}
    assert changed <= trained
    assert changed & added
    assert changed - added

    keep_weights(built, METHODS[name], tmp_path)
    again = loaded_by_peft(family, tmp_path / "adapter")
    # Not bitwise: the other model is whole, ours may compute its last block for one token alone.
    torch.testing.assert_close(logits(again), logits(model), rtol=1e-4, atol=1e-5)
    ours = load_kept(family, tmp_path, labels=tiny.LABELS, pad_token=0)
    torch.testing.assert_close(logits(ours), logits(model), rtol=1e-4, atol=1e-5)


# RoBERTa and DistilBERT attend as BERT does. The methods that compute something of the layers that
# they change (DoRA norms of weights, OFT and BOFT products) are tried on other layers, too.
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("bert", name) for name in METHODS),
        *product(["deberta-v2", "modernbert"], ["peft-lora", "dora", "oft", "boft", "ln_tuning"]),
    ],
)
def test_the_memory_of_a_step_is_predicted_within_one_percent(kind, name):
    config = AutoConfig.for_model(kind, **SMALL)
    step = dataclasses.replace(
        make_step("head", batch=4, tokens=64, labels=2, attention="auto"),
        method=name,
        method_source=METHODS[name],
    )
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


def test_the_memory_of_a_step_of_an_optimizer_without_state_is_predicted():
    config = AutoConfig.for_model("bert", **SMALL)
    step = dataclasses.replace(
        make_step("head", batch=4, tokens=64, labels=2, optimizer="sgd"),
        method_source=METHODS["peft-lora"],
    )
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


def test_what_may_be_left_out_by_chance_is_predicted_as_if_it_were_not():
    """LoKr asks a random number whether a layer is left out: by default none is."""
    config = AutoConfig.for_model("bert", **SMALL)
    step = dataclasses.replace(
        make_step("head", batch=4, tokens=64, labels=2, attention="auto"),
        method_source=method("LOKR", r=4, target_modules=["query"]),
    )
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


#: Of a model of two layers, 32 wide: what a method adds.
COUNTS = {
    "peft-lora": 2 * 2 * 2 * 8 * 32,
    "dora": 2 * 2 * (2 * 8 * 32 + 32),
    "rslora": 2 * 2 * 2 * 8 * 32,
    "vera": 2 * 2 * (256 + 32),
    "oft": 2 * 2 * (32 * 31 // 2),
    "boft": 2 * 2 * (4 * 8 * 8 + 32),
    "fourierft": 2 * 2 * 100,
    "ln_tuning": (1 + 2 * 2) * 2 * 32,
    "peft-ia3": 2 * (32 + 32 + 64),
}


@pytest.mark.parametrize("name", COUNTS)
def test_so_many_weights_train_as_the_papers_count(tiny_model, name):
    counts = parameter_counts(tiny.build(tiny_model, METHODS[name]).model)
    assert counts["trainable_parameters"] == COUNTS[name] + 33 * 2


@pytest.mark.parametrize("name", METHODS)
def test_a_method_starts_without_effect_but_for_those_that_are_drawn(tiny_model, name):
    effect = tiny.build(tiny_model, METHODS[name]).effect
    if name in ("fourierft", "vblora"):
        assert effect > 1e-6
    else:
        assert effect < 1e-5


def test_what_is_added_is_drawn_from_the_seed_and_the_head_stays_that_of_the_seed(tiny_model):
    one, same, other = (
        tiny.build(tiny_model, METHODS["peft-lora"], seed).model for seed in (1, 1, 2)
    )
    plain = tiny.build(tiny_model, seed=1).model
    assert torch.equal(one.classifier.weight, plain.classifier.weight)
    for name, value in one.named_parameters():
        assert torch.equal(value, same.get_parameter(name))
    drawn = [name for name, _ in one.named_parameters() if "lora_A" in name]
    assert drawn
    assert not any(torch.equal(one.get_parameter(n), other.get_parameter(n)) for n in drawn)


def test_lora_by_both_libraries_agrees_to_rounding_from_equal_weights(tiny_model):
    lora = MethodEntry(kind="adapter", adapter="lora[r=4,alpha=8,dropout=0.0]")
    theirs = tiny.build(tiny_model, lora).model
    ours = tiny.build(
        tiny_model, method(r=4, lora_alpha=8, target_modules=["query", "value"])
    ).model
    with torch.no_grad():
        for name, value in ours.named_parameters():
            if "lora_" in name:
                path, _, rest = name.partition(".lora_")
                value.copy_(theirs.get_parameter(f"{path}.loras.task.lora_{rest[0]}"))
    assert parameter_counts(ours) == parameter_counts(theirs)
    assert train(ours, steps=10) == pytest.approx(train(theirs, steps=10), rel=1e-5)
    torch.testing.assert_close(logits(ours), logits(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dora", "vera", "vblora"])
def test_a_run_that_was_stopped_goes_on_bitwise_and_is_kept(
    tiny_model, encoded, tmp_path, monkeypatch, name
):
    def start(folder, stop=None):
        folders = {"output": folder / "run", "checkpoints": folder / "checkpoints"}
        settings = tiny.cell(METHODS[name].settings(), protocol="report")
        tiny.train(settings, tiny_model, encoded[0], stop=stop, keep="adapters", **folders)
        weights = load_file(folder / "run/adapter/adapter_model.safetensors")
        return tiny.results(folder / "run"), {key: value.tolist() for key, value in weights.items()}

    whole = start(tmp_path / "whole")
    stop, real = StopRequest(), finetune.take_step

    def take_step(run, batch, epoch):
        real(run, batch, epoch)
        if len(run.progress.history) == 4:
            stop.signal = "SIGTERM"

    monkeypatch.setattr(finetune, "take_step", take_step)
    with pytest.raises(Stopped):
        start(tmp_path / "again", stop)
    torch.rand(7)  # whatever the next process has drawn
    assert start(tmp_path / "again") == whole
    made = read_json(tmp_path / "again/run/provenance.json")
    assert made["resumed_at_step"] == 4
    files = ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"]
    assert made["kept"] == {file: sha256(tmp_path / "whole/run" / file) for file in files}
    assert made["versions"]["peft"] == peft.__version__


def test_what_is_kept_is_small_and_has_the_library_s_names(tiny_model, tmp_path):
    built = tiny.build(tiny_model, METHODS["peft-lora"])
    keep_weights(built, METHODS["peft-lora"], tmp_path)
    kept = load_file(tmp_path / "adapter/adapter_model.safetensors")
    assert len(kept) == 2 * 2 * 2 + 2
    assert "base_model.model.classifier.weight" in kept
    assert sum(value.numel() for value in kept.values()) == COUNTS["peft-lora"] + 33 * 2
    config = read_json(tmp_path / "adapter/adapter_config.json")
    assert config["task_type"] == "SEQ_CLS"
    assert config["modules_to_save"] == ["classifier"]


#: Each key of the library that changes more than a few layers' weights.
OPTIONS = {
    "biases": method(r=2, bias="all"),
    "one layer": method(r=2, target_modules=["value"], layers_to_transform=[1]),
    "tokens": method(r=2, trainable_token_indices={"word_embeddings": [6, 17]}),
    "parameters": method(r=2, target_modules=["value"], target_parameters=["query.weight"]),
    "embeddings": method(r=2, target_modules=["word_embeddings"]),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_the_library_are_trained_and_kept(tiny_model, tmp_path, name):
    built = tiny.build(tiny_model, OPTIONS[name])
    train(built.model)
    keep_weights(built, OPTIONS[name], tmp_path)
    again = loaded_by_peft(tiny_model, tmp_path / "adapter")
    torch.testing.assert_close(logits(again), logits(built.model), rtol=1e-4, atol=1e-5)


def test_modules_to_save_train_as_a_whole_and_are_kept(tiny_model, tmp_path):
    entry = method(r=2, target_modules="all-linear", modules_to_save=["LayerNorm"])
    built = tiny.build(tiny_model, entry)
    norms = [name for name, _ in built.model.named_parameters() if "LayerNorm" in name]
    assert len(norms) == 2 * 5
    assert all(built.model.get_parameter(name).requires_grad for name in norms)
    assert not hasattr(built.model.classifier, "lora_A")
    train(built.model)
    keep_weights(built, entry, tmp_path)
    again = loaded_by_peft(tiny_model, tmp_path / "adapter")
    torch.testing.assert_close(logits(again), logits(built.model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (method(target_modules=["query", "valeu"]), "target_modules names 'valeu'"),
        (method(target_modules=".*valeu"), "its layers are called query, key, value, dense"),
        (method(target_modules=["query"], r=0), "`r` should be a positive integer"),
        (method("LN_TUNING"), "name target_modules, or leave the method out"),
        (method(target_modules=["query"], modules_to_save=["pooled"]), "modules_to_save names"),
        (method(target_modules=["query"], rank_pattern={"kye": 4}), "rank_pattern"),
        (method(target_modules=["query"], init_lora_weights="pissa"), "beside the adapter"),
        (method("C3A", target_modules=["query"]), "The block size should be a factor"),
    ],
)
def test_what_does_not_fit_a_model_is_refused_in_one_line(tiny_model, entry, expected):
    with pytest.raises(UserError) as error:
        tiny.build(tiny_model, entry)
    assert expected in str(error.value)
    assert str(error.value).startswith(f"peft: {entry.peft['peft_type']} ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, "names no peft_type"),
        ({"peft_type": "LORRA"}, "unknown peft_type 'LORRA'; did you mean 'LORA'?"),
        ({"peft_type": "lora"}, "did you mean 'LORA'?"),
        ({"peft_type": "LORA", "lora_alfa": 8}, "unknown key 'lora_alfa' of LORA; did you mean"),
        ({"peft_type": "LORA", "task_type": "SEQ_CLS"}, "names task_type, which is not set here"),
        ({"peft_type": "LORA", "layer_replication": [[0, 2]]}, "how many layers the model has"),
        ({"peft_type": "PREFIX_TUNING"}, "the adapters library's prefix_tuning"),
        ({"peft_type": "ADALORA", "total_step": 9}, "it takes ranks away"),
        ({"peft_type": "LORA", "lora_alpha": "1e1"}, "YAML wants a dot in it; write 1.0e1"),
        ({"peft_type": "BOFT", "boft_n_butterfly_factor": 2}, "boft_n_butterfly_factor can be 1"),
        ({"peft_type": "LORA", "init_lora_weights": "eva"}, "needs more than a configuration"),
    ],
)
def test_a_configuration_that_is_none_is_refused_at_planning(configuration, expected):
    with pytest.raises(ValueError, match="peft") as error:
        MethodEntry(kind="peft", peft=configuration)
    assert expected in str(error.value)


def test_the_table_of_types_and_keys_is_the_installed_library_s():
    kinds = {kind.value: config for kind, config in peft.PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    assert set(kinds) == set(peft_options()) | set(UNSUPPORTED)
    for kind, keys in peft_options().items():
        fields = {field.name for field in dataclasses.fields(kinds[kind]) if field.init}
        assert set(keys) == fields - RESERVED.keys() - REFUSED_KEYS.keys() - {"peft_type"}
