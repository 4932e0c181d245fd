"""The rounds of successive halving, and the epochs that they take: known before anything trains.

Source: Jamieson & Talwalkar 2016, Non-stochastic best arm identification and hyperparameter
optimization, https://arxiv.org/abs/1502.07943, with the epochs as the resource.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """One round of successive halving.

    Attributes:
        share: of its epochs that each candidate is trained for, up to the end of the round.
        candidates: how many are trained.
    """

    share: float
    candidates: int

    def epochs(self, whole: int) -> int | None:
        """The epochs after which a candidate of so many ends in this round; None: at its end."""
        ends = math.ceil(self.share * whole - 1e-9)
        return None if ends >= whole else max(1, ends)


def plan_rungs(candidates: int, epochs: Sequence[int], rate: int) -> list[Rung]:
    """The rounds, from the first with all candidates to the last, which trains to the end.

    Args:
        candidates: how many there are.
        epochs: of each candidate; a round is as long as one epoch of the shortest at least.
        rate: one of so many candidates survives a round, and is trained so many times as long.
    """
    by_candidates = int(math.log(candidates, rate) + 1e-9)
    by_epochs = int(math.log(min(epochs), rate) + 1e-9)
    last = min(by_candidates, by_epochs)
    return [
        Rung(
            share=float(rate) ** (number - last),
            candidates=max(1, candidates // rate**number),
        )
        for number in range(last + 1)
    ]


def budget(rungs: Sequence[Rung], epochs: Sequence[int]) -> int:
    """The epochs that all rounds train at most, one seed of each candidate.

    Args:
        rungs: the rounds.
        epochs: of each candidate; which of them survive is not known, so the longest count.
    """
    longest, total, before = sorted(epochs, reverse=True), 0, [0] * len(epochs)
    for rung in rungs:
        ends = [rung.epochs(whole) or whole for whole in longest[: rung.candidates]]
        total += sum(end - begin for end, begin in zip(ends, before, strict=False))
        before = ends
    return total


def say_budget(groups: Iterable[Sequence[int]], *, rate: int, seeds: int) -> str:
    """What halving costs in epochs, and what it saves, in a line for who starts the workflow.

    Args:
        groups: of each model, task and method, the epochs of its candidates.
        rate: one of so many candidates survives a round.
        seeds: that each candidate is trained from.
    """
    groups = list(groups)
    most = sum(seeds * budget(plan_rungs(len(epochs), epochs, rate), epochs) for epochs in groups)
    whole = sum(seeds * sum(epochs) for epochs in groups)
    return f"tune: halving: {rate} trains at most {most:,} epochs, in place of {whole:,} without it"
