"""The arithmetic and the texts of a paper's files: a small closed language.

A formula is made of numbers, names, parentheses and the operators + - * / **. A text may hold
names in braces, with a format of Python's: `{weights:.2f} GB`
(https://docs.python.org/3/library/string.html#format-specification-mini-language). Nothing of
either is executed as code.
"""

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from string import Formatter

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def formula_problem(formula: str, names: Collection[str]) -> str | None:
    """What is wrong with a formula, in words; None where nothing is.

    Args:
        formula: as a file holds it.
        names: those that it may use.
    """
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return f"{formula!r} is no formula; write numbers, names and + - * / **"
    for node in ast.walk(tree.body):
        if isinstance(node, ast.Name):
            if node.id not in names:
                return f"{formula!r} uses {node.id!r}, which is not known here; {_known(names)}"
        elif not _is_of_the_language(node):
            return f"{formula!r} is no formula; write numbers, names and + - * / **"
    return None


def _is_of_the_language(node: ast.AST) -> bool:
    """Whether a part of a formula, other than a name, may stand there."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.BinOp):
        return type(node.op) in _OPERATORS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub)
    return isinstance(node, ast.operator | ast.unaryop | ast.expr_context)


def _known(names: Collection[str]) -> str:
    return f"known: {', '.join(names)}" if names else "no name is known here"


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """The value of a formula in which `formula_problem` finds nothing wrong.

    Args:
        formula: as a file holds it.
        values: of the names; only those that the formula uses are asked for.

    Raises:
        ArithmeticError: it divides by zero, or its value is too large.
    """
    return _value(ast.parse(formula.strip(), mode="eval").body, values)


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    raise AssertionError(f"a formula holds {ast.dump(node)}, which `formula_problem` lets pass")


def text_problem(text: str, names: Collection[str]) -> str | None:
    """What is wrong with the names in braces of a text, in words; None where nothing is."""
    try:
        parts = list(_placeholders(text))
    except ValueError:
        return f"{text!r} has a brace that is not closed; write {{{{ and }}}} for braces as such"
    for name, form in parts:
        if name not in names:
            return f"{text!r} uses {{{name}}}, which is not known here; {_known(names)}"
        try:
            format(1.0, form)
        except ValueError:
            return f"{text!r} writes {{{name}}} by {form!r}, which is no format; {name}:.2f is one"
    return None


def _placeholders(text: str) -> Iterator[tuple[str, str]]:
    """The names in braces of a text, each with its format."""
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            yield (f"{name}!{conversion}" if conversion else name), form or ""


def fill(text: str, values: Mapping[str, float]) -> str:
    """A text in which `text_problem` finds nothing wrong, its names replaced by their values."""
    return Formatter().vformat(text, (), values)
