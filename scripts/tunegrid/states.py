"""What a cell of the grid is to those who read results. No run knows of it."""

STATES = FINISHED, FAILED, MISSING = "finished", "failed", "missing"
