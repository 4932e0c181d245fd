"""Where the workflow lies, and what relative paths of a configuration are relative to."""

from pathlib import Path

#: The folder of the programs.
SCRIPTS = Path(__file__).resolve().parent.parent
#: The workflow's folder.
ROOT = SCRIPTS.parent


def user_path(path: str) -> Path:
    """A path as a configuration gives it: `~` is expanded, and a relative one is below `ROOT`."""
    return (ROOT / Path(path).expanduser()).resolve()
