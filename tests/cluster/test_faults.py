"""What goes wrong on clusters, while a grid runs: it ends complete, as if nothing had happened.

In each case the results are bitwise those of an undisturbed run on one machine, and a run that had
written a checkpoint goes on from it.
"""

import errno
import json
import signal
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from slurm import memory_is_confined, wait_for

from tunegrid.training.stopping import MARGIN

#: A grid of one cell.
ONE = {
    "grid": [{"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["full"], "seeds": [1]}]
}  # fmt: skip
FULL = "tiny-bert/tiny/full/seed1"


def attempts(run, path=FULL):
    """Why each attempt at a run ended."""
    lines = (run.directory / f"results/.attempts/{path}.jsonl").read_text().split("\n")
    return [json.loads(line)["ended"] for line in lines if '"ended": "' in line]


def began(run, path=FULL):
    """How many attempts at a run began."""
    text = (run.directory / f"results/.attempts/{path}.jsonl").read_text()
    return text.count('"began"')


def check(run, undisturbed, *, resumed=True):
    """Every cell of the run's grid is there, and is what it is undisturbed."""
    found = run.results()
    assert found
    assert found == {path: undisturbed[path] for path in found}
    if resumed:
        assert run.resumed(), "no run went on from its checkpoint"


def test_preempted_jobs_go_on_when_slurm_starts_them_again(run_on, cluster, undisturbed):
    run = run_on(cluster)
    run.start()
    run.job_in_training()
    urgent = ("sbatch", "-p", "urgent", "-N2", "--exclusive", "-o", "/dev/null")
    cluster.call(*urgent, "--wrap", "sleep 2")
    run.finish()
    check(run, undisturbed)
    assert len(run.results()) == 2
    assert "requeued by Slurm" in run.logs()


def test_a_requeued_job_goes_on(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE)
    run.start()
    cluster.call("scontrol", "requeue", run.job_in_training())
    run.finish()
    check(run, undisturbed)
    assert "requeued by Slurm" in run.logs()


def test_a_cancelled_job_is_reported_and_the_rest_goes_on(run_on, cluster, undisturbed):
    run = run_on(cluster, profile={"retries": 1})  # enough to see it refused
    run.start()
    cancelled = run.job_in_training()
    cluster.call("scancel", cancelled)
    said = run.finish()
    assert run.process.returncode == 1
    assert f"SLURM-job '{cancelled}' failed, SLURM status is: 'CANCELLED'" in said
    assert "not tried again, since the last attempt" in said
    assert len(run.results()) == 1, "the other cell was lost"
    run.run()  # what was cancelled is tried again by the next start
    check(run, undisturbed)
    assert len(run.results()) == 2


def test_a_run_that_runs_out_of_time_goes_on_with_more(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE | {"cluster": {"runtime": "2m"}})
    run.start()
    job = run.job_in_training()
    # However fast the machine: the run is held until its time runs out.
    cluster.call("scancel", "--signal=STOP", job)
    end = datetime.fromisoformat(cluster.job(job)["EndTime"]).timestamp()
    time.sleep(max(0, end - MARGIN - time.time()) + 1)
    cluster.call("scancel", "--signal=CONT", job)
    said = run.finish()
    check(run, undisturbed)
    assert attempts(run)[0] == "time limit"
    assert set(attempts(run)[1:]) == {"finished"}
    assert "stopped by its job's time limit" in said


@pytest.mark.skipif(not memory_is_confined(), reason="Slurm cannot limit memory on this machine")
def test_a_run_that_runs_out_of_memory_gets_more(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE | {"cluster": {"mem": "480MB"}})
    run.run()
    check(run, undisturbed, resumed=False)
    assert attempts(run)[0] == "out of memory"
    assert attempts(run)[-1] == "finished"


def test_a_lost_node_costs_only_what_followed_the_checkpoint(run_on, cluster, undisturbed):
    run = run_on(cluster, grid=ONE)
    run.start()
    node = cluster.job(run.job_in_training())["NodeList"]
    cluster.lose_node(node)
    try:
        run.finish()
    finally:
        cluster.start_node(node)
        wait_for(lambda: cluster.states() == {"idle"}, 60, "the node is back")
    check(run, undisturbed)
    assert began(run) == 2


def test_a_controller_that_is_away_for_a_while(run_on, cluster, undisturbed):
    run = run_on(cluster)
    run.start()
    cluster.wait_until_saved(run.job_in_training())
    cluster.kill("slurmctld")
    time.sleep(10)
    cluster.start_controller()
    run.finish()
    check(run, undisturbed, resumed=False)
    assert began(run) == 1


def test_accounting_that_is_away_for_a_minute(run_on, accounted, undisturbed):
    run = run_on(accounted)
    run.start()
    run.job_in_training()
    accounted.kill("slurmdbd")
    try:
        time.sleep(60)
        run.finish()
    finally:
        accounted.start_database()
    check(run, undisturbed, resumed=False)
    assert len(run.results()) == 2


def test_squeue_that_fails_now_and_then(run_on, cluster, undisturbed, tmp_path):
    (tmp_path / "squeue").write_text(
        f"#!/bin/sh\necho x >> {tmp_path}/calls\n[ $(( $(wc -l < {tmp_path}/calls) % 3 )) = 0 ] ||"
        ' { echo "squeue: error: slurm_load_jobs error" >&2; exit 1; }\n'
        'exec /usr/bin/squeue "$@"\n'
    )
    (tmp_path / "squeue").chmod(0o755)
    path = f"{tmp_path}:{cluster.environment['PATH']}"
    run = run_on(cluster, environment={"PATH": path})
    run.run()
    check(run, undisturbed, resumed=False)
    assert len(run.results()) == 2


def test_ctrl_c_cancels_the_jobs_and_a_rerun_goes_on(run_on, cluster, undisturbed):
    run = run_on(cluster)
    run.start()
    run.job_in_training()
    run.kill(signal.SIGINT)
    wait_for(lambda: not cluster.jobs(), 30, "the jobs are cancelled")
    run.run()
    check(run, undisturbed)
    assert len(run.results()) == 2


@pytest.mark.parametrize("choice", ["wait", "cancel"])
def test_jobs_that_a_killed_head_process_left_are_not_doubled(run_on, cluster, undisturbed, choice):
    run = run_on(cluster, grid=ONE | {"cluster": {"left_over_jobs": choice}})
    run.start()
    left = run.job_in_training()
    run.kill()
    run.start("--unlock")
    run.finish()
    said = run.run()
    check(run, undisturbed, resumed=choice == "cancel")
    told = "waited for" if choice == "wait" else "cancelled"
    assert f"left over by an earlier start, {told}: {left}" in said
    assert not cluster.jobs()
    if choice == "wait":
        assert "taken from results/.finished" in run.logs(), "the run was trained twice"


def test_two_head_processes_never_write_the_same_run(run_on, cluster, undisturbed):
    """The lock holds even if the queue is not looked at: another working copy of the same job."""
    run = run_on(cluster, grid=ONE)
    run.start()
    run.job_in_training()
    other = subprocess.Popen(
        run.command("--nolock", "--executor", "local", "--cores", "1"),
        env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    # Read while it waits: Snakemake removes a log when another job is to write it.
    wait_for(lambda: "another process makes this run; waiting" in run.logs(), 60, "it waits")
    said, _ = other.communicate(timeout=200)
    run.finish()
    assert other.returncode == 0, said
    check(run, undisturbed, resumed=False)
    assert began(run) == 2
    assert attempts(run) == ["finished", "finished"]
    assert "taken from results/.finished" in run.logs(), "the run was trained twice"


def fill(path):
    """Write into a file until there is no space."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 2**12)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
            return


def test_a_full_disk_loses_nothing(run_on, cluster, undisturbed, tmp_path):
    run = run_on(cluster, grid=ONE)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], check=True)
    try:
        subprocess.run(["cp", "-a", run.directory, disk / "out"], check=True)
        run.directory = disk / "out"
        run.start()
        run.job_in_training()
        fill(disk / "ballast")
        wait_for(lambda: "No space left on device" in run.logs(), 30, "the run notices")
        (disk / "ballast").unlink()
        run.finish()
        if run.process.returncode:
            run.run()
        check(run, undisturbed, resumed=False)  # it may have lived through it
    finally:
        run.end()
        subprocess.run(["umount", "-l", disk], check=True)


def test_an_output_that_appears_late_is_waited_for(run_on, cluster, tmp_path):
    run = run_on(cluster)
    run.directory = tmp_path
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(
        'rule runs:\n    input: "late"\n    localrule: True\n'
        'rule late:\n    output: "late"\n    shell: "touch done"\n'
    )

    def appear():
        wait_for((tmp_path / "done").exists, 60, "the job has ended")
        time.sleep(8)
        (tmp_path / "late").touch()

    disk = threading.Thread(target=appear)
    disk.start()
    run.source = tmp_path
    profile = run.configfile.parent / "workflow/profiles"
    (tmp_path / "profiles").symlink_to(profile)
    run.run()
    disk.join()


def test_an_error_of_the_run_is_not_tried_again(run_on, cluster):
    bad = {"bad": {"kind": "adapter", "adapter": "nonsense"}}
    grid = [{"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["bad"], "seeds": [1]}]
    run = run_on(
        cluster, grid={"grid": grid, "methods": bad, "overrides": []}, profile={"retries": 1}
    )
    run.start()
    said = run.finish()
    assert run.process.returncode == 1
    assert "'nonsense' is no configuration string" in said
    assert "not tried again, since the last attempt" in said
    path = Path("tiny-bert/tiny/bad/seed1")
    assert began(run, path) == 1
    assert attempts(run, path) == ["error"]
    assert "Traceback" not in said


def test_a_job_over_its_partitions_limit_is_refused_before_it_is_submitted(run_on, cluster):
    run = run_on(cluster, grid=ONE | {"cluster": {"runtime": "2h"}})
    profile = run.source / "profiles/slurm/config.yaml"
    profile.write_text(
        profile.read_text().replace("slurm_partition: gpu", "slurm_partition: short")
    )
    run.start()
    said = run.finish(60)
    assert run.process.returncode == 1
    assert "error: train: runtime 120 min is over the 30 min of partition short" in said
    assert not cluster.jobs()


def test_a_profile_that_is_not_filled_in_is_refused(run_on, cluster):
    run = run_on(cluster, grid=ONE)
    profile = run.source / "profiles/slurm/config.yaml"
    profile.write_text(
        profile.read_text().replace("slurm_partition: gpu", "slurm_partition: FILL-IN")
    )
    run.start()
    said = run.finish(60)
    assert run.process.returncode == 1
    assert "profiles/slurm/config.yaml: slurm_partition is not filled in" in said
    assert "Traceback" not in said


def test_jobs_that_can_never_start_are_cancelled(cluster, tmp_path, monkeypatch):
    from tunegrid.cluster.watch import cancel_hopeless

    for key in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(key, cluster.environment[key])
    submit = ("sbatch", "--parsable", "-D", str(tmp_path), "-o", "/dev/null", "--wrap", "sleep 60")
    hopeless = cluster.call(*submit, "-J", "tunegrid_a", "-p", "short", "-t", "60").strip()
    hopeful = cluster.call(*submit, "-J", "tunegrid_b", "-p", "gpu", "--begin=now+60").strip()
    wait_for(lambda: cluster.job(hopeless)["Reason"] == "PartitionTimeLimit", 10, "it pends")
    assert [job.number for job in cancel_hopeless(tmp_path)] == [hopeless]
    assert cluster.job(hopeless)["JobState"] == "CANCELLED"
    assert cluster.job(hopeful)["JobState"] == "PENDING"
    cluster.call("scancel", hopeful)
