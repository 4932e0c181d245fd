"""A bar of a run's steps, for those who watch it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from tunegrid.training.run_state import Run


@contextmanager
def progress_bar(run: Run) -> Iterator["tqdm[Any]"]:
    """A bar of the run's steps on a terminal; nothing where the output is a file."""
    shown_nowhere = None  # tqdm's own word for: only on a terminal
    if not run.accelerator.is_main_process:
        shown_nowhere = True
    bar = tqdm(
        total=run.plan.steps,
        initial=len(run.progress.history),
        unit="step",
        disable=shown_nowhere,
    )
    with bar:
        if bar.disable:
            yield bar
            return
        with logging_redirect_tqdm():
            yield bar
