"""What jobs ask a cluster for, what became of their attempts, what can never start."""

import errno
import json
import os
import shlex
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.job_status_query import (
    query_job_status_sacct,
    query_job_status_squeue,
)
from stand_in_commands import write_command
from tiny import cell

from tunegrid.cli import expanded_path
from tunegrid.cluster import attempts as attempts_module
from tunegrid.cluster import head_process, job_resources, job_watch, slurm
from tunegrid.cluster.attempts import AttemptEnd, AttemptLog
from tunegrid.cluster.job_requests import JobRequest, explain_misfits
from tunegrid.cluster.job_resources import memory_mb, runtime_minutes
from tunegrid.cluster.job_watch import PollingPace, QueueWatch
from tunegrid.cluster.partition_bounds import BoundsOfPartitions, PartitionBounds
from tunegrid.cluster.slurm import NodeOffer, QueuedJob
from tunegrid.config.schema import ClusterSettings
from tunegrid.errors import UserError
from tunegrid.stopping import TIME_RUNS_OUT, StopCause, Stopped, StopReason

SIGTERM = StopCause(StopReason.SIGNAL, "SIGTERM")


@pytest.fixture
def states(monkeypatch):
    """The states of Slurm's jobs, by id."""
    found = {}
    monkeypatch.setattr(attempts_module, "job_state", found.get)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return found


def in_job(number, start="s"):
    return {"SLURM_JOB_ID": number, "SLURMD_NODENAME": "g1", "TUNEGRID_START": start}


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ("OUT_OF_MEMORY", "out of memory"),
        ("TIMEOUT", "time limit"),
        ("NODE_FAIL", "node lost"),
        ("CANCELLED", "cancelled"),
        ("RUNNING", None),
        (None, None),
    ],
)
def test_what_became_of_a_killed_attempt_is_asked_of_slurm(tmp_path, states, state, ended):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    states["7"] = state
    kept.begin(8000, in_job("7"))
    assert [attempt.ended for attempt in kept.read()] == [ended]
    states.clear()  # the controller forgets; the file does not
    assert [attempt.ended for attempt in kept.read()] == [ended]


@pytest.mark.parametrize(
    ("line", "ended"),
    [
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.", "out of memory"),
        ("srun: error: g1: task 0: Killed", AttemptEnd.KILLED),
    ],
)
def test_a_process_killed_for_memory_is_told_by_the_log_of_slurm(
    tmp_path, states, monkeypatch, line, ended
):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / ".snakemake/slurm_logs/rule_train/a_b/7.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"Building DAG of jobs...\n{line}\n")
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    kept.begin(8000, in_job("7"))
    states["7"] = "FAILED"
    assert kept.read()[0].ended == ended


def test_a_requeued_job_knows_that_it_was(tmp_path, states, monkeypatch):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    kept.begin(8000, in_job("7"))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert kept.read()[0].ended == AttemptEnd.REQUEUED


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        (Stopped(TIME_RUNS_OUT, "after step 3"), "time limit"),
        (Stopped(SIGTERM, "after step 3"), "asked to stop"),
        (Stopped(SIGTERM, "before its job's time limit"), "asked to stop"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full or away"),
        (UserError("no such method"), "error"),
        (ValueError("a bug"), "error"),
    ],
)
def test_an_attempt_says_why_it_ended(tmp_path, states, reason, ended):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    with pytest.raises(type(reason)), kept.recorded(None, in_job("7")):
        raise reason
    assert kept.read()[0].ended == ended


@pytest.mark.parametrize(("start", "refused"), [("s", True), ("another", False)])
def test_an_error_is_tried_again_by_the_next_start_alone(tmp_path, states, start, refused):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    with pytest.raises(UserError), kept.recorded(None, in_job("7")):
        raise UserError("no such method")
    if refused:
        with (
            pytest.raises(UserError, match=r"not tried again.*job 7 on g1.*no such method"),
            kept.recorded(None, in_job("8", start)),
        ):
            raise AssertionError("it was tried")
    else:
        with kept.recorded(None, in_job("8", start)):
            pass
    assert len(kept.read()) == (1 if refused else 2)


