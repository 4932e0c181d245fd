"""Submitting with patience: what a failed `sbatch` means, and when it is tried again."""

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from paths import ROOT
from stand_in_commands import write_command

from tunegrid.cluster import patient_submission
from tunegrid.cluster.head_folder import (
    FOLDER_VARIABLE,
    HEAD_FILE,
    STOP_FILE,
    SUBMITTED,
    HeadFolder,
    HeadIsGoneError,
)
from tunegrid.cluster.patient_submission import PatientSubmission, ask_patiently
from tunegrid.cluster.real_commands import RealCommands
from tunegrid.cluster.silent_failures import explain
from tunegrid.cluster.submission_answers import SubmissionAnswer, describe_failure, read_answer
from tunegrid.cluster.waiting_submissions import Waiting, WaitingAnnouncer, read_waiting

LIMIT = (
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\n"
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit"
    " limit, user's size and/or time limits)\n"
)
TOO_LONG = LIMIT.replace("QOSMaxSubmitJobPerUserLimit", "QOSMaxWallDurationPerJobLimit")
FAILED = "sbatch: error: Batch job submission failed: "
AWAY = FAILED + "Unable to contact slurm controller (connect failure)\n"
LOST = FAILED + "Socket timed out on send/recv operation\n"
ARGUMENTS = ["--parsable", "--job-name", "run", "--comment", "rule_train", "--wrap=true"]


@pytest.mark.parametrize(
    ("status", "errors", "answer"),
    [
        (0, "sbatch: warning: something\n", SubmissionAnswer.ACCEPTED),
        (1, LIMIT, SubmissionAnswer.LIMITED),
        (1, AWAY, SubmissionAnswer.AWAY),
        (7, LOST, SubmissionAnswer.AWAY),
        (1, FAILED + "Resource temporarily unavailable\n", SubmissionAnswer.AWAY),
        (1, FAILED + "Protocol authentication error\n", SubmissionAnswer.AWAY),
        (1, "sbatch: fatal: Unable to process configuration file\n", SubmissionAnswer.AWAY),
        (1, TOO_LONG, SubmissionAnswer.REFUSED),
        (1, FAILED + "Invalid qos specification\n", SubmissionAnswer.REFUSED),
        (1, FAILED + "Unspecified error\n", SubmissionAnswer.REFUSED),  # of a site's own rules
        (1, "allocation failure: Invalid feature specification\n", SubmissionAnswer.REFUSED),
        (127, "sh: sbatch: not found\n", SubmissionAnswer.UNEXPLAINED),
        (-9, "", SubmissionAnswer.UNEXPLAINED),
    ],
)
def test_a_failure_is_told_from_a_refusal(status, errors, answer):
    assert read_answer(status, errors) is answer


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (LIMIT, "QOSMaxSubmitJobPerUserLimit"),
        (AWAY, "Unable to contact slurm controller (connect failure)"),
        ("one\ntwo\n", "two"),
        ("", "sbatch ended with status 9"),
    ],
)
def test_a_failure_is_described_in_one_line(errors, said):
    assert describe_failure(9, errors) == said


