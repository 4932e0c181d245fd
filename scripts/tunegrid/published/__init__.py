"""Published papers as cases: their numbers, findings and errata beside what the grid found."""
