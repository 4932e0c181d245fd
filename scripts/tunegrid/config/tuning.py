"""What a configuration says about tuning: which settings are tried, how often, and by what."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tunegrid.config.entries import Name
from tunegrid.config.value_types import MAIN, Closed, MetricOrMain, SeedRanges

Scalar = float | int | str


class Span(Closed):
    """A range that values are drawn from."""

    log: list[float] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="[least, greatest], both above 0: each factor is as likely as any other.",
    )
    linear: list[float] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="[least, greatest]: each value is as likely as any other.",
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if (self.log is None) == (self.linear is None):
            raise ValueError("names none or both of log and linear; name one")
        least, greatest = self.bounds
        if least >= greatest:
            raise ValueError(f"is [{least:g}, {greatest:g}]; write [least, greatest]")
        if self.log is not None and least <= 0:
            raise ValueError(f"is log from {least:g}; a logarithmic range begins above 0")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value."""
        least, greatest = self.log or self.linear or [0.0, 0.0]
        return least, greatest


def _is_list_or_span(value: Any) -> Any:
    if isinstance(value, dict | Span):
        return value
    if isinstance(value, list) and value:
        if len({str(one) for one in value}) < len(value):
            raise ValueError(f"{value!r} names a value twice; name it once")
        return value
    raise ValueError(
        f"{value!r} is neither a list of values nor a range; write [a, b] or {{log: [a, b]}}"
    )


#: The values that a setting may take: a list, or a range.
Values = Annotated[Span | list[Scalar], BeforeValidator(_is_list_or_span)]

#: The settings whose values are whole numbers; a value that is drawn from a range is rounded.
WHOLE = ("epochs", "batch_size", "max_steps", "frozen_layers")


class Space(Closed):
    """Settings of `train` that are tried, each with its values: a list, or a range."""

    learning_rate: Values | None = Field(None, description="Values of `train.learning_rate`.")
    epochs: Values | None = Field(None, description="Values of `train.epochs`.")
    batch_size: Values | None = Field(None, description="Values of `train.batch_size`.")
    warmup_ratio: Values | None = Field(None, description="Values of `train.warmup_ratio`.")
    weight_decay: Values | None = Field(None, description="Values of `train.weight_decay`.")
    max_grad_norm: Values | None = Field(None, description="Values of `train.max_grad_norm`.")
    schedule: list[str] | None = Field(
        None, min_length=1, description="Values of `train.schedule`."
    )

    max_steps: Values | None = Field(None, description="Values of `train.max_steps`.")
    optimizer: list[str] | None = Field(
        None, min_length=1, description="Values of `train.optimizer`."
    )
    adam_beta1: Values | None = Field(None, description="Values of `train.adam_beta1`.")
    adam_beta2: Values | None = Field(None, description="Values of `train.adam_beta2`.")
    adam_epsilon: Values | None = Field(None, description="Values of `train.adam_epsilon`.")
    layer_decay: Values | None = Field(None, description="Values of `train.layer_decay`.")
    head_learning_rate: Values | None = Field(
        None, description="Values of `train.head_learning_rate`."
    )
    frozen_layers: Values | None = Field(None, description="Values of `train.frozen_layers`.")

    def given(self) -> dict[str, Span | list[Scalar]]:
        """The settings that are tried, each with its values, in a fixed order."""
        return {key: value for key, value in self if value is not None}


class TuneSettings(Closed):
    """How each method gets its settings: by the score on dev, the same budget for all."""

    space: Space = Field(description="Which settings are tried, and their values.")
    methods: dict[Name, Space] = Field(
        default_factory=dict,
        description="A method's own values of a setting, which replace those of `space`.",
    )
    trials: Annotated[int, Field(ge=2)] | Literal["grid"] = Field(
        8,
        description="Candidates that each model, task and method is trained with, from a fixed"
        " quasi-random sequence: a larger number keeps the first ones. grid: every combination of"
        " the lists.",
    )
    seeds: SeedRanges = Field(
        description="Seeds that each candidate is trained from, a list or a range; none is a seed"
        " of the grid."
    )
    metric: MetricOrMain = Field(
        MAIN,
        description="The metric on dev by which candidates are chosen; main: the task's main one.",
    )
    halving: int | None = Field(
        None,
        ge=2,
        description="Stop what is hopeless: train all candidates for a share of their epochs, keep"
        " the best one of so many, train those for so many times as long, and so on; null: train"
        " all to the end.",
    )
    per: Literal["task", "model"] = Field(
        "task",
        description="task: a choice for each model, task and method; model: one for each model and"
        " method, by the mean over its tasks.",
    )

    def space_of(self, method: str) -> dict[str, Span | list[Scalar]]:
        """The settings that a method is tried with, each with its values, in a fixed order."""
        own = self.methods.get(method, Space()).given()
        values = self.space.given() | own
        return {key: values[key] for key in Space.model_fields if key in values}

    @model_validator(mode="after")
    def _tries_something(self) -> Self:
        if not self.space.given():
            raise ValueError("names no setting under `space`; name one, such as learning_rate")
        if self.halving and self.per == "model":
            raise ValueError(
                "names `halving` and `per: model`; what is stopped early is chosen for each task,"
                " so keep one of them"
            )
        return self
