"""Snakemake and its rules' programs, forked from processes that have imported their libraries.

Most of a small job's time goes into importing the same libraries again. So each process of the
tests has servers (`fork_server`) of its own, for Snakemake, for programs, and for those that are
offline; Snakemake's jobs find an interpreter on their PATH that asks the others (`fork_client`),
and tests may take it, too. What clusters, signals and several processes do is tested without any of
this.
"""

import atexit
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import fork_client
import fork_server

from tunegrid.cli import OFFLINE, QUIET, UNSCRIPTED

#: No library starts a thread when it is imported, since a fork has only the one that forks.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def snakemake(arguments: Sequence[object], folder: Path) -> subprocess.CompletedProcess:
    """What `snakemake ARGUMENTS`, called in a folder, prints, and its status."""
    program = ["snakemake", *map(str, arguments)]
    with (
        Path(os.devnull).open() as stdin,
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        fork_client.ask(
            connection,
            servers("snakemake")["snakemake"],
            program=program,
            interpreter=str(interpreter()),
            folder=str(folder),
            streams=[stream.fileno() for stream in (stdin, stdout, stderr)],
        )
        status = fork_client.wait(connection)
        printed = {"stdout": stdout, "stderr": stderr}
        texts = {name: stream.seek(0) or stream.read() for name, stream in printed.items()}
    return subprocess.CompletedProcess(program, status, **texts)


@cache
def interpreter() -> Path:
    """An executable file `python`: programs and Snakemake run in forks of the servers."""
    path = folder_of_process() / "bin/python"
    path.parent.mkdir()
    addresses = servers("snakemake") | servers("programs", "offline programs")
    command = [sys.executable, "-IS", fork_client.__file__, str(path), json.dumps(addresses)]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    path.chmod(0o755)
    return path


@cache
def servers(*names: str) -> dict[str, str]:
    """The addresses of servers of this process, of which one is forked from the other."""
    addresses = {name: str(folder_of_process() / name) for name in names}
    process = subprocess.Popen(
        [sys.executable, fork_server.__file__, json.dumps(OFFLINE | QUIET | UNSCRIPTED),
         *(f"{name}={address}" for name, address in addresses.items())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD,
    )  # fmt: skip
    atexit.register(process.communicate)
    for _ in names:
        assert process.stdout.readline() == "ready\n"
    return addresses


@cache
def folder_of_process() -> Path:
    """A folder for what this process' servers need, with a short name, as sockets want it."""
    folder = tempfile.TemporaryDirectory(prefix="tunegrid-forks-")
    atexit.register(folder.cleanup)
    return Path(folder.name)
