"""What goes wrong on clusters while a grid runs: it ends complete, as if nothing had happened.

In each case the results are bitwise those of an undisturbed run on one machine, and a run that had
written a checkpoint goes on from it.
"""

import errno
import re
import signal
import subprocess
import threading
import time
from datetime import datetime

import pytest
from running import (
    ADAPTER,
    FULL,
    ONE_CELL,
    PATIENCE,
    TARGET,
    run_folders,
    went_on_from_a_checkpoint,
)
from slurm import memory_is_confined, wait_for
from stand_in_commands import write_command

from tunegrid.stopping import MARGIN


def check(run, undisturbed, *, cells, resumed=True):
    """Every cell of the run's grid is there, and is what it is undisturbed."""
    found = run.results()
    assert set(found) == set(cells)
    assert found == {path: undisturbed[path] for path in cells}
    if resumed:
        folders = run_folders(run.directory)
        assert any(map(went_on_from_a_checkpoint, folders)), "no run went on from its checkpoint"


# Faults of jobs and nodes.


def test_a_run_that_runs_out_of_time_goes_on_with_more(run_on, cluster, undisturbed):
    """As much as the partition gives: three minutes, which also the first attempt had."""
    cluster.call("scontrol", "update", "PartitionName=short", "MaxTime=3")
    try:
        run = run_on(cluster, partition="short", grid=ONE_CELL | {"cluster": {"runtime": "3m"}})
        run.start()
        job_id = run.job_in_training()
        with run.hold(job_id):
            # The job's own end, also where starting has taken its time.
            stops = datetime.fromisoformat(cluster.job(job_id)["EndTime"]).timestamp() - MARGIN
            time.sleep(max(0, stops + 1 - time.time()))
        output = run.finish()
    finally:
        cluster.call("scontrol", "update", "PartitionName=short", "MaxTime=30")
    check(run, undisturbed, cells=[FULL])
    assert run.attempt_ends(FULL)[0] == "time limit"
    assert set(run.attempt_ends(FULL)[1:]) == {"finished"}
    resources = re.findall(r"resources: .*slurm_partition=short, runtime=(\d+)", output)
    assert resources == ["3", "3"], "the second attempt asked for more than the partition gives"
    assert re.search(r"attempt 1, .*: time limit", run.logs())


def test_a_lost_node_a_requeue_and_a_preemption_cost_only_what_followed_the_checkpoint(
    run_on, cluster, undisturbed
):
    """All three of one run, one after the other."""
    run = run_on(cluster, grid=ONE_CELL)
    run.start()
    job_id = run.job_in_training()
    with run.hold(job_id):
        assert run.status().startswith("0 of 1 runs done (0%)\nrunning for ")
        assert ["tiny-bert", "tiny", "full", ".", "1"] in [
            line.split()[:5] for line in run.status().splitlines()
        ]
        node = cluster.job(job_id)["NodeList"]
        cluster.lose_node(node)
    try:
        job_id = run.job_of_attempt(FULL, 2)
        with run.hold(job_id) as held:
            cluster.call("scontrol", "requeue", job_id)
            held.wait_until_killed()
    finally:
        cluster.start_node(node)
        wait_for(
            lambda: cluster.states()[node] in {"idle", "mix", "alloc"},
            seconds=PATIENCE,
            what="the node's return",
            every=1,
        )
    with run.hold(run.job_of_attempt(FULL, 3)) as held:
        urgent = ("sbatch", "-p", "urgent", "-N2", "--exclusive", "-o", "/dev/null")
        cluster.call(*urgent, "--wrap", "sleep 2")
        held.wait_until_killed()
    run.finish()
    check(run, undisturbed, cells=[FULL])
    assert run.attempts_begun(FULL) == 4
    *_, requeued, preempted, last = run.attempt_ends(FULL)  # the lost node's may not be told
    assert requeued.startswith("requeued by Slurm")
    assert preempted.startswith("requeued by Slurm")
    assert last == "finished"


