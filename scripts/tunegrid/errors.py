"""The one kind of error that a user is meant to read."""


class UserError(Exception):
    """Something the user can put right, told as one line for each problem.

    Each line says what is wrong, where (file and key, or file and line) and what would be right.
    Programs print the lines without a traceback and exit with status 1
    (`tunegrid.cli.run_program`).

    Args:
        problems: the lines, at least one.

    Attributes:
        problems: the same, as a list.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)

    def report(self) -> str:
        """The lines as a program prints them, each behind `error: `."""
        return "\n".join(f"error: {problem}" for problem in self.problems)
