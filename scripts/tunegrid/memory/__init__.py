"""Memory of a training step: predicted by tracing and by a formula, measured, and held to GPUs."""

#: What live storage is for, in the order in which a breakdown shows it.
KINDS = (
    "frozen weights", "trainable weights", "gradients", "optimizer state", "activations",
    "temporaries", "inputs",
)  # fmt: skip
