"""`make slurm-check`: what a cluster offers, and whether a profile fits it."""

import subprocess
import sys

import pytest
import yaml
from paths import ROOT
from running import write_profile
from slurm_conf import ACCOUNT, ONE_AT_ONCE
from stand_in_commands import write_command


@pytest.fixture
def check(tmp_path):
    """Check a profile with these changes against a cluster: (status, what it printed).

    `environment` is what differs from that of the cluster's other users.
    """

    def run(cluster, *options, environment=None, **changes):
        profile = write_profile(tmp_path / "profile", cluster, **changes)
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/check_slurm.py", "--profile", profile, *options],
            env=cluster.environment | (environment or {}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_cluster_that_fits_is_told_and_tried(check, cluster):
    """Also a partition that gives a job less time than the check itself would ask for."""
    cluster.call("scontrol", "update", "PartitionName=short", "MaxTime=3")
    try:
        status, said = check(cluster, partition="short")
    finally:
        cluster.call("scontrol", "update", "PartitionName=short", "MaxTime=30")
    assert status == 0, said
    assert "accounting: none\n" in said
    assert "partition gpu: 2 nodes, 1440 min, " in said
    assert "4 × a100" in said
    assert "partition short: 2 nodes, 3 min, " in said
    assert "partition cpu: 2 nodes, " in said
    assert "\na job of train: node " in said
    assert ", a step on no GPU\n" in said, "the GPUs of this cluster are none"
    assert "\na job of encode_task: node " in said
    assert said.endswith("profile and cluster fit\n")


def test_a_limit_on_submissions_and_a_user_s_own_options_of_slurm_fit(check, limited):
    """Where SLURM_CONF alone tells of the cluster: the second job waits for the first one's end."""
    train = {"slurm_partition": "gpu", "qos": ONE_AT_ONCE}
    default = default_resources(slurm_account=ACCOUNT, qos=ONE_AT_ONCE)
    own = {"SQUEUE_PARTITION": "none", "SINFO_PARTITION": "cpu", "SBATCH_QOS": "of-other-work"}
    changes = {"default-resources": default, "set-resources": {"train": train}}
    status, said = check(limited, environment=own, **changes)
    assert status == 0, said
    assert "not used: SBATCH_QOS of your environment" in said
    assert f"accounting: your accounts are {ACCOUNT}, root\n" in said
    assert "profile and cluster fit\n" in said


def test_nodes_that_are_drained_or_powered_off_are_waited_for_no_longer_than_asked(check, cluster):
    kinds = {"train": {"slurm_partition": "gpu"}, "tune": {"slurm_partition": "cloud"}}
    nodes = ",".join(cluster.nodes[:2])
    cluster.call("scontrol", "update", f"nodename={nodes}", "state=drain", "reason=test")
    try:
        status, said = check(cluster, "--wait", "20", **{"set-resources": kinds})
    finally:
        cluster.call("scontrol", "update", f"nodename={nodes}", "state=resume")
    assert status == 1
    assert "partition cloud: 1 nodes of 1 that are not listed, such as a cloud's" in said
    assert "error: the jobs have not ended after 20 s and are cancelled; --wait gives more" in said
    assert "error: rule_train is PENDING (Nodes required for job are DOWN, DRAINED or" in said
    assert "error: rule_tune is CONFIGURING (" in said
    assert not cluster.queue()


def default_resources(**changes):
    """The profile's resources of jobs without a GPU, filled in for the cluster, with changes."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    return profile["default-resources"] | {"slurm_partition": "cpu"} | changes


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
    status, said = check(
        accounted, **{"default-resources": default_resources(slurm_account="nobody")}
    )
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


def test_what_jobs_fail_by_is_told(check, limited, tmp_path):
    """Slurm's refusal of a request; then an srun that cannot begin a job's step, and a quality of
    service that the partition does not allow, with which Slurm takes jobs that never start."""
    train = {"slurm_partition": "gpu", "constraint": "nvlink"}
    status, said = check(limited, **{"set-resources": {"train": train}})
    assert status == 1
    assert "error: train: Slurm refuses it (Invalid feature specification)\n" in said

    write_command(tmp_path, "srun", "echo 'srun: error: no step today' >&2\nexit 1")
    path = {"PATH": f"{tmp_path}:{limited.environment['PATH']}"}
    tune = {"slurm_partition": "short", "qos": ONE_AT_ONCE}
    kinds = {"train": {"slurm_partition": "gpu"}, "tune": tune}
    limited.call("scontrol", "update", "PartitionName=short", "AllowQos=normal")
    try:
        status, said = check(limited, environment=path, **{"set-resources": kinds})
    finally:
        limited.call("scontrol", "update", "PartitionName=short", "AllowQos=ALL")
    assert status == 1
    assert "error: the job of train failed: " in said
    assert said.count("srun: error: no step today") == 2
    assert "error: the job of tune failed: " in said
    assert "could never start and was cancelled. Slurm says: | Job's QOS not permitted to" in said
    assert not limited.queue()
