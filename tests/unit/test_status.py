"""The status of a grid, from the files that runs, attempts and the head process leave."""

import fcntl
import json
import logging
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pyarrow as pa
import pytest
from paths import ROOT
from pyarrow import parquet
from snakemake_interface_logger_plugins.common import LogEvent

from tunegrid.errors import UserError
from tunegrid.status.cell_states import Cell, CellStatus, State, cells_of_grid, states_of_cells
from tunegrid.status.finished_facts import FinishedFacts, facts_of_finished
from tunegrid.status.job_journal import JOURNALS, JournalWriter, newest_journal, this_start
from tunegrid.status.status_text import status_text
from tunegrid.status.take_status import take_status
from tunegrid.status.time_left import duration, seconds_left

GRID = [{"models": ["m"], "tasks": ["t"], "methods": ["full", "lora"], "seeds": [1, 2]}]
CELL = Cell("m", "t", "full", 1)
NODE = "another-node"


def write_attempt(folder, cell=CELL, ended=None, message="", node=NODE):
    lines = [{"began": {"id": "a", "target": "0123", "node": node}}]
    if ended:
        lines.append({"attempt": "a", "ended": ended, "message": message})
    path = folder / "results/.attempts" / f"{cell.path}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n" + "\n".join(map(json.dumps, lines)) + '\n{"half')


def write_log(folder, text, cell=CELL):
    path = folder / "results/logs/train" / f"{cell.path}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_run(folder, cell=CELL, predicted=("a", "b"), seconds=60.0):
    run = folder / "results/runs" / cell.path
    run.mkdir(parents=True)
    known = {"labels": ["a", "b"], "target": "single_label", "positive": None, "diverged": False}
    columns = {
        "id": ["1", "2"],
        "label": pa.array(["a", "b"]).dictionary_encode(),
        "predicted": pa.array(list(predicted)).dictionary_encode(),
        "log_probabilities": pa.array([[-0.7, -0.7]] * 2, type=pa.list_(pa.float64(), 2)),
    }
    parquet.write_table(pa.table(columns), run / "predictions.parquet")
    (run / "provenance.json").write_text(json.dumps({"seconds": seconds}))
    (run / "training.json").write_text(json.dumps(known))


def record(event, **fields):
    return logging.makeLogRecord({"event": event, **fields})


def submit(journal, cell=CELL, job=1):
    wildcards = {"model": "m", "task": "t", "method": cell.method, "seed": cell.seed}
    log = [f"results/logs/train/{cell.path}.log"]
    journal.emit(
        record(LogEvent.JOB_INFO, jobid=job, rule_name="train", wildcards=wildcards, log=log)
    )


def write_journal(folder, grid=GRID, wanted=(), **further):
    command = ["--profile", "profiles/local", "--configfile", "my.yaml"]
    start = this_start(command, grid, wanted, partial=False, **further)
    return JournalWriter(folder / JOURNALS / "x.jsonl", start)


@pytest.fixture
def journal(tmp_path):
    return write_journal(tmp_path)


def state(folder, *, head_lives=True):
    found = states_of_cells([CELL], folder, newest_journal(folder), head_lives=head_lives)
    return found[CELL].state