@pytest.mark.parametrize(("state", "refused"), [("CANCELLED", True), ("PREEMPTED", False)])
def test_a_run_that_was_asked_to_stop_since_it_was_cancelled_is_not_tried_again(
    tmp_path, states, state, refused
):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    with pytest.raises(Stopped), kept.recorded(None, in_job("7")):
        raise Stopped(SIGTERM, "after step 3")
    states["7"] = state
    if refused:
        with pytest.raises(UserError, match="not tried again"):
            kept.begin(None, in_job("8"))
    else:
        kept.begin(None, in_job("8"))


def test_two_attempts_at_once_are_told_apart(tmp_path, states):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    with (
        kept.recorded(None, in_job("7")),
        pytest.raises(ValueError, match="a bug"),
        kept.recorded(None, in_job("8", "other")),
    ):
        raise ValueError("a bug")
    assert [(one.slurm_job, one.ended) for one in kept.read()] == [
        ("7", "finished"),
        ("8", "error"),
    ]


def test_a_half_written_line_and_other_settings_are_left_out(tmp_path, states):
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    with kept.recorded(None, in_job("7")):
        pass
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('\n{"began": {"target": "x", "slurm_job"')
    with kept.recorded(None, in_job("8")):
        pass
    assert [attempt.slurm_job for attempt in kept.read()] == ["7", "8"]
    assert AttemptLog(tmp_path / "a.jsonl", target="other settings").read() == []


def model_of(folder, megabytes):
    (folder / "model").mkdir()
    with (folder / "model/model.safetensors").open("wb") as file:
        file.truncate(megabytes * 10**6)
    return folder / "model"


def encoded_of(folder, tokens):
    (folder / "encoded").mkdir()
    card = {"splits": {"train": {"tokens": tokens, "examples": 3200}}}
    (folder / "encoded/encoding.json").write_text(json.dumps(card))
    return folder / "encoded"


def test_memory_follows_the_model_and_the_method(tmp_path):
    kept, cluster = AttemptLog(None, target="x"), ClusterSettings()
    model = model_of(tmp_path, 500)

    def memory(settings, folder=model):
        return memory_mb(
            settings=settings, model=folder, cluster=cluster, attempts=kept, partition=None
        )

    full = memory(cell())
    adapter = memory(cell({"kind": "adapter", "adapter": "lora"}))
    assert (full, adapter) == (7500, 5000)
    assert memory(cell(), tmp_path / "not fetched") == full


def test_time_follows_weights_tokens_and_epochs(tmp_path):
    """125 million weights, 100,000 tokens, 15 epochs: 1.1e15 FLOPs, 417 s, thrice that."""
    kept, cluster = AttemptLog(None, target="x"), ClusterSettings()
    model, encoded = model_of(tmp_path, 500), encoded_of(tmp_path, 100_000)

    def minutes(cells):
        return runtime_minutes(
            cells=cells,
            model=model,
            encoded=encoded,
            cluster=cluster,
            attempts=kept,
            partition=None,
        )

    assert minutes([cell(epochs=15)]) == 36
    assert minutes([cell(epochs=15)] * 3) == 78
    # 100 steps of 32 examples are an epoch of the 3,200.
    assert minutes([cell(epochs=1, max_steps=1500, batch_size=32)]) == 36
    assert minutes([cell(epochs=15, gradient_checkpointing=True)]) == 43


