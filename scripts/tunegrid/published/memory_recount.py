"""The published report's 3B example, counted again on its own network and on the real one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tunegrid.memory.analysis import predict_step
from tunegrid.memory.model_shapes import is_language_model, load_shape, method_entry
from tunegrid.memory.records import TrainingStep
from tunegrid.published import memory_arithmetic as published

NETWORKS = ("report-3b", "llama-3.2-3b")
METHODS = ("full", "adapter-64", "adapter-8", "lora")
#: The report counts attention's matrices, so eager is what its figures are held against.
EAGER, FUSED = "fp32, eager attention", "fp32"
WAYS: dict[str, dict[str, Any]] = {
    EAGER: {"attention": "eager"},
    FUSED: {},
    "bf16 autocast": {"precision": "bf16"},
    "fp32, checkpointing": {"checkpointing": True},
}


def recount() -> dict[str, Any]:
    """`rows` (bytes), `published` (GB) and `errata`, as JSON values."""
    rows = []
    for network in NETWORKS:
        config = load_shape(network, None)
        shared = {
            "batch": published.BATCH,
            "tokens": published.TOKENS,
            "labels": None if is_language_model(config) else 2,
        }
        for method in METHODS:
            for way, options in WAYS.items():
                step = TrainingStep(
                    method=method, method_source=method_entry(method), **(shared | options)
                )
                found = predict_step(network, config, step).to_json()
                rows.append({**found, "method": method, "way": way})
    return {
        "rows": rows,
        "published": [
            {"method": method, "component": component, "gigabytes": gigabytes}
            for (method, component), gigabytes in published.as_written().items()
        ],
        "errata": [asdict(erratum) for erratum in published.errata(_corrected(rows))],
    }


def _corrected(rows: list[dict[str, Any]]) -> dict[str, float]:
    """What the errata quote: of the report's own network in fp32, GB and billions of weights."""
    own = {(row["method"], row["way"]): row for row in rows if row["model"] == NETWORKS[0]}
    adapter = own["adapter-64", EAGER]
    fused = own["adapter-64", FUSED]["parts"]["activations"]
    vocabulary = load_shape(NETWORKS[1], None).vocab_size
    return {
        "share": adapter["traced"] / own["full", EAGER]["traced"],
        "share fused": own["adapter-64", FUSED]["traced"] / own["full", FUSED]["traced"],
        "adapter-64 activations": adapter["parts"]["activations"] / 1e9,
        "adapter-64 activations fused": fused / 1e9,
        "adapter-64 trained": adapter["trainable_parameters"] / 1e9,
        "adapter-64 weights": adapter["total_parameters"] / 1e9,
        "logits": 4 * published.BATCH * published.TOKENS * vocabulary / 1e9,
    }