class Site:
    """Commands that stand in for a cluster's, which answer what a test writes down.

    Attributes:
        head: the folder of the head process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.head = folder / "head"
        (self.head / SUBMITTED).mkdir(parents=True)
        (self.head / HEAD_FILE).write_text(str(os.getpid()))

    def write(self, command: str, script: str) -> None:
        """Write a command, a script of the shell."""
        write_command(self._folder, command, f"cd {self._folder}\n{script}")

    def let_fail(self, times: int, errors: str, then: str = "echo 42") -> None:
        """Let `sbatch` fail a few times."""
        (self._folder / "errors").write_text(errors)
        self.write(
            "sbatch",
            "echo x >> tries\n"
            f"[ $(wc -l < tries) -gt {times} ] || {{ cat errors >&2; exit 1; }}\n{then}",
        )

    def tries(self) -> int:
        """How often `sbatch` was run."""
        return len((self._folder / "tries").read_text().splitlines())

    def submission(self, script: bytes = b"") -> PatientSubmission:
        folder = HeadFolder(self.head)
        return PatientSubmission(ARGUMENTS, script, RealCommands(folder), folder)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(patient_submission, "SHORTEST_WAIT", 0.01)
    site = Site(tmp_path)
    site.write("squeue", "exit 0")
    return site


@pytest.mark.parametrize("errors", [LIMIT, AWAY, "killed\n"])
def test_what_passes_is_tried_again(site, errors):
    site.let_fail(3, errors)
    ended = site.submission().submit()
    assert (ended.status, ended.output) == (0, b"42\n")
    assert site.tries() == 4
    assert not read_waiting(site.head)


def test_a_refusal_is_handed_on_at_once(site):
    site.let_fail(3, TOO_LONG)
    ended = site.submission().submit()
    assert (ended.status, ended.errors.decode()) == (1, TOO_LONG)
    assert site.tries() == 1


def test_what_stays_unexplained_is_given_up(site, monkeypatch):
    monkeypatch.setitem(patient_submission.PATIENCE, SubmissionAnswer.UNEXPLAINED, 0.2)
    site.let_fail(1000, "killed\n")
    ended = site.submission().submit()
    assert (ended.status, ended.errors) == (1, b"killed\n")
    assert site.tries() > 1


def test_a_script_of_standard_input_is_submitted_whole_at_each_try(site):
    site.let_fail(2, AWAY, then="sleep 0.5; cat")
    assert site.submission(b"#!/bin/sh\ntrue\n").submit().output == b"#!/bin/sh\ntrue\n"


def test_a_job_whose_answer_was_lost_is_not_submitted_twice(site):
    (site.head / SUBMITTED / "7").touch()  # that one belongs to another submission
    site.let_fail(1, LOST)
    site.write("squeue", "echo '7|rule_train'; echo '8|rule_train'; echo '9|rule_tune'")
    assert site.submission().submit().output == b"8\n"
    assert site.tries() == 1


def test_while_the_queue_does_not_answer_nothing_is_submitted(site):
    site.let_fail(1, LOST)
    site.write(
        "squeue",
        "echo x >> questions; [ $(wc -l < questions) -gt 3 ] && [ $(wc -l < tries) = 1 ]",
    )
    assert site.submission().submit().output == b"42\n"
    assert site.tries() == 2


@pytest.mark.parametrize(
    ("queue", "status"),
    [("echo x >> asked; [ $(wc -l < asked) -gt 2 ]", 0), ("exit 0", 1)],
)
def test_a_question_to_the_controller_waits_while_that_is_away(site, queue, status):
    """It is asked again until it answers; what fails though the controller answers, fails."""
    site.write("squeue", queue)
    site.write("sshare", "[ $(cat asked | wc -l) -ge 2 ] && echo ml")
    folder = HeadFolder(site.head)
    ended = ask_patiently(["sshare", "-U"], RealCommands(folder), folder)
    assert (ended.status, ended.output) == (status, b"" if status else b"ml\n")
    assert not read_waiting(site.head)


@pytest.mark.parametrize("end", ["stops", "is gone"])
@pytest.mark.parametrize("during", ["the wait", "sbatch"])
def test_it_ends_at_once_when_the_head_process_does(site, end, during):
    site.let_fail(1000, LIMIT)
    if during == "sbatch":
        site.write("sbatch", "exec sleep 60")

    def end_head() -> None:
        time.sleep(0.3)
        if end == "stops":
            (site.head / STOP_FILE).touch()
        else:
            process = subprocess.Popen(["true"])
            process.wait()
            (site.head / HEAD_FILE).write_text(str(process.pid))

    threading.Thread(target=end_head).start()
    begin = time.monotonic()
    with pytest.raises(HeadIsGoneError):
        site.submission().submit()
    assert time.monotonic() - begin < 5
    assert not read_waiting(site.head)


def test_the_command_on_the_path_does_this(site, monkeypatch):
    site.let_fail(1, AWAY, then='echo "$@"; echo "$PATH"')
    stand_in = ROOT / "profiles/slurm/bin/head"
    monkeypatch.setenv("PATH", f"{stand_in}:{os.environ['PATH']}")
    monkeypatch.setenv(FOLDER_VARIABLE, str(site.head))
    monkeypatch.setenv("TUNEGRID_PYTHON", sys.executable)
    run = subprocess.run(["sbatch", *ARGUMENTS], capture_output=True, text=True, check=True)
    arguments, path = run.stdout.splitlines()
    assert arguments == " ".join(ARGUMENTS)
    assert str(stand_in) not in path, "jobs would inherit it"
    assert run.stderr == ""


def test_waiting_is_said_once(caplog):
    limit = Waiting("LIMITED", "QOSMaxSubmitJobPerUserLimit")
    away = Waiting("AWAY", "Unable to contact slurm controller (connect failure)")
    announcer = WaitingAnnouncer()
    caplog.set_level(logging.WARNING)
    looks = [[], [limit], [], [limit, away], [away], [], [away], [], [], []]
    for second, waiting in enumerate(looks):
        announcer.announce(waiting, now=3.0 * second)
    limited, waits, goes_on = [record.getMessage() for record in caplog.records]
    assert limited.startswith("Slurm takes no more jobs at once (QOSMaxSubmitJobPerUserLimit): ")
    assert waits == f"Slurm takes no job for now ({away.reason}): waiting"
    assert goes_on == "Slurm takes jobs again, after 9 s"


def test_what_a_submission_waits_for_reaches_the_head_process(tmp_path):
    HeadFolder(tmp_path).say_waiting(SubmissionAnswer.AWAY, "why")
    assert read_waiting(tmp_path) == [Waiting("AWAY", "why")]
    HeadFolder(tmp_path).say_done()
    assert read_waiting(tmp_path) == []


@pytest.mark.parametrize(
    ("slurm_log", "said"),
    [
        ("Building DAG\nsrun: error: no step\nShutting down\n", "srun: error: no step\n"),
        ("one\ntwo\n", "one\ntwo\n"),
        (None, "says nothing; is this folder on the node?\n"),
    ],
)
def test_a_job_that_has_not_begun_is_explained_by_slurm_s_log(tmp_path, slurm_log, said):
    if slurm_log is not None:
        (tmp_path / "slurm.log").write_text(slurm_log)
    log = tmp_path / "logs/rule.log"
    explain(tmp_path / "slurm.log", [log])
    first, _, rest = log.read_text().partition("\n")
    assert first == "The job ended before its program began. Slurm's log says:"
    assert rest.endswith(said)


def test_a_job_that_could_never_start_is_explained_by_that(tmp_path):
    explain(tmp_path / "slurm.log", [tmp_path / "rule.log"], never_started="InvalidQOS")
    told = "The job could never start and was cancelled. Slurm says:\nInvalidQOS\n"
    assert (tmp_path / "rule.log").read_text() == told


def test_a_log_that_says_something_stays(tmp_path):
    log = tmp_path / "rule.log"
    log.write_text("error: of the program\n")
    explain(tmp_path / "slurm.log", [log])
    assert log.read_text() == "error: of the program\n"
