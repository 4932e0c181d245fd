"""McNemar's test of two single runs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.stats.contingency_tables import mcnemar


@dataclass(frozen=True)
class McnemarResult:
    """McNemar's test of two runs.

    Attributes:
        only_method_right: how many examples only the method's run has right.
        only_reference_right: how many only the reference's run has right.
        p: the exact two-sided p value.
    """

    only_method_right: int
    only_reference_right: int
    p: float


def mcnemar_test(method: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> McnemarResult:
    """McNemar's exact test: are two runs right on equally many examples?

    Of the examples that only one of them has right, each would have half if the runs were equally
    good; p is that of the binomial distribution (McNemar 1947, https://doi.org/10.1007/BF02295996;
    Dietterich 1998, https://doi.org/10.1162/089976698300017197, recommends it for two classifiers
    that were trained once). It says nothing of other seeds.

    Args:
        method: whether the method's run has each example right, (n,).
        reference: the same of the reference's run, (n,).
    """
    only_method = int((method & ~reference).sum())
    only_reference = int((reference & ~method).sum())
    table = [
        [int((method & reference).sum()), only_method],
        [only_reference, int((~method & ~reference).sum())],
    ]
    return McnemarResult(
        only_method_right=only_method,
        only_reference_right=only_reference,
        p=float(mcnemar(table, exact=True).pvalue),
    )
