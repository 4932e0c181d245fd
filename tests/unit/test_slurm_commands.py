"""Slurm's commands as they are asked, and how their answers are read: by stand-ins of them."""

import os

import pytest

from tunegrid.cluster import slurm
from tunegrid.cluster.slurm import NodeOffer, Partition


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Put a stand-in of one of Slurm's commands first on the PATH: its name, what it does."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def write(name, script):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return write


def test_a_user_s_own_options_of_slurm_s_commands_do_not_cut_down_their_answers(
    command, monkeypatch
):
    for name in ("SINFO_PARTITION", "SQUEUE_STATES", "SACCT_FORMAT", "SBATCH_QOS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    monkeypatch.setenv("SLURM_CONF", "/site/slurm.conf")
    command("sinfo", "env")
    names = {line.partition("=")[0] for line in slurm.run_slurm_command("sinfo").splitlines()}
    assert "SLURM_CONF" in names
    assert not [
        name
        for name in names
        if name.startswith(("SINFO_", "SQUEUE_", "SACCT_", "SBATCH_", "SLURM_TIME_FORMAT"))
    ]


def test_a_partition_with_nodes_that_sinfo_does_not_list_is_known(command):
    command(
        "scontrol",
        'echo "PartitionName=gpu AllowQos=ALL MaxTime=1-00:00:00 Nodes=g[1-2] TotalNodes=2"\n'
        'echo "PartitionName=cloud MaxTime=UNLIMITED Nodes=c[1-9] TotalNodes=9"\n'
        'echo "PartitionName=empty MaxTime=02:00:00 Nodes=(null) TotalNodes=0"',
    )
    known = slurm.partitions()
    assert known == [
        Partition("gpu", 1440, 2),
        Partition("cloud", None, 9),
        Partition("empty", 120, 0),
    ]
    offers = [NodeOffer("gpu", 1440, 64000, 8, {"a100": 4})] * 2
    assert slurm.partitions_with_unlisted_nodes(known, offers) == {"cloud"}
