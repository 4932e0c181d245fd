"""How the comparisons of methods hold what they promise, on simulated grids whose truth is known.

  python tests/benchmarks/bench_statistics.py [--grids N] [--seeds K ...] [--examples N ...]

Each grid has 3 tasks and 3 methods, two of which are compared with the third: a family of 6
comparisons. Whether a run gets an example right is a threshold on a latent normal value: an effect
of the example, one of the example for this method, one of the seed, and a rest. Methods are right
for 80 % of the examples. The standard deviation of the seeds is given in points of accuracy;
'mixed' has one of .5, 1.5 and 5 on each of the tasks.

Prints, without and with the variances moderated over the grid: how many 95 % intervals cover the
truth where there is no difference, their mean half-width in points, in how many grids any
difference is told (family-wise error), and how many losses of 10 points (of 5 with 1,000 examples
or more) are told; then how often the seeds or examples that are said to be needed find a
difference. Deterministic.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from scipy import special

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.metrics import METRICS, Floats
from tunegrid.statistics.compare import moderate_over_grid, with_moderated_seeds
from tunegrid.statistics.components import estimate_components
from tunegrid.statistics.measurements import GroupMean, Measurement
from tunegrid.statistics.pairs import Pair, Question, Side
from tunegrid.statistics.power import examples_needed, seeds_needed
from tunegrid.statistics.verdicts import ALPHA, Judgement, Verdict, judge_family

TASKS = 3
REFERENCE = "full"
METHODS = (REFERENCE, "adapter-64", "adapter-8")
ACCURACY = 0.8
#: The variances of the latent value that are the example's, the example's for this method, and the
#: rest's. Together 1.
OF_EXAMPLE, OF_EXAMPLE_AND_METHOD, OF_REST = 0.55, 0.15, 0.3
MIXED = (0.5, 1.5, 5.0)
METRIC = METRICS["accuracy"]


@dataclass(frozen=True)
class Setup:
    """What is simulated: seeds, test examples, the seeds' standard deviation, and the true loss."""

    seeds: int
    examples: int
    seed_points: tuple[float, ...]
    loss_points: float = 0.0


def simulate_grid(
    setup: Setup, draw: np.random.Generator
) -> tuple[list[Measurement], list[GroupMean]]:
    """The comparisons and the groups of one grid, before they are moderated."""
    measured: list[Measurement] = []
    groups: list[GroupMean] = []
    slope = np.exp(-(special.ndtri(ACCURACY) ** 2) / 2) / np.sqrt(2 * np.pi)
    for task_number, points in enumerate(setup.seed_points):
        task = f"task-{task_number}"
        seed_sd = points / 100 / slope
        of_examples = np.sqrt(OF_EXAMPLE) * draw.normal(size=setup.examples)
        rights = {}
        for method in METHODS:
            accuracy = ACCURACY - (setup.loss_points / 100 if method != REFERENCE else 0.0)
            latent = (
                special.ndtri(accuracy) * np.sqrt(1 + seed_sd**2)
                + of_examples
                + np.sqrt(OF_EXAMPLE_AND_METHOD) * draw.normal(size=setup.examples)
                + seed_sd * draw.normal(size=(setup.seeds, 1))
                + np.sqrt(OF_REST) * draw.normal(size=(setup.seeds, setup.examples))
            )
            rights[method] = (latent > 0).astype(float)
        for method, right in rights.items():
            groups.append(
                GroupMean(
                    key=("model", task, method, METRIC.name),
                    metric=METRIC,
                    mean=float(right.mean()),
                    components=estimate_components(right),
                )
            )
            if method != REFERENCE:
                measured.append(measure(task, method, right - rights[REFERENCE]))
    return measured, groups


def measure(task: str, method: str, differences: Floats) -> Measurement:
    """The comparison of a method with the reference, of the differences (seeds, examples)."""
    seeds = len(differences)
    return Measurement(
        pair=Pair(
            question=Question.AGAINST_REFERENCE,
            task=task,
            side=Side("model", method, positions={}, planned=seeds),
            reference=Side("model", REFERENCE, positions={}, planned=seeds),
        ),
        metric=METRIC,
        row={
            "difference": float(differences.mean()),
            "seeds": seeds,
            "reference_seeds": seeds,
        },
        components=estimate_components(differences),
        identical=False,
    )


def judged_grids(
    setup: Setup, grids: int, settings: CompareSettings
) -> Iterator[tuple[list[Measurement], list[Judgement]]]:
    """The comparisons of many grids and their verdicts."""
    for grid in range(grids):
        draw = np.random.default_rng([grid, setup.seeds, setup.examples])
        measured, groups = simulate_grid(setup, draw)
        moderated = moderate_over_grid(groups, settings)
        compared = [with_moderated_seeds(one, moderated) for one in measured]
        estimates = [one.estimate() for one in compared]
        yield compared, judge_family(estimates, METRIC, settings.margin_of(METRIC))


