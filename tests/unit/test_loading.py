"""Every tensor of a checkpoint is accounted for, and what is new in a model is known."""

import shutil

import encoders
import pytest
import tiny
import torch
import transformers
from safetensors.torch import load_file, save_file

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.training.kept_weights import keep_weights, load_kept
from tunegrid.training.loading_weights import load_classifier
from tunegrid.training.probing import logits_of

SHAPE = {
    "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.2,
}  # fmt: skip
LABELS = ["good", "bad", "odd"]
#: Methods of every kind.
METHODS = {
    "full": {"kind": "full"},
    "head": {"kind": "head"},
    "bitfit": {"kind": "bitfit"},
    "adapter": {"kind": "adapter", "adapter": "double_seq_bn", "bottleneck_size": 4},
    "lora": {"kind": "adapter", "adapter": "lora"},
}


@pytest.fixture
def save(tmp_path):
    """Save a random model of a class; its folder."""

    def save(architecture, **config):
        torch.manual_seed(0)
        network = architecture(architecture.config_class(**SHAPE | config))
        network.save_pretrained(tmp_path / "model")
        return tmp_path / "model"

    return save


@pytest.fixture
def masked_lm(save):
    """BERT as a masked language model: without a pooler, with a head of its own."""
    return save(transformers.BertForMaskedLM)


