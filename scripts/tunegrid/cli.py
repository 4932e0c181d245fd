"""What every program under `scripts/` shares: how it starts, logs and fails."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError

#: The hub is out of reach for every program but the ones that fetch; they say so themselves.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
#: Helpers that some models script (DeBERTa's) cannot be traced without data; as the plain functions
#: that they are written as they can, and compute the same.
UNSCRIPTED = {"PYTORCH_JIT": "0"}
QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def run_program(main: Callable[[], None], *, offline: bool = True) -> None:
    """Run `main` as a command-line program.

    Sets up the log (standard error) and the environment before `main` imports anything heavy, and
    turns a `UserError` into its lines and exit status 1. Any other exception is a bug and keeps
    its traceback.
    """
    os.environ.update(QUIET | UNSCRIPTED | (OFFLINE if offline else {}))
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=LOG_FORMAT)
    try:
        main()
    except UserError as error:
        print(error.report(), file=sys.stderr)
        raise SystemExit(1) from None


def json_argument(text: str) -> Any:
    """An argparse type: JSON text, or `@FILE` for a file that holds it."""
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON, nor @FILE that holds it: {error}") from None


def expanded_path(text: str) -> Path:
    """An argparse type: a path in which variables of the environment stand, as $TMPDIR does."""
    return Path(os.path.expandvars(text))


def describe(doc: str | None) -> argparse.ArgumentParser:
    """An argument parser whose help is the program's own docstring."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_figure_options(parser: argparse.ArgumentParser, *, error_bar: bool = False) -> None:
    """Add the options that the programs of all figures share: `--dpi` and `--output`.

    Args:
        parser: the program's.
        error_bar: whether the figure has error bars; then there is `--error-bar`, too.
    """
    if error_bar:
        parser.add_argument(
            "--error-bar",
            default="sd",
            choices=["sd", "variance"],
            help="what error bars show: the standard deviation or the variance (default: sd)",
        )
    parser.add_argument(
        "--dpi", type=int, default=200, help="dots per inch of PNG files (default: 200)"
    )
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="files to write")
