#!/usr/bin/env python
"""Set the prediction of a training step's memory beside what others have measured on GPUs.

The figures are those of config/gpu_measurements.csv, each with its source; nobody here owned these
GPUs. Those of steps that can be predicted are; of the others the reason is named. Below stand the
margins by kind of attention, and how far each model's figures are from what the others' say.

  python scripts/compare_measurements.py --source fitcheck

A step of a model of 3 billion weights takes ten seconds, all figures a quarter of an hour.
"""

import json
import logging
import sys

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--source", default="", help="only figures whose source holds this text (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON; sizes are MiB")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.memory.margins import load_margins
    from tunegrid.memory.public_points import (
        compare_points,
        comparison_table,
        hold_out,
        load_points,
        summary,
    )

    logging.getLogger().setLevel(logging.WARNING)  # libraries log a line for each trace
    points = [point for point in load_points() if arguments.source in point.source]
    if not points:
        raise UserError(
            f"--source: no figure of config/gpu_measurements.csv is of {arguments.source!r}"
        )
    margins = load_margins()
    comparisons = []
    for comparison in compare_points(points, margins):
        comparisons.append(comparison)
        print(f"\r{len(comparisons)} of {len(points)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    if arguments.json:
        values = [
            {
                "model": one.point.model,
                "method": one.point.method,
                "setting": one.point.setting,
                "gpu": one.point.gpu,
                "figure": one.point.quantity or one.point.stated,
                "stated": one.point.mebibytes,
                "tensors": one.live,
                "predicted": one.predicted,
                "error": one.error,
                "margin": one.margin,
                "reason": one.reason or None,
                "source": one.point.source,
            }
            for one in comparisons
        ]
        print(json.dumps(values, indent=2))
        return
    table = comparison_table(comparisons)
    print(table.to_markdown(index=False, disable_numparse=True))
    print()
    print(summary(comparisons))
    print()
    held = hold_out(comparisons, margins)
    print(held.to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    run_program(main)
