"""What a method costs beside what it loses: parameters that it trains, memory of a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.reporting.answer_sentences import name_sides
from tunegrid.results import GROUP

#: The memory of a step by (model, method): rows of the table `memory`.
Steps = Mapping[tuple[str, str], Any]


@dataclass(frozen=True)
class Costs:
    """What methods cost beside what they lose.

    Attributes:
        trainable: the share of the parameters that a method trains, percent, by model, task and
            method; not a number where no run of the group is finished.
        steps: the memory of a step by model and method.
    """

    trainable: Mapping[tuple[str, str, str], float]
    steps: Steps

    @classmethod
    def of(cls, summary: pd.DataFrame, memory: pd.DataFrame) -> "Costs":
        """The costs of a grid.

        Args:
            summary: as summarise returns it.
            memory: the table `memory`.
        """
        groups = summary.drop_duplicates(GROUP).set_index(GROUP)
        return cls(
            trainable=groups["trainable_percent"].astype(float).to_dict(),
            steps={(row.model, row.method): row for row in memory.itertuples()},
        )

    def describe(self, rows: list[Any]) -> str:
        """What the subject of these rows costs, in a sentence; empty if nothing is known.

        Args:
            rows: comparisons of one subject with one other, of one task or of several.
        """
        parts = []
        if share := self.trainable_share(rows):
            parts.append(f"trains {share} of the parameters")
        memory = self.memory_percent(rows[0])
        if memory is not None:
            parts.append(f"takes {memory:.0f} % of the memory of {name_sides(rows[0]).other}")
        return f"It {' and '.join(parts)}." if parts else ""

    def trainable_share(self, rows: list[Any]) -> str:
        """The share of the parameters, as the other tables write it; a range if tasks differ."""
        shares = [self.trainable_percent(row) for row in rows]
        known = [f"{share:.3f}" for share in sorted(shares) if not pd.isna(share)]
        if not known:
            return ""
        return f"{known[0]} %" if known[0] == known[-1] else f"{known[0]} to {known[-1]} %"

    def trainable_percent(self, row: Any) -> float:
        """How many percent of the model's parameters the subject trains."""
        return self.trainable.get((row.model, row.task, row.method), float("nan"))

    def memory_percent(self, row: Any) -> float | None:
        """How many percent of the other's memory the subject takes; None if not comparable."""
        step = self.steps.get((row.model, row.method))
        other = self.steps.get((row.reference_model, row.reference))
        if step is None or other is None:
            return None
        if (step.batch, step.tokens) != (other.batch, other.tokens):
            return None
        percent = 100 * step.traced / other.traced
        return None if pd.isna(percent) else float(percent)