@contextmanager
def held(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_cell_is_done_where_its_last_file_stands(tmp_path):
    write_attempt(tmp_path, ended="error")
    assert state(tmp_path) is State.FAILED
    write_run(tmp_path)
    assert state(tmp_path) is State.DONE


def test_a_run_of_other_settings_is_not_done_until_the_last_start_has_trained_it(tmp_path):
    write_run(tmp_path)
    journal = write_journal(tmp_path, wanted=[CELL.path])
    assert state(tmp_path) is State.MISSING
    submit(journal)
    assert state(tmp_path) is State.QUEUED
    journal.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    assert state(tmp_path) is State.DONE


def test_what_failed_in_an_earlier_start_is_missing_where_a_living_one_will_try_it(tmp_path):
    write_attempt(tmp_path, ended="error")
    journal = write_journal(tmp_path, wanted=[CELL.path])
    assert state(tmp_path) is State.MISSING
    assert state(tmp_path, head_lives=False) is State.FAILED
    submit(journal)
    journal.emit(record(LogEvent.JOB_ERROR, jobid=1, log=["x.log"]))
    assert state(tmp_path) is State.FAILED


def test_the_cells_of_a_pack_in_the_queue_are_in_the_queue(tmp_path):
    journal = write_journal(tmp_path, wanted=[CELL.path], packs={"m/t/1": [CELL.path]})
    assert state(tmp_path) is State.MISSING
    pack = {"model": "m", "task": "t", "pack": "1"}
    journal.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="train_pack", wildcards=pack, log=[]))
    assert state(tmp_path) is State.QUEUED
    journal.emit(record(LogEvent.JOB_ERROR, jobid=1, log=[]))
    assert state(tmp_path) is State.MISSING


def test_the_runs_by_which_tuning_chooses_are_counted(tmp_path):
    paths = [f"m/t/full/candidate{number}/seed101" for number in (1, 2, 3)]
    journal = write_journal(tmp_path, candidates=paths)
    done = tmp_path / "results/tuning/runs" / paths[0]
    done.mkdir(parents=True)
    (done / "training.json").touch()
    wildcards = {"model": "m", "task": "t", "method": "full", "candidate": "2", "seed": "101"}
    journal.emit(record(LogEvent.JOB_INFO, jobid=1, rule_name="tune", wildcards=wildcards, log=[]))
    journal.emit(record(LogEvent.JOB_ERROR, jobid=1, log=[]))
    text = status_text(take_status(tmp_path, None), all_rows=False, folder=tmp_path)
    assert "\ntuning: 1 of 3 runs of candidates done, 1 failed\n" in text


def test_a_cell_runs_where_a_process_holds_its_lock_and_has_told_no_end(tmp_path):
    write_attempt(tmp_path, node=socket.gethostname())
    write_log(tmp_path, "10:00 INFO step 1\n")
    lock = tmp_path / "results/.checkpoints/0123.lock"
    assert state(tmp_path) is State.MISSING
    with held(lock):
        assert state(tmp_path) is State.RUNNING
    assert state(tmp_path) is State.MISSING


def test_a_cell_of_another_machine_runs_as_long_as_its_log_grows(tmp_path, monkeypatch):
    write_attempt(tmp_path)
    assert state(tmp_path) is State.MISSING
    write_log(tmp_path, "10:00 INFO step 1\n")
    assert state(tmp_path) is State.RUNNING
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert state(tmp_path) is State.MISSING


def test_a_submitted_cell_is_queued_as_long_as_its_head_process_lives(tmp_path, journal):
    assert state(tmp_path) is State.MISSING
    submit(journal)
    assert state(tmp_path) is State.QUEUED
    assert state(tmp_path, head_lives=False) is State.MISSING
    journal.emit(record(LogEvent.JOB_ERROR, jobid=1, log=["x.log"]))
    assert state(tmp_path) is State.FAILED
    submit(journal)
    assert state(tmp_path) is State.QUEUED, "it is tried again"


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ("error", State.FAILED),
        ("out of memory", State.FAILED),
        ("time limit", State.MISSING),
        ("cancelled", State.MISSING),
    ],
)
def test_how_the_last_attempt_ended_tells_whether_a_cell_has_failed(tmp_path, ended, expected):
    write_attempt(tmp_path, ended=ended)
    assert state(tmp_path) is expected


def test_a_job_that_was_killed_fails_though_its_attempt_has_told_no_end(tmp_path, journal):
    submit(journal)
    write_attempt(tmp_path)
    write_log(tmp_path, "10:00 INFO step 1\n")
    assert state(tmp_path) is State.RUNNING
    journal.emit(record(LogEvent.JOB_ERROR, jobid=1, log=["x.log"]))
    assert state(tmp_path) is State.FAILED