def rewrite(folder, change):
    """Change the tensors of a folder by a function of them."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def load(folder, labels=LABELS, seed=1, **options):
    torch.manual_seed(seed)
    return load_classifier(folder, labels=labels, **options)


def same_weights(one, other):
    weights = dict(other.named_parameters())
    return all(torch.equal(value, weights[name]) for name, value in one.named_parameters())


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "model.net.", "module._orig_mod."])
@pytest.mark.parametrize("architecture", [transformers.BertForMaskedLM, transformers.BertModel])
def test_a_prefix_that_all_names_share_is_removed_and_named(save, architecture, prefix):
    folder = save(architecture)
    plain, loaded = load(folder)
    assert loaded.prefix == ""
    rewrite(folder, lambda tensors: {prefix + key: value for key, value in tensors.items()})
    wrapped, loaded = load(folder)
    assert loaded.prefix == prefix
    assert same_weights(plain, wrapped)


def test_what_is_loaded_is_what_the_library_loads(save):
    for architecture in (transformers.RobertaForMaskedLM, transformers.DistilBertForMaskedLM):
        folder = save(architecture)
        ours, _ = load(folder)
        torch.manual_seed(1)
        theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=3
        )
        assert same_weights(ours, theirs)
        shutil.rmtree(folder)


def test_old_names_of_layer_norms_and_half_precision_and_shards_are_read(masked_lm):
    whole, _ = load(masked_lm)
    halves = {
        name: value.bfloat16() for name, value in load_file(masked_lm / "model.safetensors").items()
    }
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in halves.items()
    }
    names = sorted(old)
    shards = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, held in shards.items():
        save_file({name: old[name] for name in held}, masked_lm / file)
    weight_map = {name: file for file, held in shards.items() for name in held}
    write_json(masked_lm / "model.safetensors.index.json", {"weight_map": weight_map})
    (masked_lm / "model.safetensors").unlink()
    model, loaded = load(masked_lm)
    assert not any(name.startswith("bert.") for name in loaded.unused)
    for (name, value), other in zip(model.named_parameters(), whole.parameters(), strict=True):
        expected = other if name in loaded.new else other.bfloat16().float()
        assert torch.equal(value, expected)


def without_a_layer(tensors):
    return {key: value for key, value in tensors.items() if "layer.1" not in key}


def with_a_prefix_on_a_part(tensors):
    return {key.replace("bert.encoder", "net.encoder"): value for key, value in tensors.items()}


def without_one_bias(tensors):
    return {key: value for key, value in tensors.items() if "layer.0.output.dense.bias" not in key}


def without_embeddings(tensors):
    return {key: value for key, value in tensors.items() if "embeddings" not in key}


def of_another_model(tensors):
    return {f"other.{index}": value for index, value in enumerate(tensors.values())}


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        (without_a_layer, "16 of the encoder's 39"),
        (with_a_prefix_on_a_part, "32 of the encoder's 39"),
        (without_one_bias, "1 of the encoder's 39"),
        (without_embeddings, "5 of the encoder's 39"),
        (of_another_model, "37 of the encoder's 39"),
    ],
)
def test_an_encoder_that_would_begin_at_random_is_refused(masked_lm, change, lacking):
    rewrite(masked_lm, change)
    with pytest.raises(UserError, match=rf"^.*model: the weights lack {lacking}[^\n]*$") as error:
        load(masked_lm)
    assert "bert." in str(error.value)


def test_a_tensor_of_another_shape_is_refused(masked_lm):
    config = read_json(masked_lm / "config.json") | {"intermediate_size": 96}
    write_json(masked_lm / "config.json", config)
    with pytest.raises(UserError, match=r"has the shape \(64,\) in the weights and \(96,\) by"):
        load(masked_lm)


def test_what_is_left_over_is_listed(masked_lm):
    rewrite(masked_lm, lambda tensors: tensors | {"bert.extra": torch.ones(1)})
    _, loaded = load(masked_lm)
    assert "bert.extra" in loaded.unused
    assert any(name.startswith("cls.") for name in loaded.unused)


@pytest.mark.parametrize("method", METHODS)
def test_a_pooler_that_the_checkpoint_lacks_is_drawn_trained_counted_and_kept(
    masked_lm, method, tmp_path
):
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    built = tiny.build(masked_lm, METHODS[method])
    assert built.loaded.new == pooler | {"classifier.weight", "classifier.bias"}
    assert any("bert.pooler.dense.weight" in note for note in built.notes())
    trained = {name for name, value in built.model.named_parameters() if value.requires_grad}
    assert pooler <= trained
    others = [tiny.build(masked_lm, METHODS[method], seed=seed).model for seed in (1, 2)]
    drawn = [model.bert.pooler.dense.weight for model in others]
    assert torch.equal(drawn[0], built.model.bert.pooler.dense.weight)
    assert not torch.equal(drawn[0], drawn[1])
    assert_reloads(built, METHODS[method], masked_lm, tmp_path / "kept")


def assert_reloads(built, method, folder, output, inputs=None):
    """After a change of all that trains, what is kept gives the same logits."""
    inputs = inputs or tiny.examples()
    with torch.no_grad():
        for value in built.model.parameters():
            if value.requires_grad:
                value.add_(0.1 * torch.randn(value.shape))
    keep_weights(built, tiny.cell(method).method_source, output)
    again = load_kept(folder, output, labels=tiny.LABELS, pad_token=0)
    expected = logits_of(built.model, inputs)
    torch.testing.assert_close(logits_of(again, inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def classifier(save):
    """A checkpoint with a head for three labels."""
    return save(
        transformers.BertForSequenceClassification, id2label=dict(enumerate(LABELS)), num_labels=3
    )


@pytest.mark.parametrize("labels", [LABELS, ["good", "bad"]], ids=["as many", "fewer"])
def test_the_head_is_fresh_whatever_the_checkpoint_holds(classifier, labels):
    heads = [load(classifier, labels, seed=seed) for seed in (1, 2, 1)]
    weights = [model.classifier.weight for model, _ in heads]
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])
    assert heads[0][1].replaced == ["classifier.bias", "classifier.weight"]
    old = load_file(classifier / "model.safetensors")
    assert torch.equal(heads[0][0].bert.pooler.dense.weight, old["bert.pooler.dense.weight"])
    assert not torch.equal(weights[0], old["classifier.weight"][: len(labels)])


def test_a_head_of_several_layers_is_fresh_as_a_whole(save):
    folder = save(transformers.RobertaForSequenceClassification, num_labels=3)
    _, loaded = load(folder)
    assert {"classifier.dense.weight", "classifier.out_proj.weight"} <= set(loaded.replaced)
    assert {"classifier.dense.weight", "classifier.out_proj.weight"} <= loaded.new


def test_a_head_is_kept_on_request_with_its_rows_in_the_task_s_order(classifier):
    order = ["odd", "good", "bad"]
    model, loaded = load(classifier, order, keep_head=True)
    old = load_file(classifier / "model.safetensors")
    assert torch.equal(model.classifier.weight, old["classifier.weight"][[2, 0, 1]])
    assert torch.equal(model.classifier.bias, old["classifier.bias"][[2, 0, 1]])
    assert loaded.kept_head == ["classifier.bias", "classifier.weight"]
    assert not loaded.new


@pytest.mark.parametrize("labels", [["good", "bad"], ["good", "bad", "other"]])
def test_a_head_for_other_labels_cannot_be_kept(classifier, labels):
    with pytest.raises(UserError, match=r"its head knows good, bad, odd, and the task's labels"):
        load(classifier, labels, keep_head=True)


def test_a_head_that_is_not_there_cannot_be_kept(masked_lm):
    with pytest.raises(UserError, match="hold no classification head; leave `head` out"):
        load(masked_lm, keep_head=True)


def test_a_pretrained_transformation_before_the_head_stays(tmp_path):
    """ModernBERT's head has a dense layer that its language model was trained with."""
    torch.manual_seed(0)
    config = transformers.ModernBertConfig(**encoders.SHAPE | encoders.MODERN)
    transformers.ModernBertForMaskedLM(config).save_pretrained(tmp_path)
    model, loaded = load(tmp_path)
    old = load_file(tmp_path / "model.safetensors")
    assert torch.equal(model.head.dense.weight, old["head.dense.weight"])
    assert loaded.new == {"classifier.weight", "classifier.bias"}


