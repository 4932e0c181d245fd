"""Adapters on every model family: what the library knows, what is derived, what is refused."""

import inspect
import re

import pytest
import torch
from adapters import AdapterConfig
from families import small_classifier

from tunegrid.adapter_interface import init_adapters, init_derived, known_to_library
from tunegrid.block_layout import FUSED_ORDER, read_layout
from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.methods import apply_method

#: T5's code in the adapters library calls it by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:.*past_key_value.*:FutureWarning")


METHODS = {
    "double_seq_bn": "double_seq_bn[reduction_factor=4]",
    "seq_bn": "seq_bn[reduction_factor=4]",
    "par_bn": "par_bn[reduction_factor=4]",
    "lora": "lora[r=2,alpha=2]",
    "ia3": "ia3",
}
KNOWN = [
    "albert", "bart", "bert", "deberta", "deberta-v2", "distilbert", "electra", "gemma2",
    "gemma3_text", "gpt2", "llama", "mistral", "modernbert", "phi", "qwen2", "qwen3", "roberta",
    "t5", "xlm-roberta",
]  # fmt: skip
DERIVED = [
    "big_bird", "bloom", "camembert", "canine", "convbert", "data2vec-text", "ernie", "falcon",
    "flaubert", "fnet", "funnel", "gemma", "gpt_bigcode", "gpt_neo", "gpt_neox", "longformer",
    "luke", "megatron-bert", "mixtral", "mobilebert", "mpnet", "mpt", "nystromformer",
    "openai-gpt", "opt", "persimmon", "rembert", "roberta-prelayernorm", "roc_bert", "roformer",
    "squeezebert", "stablelm", "xlm", "xlm-roberta-xl", "xlnet",
]  # fmt: skip
SEVERAL_LISTS = dict.fromkeys(METHODS, "has its blocks in several lists")
#: What is refused, and how the reason reads.
REFUSED = {
    "canine": SEVERAL_LISTS,
    "falcon": dict.fromkeys(["lora", "ia3"], "which rows of self_attention.query_key_value"),
    "flaubert": SEVERAL_LISTS,
    "fnet": dict.fromkeys(
        ["double_seq_bn", "lora", "ia3"], "no linear projections of queries, keys and values"
    ),
    "funnel": dict.fromkeys(METHODS, "has lists of blocks in a list"),
    "gpt_bigcode": dict.fromkeys(["lora", "ia3"], "which rows of attn.c_attn these are"),
    "mixtral": dict.fromkeys(
        ["double_seq_bn", "seq_bn", "par_bn", "ia3"], "is not one feed-forward network"
    ),
    "mobilebert": {
        "double_seq_bn": "attention.output.dense is narrower",
        "seq_bn": "is not one feed-forward network",
        "par_bn": "is not one feed-forward network",
        "ia3": "is not one feed-forward network",
    },
    "openai-gpt": dict.fromkeys(METHODS, "its attn.c_attn is a Conv1D, not a linear layer"),
    "opt": {"ia3": "sees the tokens of all examples in one row"},
    "phi": {"par_bn": "does not say where that is in this family"},
    "squeezebert": dict.fromkeys(METHODS, "its attention.query is a Conv1d, not a linear layer"),
    "xlm": SEVERAL_LISTS,
    "xlnet": dict.fromkeys(
        ["double_seq_bn", "lora", "ia3"], "its rel_attn.q is a bare weight, not a linear layer"
    ),
}
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 3, 2], [7, 8, 12, 9, 4, 13, 14, 2]])


def logits(model):
    inputs = {"input_ids": IDS}
    if "attention_mask" in inspect.signature(model.base_model.forward).parameters:
        inputs["attention_mask"] = torch.ones_like(IDS)
    return model(**inputs).logits


def initialised(family, init=init_adapters, **options):
    """A small classifier that adapters can be added to, without biases that the library adds."""
    model = small_classifier(family)
    before = {name for name, _ in model.named_parameters()}
    init(model, **options)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name not in before:
                weight.zero_()
    return model.eval()


def with_adapter(family, method, init=init_adapters):
    config = AdapterConfig.load(METHODS[method])
    model = initialised(family, init, config=config, text=METHODS[method])
    torch.manual_seed(1)
    model.add_adapter("task", config=config)
    model.train_adapter("task")
    return model.eval()


def adapter_weights(model):
    return {
        name: weight
        for name, weight in model.named_parameters()
        if ".task." in name and weight.requires_grad
    }


@torch.no_grad()
def draw_adapter(model):
    """Give the adapter weights of its own, so that it has an effect."""
    torch.manual_seed(2)
    for weight in adapter_weights(model).values():
        weight.add_(0.3 * torch.randn_like(weight))


