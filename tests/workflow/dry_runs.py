"""Dry runs of Snakemake, which is imported once for all that a process of the tests asks for.

Run as a program, this is the server: it imports Snakemake, and nothing of any workflow. For each
request, a line of JSON on its standard input, it forks, and the child runs the command line's own
`main` with the request's arguments, folder and environment; the server answers with the status.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path


def dry_run(arguments: Sequence[object], folder: Path) -> subprocess.CompletedProcess:
    """What `snakemake ARGUMENTS --dry-run`, called in a folder, prints, and its status."""
    arguments = [*map(str, arguments), "--dry-run"]
    with tempfile.TemporaryDirectory() as temporary:
        printed = {name: str(Path(temporary, name)) for name in ("stdout", "stderr")}
        request = {"arguments": arguments, "folder": str(folder), "environment": dict(os.environ)}
        server = _server()
        server.stdin.write(json.dumps(request | printed) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        texts = {name: Path(path).read_text() for name, path in printed.items()}
    return subprocess.CompletedProcess(["snakemake", *arguments], status, **texts)


@cache
def _server() -> subprocess.Popen:
    """This process' server, which ends with it."""
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)
    return server


def serve() -> None:
    """Answer requests until there are no more."""
    from snakemake.cli import main

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become_snakemake(request)
            sys.exit(main(request["arguments"]))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become_snakemake(request: Mapping) -> None:
    """Let this process be one that was started as the request says."""
    streams = [os.open(os.devnull, os.O_RDONLY)]
    streams += [
        os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for name in ("stdout", "stderr")
    ]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["snakemake", *request["arguments"]]
    del sys.path[0]  # this module's folder, which an installed program would not have


if __name__ == "__main__":
    serve()
