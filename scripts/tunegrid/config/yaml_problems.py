"""Why a text is no YAML, in words that lead to the place where it must be mended.

PyYAML says where it stopped (`problem_mark`) and, of what is nested, where that began
(`context_mark`; https://pyyaml.org/wiki/PyYAMLDocumentation). Where it stopped is often lines
behind the mistake. What stands at the two places tells which mistake it was.
"""

import yaml

#: What opens something that must be closed, and what closes it.
CLOSED_BY = {"[": "]", "{": "}", '"': '"', "'": "'"}


def explain_yaml_error(error: yaml.MarkedYAMLError, text: str) -> str:
    """Where a text is no YAML, what is wrong there, and what would be right.

    Args:
        error: what PyYAML raised.
        text: what it read.

    Returns:
        A clause that begins with line and column, both counted from 1.
    """
    stopped = error.problem_mark or error.context_mark
    if stopped is None:
        return f"not valid YAML: {error.problem}"
    began = error.context_mark
    opened = _character(text, began) if began is not None else ""
    if _character(text, stopped) == "\t":
        return f"{_place(stopped)}: a tab where YAML takes blanks alone; indent with blanks"
    if _character(text, stopped) in ("]", "}") and began is not None and opened not in CLOSED_BY:
        closing = _character(text, stopped)
        return f"{_place(stopped)}: the {closing} here closes nothing; is a bracket open before it?"
    if began is not None and opened in CLOSED_BY:
        closing = CLOSED_BY[opened]
        comma = f", or a comma is missing before {_place(stopped)}" if opened in "[{" else ""
        return f"{_place(began)}: the {opened} here is not closed{comma}; close it by {closing}"
    if isinstance(error, yaml.parser.ParserError) and began is not None:
        return (
            f"{_place(stopped)}: indented otherwise than the lines that it belongs to, which begin"
            f" at {_place(began)}; begin it in the same column"
        )
    if isinstance(error, yaml.scanner.ScannerError) and began is not None:
        return (
            f"{_place(began)}: no key and no value; a key is followed by a colon and a blank"
            " (`epochs: 3`), and keys that belong together begin in the same column"
        )
    if isinstance(error, yaml.scanner.ScannerError) and _character(text, stopped) == ":":
        return (
            f"{_place(stopped)}: a colon that no key may have here; a key just before it lacks its"
            " own, or begins in another column than those beside it, or a text that holds a colon"
            " lacks quotation marks"
        )
    return f"{_place(stopped)}: not valid YAML: {error.problem}"


def _place(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _character(text: str, mark: yaml.Mark) -> str:
    return text[mark.index : mark.index + 1]
