"""Asking a fork server (`fork_server`) for a program, and the interpreter that does so.

Run as a program, this is `python ARGUMENTS` for the jobs of a workflow under test. It imports
little, since what it saves are imports.
"""

import json
import os
import signal
import socket
import sys

#: The signals that reach a program when they reach whoever asked for it.
FORWARDED = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
#: The programs of the workflow that the hub is in reach for.
ONLINE = ("/scripts/fetch_model.py", "/scripts/fetch_task.py")


def ask(
    connection: socket.socket,
    address: str,
    *,
    program: list[str],
    interpreter: str,
    folder: str,
    streams: list[int],
) -> None:
    """Ask the server at an address for a program, in this process' environment.

    Args:
        connection: not yet connected; by it signals are sent, a byte each, and by its end the
            program is killed.
        address: where the server listens.
        program: the program's name or file, and its arguments.
        interpreter: what the program takes for its interpreter.
        folder: where it runs.
        streams: its standard input, output and error.
    """
    request = {
        "program": program,
        "interpreter": interpreter,
        "folder": folder,
        "environment": dict(os.environ),
    }
    connection.connect(address)
    socket.send_fds(connection, [b"\n"], streams)
    connection.sendall(json.dumps(request).encode() + b"\n")


def wait(connection: socket.socket) -> int:
    """Wait for the program's end: its status, negative for a signal."""
    answer = connection.makefile().readline()
    assert answer, "the server is gone"
    return int(answer)


def be_interpreter(own: str, addresses: dict[str, str], arguments: list[str]) -> None:
    """Run a program or Snakemake in a fork of a server, and anything else as it is.

    Args:
        own: the file that is this interpreter.
        addresses: where each server listens, by its name.
        arguments: of the interpreter.
    """
    program = arguments
    if arguments[:2] == ["-m", "snakemake"]:
        address, program = addresses["snakemake"], arguments[1:]
    elif arguments[0].endswith(".py"):
        path = os.path.abspath(arguments[0])  # noqa: PTH100 (pathlib takes longer to import)
        offline = "/scripts/" in path and not path.endswith(ONLINE)
        address = addresses["offline programs" if offline else "programs"]
    else:
        os.execv(sys.executable, [sys.executable, *arguments])
    with socket.socket(socket.AF_UNIX) as connection:
        ask(
            connection,
            address,
            program=program,
            interpreter=own,
            folder=os.getcwd(),  # noqa: PTH109 (pathlib takes longer to import)
            streams=[0, 1, 2],
        )
        for number in FORWARDED:
            signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
        status = wait(connection)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    be_interpreter(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:])
