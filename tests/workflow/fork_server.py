"""Servers that import libraries once, and fork for each program that is asked for.

  python fork_server.py ENVIRONMENT NAME=ADDRESS [NAME=ADDRESS ...]

The fork does what an interpreter does that was started with the program's arguments, in its folder
and environment, and with its streams. Each server but the first is a fork of the one before it, and
imports more. All import in the ENVIRONMENT, which is a JSON object, and end with their standard
input.
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

#: What each server imports: nothing of any workflow. The libraries of model hubs read the
#: environment when they are imported, so only programs that give them the server's may have them.
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
        "functorch.compile",
    ],
    "offline programs": [
        "accelerate",
        "datasets",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.tokenization_auto",
        "transformers.models.bert.modeling_bert",
        "transformers.models.bert.tokenization_bert_fast",
        "transformers.optimization",
        "peft",
        "adapters.models.bert.modeling_bert",
        "adapters.wrappers.model",
    ],
}
#: An environment may be without them; its tests skip what needs them.
MAY_LACK = {"adapters"}


def serve(environment: dict[str, str], servers: list[tuple[str, str]]) -> None:
    """Import what the first server does, say so, and fork for each request and the next server.

    Args:
        environment: what is set while libraries are imported.
        servers: the name and address of each.
    """
    (name, address), *others = servers
    os.environ.update(environment)
    try:
        import_libraries(name)
    except Exception:
        print("failed", flush=True)
        raise
    gc.freeze()  # a fork shares memory as long as nobody writes to it, as collecting garbage would
    if others and not os.fork():
        serve(environment, others)
        return
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
    supervise(connection, environment if name == "offline programs" else {})


def import_libraries(name: str) -> None:
    """Import what the server of a name does."""
    for module in IMPORTED[name]:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name not in MAY_LACK:
                raise
    threads = list(Path("/proc/self/task").iterdir())
    assert len(threads) == 1, "a fork would lack the other threads"


def supervise(connection: socket.socket, environment: dict[str, str]) -> None:
    """Fork once more, for the program, and tell its asker how it ends.

    Args:
        connection: to the asker, which has sent the request.
        environment: what the libraries have read; a program that sets it otherwise has failed.
    """
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().readline())
    program = os.fork()
    if not program:
        connection.close()
        become(request, streams)
        if ENDED == [0] and (wrong := environment.items() - os.environ.items()):
            print(f"{sys.argv[0]} lacks {dict(wrong)}, unlike its libraries", file=sys.stderr)
            ENDED[:] = [1]
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
    serve(json.loads(sys.argv[1]), [tuple(one.split("=", 1)) for one in sys.argv[2:]])
