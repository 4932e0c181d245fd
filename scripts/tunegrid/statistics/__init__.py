"""Statistics over runs: collecting them, means, variances."""
