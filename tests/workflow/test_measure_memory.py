"""The prediction against real steps of real models, counted independently, on the CPU."""

import pandas as pd
import pytest
from memory_cases import METHODS, SHAPES, config_of

from tunegrid.memory.measuring import measure
from tunegrid.memory.predicting import predict
from tunegrid.memory.workload import Workload

ROWS = []


@pytest.fixture(scope="module", autouse=True)
def table():
    """What was found, printed at the end (pytest -s)."""
    yield
    print("\n" + pd.DataFrame(ROWS).to_markdown(index=False))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", SHAPES)
def test_prediction_and_measurement_agree_within_one_percent(model, method, attention):
    config = config_of(model)
    for batch, tokens in ((4, 96), (2, 48)):
        work = Workload(config, METHODS[method], 3, batch, tokens, attention=attention)
        predicted, measured = predict(work, cuda=False).peak, measure(work).peak
        ROWS.append(
            {
                "model": model,
                "method": method,
                "attention": attention,
                "batch x tokens": f"{batch} x {tokens}",
                "predicted, MB": round(predicted / 1e6, 2),
                "measured, MB": round(measured / 1e6, 2),
                "error": f"{predicted / measured - 1:+.5%}",
            }
        )
        assert predicted == pytest.approx(measured, rel=0.01)
