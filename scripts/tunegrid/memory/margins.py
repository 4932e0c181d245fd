"""What a GPU needs beside the live tensors of a step: margins by what attention computes with.

Three things are added. Workspaces of cuBLAS lie in the allocator's memory. The allocator holds more
than what lives, and how much more depends on the sizes that come and go: the matrices of scores
that eager attention makes and frees leave holes. CUDA's context lies outside of the allocator.

The numbers are fitted to what others have measured (config/gpu_measurements.csv); each figure, and
how far a model's figures are from what the others' say, is in docs/memory-points.md. The option
`--margins` reads a file with a user's own numbers, which scripts/calibrate.py writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.records import TracedAttention, TrainingStep

#: What attention computes with: "eager" makes its matrix of scores, fused kernels do not; those of
#: "masked" are handed a mask, those of "unmasked" are not.
Kernel = Literal["eager", "masked", "unmasked"]


@dataclass(frozen=True)
class KernelMargin:
    """What CUDA's allocator holds for each byte that lives, at the peaks of both.

    Attributes:
        typical: the median of what was measured.
        most: the most that was measured.
    """

    typical: float
    most: float


@dataclass(frozen=True)
class Margins:
    """What is added to live tensors.

    Attributes:
        kernels: what the allocator holds over them, by what attention computes with.
        workspaces: bytes of cuBLAS's workspaces.
        contexts: bytes of CUDA's context by a part of the GPU's name.
        other_context: bytes of CUDA's context on any other GPU.
        of_tensors: the part of predicted tensors by which measured ones may exceed them.
        origin: where the numbers come from, as answers name it.
    """

    kernels: Mapping[Kernel, KernelMargin]
    workspaces: int
    contexts: Mapping[str, float]
    other_context: float
    of_tensors: float = 0.03
    origin: str = "public measurements"
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def context(self, gpu: str) -> float:
        """Bytes of CUDA's context on a GPU, by its name."""
        known = (size for part, size in self.contexts.items() if part in gpu)
        return next(known, self.other_context)

    def wording(self, kernel: Kernel) -> str:
        """What is added to live tensors, in words."""
        outside = self.other_context / 1e9
        return (
            f"live tensors and {self.workspaces / 1e9:.3f} GB of cuBLAS's workspaces, times"
            f" {self.kernels[kernel].typical:g} for what the allocator holds on top ({kernel}"
            f" attention; at most {self.kernels[kernel].most:g} was measured), and {outside:g} GB"
            f" for CUDA's context; from {self.origin}"
        )

    def to_json(self) -> dict[str, Any]:
        """The margins as JSON values; `load_margins` reads them back."""
        return asdict(self)


#: 8,519,680 bytes for each of two threads, the forward and the backward pass's
#: (`getChosenWorkspaceSize` in aten/src/ATen/cuda/CublasHandlePool.cpp, of GPUs before Hopper, and
#: CUBLAS_WORKSPACE_CONFIG in https://docs.nvidia.com/cuda/cublas/#results-reproducibility).
CUBLAS_WORKSPACES = 2 * 8_519_680
#: The margins that public measurements say.
PUBLIC = Margins(
    kernels={
        "eager": KernelMargin(typical=1.20, most=1.42),
        "masked": KernelMargin(typical=1.14, most=1.21),
        "unmasked": KernelMargin(typical=1.07, most=1.13),
    },
    workspaces=CUBLAS_WORKSPACES,
    # A T4 with CUDA 13, which loads kernels when they are first used; a V100 with CUDA of 2022,
    # which loaded all.
    contexts={"T4": 141 * 2**20, "V100": 1343 * 2**20},
    other_context=0.6e9,
)

_MARGINS = TypeAdapter(Margins)


def kernel_of(step: TrainingStep, traced: TracedAttention | None) -> Kernel:
    """What a step's attention computes with.

    Args:
        step: the step.
        traced: the kernel that a trace of it saw; None where there is none.
    """
    return attention_kernel(traced or step.attention, padded=step.padded)


def attention_kernel(attention: str, *, padded: bool = True) -> Kernel:
    """What attention computes with; "auto" is taken for sdpa, which most models have.

    Args:
        attention: as a trace saw it or as a step asks for it.
        padded: as of a step.
    """
    if attention == "eager":
        return "eager"
    return "masked" if padded else "unmasked"


def load_margins(path: Path | None = None) -> Margins:
    """The margins of a file, or those of public measurements.

    Args:
        path: a file of scripts/calibrate.py.

    Raises:
        UserError: the file holds something else.
    """
    if path is None:
        return PUBLIC
    try:
        return replace(_MARGINS.validate_python(read_json(path)), origin=str(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise UserError(
            f"--margins {path}: {where}: {problem['msg']}; give a file of scripts/calibrate.py"
        ) from None