def assert_same(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


FITS = [
    (family, method)
    for family in [*KNOWN, *DERIVED]
    for method in METHODS
    if method not in REFUSED.get(family, {})
]
DOES_NOT = [(family, method) for family in REFUSED for method in REFUSED[family]]


@pytest.mark.parametrize(("family", "method"), FITS)
def test_an_adapter_has_no_effect_at_first_trains_in_every_block_and_loads(
    family, method, tmp_path
):
    bare = logits(small_classifier(family))
    model = with_adapter(family, method)
    for name, weight in adapter_weights(model).items():
        if "adapter_up" in name:
            torch.nn.init.zeros_(weight)
    assert_same(logits(model), bare)

    draw_adapter(model)
    changed = logits(model)
    assert (changed - bare).abs().max() > 1e-3
    changed.logsumexp(-1).sum().backward()
    blocks = {}
    for name, weight in adapter_weights(model).items():
        block = re.sub(r"(\.\d+)\..*", r"\1", name, count=1)
        blocks[block] = blocks.get(block, False) or bool(weight.grad.any())
    assert len(blocks) >= (1 if family == "albert" else 2)
    assert all(blocks.values()), blocks

    model.save_adapter(tmp_path, "task")
    other = initialised(family)
    other.load_adapter(str(tmp_path), set_active=True)
    assert_same(logits(other.eval()), changed)


@pytest.mark.parametrize("family", [*KNOWN, *DERIVED])
def test_only_adapters_are_added_and_the_model_computes_what_it_did(family):
    if len(REFUSED.get(family, {})) == len(METHODS):
        with pytest.raises(UserError):
            initialised(family)
        return
    model = initialised(family)
    assert known_to_library(model) == (family in KNOWN)
    assert_same(logits(model), logits(small_classifier(family)))


@pytest.mark.parametrize(("family", "method"), DOES_NOT)
def test_what_does_not_fit_is_refused_in_one_line_that_says_why(family, method):
    model = small_classifier(family)
    entry = MethodEntry(kind="adapter", adapter=METHODS[method], bottleneck_size=None)
    with pytest.raises(UserError) as error:
        apply_method(model, entry)
    line = str(error.value)
    assert line.startswith(
        f"adapter: '{METHODS[method]}' cannot be added to {type(model).__name__}: "
    )
    assert REFUSED[family][method] in line
    assert "leave the method out of the grid for this model" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "text", ["prefix_tuning", "mam", "seq_bn_inv", "seq_bn[original_ln_after=False]"]
)
def test_adapters_of_other_kinds_are_refused_where_the_layout_is_derived(text):
    config = AdapterConfig.load(text)
    with pytest.raises(UserError, match=r"it (can be added only|needs) .*; leave the method out"):
        init_adapters(small_classifier("camembert"), config=config, text=text)


#: Where the library's own BERT has its adapters, and where they hang in a derived layout.
PLACES = {
    "attention_adapters.adapters": "attention.output.adapters",
    "output_adapters.adapters": "output.adapters",
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_the_derived_layout_of_bert_computes_what_the_library_s_own_bert_does(method, training):
    """In training, too, where dropout's masks are drawn in the same order."""
    own, derived = with_adapter("bert", method), with_adapter("bert", method, init_derived)
    draw_adapter(derived)
    weights = {}
    for name, weight in derived.state_dict().items():
        place = next((place for place in PLACES if place in name), "")
        weights[name.replace(place, PLACES.get(place, ""))] = weight
    missing, unexpected = own.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all("prompt_tuning" in name for name in missing)  # word embeddings, by another name
    torch.manual_seed(3)
    expected = logits(own.train(training))
    torch.manual_seed(3)
    assert_same(logits(derived.train(training)), expected)
    assert (expected - logits(small_classifier("bert").train(training))).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["bert", "big_bird", "convbert", "longformer", "opt"])
def test_reading_a_layout_leaves_the_model_and_the_random_numbers_as_they_were(family):
    model = small_classifier(family)
    modules = dict(model.named_modules())
    state, drawn = torch.get_rng_state(), model.config.to_dict()
    read_layout(model)
    assert dict(model.named_modules()) == modules
    assert not any(module._forward_hooks for module in modules.values())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.config.to_dict() == drawn


@pytest.mark.parametrize(
    ("options", "norm", "entered"),
    [
        ({"do_layer_norm_before": True}, None, "final_layer_norm"),
        ({"do_layer_norm_before": False}, "final_layer_norm", "fc1"),
    ],
)
def test_which_norm_follows_a_part_is_read_from_its_calls_not_from_names(options, norm, entered):
    layout = read_layout(small_classifier("opt", **options))
    assert (layout.feed_forward_norm, layout.before_feed_forward) == (norm, entered)


