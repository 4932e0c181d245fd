import pytest
import torch

from tunegrid.errors import UserError
from tunegrid.methods import adapter_config, bottleneck_sizes, parameter_counts
from tunegrid.training.building import build_model

HOULSBY = {"kind": "adapter", "adapter": "double_seq_bn[non_linearity='gelu']"}
FULL = {"kind": "full"}


def build(folder, method, seed=1):
    return build_model(folder, ["good", "bad"], method, seed)


def test_the_reduction_factor_gives_every_size_of_a_base_model_exactly():
    """With hidden / size as the factor the library's rounding misses 315 of the 768."""
    for size in range(1, 769):
        config = adapter_config(HOULSBY | {"bottleneck_size": size}, 768)
        assert int(768 // config.reduction_factor) == size


@pytest.mark.parametrize("size", [1, 3, 8, 13])
def test_the_built_bottlenecks_have_the_size_asked_for(tiny_model, size):
    model = build(tiny_model, HOULSBY | {"bottleneck_size": size})
    assert bottleneck_sizes(model) == {size}


def test_houlsby_s_adapters_and_the_head_train_and_nothing_else(tiny_model):
    model = build(tiny_model, HOULSBY | {"bottleneck_size": 4})
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert all("adapters.task" in name or name.startswith("classifier.") for name in trained)
    # 2 layers × after attention and after the feed-forward block × (down, up) × (weight, bias)
    assert len([name for name in trained if "adapters.task" in name]) == 2 * 2 * 4
    hidden, size, labels = 32, 4, 2
    adapters = 2 * 2 * (2 * hidden * size + hidden + size)
    assert parameter_counts(model)["trainable_parameters"] == adapters + (hidden + 1) * labels


def test_full_fine_tuning_trains_everything(tiny_model):
    counts = parameter_counts(build(tiny_model, FULL))
    assert counts["trainable_parameters"] == counts["total_parameters"]


def test_a_seed_s_head_is_the_same_for_every_method_and_another_for_another_seed(tiny_model):
    def head(method, seed):
        return build(tiny_model, method, seed).classifier.weight

    adapter = HOULSBY | {"bottleneck_size": 4}
    assert torch.equal(head(FULL, 1), head(adapter, 1))
    assert not torch.equal(head(FULL, 1), head(FULL, 2))


def test_the_non_linearity_is_the_one_asked_for(tiny_model):
    assert adapter_config(HOULSBY, 16).non_linearity == "gelu"
    assert adapter_config({"adapter": "double_seq_bn"}, 16).non_linearity == "swish"


def test_an_option_of_no_meaning_is_refused_when_the_adapter_is_built(tiny_model):
    for option in ("non_linearity='gleu'", "reduction_factor=0"):
        method = {"kind": "adapter", "adapter": f"double_seq_bn[{option}]"}
        with pytest.raises(UserError, match=r"^adapter: .* cannot be added to Bert"):
            build(tiny_model, method)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"adapter": "no_such"}, "adapter: 'no_such' is no configuration string"),
        ({"adapter": "double_seq_bn[x=1]"}, "is no configuration string"),
        ({"adapter": "lora", "bottleneck_size": 4}, "bottleneck_size: 'lora' has no bottleneck"),
    ],
)
def test_what_the_library_cannot_read_is_refused(method, expected):
    with pytest.raises(UserError) as error:
        adapter_config(method, 16)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