def test_a_cancelled_job_is_reported_and_the_next_start_tries_it_again(
    run_on, cluster, undisturbed
):
    """The rest goes on. Of the next start, the head process is killed, and the one after it cancels
    the job that was left over."""
    grid = {"cluster": {"left_over_jobs": "cancel"}}
    run = run_on(cluster, grid=grid, profile={"retries": 1})  # enough to see it refused
    run.start()
    cancelled = run.job_in_training()
    with run.hold(cancelled) as held:
        cluster.call("scancel", cancelled)
        held.wait_until_killed()
    output = run.finish()
    assert run.process.returncode == 1
    assert f"SLURM-job '{cancelled}' failed, SLURM status is: 'CANCELLED'" in output
    assert "not tried again, since the last attempt" in output
    assert len(run.results()) == 1, "the other cell was lost"

    (path,) = {FULL, ADAPTER} - set(run.results())
    run.start()
    left_over = run.job_of_attempt(path, 2)
    with run.hold(left_over) as held:
        start_again_after_a_kill(run)
        run.wait_until_printed(f"left over by an earlier start, cancelled: {left_over}")
        held.wait_until_killed()
    run.finish()
    assert run.process.returncode == 0, run.output()
    check(run, undisturbed, cells=[FULL, ADAPTER])
    assert not cluster.queue()


def start_again_after_a_kill(run):
    """Kill the head process, and start another as Snakemake wants it."""
    run.kill()
    run.start("--unlock")
    run.finish()
    run.start()


@pytest.mark.skipif(not memory_is_confined(), reason="Slurm cannot limit memory on this machine")
def test_a_run_that_runs_out_of_memory_gets_more(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE_CELL | {"cluster": {"mem": "480MB"}})
    run.run()
    check(run, undisturbed, cells=[FULL], resumed=False)
    assert run.attempt_ends(FULL)[0] == "out of memory"
    assert run.attempt_ends(FULL)[-1] == "finished"


# Faults of the head process.


def test_ctrl_c_cancels_the_jobs_and_a_killed_head_process_leaves_them(
    run_on, cluster, undisturbed
):
    """A rerun goes on in either case, and does not double the job that was left over."""
    run = run_on(cluster, grid=ONE_CELL | {"cluster": {"left_over_jobs": "wait"}})
    run.start()
    with run.hold(run.job_in_training()) as held:
        run.kill(signal.SIGINT)
        held.wait_until_killed()
    wait_for(lambda: not cluster.queue(), seconds=30, what="the end of the cancelled jobs", every=1)

    run.start()
    left_over = run.job_of_attempt(FULL, 2)
    with run.hold(left_over):
        start_again_after_a_kill(run)
        run.wait_until_printed(f"left over by an earlier start, waited for: {left_over}")
    run.finish()
    assert run.process.returncode == 0, run.output()
    check(run, undisturbed, cells=[FULL])
    assert not cluster.queue()
    assert "taken from results/.finished" in run.logs(), "the run was trained twice"


def test_two_head_processes_never_write_the_same_run_and_leave_each_other_s_jobs_alone(
    run_on, cluster, undisturbed
):
    run = run_on(cluster, grid=ONE_CELL)
    run.start()
    with run.hold(run.job_in_training()):
        # What users do beside a grid: a target of its own, without Snakemake's lock.
        command = [word for word in run.command("--nolock") if word != TARGET]
        other = subprocess.run(
            [*command, "results/cells.csv"],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        said = other.stdout + other.stderr
        assert other.returncode == 0, said
        assert "another start in this folder is at work (process " in said
        assert "cancelled" not in said
        assert run.attempts_begun(FULL) == 1

        # The lock holds even if the queue is not looked at: another working copy of the same job.
        other = subprocess.Popen(
            run.command("--nolock", "--executor", "local", "--cores", "1"),
            env=cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Read while it waits: Snakemake removes a log when another job is to write it.
        wait_for(
            lambda: "another process makes this run; waiting" in run.logs(),
            seconds=PATIENCE,
            what="a process that waits for the other",
        )
    output, _ = other.communicate(timeout=PATIENCE)
    run.finish()
    assert run.process.returncode == 0, run.output()
    assert other.returncode == 0, output
    check(run, undisturbed, cells=[FULL], resumed=False)
    assert run.attempts_begun(FULL) == 2
    assert run.attempt_ends(FULL) == ["finished", "finished"]
    assert "taken from results/.finished" in run.logs(), "the run was trained twice"


# Faults of the cluster itself.


def test_accounting_and_the_controller_that_are_away_and_squeue_that_fails_now_and_then(
    run_on, accounted, undisturbed, tmp_path
):
    questions = tmp_path / "questions"
    write_command(
        tmp_path,
        "squeue",
        f"echo x >> {questions}\n[ $(( $(wc -l < {questions}) % 3 )) = 0 ] ||"
        ' { echo "squeue: error: slurm_load_jobs error" >&2; exit 1; }\n'
        'exec /usr/bin/squeue "$@"',
    )

    def wait_for_questions(count):
        """Wait until the jobs have been asked about so often again."""
        before = len(questions.read_text())
        wait_for(
            lambda: len(questions.read_text()) >= before + count * len("x\n"),
            seconds=PATIENCE,
            what="questions for the jobs",
        )

    path = f"{tmp_path}:{accounted.environment['PATH']}"
    run = run_on(accounted, grid=ONE_CELL, environment={"PATH": path})
    run.start()
    job_id = run.job_in_training()
    with run.hold(job_id):
        accounted.kill_daemon("slurmdbd")
        try:
            wait_for_questions(4)
        finally:
            accounted.start_accounting_daemon()
        accounted.wait_until_saved(job_id)
        accounted.kill_daemon("slurmctld")
        try:
            wait_for_questions(4)
        finally:
            accounted.start_controller()
            wait_for(
                lambda: accounted.succeeds("scontrol", "ping"),
                seconds=PATIENCE,
                what="an answer of the controller",
                every=1,
            )
    run.finish()
    check(run, undisturbed, cells=[FULL], resumed=False)
    assert run.attempts_begun(FULL) == 1


# Faults of the disk.


def test_a_full_disk_loses_nothing(run_on, cluster, undisturbed, tmp_path):
    run = run_on(cluster, grid=ONE_CELL)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], check=True)
    try:
        subprocess.run(["cp", "-a", run.directory, disk / "out"], check=True)
        run.directory = disk / "out"
        run.start()
        with run.hold(run.job_in_training()):
            fill(disk / "ballast")
        wait_for(
            lambda: "No space left on device" in run.logs(),
            seconds=PATIENCE,
            what="a run that notices",
        )
        (disk / "ballast").unlink()
        run.finish()
        if run.process.returncode:
            run.run()
        check(run, undisturbed, cells=[FULL], resumed=False)  # it may have lived through it
    finally:
        run.end()
        subprocess.run(["umount", "-l", disk], check=True)