@pytest.mark.parametrize(
    ("failures", "partition", "mem", "time"),
    [([], None, 8000, 60), (["OUT_OF_MEMORY"], None, 12000, 60),
     (["TIMEOUT", "TIMEOUT"], None, 8000, 100), (["NODE_FAIL", "PREEMPTED"], None, 8000, 60),
     (["OUT_OF_MEMORY", "TIMEOUT"], None, 12000, 100),
     (["OUT_OF_MEMORY", "TIMEOUT"], "small", 10000, 90),
     (["OUT_OF_MEMORY", "TIMEOUT"], "smaller than the first attempt", 8000, 60),
     (["OUT_OF_MEMORY", "TIMEOUT"], "small,endless", 12000, 100),
     (["OUT_OF_MEMORY", "TIMEOUT"], "not known", 12000, 100), ([], "small", 8000, 60)],
)  # fmt: skip
def test_a_further_attempt_gets_what_the_last_one_lacked_and_the_partition_gives(
    tmp_path, states, monkeypatch, failures, partition, mem, time
):
    limits = {"small": 90, "smaller than the first attempt": 30, "endless": None}
    memory = {"small": 10000, "smaller than the first attempt": 4000, "endless": 64000}
    offers = [NodeOffer(name, limits[name], mem_mb, 8, {}) for name, mem_mb in memory.items()]
    monkeypatch.setattr(slurm, "node_offers", lambda: offers)
    monkeypatch.setattr(job_resources, "BOUNDS", BoundsOfPartitions())
    kept = AttemptLog(tmp_path / "a.jsonl", target="x")
    for number, state in enumerate(failures):
        states[str(number)] = state
        kept.begin(8000, in_job(str(number), str(number)))
        kept.read()
    cluster = ClusterSettings(mem="8GB", runtime="1h", max_mem="12GB", max_runtime="100m")
    common = {
        "model": tmp_path, "cluster": cluster, "attempts": kept, "partition": partition
    }  # fmt: skip
    assert memory_mb(settings=cell(), **common) == mem
    assert runtime_minutes(cells=[cell()], encoded=tmp_path, **common) == time


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("infinite", None), ("30:00", 30), ("1:30:00", 90), ("2-00:00:00", 2880), ("0:30", 0.5)],
)
def test_time_limits_are_read_as_slurm_prints_them(text, minutes):
    assert slurm.parse_time_limit(text) == minutes


@pytest.mark.parametrize(
    ("text", "gpus"),
    [("(null)", {}), ("gpu:4", {"": 4}), ("gpu:a100:4(S:0-1)", {"a100": 4}),
     ("gpu:a100:2,gpu:v100:6,shard:8", {"a100": 2, "v100": 6})],
)  # fmt: skip
def test_gpus_are_read_as_slurm_prints_them(text, gpus):
    assert slurm.parse_gpus(text) == gpus


OFFERS = [
    NodeOffer("gpu", 1440, 64000, 16, {"a100": 4}),
    NodeOffer("gpu", 1440, 128000, 32, {"v100": 8}),
    NodeOffer("cpu", None, 32000, 8, {}),
    NodeOffer("cloud", 120, 16000, 4, {}),
    NodeOffer("cloud", 120, float("inf"), float("inf"), None),
]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            {"slurm_partition": "gup"},
            "'gup' is none of this cluster's: cloud, cpu, gpu",
        ),
        ({"slurm_partition": "gpu", "runtime": 1441}, "runtime 1441 min is over the 1440 min"),
        ({"slurm_partition": "cpu", "runtime": 10**6}, None),
        ({"slurm_partition": "cpu", "mem_mb": 40000}, "mem 40000 MB is over the 32000 MB"),
        ({"slurm_partition": "cpu,gpu", "mem_mb": 100000, "runtime": 2000}, None),
        ({"slurm_partition": "gpu", "threads": 33}, "threads 33 is over the 32 CPUs"),
        ({"slurm_partition": "gpu", "gpu": 9}, "gpu 9 is over the 8 GPUs"),
        ({"slurm_partition": "gpu", "gpu": 1, "gpu_model": "h100"}, "'h100' is none of"),
        ({"slurm_partition": "gpu", "gpu": 1, "gpu_model": "a100"}, None),
        ({"slurm_partition": "cpu", "gpu": 1}, "gpu 1 is over the 0 GPUs"),
        ({"slurm_partition": "cloud", "gpu": 8, "gpu_model": "h100", "mem_mb": 10**6}, None),
        ({"slurm_partition": "cloud", "runtime": 121}, "runtime 121 min is over the 120 min"),
    ],
)
def test_what_would_pend_for_ever_is_named(asked, line):
    found = explain_misfits([JobRequest("train", asked)] * 2, OFFERS)
    assert len(found) == (line is not None)
    assert all(line in text and text.startswith("train: ") for text in found)


