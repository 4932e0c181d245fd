"""Whether a start shows its progress as bars, one for each rule, or tells it line by line.

The bars are those of Snakemake's logger plugin `rich`
(https://github.com/cademirch/snakemake-logger-plugin-rich). On a terminal they say at a glance how
many runs are trained, where "steps done" counts a plot like a training. A file, a pipe and a
cluster's log get Snakemake's plain lines, as does who asks for another display.
"""

import importlib.util
import sys
from collections.abc import Sequence

PLUGIN = "snakemake_logger_plugin_rich"
#: Options with which nothing runs, or which ask for another display.
PLAIN = ("--dry-run", "--dryrun", "--quiet", "-q", "--logger", "--lint", "--summary", "--verbose")


def shows_bars(arguments: Sequence[str]) -> bool:
    """Whether a start with these arguments of `snakemake` shows bars."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    names = [argument.split("=", maxsplit=1)[0] for argument in arguments]
    # Options of one letter may stand together: -np.
    if any(name in PLAIN or name.startswith("-n") for name in names):
        return False
    return importlib.util.find_spec(PLUGIN) is not None
