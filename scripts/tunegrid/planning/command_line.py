"""Mistakes of a command of Snakemake that it would tell by a traceback, or not at all.

Snakemake reads the files of `--configfile` and the values of `--config` before it reads the
Snakefile. So the profile `profiles/default`, which it reads before both, has them checked here.
"""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tunegrid.config.origin import read_yaml
from tunegrid.errors import UserError
from tunegrid.paths import ROOT
from tunegrid.planning.snapshot_files import is_snapshot

#: How the name of a configuration file ends.
SUFFIXES = (".yaml", ".yml", ".json")
#: The folders of what the workflow makes: what lies there is a target.
MADE = ("results/", "resources/")
#: The files of `config/` that hold entries and no grid.
CATALOGUES = ("models", "tasks", "methods", "gpus")
#: The keys that Snakemake takes in `--config` (snakemake.cli.parse_config).
KEY = re.compile(r"[a-zA-Z_][\w-]*\w$")


def check_command_line(arguments: Sequence[str]) -> None:
    """End the process with status 1 and one line for each mistake, if there is one.

    Args:
        arguments: those of `snakemake`.
    """
    if problems := list(command_line_problems(arguments)):
        print(UserError(*problems).report(), file=sys.stderr)
        sys.exit(1)


def command_line_problems(arguments: Sequence[str]) -> Iterator[str]:
    """What is wrong with `--configfile` and `--config`, one line each."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="append", default=[])
    parser.add_argument("--config", "-C", nargs="*", action="append", default=[])
    try:
        given, _ = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError:
        return  # Snakemake has told it
    for option, values in (("--configfile", given.configfile), ("--config", given.config)):
        if len(values) > 1:
            together = shlex.join([value for part in values for value in part])
            yield (
                f"{option} stands {len(values)} times, and Snakemake takes the last alone; write"
                f" it once: {option} {together}"
            )
            return
    files = given.configfile[0] if given.configfile else []
    entries = given.config[0] if given.config else []
    targets = list(_targets_behind(files, arguments))
    yield from targets
    if not targets:
        for name in files:
            yield from _file_problems(name)
    yield from _entry_problems(entries, arguments)


def with_config(arguments: Sequence[str], entry: str) -> list[str]:
    """The arguments with one entry more of `--config`, which may stand but once.

    Args:
        arguments: those of `snakemake`.
        entry: `KEY=VALUE`.
    """
    for position, argument in enumerate(arguments):
        if argument in ("--config", "-C"):
            return [*arguments[: position + 1], entry, *arguments[position + 1 :]]
    return [*arguments, "--config", entry]


def _targets_behind(files: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    """Targets that follow `--configfile`, which takes every name up to the next option."""
    targets = [name for name in files[1:] if not _is_configuration(name)]
    if targets:
        yield (
            f"--configfile takes every name that follows it, and {', '.join(targets)} is no"
            f" configuration file; name what is to be made first: {_with_first(targets, arguments)}"
        )


def _is_configuration(name: str) -> bool:
    return name.endswith(SUFFIXES) and not name.startswith(MADE)


def _with_first(targets: Sequence[str], arguments: Sequence[str]) -> str:
    """The command with its targets before all options."""
    others = [argument for argument in arguments if argument not in targets]
    return shlex.join(["snakemake", *targets, *others])


def _file_problems(name: str) -> Iterator[str]:
    path = Path(name)
    if path.is_dir():
        yield f"{name}: is a folder; name the YAML file of your grid"
    elif not path.exists():
        yield f"{name}: no such file in {Path.cwd()}; {_files_like(path)}"
    elif path.resolve().parent == ROOT / "config" and path.stem in CATALOGUES:
        yield (
            f"{name}: is the catalogue of {path.stem}, and no configuration; name the YAML file of"
            f" your grid, whose own entries stand under the key `{path.stem}`"
        )
    elif not is_snapshot(path):  # which the workflow has written itself
        try:
            if not read_yaml(path, name):
                yield f"{name}: is empty; a configuration names its grid, as config/demo.yaml does"
        except UserError as error:
            yield from error.problems


def _files_like(path: Path) -> str:
    """Configuration files that may be meant: of the same name, or of a like one in the folder."""
    here = path.parent
    shipped = ROOT / "config" / path.name
    if shipped.is_file():
        return f"did you mean {os.path.relpath(shipped)}?"
    if not here.is_dir():
        return f"there is no folder {here}, either"
    from tunegrid.config.messages import nearest  # which takes a while

    there = [str(path) for ending in SUFFIXES for path in here.glob(f"[!.]*{ending}")]
    if not there:
        return "write your grid into one: config/README.md explains every key"
    return nearest(str(path), there)


def _entry_problems(entries: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    """What Snakemake cannot read of `--config`."""
    if unquoted := _unquoted(entries):
        quoted = shlex.quote(unquoted)
        yield f"--config: the shell has cut {unquoted} in pieces; quote it: --config {quoted}"
        return
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals:
            yield _without_value(entry, arguments)
        elif "." in key:
            first, *others = key.split(".")
            inner = ": {".join(others) + f": {value}" + "}" * len(others)
            written = shlex.quote(f"{first}={{{inner}")
            yield f"--config: {entry}: a key inside another stands in braces: --config {written}"
        elif not KEY.match(key):
            yield f"--config: {entry}: {key!r} is no key; config/README.md has all"


def _unquoted(entries: Sequence[str]) -> str | None:
    """A value in braces whose blanks have made several words of it; None: there is none."""
    for first, entry in enumerate(entries):
        if entry.count("{") + entry.count("[") > entry.count("}") + entry.count("]"):
            rest = entries[first + 1 :]
            return " ".join([entry, *rest]) if rest else None
    return None


def _without_value(entry: str, arguments: Sequence[str]) -> str:
    from tunegrid.config.schema import Config  # which takes a while

    key, colon, value = entry.partition(":")
    if key in Config.model_fields:
        written = f"{key}={value.strip()}" if colon else f"{key}=VALUE"
        return f"--config: {entry!r} gives no value; write --config {written}"
    return (
        f"--config takes every word that follows it, and {entry!r} is no KEY=VALUE; if it is to be"
        f" made, name it first: {_with_first([entry], arguments)}"
    )
