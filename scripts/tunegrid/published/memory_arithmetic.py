"""The published report's memory arithmetic for a 3B model: as written, and where it is wrong.

Its set-up: fp32, batch 16 of 1024 tokens, 28 layers of width 3072 with 24 heads and a feed-forward
width of 8192, adapters of size 64 after attention and feed-forward block. Gigabytes are 10^9 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

BATCH, TOKENS = 16, 1024
LAYERS, HIDDEN, HEADS, INTERMEDIATE, SIZE = 28, 3072, 24, 8192, 64
#: Weights as it rounds them, in billions, and the share of them that it takes adapters to train.
WEIGHTS, SHARE = 3.0, 0.03
#: What it rounds the activations of one example to, in GB.
PER_EXAMPLE, PER_EXAMPLE_ADAPTER = 5.5, 0.5
#: Weights of the model that it stands for (`config/shapes/llama-3.2-3b.json`).
WEIGHTS_COUNTED = 3_212_749_824


def as_written() -> dict[tuple[str, str], float]:
    """Its figures by method and component, GB, from its own formulas and roundings."""
    weights = gradients = copy = momentum = variance = 2 * WEIGHTS
    static = weights + gradients + copy + momentum + variance
    activations = BATCH * PER_EXAMPLE
    adapter_optimizer = 2 * WEIGHTS * 3 * SHARE
    adapter_static = weights + gradients + adapter_optimizer
    adapter_activations = BATCH * PER_EXAMPLE_ADAPTER
    return {
        ("full", "weights"): weights,
        ("full", "gradients"): gradients,
        ("full", "optimizer"): copy + momentum + variance,
        ("full", "static_total"): static,
        ("full", "activations"): activations,
        ("full", "total"): static + activations,
        ("adapter-64", "weights"): weights,
        ("adapter-64", "gradients"): gradients,
        ("adapter-64", "optimizer"): adapter_optimizer,
        ("adapter-64", "static_total"): adapter_static,
        ("adapter-64", "activations"): adapter_activations,
        # "About 20": 20.54.
        ("adapter-64", "total"): float(int(adapter_static + adapter_activations)),
    }


def activations_per_example(layers_in_first_term: int = 24) -> float:
    """Its formula for all layers, bytes of one example: (18·L)sh + (5·28)s²a + (4·28)si.

    It writes 432 = 24·18 for the first factor, where 28 layers make 504.
    """
    sh, ssa, si = TOKENS * HIDDEN, TOKENS**2 * HEADS, TOKENS * INTERMEDIATE
    return 18 * layers_in_first_term * sh + 5 * LAYERS * ssa + 4 * LAYERS * si


def adapter_activations_per_example() -> float:
    """Its formula, 3sh + 4sr for an adapter, of which each layer has two; bytes of one example."""
    return 2 * LAYERS * (3 * TOKENS * HIDDEN + 4 * TOKENS * SIZE)


@dataclass(frozen=True)
class Erratum:
    """One error.

    Attributes:
        what: where it is.
        written: the report's figure.
        right: the corrected one.
        why: in a line.
    """

    what: str
    written: str
    right: str
    why: str


def errata(corrected: dict[str, float]) -> list[Erratum]:
    """Its errors, each beside the right figure.

    Args:
        corrected: of the traced prediction for `report-3b`: `share` and `share fused` of full
            fine-tuning that adapters take; GB: `adapter-64 activations` (`fused`), and `logits` of
            the language model; billions of weights: `adapter-64 trained`, `adapter-64 weights`.
    """
    billions = WEIGHTS_COUNTED / 1e9
    return [
        Erratum(
            "bytes of a value", "2 (weights 6 GB)", f"4 (weights {4 * billions:.2f} GB)",
            "fp32 takes 4 bytes; the counts are those of half precision",
        ),
        Erratum(
            "AdamW's state", "18 GB: a copy of the model, momentum, variance",
            f"{8 * billions:.2f} GB: momentum and variance",
            "fp32 training keeps no second copy of the weights",
        ),
        Erratum(
            "layers of the first term", "432 = 24 · 18", f"504 = {LAYERS} · 18",
            "24 are the heads; there are 28 layers",
        ),
        Erratum(
            "the feed-forward block's terms", "listed: 6bsi + bsh; added up: 4bsi + 3bsh",
            "8bsi + 9bsh (fp32)",
            "the sum is the published 2-byte count (Korthikanti et al. 2022), the list is not; in"
            " fp32 two values of width i, and of width h input, norm's input and dropout's mask",
        ),
        Erratum(
            "activations of one example", "5.5 GB",
            f"{activations_per_example() / 1e9:.2f} GB as its formula stands,"
            f" {activations_per_example(LAYERS) / 1e9:.2f} GB with 504",
            "5.82 GB are 5.42 GiB; all of it still at 2 bytes a value",
        ),
        Erratum(
            "gradients with adapters", "6 GB",
            f"{4 * corrected['adapter-64 trained']:.2f} GB",
            "frozen weights have no gradients",
        ),
        Erratum(
            "share that adapters train", "3 %",
            f"{100 * corrected['adapter-64 trained'] / corrected['adapter-64 weights']:.2f} %",
            "counted on the built model, its classifier included",
        ),
        Erratum(
            "activations with adapters", "8 GB, the adapters' own",
            f"{corrected['adapter-64 activations']:.1f} GB;"
            f" {corrected['adapter-64 activations fused']:.1f} GB with fused attention",
            "gradients pass through frozen layers to lower adapters, so those keep activations",
        ),
        Erratum(
            "logits and loss", "none", f"{corrected['logits']:.1f} GB each time they are held",
            "a language model's logits are b·s·128256 values; three copies are alive at its peak",
        ),
        Erratum(
            "adapters against full fine-tuning", "about 15 % (20 / 118 is 17 %)",
            f"{100 * corrected['share']:.0f} %; {100 * corrected['share fused']:.0f} % with fused"
            " attention",
            "of the same network, traced; what is saved is the optimizer's state and some inputs",
        ),
    ]  # fmt: skip
