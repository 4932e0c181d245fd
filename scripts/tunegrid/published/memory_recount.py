"""A paper's memory example, counted again: every network, method and way, traced."""

from itertools import product
from typing import Any

from joblib import Parallel, delayed, parallel_config

from tunegrid.published.memory_access import trace_step


def recount(setup: dict[str, Any], processes: int) -> list[dict[str, Any]]:
    """Trace one training step of every network, method and way of an example.

    Args:
        setup: batch, tokens, labels, and lists of networks (name, and shape: what its `config.json`
            holds), methods (name, and entry: that of the catalogue) and ways (name, and options:
            what differs from the defaults of `tunegrid.memory.records.TrainingStep`), as
            `MemoryCase.recount_setup` returns it.
        processes: so many share the work; the result is the same.

    Returns:
        A row for each, in the order of the set-up: model, method, way, and what
        `tunegrid.published.memory_access.trace_step` returns; bytes.

    Raises:
        UserError: a network cannot be built or traced.
    """
    shared = {key: setup[key] for key in ("batch", "tokens", "labels")}
    cases = list(product(setup["networks"], setup["methods"], setup["ways"]))
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        traced = Parallel()(
            delayed(trace_step)(
                network=network,
                method=method,
                case=shared | way["options"],
            )
            for network, method, way in cases
        )
    return [
        {"model": network["name"], "method": method["name"], "way": way["name"]} | found
        for (network, method, way), found in zip(cases, traced, strict=True)
    ]
