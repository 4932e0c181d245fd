"""A server that imports libraries once, and forks for each program that is asked for.

  python fork_server.py NAME ADDRESS

The fork does what an interpreter does that was started with the program's arguments, in its folder
and environment, and with its streams. The server ends with its standard input.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

#: What each server imports: nothing of any workflow, and nothing that reads the environment of a
#: program, as the libraries of model hubs do.
IMPORTED = {
    "snakemake": ["snakemake.cli"],
    "programs": [
        "matplotlib.backends.backend_agg",
        "matplotlib.figure",
        "numpy",
        "pandas",
        "pyarrow.parquet",
        "pydantic",
        "scipy.stats",
        "sklearn.linear_model",
        "torch",
        "torch._dynamo",
        "torch.distributed.tensor",
    ],
}


def serve(name: str, address: str) -> None:
    """Import, say so, and fork for each request."""
    for module in IMPORTED[name]:
        importlib.import_module(module)
    gc.freeze()  # a fork shares memory as long as nobody writes to it, as collecting garbage would
    threads = list(Path("/proc/self/task").iterdir())
    assert len(threads) == 1, "a fork would lack the other threads"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets its children when they end
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if not os.fork():
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    supervise(connection)


def supervise(connection: socket.socket) -> None:
    """Fork once more, for the program, and tell its asker how it ends."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().readline())
    program = os.fork()
    if not program:
        connection.close()
        become(request, streams)
        return
    for stream in streams:
        os.close(stream)
    end = os.pidfd_open(program)
    while end not in select.select([connection, end], [], [])[0]:
        numbers = connection.recv(1)
        os.kill(program, numbers[0] if numbers else signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    with suppress(BrokenPipeError):
        connection.sendall(f"{status}\n".encode())
    os._exit(0)


def become(request: dict, streams: list[int]) -> None:
    """Be the program that is asked for: a file, or Snakemake by its name."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.executable = request["interpreter"]
    sys.argv = request["program"]
    ENDED.append(status_of(sys.argv[0]))


def status_of(program: str) -> int:
    """Run a program as an interpreter does, and tell its status."""
    try:
        if program == "snakemake":
            del sys.path[0]  # this module's folder, which an installed program would not have
            return importlib.import_module("snakemake.cli").main(sys.argv[1:]) or 0
        sys.path[0] = str(Path(program).resolve().parent)
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 (it is told, and ends the program)
        traceback.print_exc()
        return 1
    return 0


#: The status of the program that this process has been.
ENDED: list[int] = []


@atexit.register
def leave() -> None:
    """End without taking all libraries apart, which takes longer than many a program.

    It is the first to be registered, so the last to be called.
    """
    if ENDED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ENDED[0])


if __name__ == "__main__":
    serve(*sys.argv[1:])