FUSED = {
    "modernbert": (transformers.ModernBertModel, encoders.MODERN),
    "deberta": (
        transformers.DebertaModel,
        {
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "position_biased_input": False,
        },
    ),
}


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("method", ["adapter", "lora"])
def test_an_adapter_starts_from_the_encoder_that_full_fine_tuning_starts_from(
    save, tmp_path, name, method
):
    """The adapters library gives fused projections a random bias that they do not have."""
    architecture, config = FUSED[name]
    folder = save(architecture, **config)
    whole = tiny.build(folder, METHODS["full"])
    built = tiny.build(folder, METHODS[method])
    assert built.removed
    names = {key for key, _ in whole.model.named_parameters()}
    added = {key for key, _ in built.model.named_parameters()} - names
    assert all("task" in key.split(".") for key in added)
    built.model.set_active_adapters(None)
    torch.testing.assert_close(
        logits_of(built.model, tiny.examples()), logits_of(whole.model, tiny.examples())
    )
    built.model.set_active_adapters("task")
    assert_reloads(built, METHODS[method], folder, tmp_path / "kept")


def test_only_so_many_layers_are_built_for_a_trial(masked_lm):
    model, _ = load(masked_lm, layers=1)
    assert len(model.bert.encoder.layer) == 1
    rewrite(masked_lm, without_a_layer)
    with pytest.raises(UserError, match="the weights lack 16"):
        load(masked_lm, layers=1)


def test_quantised_weights_are_refused(masked_lm):
    config = read_json(masked_lm / "config.json")
    write_json(
        masked_lm / "config.json",
        config | {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    )
    with pytest.raises(UserError, match=r"its weights are quantised[^\n]*$"):
        load(masked_lm)


@pytest.mark.parametrize(
    ("architecture", "part"),
    [
        (transformers.GPT2LMHeadModel, "ln_f"),
        (transformers.LlamaForCausalLM, "model.norm"),
        (transformers.ElectraForPreTraining, "embeddings_project"),
    ],
)
def test_a_norm_or_a_projection_before_the_blocks_is_never_new(save, architecture, part):
    """Only what is computed after the blocks, and has a matrix, may begin at random."""
    folder = save(architecture, embedding_size=16, num_key_value_heads=2, n_embd=32, n_head=2)
    rewrite(folder, lambda tensors: {key: one for key, one in tensors.items() if part not in key})
    with pytest.raises(UserError, match="the weights lack"):
        load(folder)


def test_a_value_that_is_no_number_is_found_wherever_it_stands(masked_lm):
    def with_infinity(tensors):
        tensors["bert.embeddings.word_embeddings.weight"][-1, 0] = float("inf")
        return tensors

    rewrite(masked_lm, with_infinity)
    with pytest.raises(UserError, match=r"word_embeddings.weight holds values that are no finite"):
        load(masked_lm)


def test_half_a_head_cannot_be_kept(save):
    folder = save(transformers.DistilBertForSequenceClassification, num_labels=3, dim=32, n_heads=2,
                  id2label=dict(enumerate(LABELS)))  # fmt: skip
    rewrite(folder, lambda tensors: {k: v for k, v in tensors.items() if "pre_classifier" not in k})
    with pytest.raises(UserError, match="its weights lack pre_classifier"):
        load(folder, keep_head=True)


def test_a_prefix_that_some_names_have_is_told(masked_lm):
    def with_a_stranger(tensors):
        return {f"net.{key}": one for key, one in tensors.items()} | {"loss.weight": torch.ones(1)}

    rewrite(masked_lm, with_a_stranger)
    with pytest.raises(UserError, match=r"take 'net.bert.' from before such names"):
        load(masked_lm)


#: Special tokens within the vocabulary of a small ModernBERT.
TOKENS = {
    "pad_token_id": 0, "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2,
}  # fmt: skip


@pytest.fixture
def modernbert(save):
    """A folder of a small ModernBERT."""
    return save(transformers.ModernBertForMaskedLM, **TOKENS)


def test_a_model_compiles_parts_of_itself_only_where_its_folder_says_so(modernbert):
    assert load(modernbert)[0].config.reference_compile is False
    config = read_json(modernbert / "config.json")
    write_json(modernbert / "config.json", config | {"reference_compile": True})
    assert load(modernbert)[0].config.reference_compile is True


def test_kernels_of_attention_do_not_depend_on_what_is_installed(modernbert, monkeypatch):
    """As where flash-attn is installed, which computes on GPUs and in 16 bits alone."""
    plain, _ = load(modernbert)
    module = transformers.models.modernbert.modeling_modernbert
    model_class = module.ModernBertPreTrainedModel
    monkeypatch.setattr(model_class, "_flash_attn_2_can_dispatch", lambda *_, **__: True)
    monkeypatch.setattr(
        transformers.modeling_utils, "lazy_import_flash_attention", lambda *_, **__: None
    )
    monkeypatch.setattr(
        module, "ModernBertUnpaddedRotaryEmbedding", lambda **_: torch.nn.Identity()
    )
    config = transformers.ModernBertConfig(**SHAPE | TOKENS)
    asked_for_nothing = transformers.AutoModel.from_config(config)
    assert asked_for_nothing.config._attn_implementation == "flash_attention_2"
    model, _ = load(modernbert)
    assert model.config._attn_implementation == plain.config._attn_implementation == "sdpa"
