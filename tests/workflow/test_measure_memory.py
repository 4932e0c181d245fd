"""The prediction against real steps of real models, counted independently, on the CPU."""

import pandas as pd
import pytest
from memory_cases import METHODS, config_of, make_step

from tunegrid.memory.measure import measure
from tunegrid.memory.predict import predict

#: Two layers of the same widths as the whole model's, and few words: what a layer keeps and holds
#: is the same, and it weighs more beside the weights than in the whole model.
PART = {"num_hidden_layers": 2, "vocab_size": 1000}
ROWS = []


@pytest.fixture(scope="module", autouse=True)
def table():
    """What was found, printed at the end (pytest -s)."""
    yield
    print("\n" + pd.DataFrame(ROWS).to_markdown(index=False))


def assert_prediction_agrees_with_measurement(model, changes, step):
    config = config_of(model, **changes)
    predicted = predict(config, step, cuda=False).peak
    measured = measure(config, step).peak
    ROWS.append(
        {
            "model": model,
            "layers": config.num_hidden_layers,
            "method": step.method,
            "attention": step.attention,
            "batch x tokens": f"{step.batch} x {step.tokens}",
            "predicted, MB": round(predicted / 1e6, 2),
            "measured, MB": round(measured / 1e6, 2),
            "error": f"{predicted / measured - 1:+.5%}",
        }
    )
    assert predicted == pytest.approx(measured, rel=0.01)


#: Every method with fused attention. Without it, one that trains all and one that freezes most: on
#: what the others keep of it, formula and trace agree (`test_recount_memory`).
CASES = [
    *(("roberta-base", method, "sdpa") for method in METHODS),
    *(("minilm-l6", method, "sdpa") for method in ("full", "adapter-64", "head")),
    *(("roberta-base", method, "eager") for method in ("full", "adapter-64")),
]


@pytest.mark.parametrize(("model", "method", "attention"), CASES)
def test_prediction_and_measurement_agree_within_one_percent(model, method, attention):
    step = make_step(method, batch=8, tokens=96, attention=attention)
    assert_prediction_agrees_with_measurement(model, PART, step)


#: Of a whole model no method holds anything that two layers do not show: one that freezes most, and
#: one that trains all, for the smaller model.
@pytest.mark.parametrize(
    ("model", "method"), [("roberta-base", "adapter-64"), ("minilm-l6", "full")]
)
def test_prediction_and_measurement_agree_on_a_whole_model(model, method):
    step = make_step(method, batch=2, tokens=48)
    assert_prediction_agrees_with_measurement(model, {}, step)
