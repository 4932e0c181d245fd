import encoders
import pytest
import tiny
import torch
import transformers
from paths import ROOT

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.methods import (
    ADAPTER,
    adapter_config,
    apply_method,
    bottleneck_sizes,
    parameter_counts,
)
from tunegrid.planning.loading import load_project

HOULSBY = "double_seq_bn[non_linearity='gelu']"
PROJECT = load_project([ROOT / "config/demo.yaml"])


def adapter(text, size=None):
    return MethodEntry(kind="adapter", adapter=text, bottleneck_size=size)


FULL = MethodEntry(kind="full")


def build(folder, method, seed=1):
    return tiny.build(folder, method, seed).model


def test_the_reduction_factor_gives_every_size_of_a_base_model_exactly():
    """With hidden / size as the factor the library's rounding misses 315 of the 768."""
    for size in range(1, 769):
        config = adapter_config(adapter(HOULSBY, size), 768)
        assert int(768 // config.reduction_factor) == size


@pytest.mark.parametrize("size", [1, 3, 8, 13])
def test_the_built_bottlenecks_have_the_size_asked_for(tiny_model, size):
    model = build(tiny_model, adapter(HOULSBY, size))
    assert bottleneck_sizes(model) == {size}


def test_houlsby_s_adapters_and_the_head_train_and_nothing_else(tiny_model):
    model = build(tiny_model, adapter(HOULSBY, 4))
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


def trained_names(model):
    return {name for name, value in model.named_parameters() if value.requires_grad}


def test_the_linear_probe_trains_the_head_and_is_not_differentiated_below(tiny_model):
    model = build(tiny_model, MethodEntry(kind="head"))
    assert trained_names(model) == {"classifier.weight", "classifier.bias"}
    hidden = []
    model.bert.register_forward_hook(lambda *call: hidden.append(call[2].pooler_output))
    model(torch.tensor([[2, 6, 3]])).logits.sum().backward()
    assert not hidden[0].requires_grad


def test_bitfit_trains_every_bias_and_the_head(tiny_model):
    model = build(tiny_model, MethodEntry(kind="bitfit"))
    biases = {name for name, _ in model.named_parameters() if name.endswith("bias")}
    assert trained_names(model) == biases | {"classifier.weight"}
    assert len(biases) > 15


CATALOGUE = PROJECT.methods
#: What the tiny model is too small for: a 32nd of its hidden size is no multiple of 4, and its
#: narrowest projections have fewer than 1000 weights.
SMALLER = {
    "compacter": adapter("compacter[reduction_factor=8]"),
    "fourierft": MethodEntry(
        kind="peft", peft=CATALOGUE["fourierft"].peft | {"n_frequency": 100, "scaling": 10.0}
    ),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_method_of_the_catalogue_trains_and_changes_only_what_trains(tiny_model, name):
    model = build(tiny_model, SMALLER.get(name, CATALOGUE[name])).eval()  # no dropout
    trained = trained_names(model)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=5e-3)
    inputs = torch.tensor([[2, 6, 17, 3], [2, 6, 23, 3]])
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(model(inputs).logits, torch.tensor([0, 1]))
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert sum(losses[-5:]) < sum(losses[:5])
    changed = {
        key for key, value in model.named_parameters() if not torch.equal(value, before[key])
    }
    assert changed <= trained
    assert any("classifier" in key for key in changed)
    if name != "head":
        assert any("classifier" not in key for key in changed)


@pytest.mark.parametrize("name", ["adapter-8", "seq_bn", "lora", "ia3", "prefix_tuning"])
def test_a_trained_adapter_is_saved_and_loaded_by_its_library_alone(tiny_model, tmp_path, name):
    import adapters
    from transformers import AutoModelForSequenceClassification

    model = build(tiny_model, CATALOGUE[name]).eval()
    inputs = torch.tensor([[2, 6, 17, 3]])
    with torch.no_grad():
        for key, value in model.named_parameters():
            if value.requires_grad and not key.startswith("classifier."):
                value.add_(0.1)
    model.save_adapter(tmp_path, ADAPTER)
    other = AutoModelForSequenceClassification.from_pretrained(tiny_model).eval()
    adapters.init(other)
    other.load_adapter(str(tmp_path), set_active=True)
    other.classifier.load_state_dict(model.classifier.state_dict())
    # Not bitwise: the other model is whole, ours computes the last block for one token alone.
    torch.testing.assert_close(model(inputs).logits, other(inputs).logits)


@pytest.mark.parametrize(
    ("size", "published", "counted", "honest"),
    [
        (64, "2.818", (3_614_556, 128_260_188), 2_972_163),
        (8, "1.227", (1_548_828, 126_194_460), 906_435),
    ],
)
def test_the_report_s_shares_count_a_head_that_is_never_used(size, published, counted, honest):
    """2.818 % and 1.227 %: the checkpoint's masked-LM head (642,393) comes along and "trains".

    The honest share is that of the parameters that receive a gradient.
    """
    import adapters
    from transformers import RobertaConfig, RobertaForSequenceClassification

    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
    method = adapter(HOULSBY, size)
    with torch.device("meta"):
        model = adapters.RobertaAdapterModel(config)
        model.add_masked_lm_head("lm")
        model.add_classification_head("task", num_labels=3, layers=2)
        model.add_adapter("task", config=adapter_config(method, 768))
        model.train_adapter("task")
        ours = RobertaForSequenceClassification(
            RobertaConfig(**config.to_dict() | {"num_labels": 3})
        )
        apply_method(ours, method)
    counts = parameter_counts(model)
    assert (counts["trainable_parameters"], counts["total_parameters"]) == counted
    assert f"{100 * counted[0] / counted[1]:.3f}" == published
    assert parameter_counts(ours)["trainable_parameters"] == honest == counted[0] - 642_393


def test_a_seed_s_head_is_the_same_for_every_method_and_another_for_another_seed(tiny_model):
    def head(method, seed):
        return build(tiny_model, method, seed).classifier.weight

    assert torch.equal(head(FULL, 1), head(adapter(HOULSBY, 4), 1))
    assert not torch.equal(head(FULL, 1), head(FULL, 2))


def test_the_non_linearity_is_the_one_asked_for(tiny_model):
    assert adapter_config(adapter(HOULSBY), 16).non_linearity == "gelu"
    assert adapter_config(adapter("double_seq_bn"), 16).non_linearity == "swish"


def test_an_option_of_no_meaning_is_refused_when_the_adapter_is_built(tiny_model):
    pytest.importorskip("adapters")
    for option in ("non_linearity='gleu'", "reduction_factor=0"):
        method = adapter(f"double_seq_bn[{option}]")
        with pytest.raises(UserError, match=r"^adapter: .* cannot be added to Bert"):
            build(tiny_model, method)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (adapter("no_such"), "adapter: 'no_such' is no configuration string"),
        (adapter("double_seq_bn[x=1]"), "is no configuration string"),
        (adapter("lora", size=4), "bottleneck_size: 'lora' has no bottleneck"),
    ],
)
def test_what_the_library_cannot_read_is_refused(method, expected):
    with pytest.raises(UserError) as error:
        adapter_config(method, 16)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


