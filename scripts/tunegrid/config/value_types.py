"""The types of the configuration's values: what text or number each takes, and what it refuses."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import humanfriendly
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tunegrid.config.entries import as_word
from tunegrid.config.messages import nearest
from tunegrid.config.written_seeds import count_to_seeds, ranges_to_seeds
from tunegrid.metrics import METRICS
from tunegrid.results import FOLDERS


class Closed(BaseModel):
    """A mapping of known keys, of exact types, that cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _is_count_or_auto(value: Any) -> Any:
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError(f"{value!r} is neither a whole number of at least 1 nor auto")


MicroBatch = Annotated[
    Annotated[int, Field(ge=1)] | Literal["auto"], BeforeValidator(_is_count_or_auto)
]


#: The number formats that a run computes in.
Precision = Literal["fp32", "tf32", "bf16", "fp16"]


def _is_class_weights(value: Any) -> Any:
    """null, balanced, or a mapping of labels to positive numbers."""
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{value!r} is neither null, balanced nor {{label: weight}}")
    for label, weight in value.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 < weight < float("inf"):
            raise ValueError(f"{weight!r} is no weight of {label!r}; write a number above 0")
    return {str(label): float(weight) for label, weight in value.items()}


ClassWeights = Annotated[
    Literal["balanced"] | dict[str, float] | None, BeforeValidator(_is_class_weights)
]


def _is_threshold(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "dev" or (is_number and 0 < value < 1):
        return value
    raise ValueError(f"{value!r} is neither a probability between 0 and 1 nor dev")


Threshold = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | Literal["dev"], BeforeValidator(_is_threshold)
]


def _unit(parse: Callable[[str], float], like: str) -> BeforeValidator:
    """A check that text is a number with a unit."""

    def check(value: Any) -> Any:
        try:
            if isinstance(value, str) and not value.strip().isdigit() and parse(value) > 0:
                return value
        except (humanfriendly.InvalidSize, humanfriendly.InvalidTimespan):
            pass
        raise ValueError(f"{value!r} is not {like}")

    return BeforeValidator(check)


def _or_auto(parse: Callable[[str], float]) -> Callable[[str], float]:
    return lambda text: 1 if text == "auto" else parse(text)


Size = Annotated[str, _unit(humanfriendly.parse_size, "a size such as 8GB")]
Time = Annotated[str, _unit(humanfriendly.parse_timespan, "a time such as 4h")]
AutoSize = Annotated[str, _unit(_or_auto(humanfriendly.parse_size), "a size such as 8GB, nor auto")]
AutoTime = Annotated[
    str, _unit(_or_auto(humanfriendly.parse_timespan), "a time such as 4h, nor auto")
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


#: The name of a metric, or that of the main one of whatever task is meant.
MAIN = "main"


def _is_metric_or_main(name: str) -> str:
    if name != MAIN and name not in METRICS:
        raise ValueError(f"unknown metric {name!r}; {nearest(name, METRICS)}")
    return name


MetricOrMain = Annotated[str, AfterValidator(_is_metric_or_main)]
NonEmpty = Field(min_length=1)

#: Characters that the name of a configuration has at most.
LONGEST_STUDY_NAME = 60


def _is_study_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*", name):
        raise ValueError(
            f"{name!r} is no name of a folder below results/; write letters, digits, -, _ and +,"
            " as in my-study"
        )
    if len(name) > LONGEST_STUDY_NAME:
        raise ValueError(
            f"has {len(name)} characters, and paths grow by it; write at most {LONGEST_STUDY_NAME}"
        )
    if name.lower() in FOLDERS:
        raise ValueError(
            f"{name!r} is a folder of the workflow's own below results/; give another name, as"
            f" my-{name.lower()}"
        )
    return name


StudyName = Annotated[str, BeforeValidator(as_word), AfterValidator(_is_study_name)]

#: What is written for seeds, for editors that check YAML: the numbers themselves are checked below.
_WRITTEN_SEEDS = Annotated[list[Seed | str], NonEmpty] | str
#: A list of seeds, in which ranges may stand, or a range.
SeedRanges = Annotated[
    list[Seed],
    NonEmpty,
    BeforeValidator(ranges_to_seeds, json_schema_input_type=_WRITTEN_SEEDS),
]
#: The same, or how many seeds there are.
Seeds = Annotated[
    SeedRanges, BeforeValidator(count_to_seeds, json_schema_input_type=_WRITTEN_SEEDS | int)
]