def test_a_method_that_a_trial_has_refused_has_failed(tmp_path):
    path = tmp_path / "results/trials/m/t/full.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"problem": "it has no adapter"}))
    found = states_of_cells(cells_of_grid(GRID), tmp_path, None, head_lives=False)
    assert [one.state for one in found.values()] == [State.FAILED] * 2 + [State.MISSING] * 2


def test_the_runs_of_a_configuration_with_a_name_are_looked_for_in_its_folder(tmp_path):
    write_run(tmp_path)
    own = {"results": "results/my-study"}
    (found,) = states_of_cells([CELL], tmp_path, None, head_lives=False, **own).values()
    assert found.state is State.MISSING
    assert facts_of_finished([CELL], tmp_path, budget=60, **own) == {}
    (tmp_path / "results/my-study").mkdir()
    (tmp_path / "results/runs").rename(tmp_path / "results/my-study/runs")
    (found,) = states_of_cells([CELL], tmp_path, None, head_lives=False, **own).values()
    assert found.state is State.DONE
    assert list(facts_of_finished([CELL], tmp_path, budget=60, **own)) == [CELL]


def test_a_run_that_predicts_one_class_is_degenerate_and_read_once(tmp_path):
    other = Cell("m", "t", "full", 2)
    write_run(tmp_path, predicted=("a", "a"), seconds=5.0)
    write_run(tmp_path, other)
    facts = facts_of_finished([CELL, other], tmp_path, budget=60)
    assert facts[CELL] == FinishedFacts(5.0, "it predicts one class for every example")
    assert not facts[other].degenerate
    for run in (CELL, other):
        (tmp_path / "results/runs" / run.path / "predictions.parquet").unlink()
    assert facts_of_finished([CELL, other], tmp_path, budget=60) == facts


def test_no_more_is_read_than_there_is_time_for_and_the_next_call_goes_on(tmp_path):
    cells = [Cell("m", "t", "full", seed) for seed in range(3)]
    for cell in cells:
        write_run(tmp_path, cell)
    found = [len(facts_of_finished(cells, tmp_path, budget=0)) for _ in range(3)]
    assert found == [1, 2, 3]


def test_time_left_is_the_mean_of_the_likest_finished_runs_by_how_many_run():
    finished = {
        Cell("m", "t", "full", 1): 100.0,
        Cell("m", "t", "full", 2): 200.0,
        Cell("m", "u", "full", 1): 1000.0,
    }
    facts = {cell: FinishedFacts(seconds, "") for cell, seconds in finished.items()}
    states = {cell: CellStatus(State.DONE) for cell in finished}
    states[Cell("m", "t", "full", 3)] = CellStatus(State.RUNNING, seconds=50)  # 150 - 50
    states[Cell("m", "t", "full", 4)] = CellStatus(State.RUNNING, seconds=500)  # overdue
    states[Cell("m", "u", "lora", 1)] = CellStatus(State.MISSING)  # as of m/u: 1000
    states[Cell("n", "t", "full", 1)] = CellStatus(State.QUEUED)  # as of all: 433.3
    states[Cell("m", "t", "full", 5)] = CellStatus(State.FAILED)
    assert seconds_left(states, facts) == pytest.approx((100 + 1000 + 1300 / 3) / 2)
    assert seconds_left(states, {}) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations_have_the_two_largest_units(seconds, text):
    assert duration(seconds) == text


