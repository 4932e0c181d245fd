"""Tuning: which candidates are tried, which is chosen, and what the choice is worth."""
