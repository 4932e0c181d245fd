"""Jobs in the queue of a folder: whose head process lives, and what is done about the others."""

import os
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tunegrid.cluster import head_process, left_over_jobs, living_heads, slurm
from tunegrid.cluster.living_heads import HEADS, Life, OtherHeads, this_head_process
from tunegrid.cluster.processes import ticks_at_start
from tunegrid.cluster.slurm import QueuedJob

#: The names of all jobs of two head processes.
ONE = "tunegrid_0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "tunegrid_7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def head(tmp_path):
    """Record a head process: its jobs' name, what differs from this very process, its beat."""

    def record(name, beat="1", **changes):
        (tmp_path / HEADS).mkdir(parents=True, exist_ok=True)
        described = living_heads.asdict(replace(this_head_process(), **changes))
        living_heads.write_json(tmp_path / HEADS / f"{name}.json", described)
        (tmp_path / HEADS / f"{name}.beat").write_text(beat)

    return record


def test_a_process_of_this_machine_is_asked_of_the_system(tmp_path, head):
    ended = subprocess.Popen(["true"])
    head(ONE)
    head(OTHER, pid=ended.pid)
    ended.wait()
    heads = OtherHeads(tmp_path)
    assert heads.life(ONE) is Life.LIVES
    assert heads.life(OTHER) is Life.ENDED
    assert heads.life("tunegrid_of_a_version_without_records") is Life.ENDED
    heads.forget_ended()
    assert {path.stem for path in (tmp_path / HEADS).iterdir()} == {ONE}


def test_a_process_that_has_ended_and_is_not_waited_for_does_not_live(tmp_path, head):
    zombie = subprocess.Popen(["true"], stdout=subprocess.PIPE)
    zombie.stdout.read()
    while ticks_at_start(zombie.pid) is not None:
        pass
    head(ONE, pid=zombie.pid)
    assert OtherHeads(tmp_path).life(ONE) is Life.ENDED
    zombie.communicate()


def test_a_later_process_of_the_same_number_is_another(tmp_path, head):
    head(ONE, began=1)
    assert OtherHeads(tmp_path).life(ONE) is Life.ENDED


@pytest.mark.parametrize(("beats", "life"), [(["1", "2"], Life.LIVES), (["1", "1"], Life.ENDED)])
def test_the_beat_tells_of_a_process_on_another_machine(tmp_path, head, monkeypatch, beats, life):
    now = [0.0]
    monkeypatch.setattr(living_heads.time, "monotonic", lambda: now[0])
    heads = OtherHeads(tmp_path)
    head(ONE, beats[0], machine="another")
    assert heads.life(ONE) is Life.UNKNOWN
    now[0] = living_heads.PATIENCE + 1
    head(ONE, beats[1], machine="another")
    assert heads.life(ONE) is life


def test_a_head_process_says_that_it_lives_until_it_forgets_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(living_heads, "BEAT_INTERVAL", 0.01)
    living_heads.record_this_head_process(tmp_path, ONE)
    beat = tmp_path / HEADS / f"{ONE}.beat"
    while not beat.is_file() or beat.read_text() in {"", "1"}:
        pass
    assert OtherHeads(tmp_path).recorded(ONE).pid == os.getpid()
    assert OtherHeads(tmp_path).life(ONE) is Life.LIVES


@pytest.mark.parametrize("wait", [True, False])
def test_the_jobs_of_a_living_head_process_are_left_alone(
    tmp_path, head, monkeypatch, caplog, wait
):
    head(ONE)
    folder = str(tmp_path)
    living = [
        QueuedJob("1", "RUNNING", "None", ONE, folder, "rule_train"),
        QueuedJob("2", "PENDING", "Resources", ONE, folder, "rule_train"),
    ]
    orphans = [
        QueuedJob("3", "RUNNING", "None", OTHER, folder, "rule_train"),
        QueuedJob("4", "PENDING", "Resources", OTHER, folder, "rule_train"),
    ]
    queue = [*living, *orphans]
    cancelled = []

    def cancel(jobs):
        cancelled.extend(job.id for job in jobs)
        queue[:] = [job for job in queue if job.id not in cancelled]

    def sleep(_seconds):
        if cancelled == ["4"]:  # the other orphan is waited for, and ends
            queue[:] = living

    monkeypatch.setattr(slurm, "queued_jobs", lambda: list(queue))
    monkeypatch.setattr(slurm, "cancel_jobs", cancel)
    monkeypatch.setattr(left_over_jobs.time, "sleep", sleep)
    assert left_over_jobs.attend_left_over_jobs(tmp_path, wait=wait) == living
    assert cancelled == (["4"] if wait else ["3", "4"])
    assert queue == living
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith("another start in this folder is at work (process ")
    assert told[0].endswith("its jobs in the queue (2) are left alone")
    assert len([line for line in told if "another start" in line]) == 1


@pytest.mark.parametrize(("seeds", "count"), [("12", 1), ("23", 0)])
def test_jobs_that_another_start_has_in_the_queue_are_warned_of(caplog, seeds, count):
    jobs = [
        SimpleNamespace(name="train", wildcards=["bert", "sst2", "full", seed]) for seed in seeds
    ]
    comment = "rule_train_wildcards_bert_sst2_full_1"
    other = QueuedJob("7", "RUNNING", "None", ONE, "/x", comment)
    head_process.warn_of_jobs_made_twice(jobs, [other])
    assert len(caplog.messages) == count
    assert all("the other start has 1 in the queue already" in line for line in caplog.messages)