def fill(path):
    """Write into a file until there is no space."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 2**12)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
            return


def test_an_output_that_appears_late_is_waited_for(run_on, cluster, tmp_path):
    run = run_on(cluster, environment=cluster.environment_for_any_workflow)
    run.source = run.directory = tmp_path
    (tmp_path / "Snakefile").write_text(
        'rule runs:\n    input: "late"\n    localrule: True\n'
        'rule late:\n    output: "late"\n    shell: "touch done"\n'
    )

    def appear():
        wait_for((tmp_path / "done").exists, seconds=PATIENCE, what="the end of the job")
        time.sleep(8)
        (tmp_path / "late").touch()

    disk = threading.Thread(target=appear)
    disk.start()
    run.run()
    disk.join()


# What is refused, or given up, since no cluster could mend it.


def test_an_error_of_the_run_is_told_in_one_line_and_not_tried_again(run_on, cluster):
    """Here: a fast disk that is not there."""
    run = run_on(cluster, grid=ONE_CELL | {"cluster": {"scratch": "/none"}}, profile={"retries": 1})
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert "error: cluster.scratch: no such folder on this node: /none" in output
    assert "not tried again, since the last attempt" in output
    assert run.attempts_begun(FULL) == 1
    assert run.attempt_ends(FULL) == ["error"]
    assert "Traceback" not in output


def test_a_method_that_does_not_fit_asks_for_no_gpu(run_on, cluster):
    bad = {"bad": {"kind": "adapter", "adapter": "nonsense"}}
    grid = [{"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["bad"], "seeds": [1]}]
    run = run_on(
        cluster, grid={"grid": grid, "methods": bad, "overrides": []}, profile={"retries": 0}
    )
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert output.count("adapter: 'nonsense' is no configuration string") == 1
    assert "Traceback" not in output
    assert re.findall(r"^rule (\w+):", output, re.MULTILINE) == [
        "try_cell"
    ]  # the only job of Slurm


def test_a_job_over_its_partitions_limit_is_refused_before_it_is_submitted(run_on, cluster):
    run = run_on(cluster, partition="short", grid=ONE_CELL | {"cluster": {"runtime": "2h"}})
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert "error: train: runtime 120 min is over the 30 min of partition short" in output
    assert "has been submitted" not in output
    assert not cluster.queue()


def test_a_profile_that_is_not_filled_in_is_refused(run_on, cluster):
    run = run_on(cluster, partition="FILL-IN", grid=ONE_CELL)
    run.start()
    output = run.finish()
    assert run.process.returncode == 1
    assert "profiles/slurm/config.yaml: slurm_partition is not filled in" in output
    assert "Traceback" not in output