#: The names of all jobs of two head processes.
MINE = "tunegrid_0f8fad5b-d9cb-469f-a165-70867728950e"
ANOTHER = "tunegrid_7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_jobs_of_the_workflow_are_known_by_their_folder_and_name(tmp_path, monkeypatch):
    def job(name, folder=tmp_path):
        return QueuedJob("1", "RUNNING", "None", name, str(folder), "")

    mine, another = job(MINE), job(ANOTHER)
    # The last is a user's own, which the head process runs in.
    others = [job(MINE, tmp_path / "other"), job("wrap"), job("tunegrid_head")]
    monkeypatch.setattr(slurm, "queued_jobs", lambda: [mine, another, *others])
    assert slurm.workflow_jobs(tmp_path) == [mine, another]
    assert slurm.workflow_jobs(tmp_path, job_name=ANOTHER) == [another]


def test_the_head_process_leaves_none_of_its_jobs_behind(tmp_path, monkeypatch):
    def job(number, state, name=MINE, folder=tmp_path):
        return QueuedJob(number, state, "None", name, str(folder), "")

    others = [job("1", "RUNNING", ANOTHER), job("2", "RUNNING", folder=tmp_path / "other")]
    mine = [job("3", "RUNNING"), job("4", "PENDING"), job("5", "COMPLETING")]
    monkeypatch.setattr(slurm, "queued_jobs", lambda: [*others, *mine])
    commands = []
    monkeypatch.setattr(slurm, "run_slurm_command", lambda *command: commands.append(command))
    head_process.cancel_own_jobs(tmp_path, job_name=MINE)
    assert commands == [("scancel", "3", "4")]


class Executor:
    """What the interface of executors makes public."""

    def __init__(self, *numbers):
        self.lock = threading.Lock()
        self.active_jobs = [SimpleNamespace(external_jobid=number) for number in numbers]
        self.next_seconds_between_status_checks = 3
        self.reported = []

    def report_job_error(self, job, msg):
        self.reported.append((job.external_jobid, msg))


@pytest.mark.parametrize(("age", "wait"), [(0, 3), (20, 3), (100, 10), (1000, 30)])
def test_slurm_is_asked_after_a_tenth_of_the_time_that_nothing_ended(monkeypatch, age, wait):
    now = [1000.0]
    monkeypatch.setattr(job_watch.time, "monotonic", lambda: now[0])
    executor = Executor()
    pace = PollingPace(executor, 3)
    pace.adjust()
    now[0] += age
    pace.adjust()
    # The plugin adds 10 s after an answer in which nothing has ended.
    assert executor.next_seconds_between_status_checks + 10 == pytest.approx(wait)
    executor.next_seconds_between_status_checks = 3  # and does this when something has
    pace.adjust()
    assert executor.next_seconds_between_status_checks + 10 == 3


def test_a_job_that_slurm_has_forgotten_is_given_up_at_the_second_look(monkeypatch, tmp_path):
    known = {"7", "8"}
    monkeypatch.setattr(slurm, "job_ids_known_to_slurm", lambda: known)
    monkeypatch.setattr(slurm, "queued_jobs", list)
    executor = Executor("7", "8")
    looking = QueueWatch(executor, tmp_path, job_name=MINE)
    looking.look()
    known = {"7"}
    looking.look()
    known = None  # no answer tells nothing
    looking.look()
    assert not executor.reported
    known = {"7"}
    looking.look()
    assert [number for number, _ in executor.reported] == ["8"]
    assert [job.external_jobid for job in executor.active_jobs] == ["7"]


