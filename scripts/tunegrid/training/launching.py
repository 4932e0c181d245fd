"""Starting a run's processes: itself if it takes one, `accelerate launch` if it takes several."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.results import TRAINING
from tunegrid.stopping import StopCause, Stopped, StopReason, StopRequest

#: Seconds between two looks at whether a signal has come.
POLL = 0.5


def is_launched() -> bool:
    """Whether this process is one of several that `launch` started."""
    return "LOCAL_RANK" in os.environ


def launch(processes: int, output: Path, stop: StopRequest) -> None:
    """Start this program again as `processes` processes, and wait for them.

    A free port is taken, so that two runs can share a node. A signal that asks to stop is passed
    on as SIGTERM, which the launcher hands to every process.

    Args:
        processes: how many.
        output: the run's folder; training.json is in it when they are done.
        stop: listens to signals.

    Raises:
        Stopped: they were asked to stop, or stopped because their time runs out.
        UserError: one of them failed; it has said why.
    """
    (output / TRAINING).unlink(missing_ok=True)
    options = {
        "--num_processes": str(processes),
        "--num_machines": "1",
        "--main_process_port": "0",
        "--mixed_precision": "no",
        "--dynamo_backend": "no",
    }
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    for option, value in options.items():
        command += [option, value]
    child = subprocess.Popen([*command, *sys.argv])
    signal_passed_on = False
    while True:
        try:
            status = child.wait(timeout=POLL)
            break
        except subprocess.TimeoutExpired:
            if stop.signal and not signal_passed_on:
                child.send_signal(signal.SIGTERM)
                signal_passed_on = True
    if (output / TRAINING).is_file():
        return
    if stop.signal or status == 0:
        # The processes have the same deadline; a signal may have reached them alone.
        raise Stopped(stop.cause() or StopCause(StopReason.SIGNAL, "a signal to its processes"))
    raise UserError(f"one of the run's {processes} processes failed; its own line is above")
