"""The memory of a training step: predicted by a trace and by a formula, measured, held to GPUs."""

#: What live tensors are for, in the order in which a breakdown shows them.
KINDS = (
    "frozen weights",
    "trainable weights",
    "gradients",
    "optimizer state",
    "activations",
    "temporaries",
    "inputs",
)