def examine(setup: Setup, loss: float, grids: int, settings: CompareSettings) -> str:
    """One row of the table: coverage, half-width, family-wise error, power."""
    covered, widths, wrong = [], [], []
    for moderated, judgements in judged_grids(setup, grids, settings):
        estimates = [one.estimate() for one in moderated]
        widths += [estimate.half_width(ALPHA) for estimate in estimates]
        covered += [abs(one.difference) <= one.half_width(ALPHA) for one in estimates]
        wrong.append(any(is_told(judgement) for judgement in judgements))
    found = [
        judgement.verdict == Verdict.WORSE
        for _, judgements in judged_grids(replace(setup, loss_points=loss), grids, settings)
        for judgement in judgements
    ]
    return (
        f"{np.mean(covered):.3f} / {100 * np.mean(widths):.1f} / {np.mean(wrong):.3f}"
        f" / {np.mean(found):.2f}"
    )


def is_told(judgement: Judgement) -> bool:
    """Whether a difference is told, either way."""
    return judgement.verdict in (Verdict.BETTER, Verdict.WORSE)


def examine_needed(setup: Setup, grids: int, settings: CompareSettings) -> str:
    """How often as many seeds, or examples, as a pilot grid asks for find the true loss."""

    @cache
    def realised(seeds: int, examples: int) -> float:
        planned = replace(setup, seeds=seeds, examples=examples)
        found = [
            judgement.verdict == Verdict.WORSE
            for _, judgements in judged_grids(planned, max(1, grids // 4), settings)
            for judgement in judgements
        ]
        return float(np.mean(found))

    seeds_asked: list[int] = []
    examples_asked: list[int] = []
    unreachable = {"seeds": 0, "examples": 0}
    loss = setup.loss_points / 100
    for moderated, judgements in judged_grids(setup, max(1, grids // 4), settings):
        for one, judgement in zip(moderated, judgements, strict=True):
            assert one.components is not None
            seeds = seeds_needed(loss, one.components, judgement.level)
            examples = examples_needed(loss, one.components, judgement.level)
            if seeds is None or seeds > 40:
                unreachable["seeds"] += 1
            else:
                seeds_asked.append(seeds)
            if examples is None or examples > 10_000:
                unreachable["examples"] += 1
            else:
                # Rounded to about a tenth, so that not every number is simulated.
                examples_asked.append(round(1.1 ** round(np.log(examples) / np.log(1.1))))
    by_seeds = [realised(seeds, setup.examples) for seeds in seeds_asked]
    by_examples = [realised(setup.seeds, max(2, examples)) for examples in examples_asked]
    return (
        f"seeds: median {_median(seeds_asked)}, power {_mean(by_seeds)}"
        f" ({unreachable['seeds']} not reachable); examples: median {_median(examples_asked)},"
        f" power {_mean(by_examples)} ({unreachable['examples']} not reachable)"
    )


def _median(values: Sequence[int]) -> str:
    return f"{np.median(values):.0f}" if values else "none"


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if values else "none"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grids", type=int, default=400, help="simulated grids a row")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10])
    parser.add_argument("--examples", type=int, nargs="+", default=[100, 200, 1000])
    arguments = parser.parse_args()
    spreads = {f"{sd}": (sd,) * TASKS for sd in (0.2, 1.5, 5.0)} | {"mixed": MIXED}
    print("coverage / half-width / family-wise error / power")
    print("seeds examples seed sd | each variance by itself     | moderated over the grid")
    for seeds, examples, spread in product(arguments.seeds, arguments.examples, spreads):
        loss = 5.0 if examples >= 1000 else 10.0
        setup = Setup(seeds, examples, spreads[spread])
        cells = [
            examine(setup, loss, arguments.grids, CompareSettings(moderate=moderate))
            for moderate in (False, True)
        ]
        print(f"{seeds:5} {examples:8} {spread:>7} | {cells[0]} | {cells[1]}", flush=True)
    print("\nneeded to find the true loss, asked of pilots of 3 seeds; power with so many")
    for examples, loss in ((200, 10.0), (1000, 5.0), (1000, 3.0)):
        setup = Setup(3, examples, spreads["1.5"], loss_points=loss)
        needed = examine_needed(setup, arguments.grids, CompareSettings())
        print(f"{loss} points on {examples} examples: {needed}", flush=True)


if __name__ == "__main__":
    main()
