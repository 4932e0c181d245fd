#!/usr/bin/env python
"""Tell what a job finds on its node: the node, the environment's Python, and a GPU that computes.

`make slurm-check` runs it as jobs of a grid are run. Writes JSON: `node`, `python` (its version),
and with `--gpu` also `torch` (its version) and `gpu` (its name; null where the environment's torch
is built for CPUs alone, so that nothing could be computed on one). Fails if torch is built for GPUs
and finds none, or if a step on it fails.
"""

import os
import platform
from pathlib import Path
from typing import Any

from tunegrid.cli import describe, run_program
from tunegrid.errors import UserError
from tunegrid.files import write_json


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--gpu", action="store_true", help="compute a step on the job's GPU")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    found: dict[str, Any] = {"node": platform.node(), "python": platform.python_version()}
    if arguments.gpu:
        found |= compute_on_gpu()
    write_json(arguments.output, found)


def compute_on_gpu() -> dict[str, str | None]:
    """Compute a matrix product and its gradient on the job's first GPU.

    Returns:
        The version of torch, and the name of the GPU; None where torch is built for CPUs alone.

    Raises:
        UserError: torch is built for GPUs, and finds none.
    """
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return {"torch": torch.__version__, "gpu": None}
    if not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise UserError(
            f"torch {torch.__version__} finds no GPU on {platform.node()}, where"
            f" CUDA_VISIBLE_DEVICES is {visible}: its driver is too old for CUDA"
            f" {torch.version.cuda}, or the job got no GPU"
        )
    matrix = torch.ones(256, 256, device="cuda", requires_grad=True)
    (matrix @ matrix).sum().backward()  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    return {"torch": torch.__version__, "gpu": torch.cuda.get_device_name()}


if __name__ == "__main__":
    run_program(main)
