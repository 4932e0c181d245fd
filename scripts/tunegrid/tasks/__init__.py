"""Tasks: reading them from files, checking, splitting and encoding them."""
