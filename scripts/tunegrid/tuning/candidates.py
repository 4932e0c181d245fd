"""Candidates: the combinations of settings that tuning tries."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from tunegrid.config.tuning import WHOLE, Scalar, Span
from tunegrid.errors import UserError
from tunegrid.files import canonical_json

#: The settings that are tried, each with its values, and one combination of them.
SearchSpace = Mapping[str, Span | Sequence[Scalar]]
Candidate = dict[str, Scalar]

#: Seed of the sequence: the same space has the same candidates everywhere.
SEQUENCE_SEED = 20_190_909
#: Points of the sequence that are looked at for each candidate that is wanted; where values are
#: rounded or listed, several points are the same candidate.
POINTS_PER_CANDIDATE = 200
#: Significant digits of a value that is drawn: what is written is what is trained with.
DIGITS = 3


def draw_candidates(space: SearchSpace, trials: int | Literal["grid"]) -> list[Candidate]:
    """The combinations of settings that are tried, each once.

    They follow a scrambled Halton sequence, which fills the space evenly from its beginning on
    (Owen 2017, A randomized Halton algorithm in R, https://arxiv.org/abs/1706.02808;
    `scipy.stats.qmc.Halton`). Its seed is fixed, so that more trials begin with the same ones.

    Args:
        space: the settings, each with its values.
        trials: how many; "grid": every combination, of a space of lists alone.

    Raises:
        UserError: the space has fewer combinations, or a range where a grid is asked for.
    """
    if trials == "grid":
        return list(_grid(space))
    candidates: dict[str, Candidate] = {}
    for candidate in itertools.islice(_sequence(space), POINTS_PER_CANDIDATE * trials):
        candidates.setdefault(canonical_json(candidate), candidate)
        if len(candidates) == trials:
            return list(candidates.values())
    raise UserError(
        f"{trials} trials, but the space has {len(candidates)} combinations; set trials to"
        f" {len(candidates)} at most, or widen the space"
    )


def _grid(space: SearchSpace) -> Iterator[Candidate]:
    ranges = [key for key, values in space.items() if isinstance(values, Span)]
    if ranges:
        raise UserError(
            f"'grid', but {', '.join(ranges)} has a range; write lists of values, or the number of"
            " trials"
        )
    lists = [values for values in space.values() if not isinstance(values, Span)]
    for combination in itertools.product(*lists):
        yield dict(zip(space, combination, strict=True))


def _sequence(space: SearchSpace) -> Iterator[Candidate]:
    """The candidates of the sequence's points, in its order, without end."""
    from scipy.stats import qmc  # takes most of a second, and only tuning needs it

    points = qmc.Halton(d=len(space), scramble=True, rng=SEQUENCE_SEED)
    while True:
        for point in points.random(64):
            yield {
                key: _value(key, values, float(share))
                for (key, values), share in zip(space.items(), point, strict=True)
            }


def _value(key: str, values: Span | Sequence[Scalar], share: float) -> Scalar:
    """The value that lies at a share, in [0, 1), of a list or a range."""
    if not isinstance(values, Span):
        return values[math.floor(share * len(values))]
    least, greatest = values.bounds
    if key in WHOLE:
        # Each whole number of the range has the same share of it.
        least, greatest = least - 0.5, greatest + 0.5
    if values.log is not None:
        value = math.exp(math.log(least) + share * (math.log(greatest) - math.log(least)))
    else:
        value = least + share * (greatest - least)
    return round(value) if key in WHOLE else float(f"{value:.{DIGITS - 1}e}")
