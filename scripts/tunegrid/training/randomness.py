"""Randomness: every use of a run's seed has its own stream, so that none disturbs another."""

import hashlib
import os
from typing import Any

#: What must be in the environment before CUDA starts for cuBLAS to be deterministic
#: (https://docs.nvidia.com/cuda/cublas/index.html#results-reproducibility).
CUBLAS_WORKSPACE = ":4096:8"


def stream_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream `names` of a run: head, adapter, dropout, order of epoch 3 …

    Streams of one seed, and one stream of two seeds, are unrelated (SHA-256).
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_deterministic(*, deterministic: bool, threads: int) -> None:
    """Fix what decides the last bits of a result beside the seed: kernels, threads; no TF32.

    An operation without a deterministic kernel then raises RuntimeError: only warned, attention's
    backward pass on a GPU would be the one that is not deterministic. Call it before CUDA starts.
    cuBLAS' workspace is fixed for every run: a process reads it once, and in a pack a run that must
    be deterministic can follow one that need not be.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    # A debugging aid of deterministic mode (5 % of a step): no kernel here reads what it has not
    # written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    allow_tf32(allowed=False)


def allow_tf32(*, allowed: bool) -> None:
    """Whether fp32 matrix products may be computed with TF32's 10 bits, where a GPU has them."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def random_states() -> dict[str, Any]:
    """The state of every torch generator that a process' training draws from."""
    import torch

    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_random_states(states: dict[str, Any]) -> None:
    """Set every torch generator to where `random_states` found it."""
    import torch

    torch.set_rng_state(states["cpu"])
    if states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"])