#: Models that some method does not fit, and the other decoders.
OTHER_MODELS = [
    "mpnet-base",
    "modernbert-base",
    "gpt2",
    "smollm2-135m",
    "qwen2.5-0.5b",
    "llama-3.2-1b",
]


@pytest.fixture(scope="module", params=OTHER_MODELS)
def other_model(request, tmp_path_factory):
    """A small random model of one of these architectures: (name, folder)."""
    layout = encoders.LAYOUTS[request.param]
    architecture = getattr(transformers, layout.architecture)
    torch.manual_seed(0)
    network = architecture(architecture.config_class(**encoders.SHAPE | layout.config))
    network.save_pretrained(folder := tmp_path_factory.mktemp(request.param))
    return request.param, folder


@pytest.mark.parametrize("method", CATALOGUE)
def test_what_the_catalogue_says_does_not_fit_is_what_does_not(other_model, method):
    name, folder = other_model
    entry = SMALLER.get(method, CATALOGUE[method])
    if entry.kind == "adapter":
        pytest.importorskip("adapters")
    if method in (PROJECT.models[name].without or []):
        with pytest.raises(UserError, match=r"cannot be added|has none; that would be kind: head"):
            build(folder, entry)
        return
    model = build(folder, entry).train()
    ids = torch.arange(5, 17)[None]
    model(
        input_ids=ids, attention_mask=torch.ones_like(ids), labels=torch.tensor([1])
    ).loss.backward()
    trained = [value for value in model.parameters() if value.requires_grad]
    assert all(value.grad is not None for value in trained)
    assert sum(bool(value.grad.any()) for value in trained) > (method != "head")