@pytest.mark.parametrize(
    ("reason", "never"),
    [
        ("PartitionTimeLimit", True),
        ("QOSMaxCpuPerJobLimit", True),
        ("AssocMaxGRESPerJob", True),
        ("QOSMinGRES", True),
        ("Job's QOS not permitted to use this partition (gpu allows normal not long)", True),
        ("Job's_account_not_permitted_to_use_this_partition_(gpu_denies_ml_including_ml)", True),
        ("launch failed requeued held", True),
        ("Resources", False),
        ("Priority", False),
        ("QOSMaxJobsPerUserLimit", False),
        ("AssocGrpGRES", False),
        ("ReqNodeNotAvail, UnavailableNodes:g[1-2]", False),
        ("JobHeldAdmin", False),
        ("JobHeldUser", False),
    ],
)
def test_a_job_is_cancelled_for_a_reason_that_never_passes_alone(reason, never):
    job = QueuedJob("7", "PENDING", reason, MINE, "/x", "rule_train")
    assert job_watch.can_never_start(job) is never


def test_a_held_job_is_waited_for_and_that_is_said_once(monkeypatch, tmp_path, caplog):
    jobs = [QueuedJob("7", "PENDING", "JobHeldAdmin", MINE, str(tmp_path), "rule_train")]
    commands = []
    monkeypatch.setattr(slurm, "queued_jobs", lambda: jobs)
    monkeypatch.setattr(slurm, "run_slurm_command", lambda *command: commands.append(command))
    looking = QueueWatch(Executor("7"), tmp_path, job_name=MINE)
    looking.look()
    looking.look()
    jobs = [QueuedJob("7", "PENDING", "JobHeldUser", MINE, str(tmp_path), "rule_train")]
    looking.look()
    begin = "Slurm job 7 (rule_train) is waited for until it is released: "
    assert [record.getMessage() for record in caplog.records] == [
        f"{begin}an administrator holds it",
        f"{begin}you hold it; scontrol release 7",
    ]
    assert not [command for command in commands if command[0] == "scancel"]


def test_without_accounting_sacct_is_answered_by_squeue(tmp_path, monkeypatch):
    write_command(tmp_path, "squeue", 'echo "squeue $@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "has_accounting", lambda: False)
    head_process.stand_in_for_accounting()
    question = shlex.split(query_job_status_sacct("tunegrid_42"))
    said = subprocess.run(question, capture_output=True, text=True, check=True).stdout
    assert sorted(said.split()) == sorted(shlex.split(query_job_status_squeue("tunegrid_42")))


def test_a_fast_disk_is_named_by_the_node_s_own_variable(monkeypatch):
    monkeypatch.setenv("FAST", "/fast/7")
    assert expanded_path("$FAST/run") == Path("/fast/7/run")


def test_slurm_is_asked_for_the_bounds_of_partitions_until_it_answers_and_then_no_more(monkeypatch):
    nodes = [
        NodeOffer("gpu", 90, 4000, 8, {}),
        NodeOffer("gpu", 90, 2000, 8, {}),
        NodeOffer("cloud", 60, float("inf"), float("inf"), None),
    ]
    answers = [None, nodes]
    monkeypatch.setattr(slurm, "node_offers", lambda: answers.pop(0))
    bounds = BoundsOfPartitions()
    assert bounds.of("gpu") == PartitionBounds()
    assert bounds.of("gpu") == PartitionBounds(minutes=90, mem_mb=4000)
    assert bounds.of("cloud") == PartitionBounds(minutes=60)


def test_a_user_s_own_options_of_slurm_s_commands_are_dropped_and_those_of_jobs_named(
    monkeypatch, caplog
):
    environment = {"SQUEUE_PARTITION": "cpu", "SLURM_CONF": "/site/slurm.conf"}
    requests = {"SBATCH_QOS": "long", "SBATCH_WAIT": "1"}
    monkeypatch.setattr(os, "environ", environment | requests)
    slurm.drop_option_variables()
    assert os.environ == {"SLURM_CONF": "/site/slurm.conf"}
    slurm.drop_option_variables()
    (told,) = caplog.messages
    assert told.startswith("not used: SBATCH_QOS, SBATCH_WAIT of your environment; ")