def rows_by_gradients(model, layout):
    """Of each row of the first block's fused projection, whether it is q, k or v.

    A query reaches the attention's output at its own position alone. Where all queries are zero,
    keys do not matter, and values do.
    """
    block = model.base_model.get_submodule(layout.blocks)[0].get_submodule(layout.attention)
    wanted = {"fused": None, "mixed": None}

    def replace(*_):
        return wanted["fused"]

    def note(_, given):
        wanted["mixed"] = given[0]

    hooks = [
        block.get_submodule(layout.fused).register_forward_hook(replace),
        block.get_submodule(layout.attention_output).register_forward_pre_hook(note),
    ]

    def reached(values):
        wanted["fused"] = values.detach().requires_grad_()
        logits(model)
        wanted["mixed"][:, -1].square().sum().backward()
        return wanted["fused"].grad[:, :-1].abs().sum((0, 1)) > 1e-9

    values = torch.randn(*IDS.shape, block.get_submodule(layout.fused).out_features)
    query = ~reached(values)
    value = reached(values * ~query)
    for hook in hooks:
        hook.remove()
    return ["q" if q else "v" if v else "k" for q, v in zip(query, value, strict=True)]


FUSED = [
    ("bloom", {}),
    ("deberta", {"relative_attention": False}),  # keys would meet positions, not queries alone
    ("falcon", {"multi_query": False}),
    ("gpt_neox", {}),
    ("mpt", {}),
    ("persimmon", {"qk_layernorm": False}),  # norms would give zero queries another value
]


@pytest.mark.parametrize(("family", "options"), FUSED)
def test_the_rows_of_a_fused_projection_are_in_the_order_that_is_stated(family, options):
    model = small_classifier(family, **options)
    layout = read_layout(model)
    stated = {"by part": [*"qkv"] * 1, "by head": [*"qkv"] * 4}[layout.fused_order]
    rows = rows_by_gradients(model, layout)
    assert rows == [part for part in stated for _ in range(len(rows) // len(stated))]


def test_every_stated_order_is_tried():
    tried = set()
    for family, options in FUSED:
        model = small_classifier(family, **options)
        layout = read_layout(model)
        block = model.base_model.get_submodule(layout.blocks)[0]
        owner = f"{layout.attention}.{layout.fused}".rpartition(".")[0]
        tried |= {kind.__name__ for kind in type(block.get_submodule(owner)).mro()}
    assert set(FUSED_ORDER) <= tried


@pytest.mark.parametrize("method", ["lora", "ia3"])
@pytest.mark.parametrize(("family", "options"), [one for one in FUSED if one[0] != "falcon"])
def test_an_update_of_a_fused_projection_changes_the_rows_that_it_names_alone(
    family, options, method
):
    layout = read_layout(small_classifier(family))
    rows = rows_by_gradients(small_classifier(family, **options), layout)
    model = with_adapter(family, method)
    draw_adapter(model)
    block = model.base_model.get_submodule(layout.blocks)[0]
    fused = block.get_submodule(layout.attention).get_submodule(layout.fused)
    before, values = fused.weight.clone(), torch.randn(2, 3, fused.in_features)
    with torch.no_grad():
        adapted = fused(values)
        changed = (adapted - torch.nn.functional.linear(values, before, fused.bias)).abs()
    changed = (changed.sum((0, 1)) > 1e-5).tolist()
    named = {"lora": {"q", "v"}, "ia3": {"k", "v"}}[method]
    assert {row for row, is_changed in zip(rows, changed, strict=True) if is_changed} == named
    assert changed == [row in named for row in rows]


@pytest.mark.parametrize("method", ["lora", "ia3"])
def test_falcon_s_projection_is_changed_where_each_head_has_its_own_keys(method):
    config = AdapterConfig.load(METHODS[method])
    model = small_classifier("falcon", multi_query=False)
    init_adapters(model, config=config, text=METHODS[method])
    model.add_adapter("task", config=config)
    assert any("query_key_value.loras" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("family", ["camembert", "gemma2", "xlnet"])
def test_a_bottleneck_reads_the_norm_of_its_own_block(family):
    """The library's hooks read that of the last block."""
    model = with_adapter(family, "seq_bn")
    draw_adapter(model)
    interface = model.base_model.adapter_interface
    blocks = model.base_model.get_submodule(interface.model_layers)
    outputs = []
    blocks[0].register_forward_hook(lambda *call: outputs.append(call[2]))
    logits(model)
    with torch.no_grad():
        blocks[-1].get_submodule(interface.layer_ln_2).weight.mul_(5)
    logits(model)
    before, after = (one if isinstance(one, torch.Tensor) else one[0] for one in outputs)
    assert_same(before, after)


def test_both_sets_of_longformer_s_projections_are_changed():
    names = adapter_weights(with_adapter("longformer", "lora"))
    changed = {name.split(".self.")[1].split(".")[0] for name in names if ".self." in name}
    assert changed == {"query", "value", "query_global", "value_global"}
