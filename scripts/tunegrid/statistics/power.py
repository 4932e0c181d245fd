"""What so many seeds and test examples would find, and how many would find a given difference.

Found means: by a two-sided test at a given level, with a power of `POWER`. The power is that of the
noncentral t distribution (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences,
chapter 2) with the standard error and degrees of freedom that so many seeds and examples would
have. Only the side of the difference is counted; what the other side adds is too small to matter.

It fails where the components are hardly known: of two seeds the variance between seeds may well be
four times what it seems, and with it the seeds that are needed.
"""

import bisect
import math
from collections.abc import Callable

from scipy import special

from tunegrid.statistics.components import VarianceComponents
from tunegrid.statistics.verdicts import critical_value

#: How often a difference is to be found.
POWER = 0.8
#: The most seeds and the most test examples that are named as needed.
MOST_SEEDS = 1_000
MOST_EXAMPLES = 1_000_000


def power(difference: float, components: VarianceComponents, level: float) -> float:
    """How often a true difference of this size would be found."""
    if components.variance == 0:
        return 1.0 if difference else 0.0
    centre = abs(difference) / components.standard_error
    threshold = critical_value(components.df, level)
    missed = float(special.nctdtr(components.df, centre, threshold))
    # Where it is too small to be computed it may come out as not a number.
    return 1.0 if math.isnan(missed) else 1 - missed


def detectable_difference(components: VarianceComponents, level: float) -> float:
    """The true difference that is found with a power of `POWER`."""
    if components.variance == 0:
        return 0.0
    threshold = critical_value(components.df, level)
    centre = float(special.nctdtrinc(components.df, 1 - POWER, threshold))
    return centre * components.standard_error


def seeds_needed(difference: float, components: VarianceComponents, level: float) -> int | None:
    """How many seeds, on the same test examples, would find a true difference of this size.

    Returns:
        The least number, at least 2; None if not even `MOST_SEEDS` would find it: then the test
        examples are too few, or there is no difference.
    """

    def find_it(seeds: int) -> bool:
        planned = components.planned(seeds=seeds, examples=components.examples)
        return power(difference, planned, level) >= POWER

    return _least_number(find_it, most=MOST_SEEDS)


def examples_needed(difference: float, components: VarianceComponents, level: float) -> int | None:
    """How many test examples, with as many seeds, would find a true difference of this size.

    Returns:
        The least number, at least 2; None if not even `MOST_EXAMPLES` would find it: then the seeds
        are too few, or there is no difference.
    """

    def find_it(examples: int) -> bool:
        planned = components.planned(seeds=components.seeds, examples=examples)
        return power(difference, planned, level) >= POWER

    return _least_number(find_it, most=MOST_EXAMPLES)


def _least_number(is_enough: Callable[[int], bool], *, most: int) -> int | None:
    """The least number from 2 on that is enough; None if `most` is not. More is always enough."""
    if not is_enough(most):
        return None
    return 2 + bisect.bisect_left(range(2, most), True, key=is_enough)