def test_the_status_shows_the_table_the_failures_and_the_command_to_go_on(tmp_path, journal):
    write_run(tmp_path, predicted=("a", "a"))
    submit(journal, Cell("m", "t", "lora", 2), job=2)
    write_attempt(tmp_path, Cell("m", "t", "lora", 1), "out of memory", "a batch of 1")
    journal.emit(
        record(LogEvent.JOB_INFO, jobid=3, rule_name="fetch_model", wildcards={"model": "m"},
               log=["fetch.log"])
    )  # fmt: skip
    (tmp_path / "fetch.log").write_text("error: the hub does not answer\n")
    journal.emit(record(LogEvent.JOB_ERROR, jobid=3, log=["fetch.log"]))
    text = status_text(take_status(tmp_path, None), all_rows=False, folder=tmp_path)
    assert "1 of 4 runs done (25%)\nrunning for 0 s: process " in text
    rows = [line.split() for line in text.splitlines()]
    assert ["m", "t", "full", "1", ".", ".", ".", "1", "1"] in rows
    assert ["m", "t", "lora", ".", ".", "1", "1", ".", "."] in rows
    assert ["all", "1", ".", "1", "1", "1", "1"] in rows
    assert "time left: about 2 min for 2 runs, one after the other" in text
    assert "failed: m/t/lora/seed1\n  results/logs/train/m/t/lora/seed1.log\n" in text
    assert "    out of memory: a batch of 1\n" in text
    assert "failed: fetch_model m\n  fetch.log\n    error: the hub does not answer\n" in text
    assert "to go on" not in text, "it still runs"

    path = next((tmp_path / JOURNALS).glob("*.jsonl"))
    first, *others = path.read_text().splitlines(keepends=True)
    start = json.loads(first)
    start["start"]["head"]["began"] += 1  # as if another process had taken its number
    path.write_text(json.dumps(start) + "\n" + "".join(others))
    text = status_text(take_status(tmp_path, None), all_rows=False, folder=tmp_path)
    assert "not running: the last start, 0 s ago, has ended" in text
    command = "snakemake --profile profiles/local --configfile my.yaml"
    assert f"to go on: {command}\n" in text
    assert text.endswith(f"the results of the others: {command} --config partial=true\n")


def test_a_folder_without_a_start_asks_for_a_configuration(tmp_path):
    with pytest.raises(UserError, match="was never started here; name the grid: --configfile"):
        take_status(tmp_path, None)
    (tmp_path / JOURNALS).mkdir(parents=True)
    (tmp_path / JOURNALS / "old.jsonl").write_text('{"start": {"head": {"pid": 1}}}\n')
    with pytest.raises(UserError, match="by another version of the workflow; name the grid"):
        take_status(tmp_path, None)
    status = take_status(tmp_path, [ROOT / "config/demo.yaml"])
    assert len(status.states) == 18


def test_of_a_wide_grid_the_rows_that_need_a_look_are_shown(tmp_path):
    grid = [{"models": ["m"], "tasks": ["t"], "methods": list(map(str, range(99))), "seeds": [1]}]
    write_journal(tmp_path, grid)
    write_attempt(tmp_path, Cell("m", "t", "98", 1), ended="error")
    status = take_status(tmp_path, None)
    text = status_text(status, all_rows=False, folder=tmp_path)
    assert "59 more rows" in text
    assert len(text.splitlines()) < 60
    assert ["m", "t", "98", ".", ".", ".", "1", ".", "."] in [
        line.split() for line in text.splitlines()
    ]
    assert len(status_text(status, all_rows=True, folder=tmp_path).splitlines()) > 100


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    (tmp_path / "results").write_text("a file in place of a folder")
    journal = write_journal(tmp_path)
    submit(journal)
    assert "the status is not recorded" in caplog.text


def test_a_status_imports_neither_snakemake_nor_what_trains(tmp_path, journal):
    code = (
        "import runpy, sys; sys.argv[1:] = ['--directory', sys.argv[1]]\n"
        f"runpy.run_path({str(ROOT / 'scripts/status.py')!r}, run_name='__main__')\n"
        "heavy = {'snakemake', 'torch', 'transformers', 'pandas', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n{code}",
         tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "0 of 4 runs done" in run.stdout
    assert run.stdout.endswith("[]\n")
