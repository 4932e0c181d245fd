"""A sample of `tests/benchmarks/bench_architectures.py`: one model of each kind of difficulty."""

import pytest
from architectures import small_configuration
from memory_cases import make_step

from tunegrid.errors import UserError
from tunegrid.memory.measure import measure
from tunegrid.memory.model_shapes import is_language_model, longest_example, task_of
from tunegrid.memory.predict import predict


def step_of(method, task, **options):
    labels = 3 if task == "classify" else None
    return make_step(method, batch=4, tokens=32, labels=labels, attention="auto", **options)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize(
    ("model_type", "task", "method"),
    [
        ("bart", "classify", "full"),  # looks for the end of each text
        ("t5", "classify", "full"),
        ("xlm", "classify", "full"),  # asks how long the longest text is
        ("funnel", "classify", "head"),  # makes positions of positions
        ("fnet", "classify", "full"),  # takes no mask
        ("layoutlm", "classify", "full"),  # uses one table many times
        ("big_bird", "classify", "head"),  # computes a result that is not used
        ("xmod", "classify", "full"),  # sorts texts by their language
        ("mixtral", "lm", "head"),
        ("granitemoe", "lm", "full"),  # experts in one tensor
        ("gpt2", "lm", "lora"),  # a fused projection
        ("gemma3_text", "lm", "peft-lora"),  # its class names another part the encoder
        ("bart", "lm", "peft-lora"),  # has weights that no step uses
        ("longformer", "classify", "head"),
        ("emu3", "lm", "full"),  # a part of a model of images
        ("xlnet", "lm", "full"),
        ("mega", "classify", "head"),  # keeps tensors that are no buffers
        ("codegen", "lm", "adapter-8"),  # the same, and a number in each layer that is copied
    ],
)
def test_every_kind_of_model_is_predicted_within_one_percent(model_type, task, method):
    config = small_configuration(model_type)
    step = step_of(method, task)
    predicted = predict(config, step, cuda=False)
    assert predicted.peak == pytest.approx(measure(config, step).peak, rel=0.01)


@pytest.mark.parametrize(
    ("model_type", "task", "method", "reason"),
    [
        ("gpt2", "lm", "head", "trains nothing of GPT2LMHeadModel: its output layer is its token"),
        ("llama", "classify", "bitfit", "has none; that would be kind: head"),
        ("qdqbert", "classify", "full", "cannot build .*pytorch-quantization"),
        ("fnet", "classify", "lora", "no linear projections of queries, keys and values"),
        ("phi4_multimodal", "lm", "full", r"AttributeError: .* \(modeling_.*py, line \d+\)"),
        ("bart", "lm", "lora", r"AttributeError: .* \(composition.py, line \d+\)"),
        ("granite", "classify", "full", r"has no text classifier .* language model \(--task lm\)"),
        ("bert-generation", "classify", "full", "has no text classifier"),
        ("vit", "lm", "full", "has neither a text classifier nor a language model"),
    ],
)
def test_what_is_not_predicted_is_refused_in_one_line(model_type, task, method, reason):
    config = small_configuration(model_type)
    with pytest.raises(UserError, match=reason) as refusal:
        predict(config, step_of(method, task), cuda=False)
    assert len(refusal.value.problems) == 1
    assert "\n" not in refusal.value.problems[0]


def test_what_a_model_is_trained_as_is_what_it_was_pretrained_as():
    gpt2 = small_configuration("gpt2")
    assert task_of(gpt2, "auto") == "classify"
    gpt2.architectures = ["GPT2LMHeadModel"]
    assert is_language_model(gpt2)
    assert task_of(gpt2, "auto") == "lm"
    assert task_of(gpt2, "classify") == "classify"
    xlm = small_configuration("xlm")
    xlm.architectures = ["XLMWithLMHeadModel"]  # of masked tokens
    assert task_of(xlm, "auto") == "classify"
    assert task_of(small_configuration("granite"), "auto") == "lm"


@pytest.mark.parametrize(
    ("model_type", "longest"), [("roberta", 254), ("bert", 256), ("gpt2", 256)]
)
def test_the_longest_example_leaves_out_positions_that_no_token_has(model_type, longest):
    assert longest_example(small_configuration(model_type)) == longest


@pytest.mark.parametrize("model_type", ["t5", "xlnet"])
def test_relative_positions_have_no_limit(model_type):
    assert longest_example(small_configuration(model_type)) > 10**9


@pytest.mark.parametrize("method", ["lora", "adapter-8", "peft-lora"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_output_layer_of_a_language_model_trains_only_where_it_is_asked_for(method, tied):
    config = small_configuration("llama")
    config.tie_word_embeddings = tied
    found = predict(config, step_of(method, "lm"))
    assert found.trainable_parameters < config.vocab_size * config.hidden_size
