"""Which methods, and which models, of a grid are compared with each other, and by which runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import pandas as pd

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.results import FINISHED

#: With so many seeds in common, two methods are compared seed by seed.
LEAST_PAIRED_SEEDS = 2


class Question(StrEnum):
    """What a comparison answers. The comparisons that answer one question are one family."""

    #: What is lost or won against the reference method of the same model?
    AGAINST_REFERENCE = "against the reference"
    #: Which of the other methods of a model is better?
    AMONG_METHODS = "among the methods"
    #: Which model is better, trained by the same method?
    AMONG_MODELS = "among the models"


def name_family(question: str, *, model: str, method: str) -> tuple[str, ...]:
    """What names the comparisons that are corrected together: the question, and of what it is."""
    return str(question), method if question == Question.AMONG_MODELS else model


@dataclass(frozen=True)
class Side:
    """One of two that are compared: a model trained by a method.

    Attributes:
        model: its name.
        method: its name.
        positions: where the run of each seed stands among the finished runs of the task.
        planned: how many seeds the grid has of it.
    """

    model: str
    method: str
    positions: Mapping[int, int]
    planned: int

    def at(self, seeds: Sequence[int]) -> list[int]:
        """The positions of the runs of these seeds."""
        return [self.positions[seed] for seed in seeds]


@dataclass(frozen=True)
class Pair:
    """A model and method, and another one that it is compared with on one task.

    Attributes:
        question: what their comparison answers.
        task: the task of both.
        side: the one that is compared.
        reference: the one that it is compared with; None if no run of the model is finished.
    """

    question: Question
    task: str
    side: Side
    reference: Side | None

    @property
    def key(self) -> dict[str, str | None]:
        """The columns that name the comparison."""
        return {
            "question": str(self.question),
            "model": self.side.model,
            "task": self.task,
            "method": self.side.method,
            "reference_model": self.reference.model if self.reference else None,
            "reference": self.reference.method if self.reference else None,
        }

    @property
    def family(self) -> tuple[str, ...]:
        """What names the comparisons whose p values are corrected together, of one metric."""
        return name_family(self.question, model=self.side.model, method=self.side.method)


@dataclass(frozen=True)
class ComparedRuns:
    """The runs of a pair that are compared.

    Attributes:
        positions: those of the one side.
        reference_positions: those of the other; as many, seed by seed, if `paired`.
        paired: whether the runs of both sides belong together by their seeds.
    """

    positions: list[int]
    reference_positions: list[int]
    paired: bool


def choose_runs(pair: Pair, finite: Sequence[bool]) -> ComparedRuns | None:
    """The runs that a pair is compared by.

    Where both have two or more seeds in common, these are compared seed by seed; else all seeds of
    the one with all of the other, unpaired, if both have two or more; else the one run with the
    other.

    Args:
        pair: both sides.
        finite: of each finished run of the task, whether the metric has a value.

    Returns:
        The runs; None if a side has none.
    """
    if pair.reference is None:
        return None
    seeds = [seed for seed, at in sorted(pair.side.positions.items()) if finite[at]]
    others = [seed for seed, at in sorted(pair.reference.positions.items()) if finite[at]]
    if not seeds or not others:
        return None
    shared = [seed for seed in seeds if seed in others]
    if len(shared) >= LEAST_PAIRED_SEEDS:
        return ComparedRuns(pair.side.at(shared), pair.reference.at(shared), paired=True)
    if min(len(seeds), len(others)) >= LEAST_PAIRED_SEEDS:
        return ComparedRuns(pair.side.at(seeds), pair.reference.at(others), paired=False)
    if shared:
        return ComparedRuns(pair.side.at(shared), pair.reference.at(shared), paired=True)
    return ComparedRuns(pair.side.at(seeds[:1]), pair.reference.at(others[:1]), paired=False)


def find_pairs(runs: pd.DataFrame, task: str, settings: CompareSettings) -> list[Pair]:
    """Everything that is compared on one task.

    Args:
        runs: the grid's rows of this task, as collect_runs returns them.
        task: its name.
        settings: which reference, and whether all pairs.

    Returns:
        The pairs: of each model its methods, then the models by each method.
    """
    finished = runs[runs["state"] == FINISHED].reset_index(drop=True)
    positions = {
        key: dict(zip(seeds, seeds.index, strict=True))
        for key, seeds in finished.groupby(["model", "method"])["seed"]
    }
    sides = {
        (model, method): Side(
            model=model,
            method=method,
            positions=positions.get((model, method), {}),
            planned=len(rows),
        )
        for (model, method), rows in runs.groupby(["model", "method"], sort=False)
    }
    models = list(dict.fromkeys(model for model, _ in sides))
    methods = list(dict.fromkeys(method for _, method in sides))
    pairs: list[Pair] = []
    for model in models:
        own = [side for side in sides.values() if side.model == model]
        reference = settings.reference
        if reference not in {side.method for side in own}:
            reference = _largest_method(finished[finished["model"] == model])
        pairs += _pairs_of_methods(own, task, reference, all_pairs=settings.pairs == "all")
    for method in methods:
        own = [side for side in sides.values() if side.method == method]
        pairs += _pairs_of_models(own, task, all_pairs=settings.pairs == "all")
    return pairs


def _largest_method(finished: pd.DataFrame) -> str | None:
    """The method that trains most parameters; None if no run is finished."""
    if finished.empty:
        return None
    trained = finished.groupby("method", sort=False)["trainable_parameters"].first()
    return str(trained.astype(float).idxmax())


def _pairs_of_methods(
    sides: Sequence[Side], task: str, reference: str | None, *, all_pairs: bool
) -> Iterator[Pair]:
    """The methods of a model: each with the reference, and on request the others in pairs."""
    if len(sides) == 1:
        return
    by_method = {side.method: side for side in sides}
    other = by_method[reference] if reference is not None else None
    rest = [side for side in sides if side.method != reference]
    for side in rest:
        yield Pair(Question.AGAINST_REFERENCE, task, side, other)
    if all_pairs:
        for one, two in combinations(rest, 2):
            yield Pair(Question.AMONG_METHODS, task, two, one)


def _pairs_of_models(sides: Sequence[Side], task: str, *, all_pairs: bool) -> Iterator[Pair]:
    """The models trained by one method: each with the grid's first, and on request in all pairs."""
    for at, reference in enumerate(sides):
        if at == 0 or all_pairs:
            for side in sides[at + 1 :]:
                yield Pair(Question.AMONG_MODELS, task, side, reference)
