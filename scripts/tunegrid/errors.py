"""The one kind of error that a user is meant to read."""


class UserError(Exception):
    """Something the user can put right; its text is one line a problem.

    Each line says what is wrong, where (file and key, or file and line) and what would be right.
    Programs print it without a traceback and exit with status 1 (`tunegrid.cli.run_program`).
    """
