"""Memory of a training step: predicted by tracing and by a formula, measured, and held to GPUs."""
