"""`make slurm-check`: what a cluster offers, and whether a profile fits it."""

import subprocess
import sys

import pytest
import yaml
from paths import ROOT
from running import write_profile
from stand_in_commands import write_command


@pytest.fixture
def check(tmp_path):
    """Check a profile with these changes against a cluster: (status, what it printed).

    `path` is a folder whose programs are found first.
    """

    def run(cluster, *, path=None, **changes):
        profile = write_profile(tmp_path / "profile", cluster, **changes)
        environment = cluster.environment
        if path:
            environment["PATH"] = f"{path}:{environment['PATH']}"
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/check_slurm.py", "--profile", profile],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("name", "accounting"),
    [
        ("cluster", "none"),
        ("accounted", "your accounts are ml, root"),
    ],
)
def test_a_cluster_that_fits_is_told_and_tried(check, request, name, accounting):
    status, said = check(request.getfixturevalue(name))
    assert status == 0, said
    assert f"accounting: {accounting}\n" in said
    assert "partition gpu: 2 nodes, 1440 min, " in said
    assert "4 × a100" in said
    assert "partition cpu: 2 nodes, " in said
    assert "\na job of train: node " in said
    assert ", a step on no GPU\n" in said, "the GPUs of this cluster are none"
    assert "\na job of encode_task: node " in said
    assert said.endswith("profile and cluster fit\n")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"set-resources": {"train": {"slurm_partition": "gpus"}}}, "is none of this cluster's"),
        ({"set-resources": {"train": {"slurm_partition": "cpu"}}}, "gpu 1 is over the 0 GPUs"),
        (
            {"set-resources": {"train": {"slurm_partition": "gpu", "gpu_model": "h100"}}},
            "gpu_model 'h100' is none of partition gpu's: a100",
        ),
        ({"slurm-status-command": "sacct"}, "only squeue is safe"),
        (
            {"set-resources": {"train": {"slurm_partition": "gpu", "slurm_extra": "'--qos=long'"}}},
            "slurm_extra may not have --qos: write qos: long beside it",
        ),
    ],
)
def test_what_does_not_fit_is_named(check, cluster, changes, problem):
    status, said = check(cluster, **changes)
    assert status == 1
    assert "error: " in said
    assert problem in said


def test_an_account_that_is_not_the_user_s_is_named(check, accounted):
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    default = {**profile["default-resources"], "slurm_partition": "cpu", "slurm_account": "nobody"}
    status, said = check(accounted, **{"default-resources": default})
    assert status == 1
    assert "slurm_account 'nobody' is none of yours: ml, root" in said


def test_without_slurm_one_line_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check_slurm.py"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "error: Slurm does not answer (sinfo); run this where sbatch works\n"


def test_what_jobs_fail_by_is_told(check, accounted, tmp_path):
    """Slurm's refusal of a request; then an srun that cannot begin a job's step."""
    train = {"slurm_partition": "gpu", "constraint": "nvlink"}
    status, said = check(accounted, **{"set-resources": {"train": train}})
    assert status == 1
    assert "error: train: Slurm refuses it (Invalid feature specification)\n" in said

    write_command(tmp_path, "srun", "echo 'srun: error: no step today' >&2\nexit 1")
    status, said = check(accounted, path=tmp_path)
    assert status == 1
    assert "error: the job of train failed: " in said
    assert said.count("srun: error: no step today") == 2
    assert not accounted.queue()
