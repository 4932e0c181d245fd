"""Whether a run measures, beside its scores, what its model costs when it is used."""

from pydantic import Field

from tunegrid.config.value_types import Closed


class InferenceSettings(Closed):
    """The part of the training settings that says what is measured of the trained model."""

    measure_inference: bool = Field(
        False,
        description="After training, measure on the run's device how long the model takes for one"
        " example and for a batch of 32 of middling length, as trained and, where the method can be"
        " merged into the weights, merged. It trains nothing otherwise, and takes seconds.",
    )
