"""What is said of failed jobs at the end of a start: each once, why, and how to go on."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from tunegrid.status.failed_jobs import FailedJobs
from tunegrid.status.telling_lines import telling_lines

TRACEBACK = """2026-01-01 10:00:00,000 INFO epoch 1
Traceback (most recent call last):
  File "/w/scripts/train.py", line 96, in <module>
    run_program(main)
  File "/w/scripts/tunegrid/training/finetune.py", line 12, in take_step
    raise ValueError("no step")
ValueError: no step
"""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("error: 1\n" + "2026 INFO x\n" * 30 + "error: a\nerror: b\n", ["error: a", "error: b"]),
        (
            TRACEBACK,
            [
                'File "/w/scripts/tunegrid/training/finetune.py", line 12, in take_step',
                "ValueError: no step",
            ],
        ),
        (TRACEBACK + "error: one of 2 processes failed\n", ["error: one of 2 processes failed"]),
        ("10:00 INFO a\n10:01 WARNING b\n10:02 INFO c\nKilled\n", ["10:01 WARNING b", "Killed"]),
        ("10:00 INFO a\n", ["10:00 INFO a"]),
        ("slurmstepd: error: *** JOB 7 CANCELLED DUE TO TIME LIMIT ***\n10:00 INFO a\n",
         ["slurmstepd: error: *** JOB 7 CANCELLED DUE TO TIME LIMIT ***"]),
        ("", []),
    ],
)  # fmt: skip
def test_the_lines_of_a_log_that_tell_why_it_failed(tmp_path, text, lines):
    log = tmp_path / "x.log"
    log.write_text(text)
    assert telling_lines(log) == lines


def test_of_a_long_log_only_the_end_is_read(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("error: old\n" + "x" * 100_000 + "\nerror: new\n")
    assert telling_lines(log)[-1] == "error: new"
    assert telling_lines(tmp_path / "none.log") == []


def record(event, **fields):
    return logging.makeLogRecord({"event": event, **fields})


@pytest.fixture
def logs(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_each_failure_is_told_once_and_what_was_mended_by_a_retry_is_not(logs):
    failed = FailedJobs()
    same = [logs(f"{seed}.log", "error: out of memory\n") for seed in range(5)]
    for jobid, log in enumerate(same):
        failed.emit(record(LogEvent.JOB_ERROR, jobid=jobid, rule_name="train", log=[log]))
        failed.emit(record(LogEvent.JOB_ERROR, jobid=jobid, rule_name="train", log=[log]))
    other = [logs("empty.log", ""), logs("slurm.log", "slurmstepd: error: gone\n")]
    failed.emit(record(LogEvent.JOB_ERROR, jobid=7, rule_name="fetch_task", log=other))
    failed.emit(record(LogEvent.JOB_ERROR, jobid=8, rule_name="score", log=["nowhere.log"]))
    failed.emit(record(LogEvent.JOB_ERROR, jobid=9, rule_name="collect_runs", log=[same[0]]))
    failed.emit(record(LogEvent.JOB_FINISHED, job_id=9))
    text = failed.summary(["--profile", "profiles/local", "--config", "data_root=/a b"])
    assert "7 jobs failed:" in text
    assert "train (5 jobs, in the same way)" in text
    assert text.count("error: out of memory") == 1
    assert same[2] in text
    assert same[3] not in text
    assert "  and 2 more\n" in text
    assert "    slurmstepd: error: gone\n" in text
    assert "it has left no log: it did not start, or it was killed" in text
    assert "collect_runs" not in text
    again = "snakemake --profile profiles/local --config"
    assert f"\n  {again} 'data_root=/a b'\n" in text
    assert text.endswith(f"\n  {again} partial=true 'data_root=/a b'")


def test_results_without_the_failed_jobs_are_offered_only_where_runs_failed(logs):
    failed = FailedJobs()
    log = logs("x.log", "error: no network\n")
    failed.emit(record(LogEvent.JOB_ERROR, jobid=1, rule_name="fetch_model", log=[log]))
    text = failed.summary(["report"])
    assert "1 job failed:" in text
    assert text.endswith("\n  snakemake report")
