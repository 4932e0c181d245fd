"""Training one cell: data order, batches, the loop, evaluation, metrics, the run's files."""
