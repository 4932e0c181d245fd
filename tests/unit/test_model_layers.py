"""The depth of each parameter, of every family that has one list of layers."""

import pytest
import torch
from families import small_classifier

from tunegrid.errors import UserError
from tunegrid.model_layers import enable_checkpointing, freeze_layers, parameter_depths

#: Families whose encoder has one list of layers.
ONE_LIST = [
    "bert", "deberta", "deberta-v2", "distilbert", "electra", "gpt2", "modernbert", "mpnet",
    "qwen2", "roberta", "xlnet",
]  # fmt: skip


def inputs():
    """Two texts of six tokens."""
    return {"input_ids": torch.arange(3, 15).reshape(2, 6), "attention_mask": torch.ones(2, 6)}


@pytest.mark.parametrize("family", ONE_LIST)
def test_every_parameter_has_its_depth(family):
    model = small_classifier(family)
    depths = parameter_depths(model)
    assert set(depths) == {name for name, _ in model.named_parameters()}
    assert set(depths.values()) == {0, 1, 2, 3}
    words = model.get_input_embeddings().weight
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert depths[names[id(words)]] == 0
    for name, depth in depths.items():
        number = next((part for part in name.split(".") if part.isdigit()), None)
        if number is not None:
            assert depth == int(number) + 1, name
        elif not name.startswith(f"{model.base_model_prefix}."):
            assert depth == 3, name
        elif "embed" in name:
            assert depth == 0, name


@pytest.mark.parametrize("family", ONE_LIST)
def test_below_what_trains_no_gradient_is_computed(family):
    model = small_classifier(family)
    freeze_layers(model, 1)
    model(**inputs()).logits.sum().backward()
    depths = parameter_depths(model)
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (depths[name] > 1), name
        assert parameter.requires_grad or parameter.grad is None


@pytest.mark.parametrize("family", ["albert", "bart", "funnel", "t5"])
def test_a_model_without_one_list_of_layers_is_refused_in_one_line(family):
    model = small_classifier(family)
    with pytest.raises(
        UserError, match=r"^train\.frozen_layers and [^\n]*leave them at 0 and 1\.0"
    ):
        parameter_depths(model)


def test_what_is_new_goes_on_training():
    model = small_classifier("bert")
    new = "bert.embeddings.token_type_embeddings.weight"
    freeze_layers(model, 1, new=[new])
    assert model.get_parameter(new).requires_grad


def test_freezing_what_does_not_train_is_refused():
    model = small_classifier("bert")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".layer.1." in name or name.startswith("classifier")
    with pytest.raises(
        UserError, match="trains nothing in the embeddings and these layers; set it"
    ):
        freeze_layers(model, 1)


def test_freezing_all_that_a_method_trains_is_refused():
    model = small_classifier("bert")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".layer.0." in name or name.startswith("classifier")
    with pytest.raises(UserError, match="hold all that the method trains in the encoder"):
        freeze_layers(model, 1)
    assert any(value.requires_grad for value in model.bert.parameters()), "nothing was frozen"


@pytest.mark.parametrize("family", ["bert", "deberta-v2", "gpt2", "modernbert", "qwen2"])
def test_gradients_with_layers_computed_again_are_the_same(family):
    model = small_classifier(family)
    model.train()
    gradients = []
    for again in (False, True):
        if again:
            enable_checkpointing(model)
        torch.manual_seed(1)
        model.zero_grad()
        model(**inputs()).logits.square().sum().backward()
        gradients.append([value.grad.clone() for value in model.parameters()])
    for one, other in zip(gradients[0], gradients[1], strict=True):
        assert one.equal(other)
