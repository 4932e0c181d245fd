"""Slurm's commands as they are asked, and how their answers are read: by stand-ins of them."""

import os
from functools import partial

import pytest
from stand_in_commands import write_command

from tunegrid.cluster import slurm
from tunegrid.cluster.slurm import NodeOffer, Partition


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Put a stand-in of one of Slurm's commands first on the PATH: its name, what it does."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return partial(write_command, tmp_path)


def test_a_user_s_own_options_of_slurm_s_commands_do_not_cut_down_their_answers(
    command, monkeypatch
):
    for name in ("SINFO_PARTITION", "SQUEUE_STATES", "SACCT_FORMAT", "SBATCH_QOS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SLURM_CONF", "/site/slurm.conf")
    command("sinfo", "env")
    names = {line.partition("=")[0] for line in slurm.run_slurm_command("sinfo").splitlines()}
    assert "SLURM_CONF" in names
    assert not [
        name for name in names if name.startswith(("SINFO_", "SQUEUE_", "SACCT_", "SBATCH_"))
    ]


def test_of_nodes_that_sinfo_leaves_out_only_the_partition_is_known(command):
    command(
        "scontrol",
        'echo "PartitionName=gpu AllowQos=ALL MaxTime=1-00:00:00 Nodes=g[1-2] TotalNodes=2"\n'
        'echo "PartitionName=cloud MaxTime=UNLIMITED Nodes=g2,c1 TotalNodes=2"\n'
        'echo "PartitionName=empty MaxTime=02:00:00 Nodes=(null) TotalNodes=0"',
    )
    command(
        "sinfo",
        "echo 'gpu|1-00:00:00|64000|8|gpu:a100:4|up|idle'\n"
        "echo 'gpu|1-00:00:00|64000|8|gpu:a100:4|up|idle'\n"
        "echo 'cloud|infinite|64000|8|gpu:a100:4|up|idle~'",
    )
    assert slurm.partitions() == [
        Partition("gpu", 1440, 2),
        Partition("cloud", None, 2),
        Partition("empty", 120, 0),
    ]
    assert slurm.node_offers() == [
        NodeOffer("gpu", 1440, 64000, 8, {"a100": 4}),
        NodeOffer("gpu", 1440, 64000, 8, {"a100": 4}),
        NodeOffer("cloud", None, 64000, 8, {"a100": 4}),
        NodeOffer("cloud", None, float("inf"), float("inf"), None),
    ]


@pytest.mark.parametrize(
    ("printed", "end"), [("1795899484", 1795899484.0), ("Unknown", None), ("", None)]
)
def test_the_end_of_a_job_is_asked_of_the_controller(command, monkeypatch, printed, end):
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    command(
        "scontrol",
        f'[ "$SLURM_TIME_FORMAT" = %s ] && echo "JobId=7 StartTime=1 EndTime={printed} Other=x"',
    )
    assert slurm.job_end("7") == end
