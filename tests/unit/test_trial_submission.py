"""What jobs ask for is checked before the first is submitted, by its own options of `sbatch`."""

import os
import re
import shlex

import pytest
from snakemake_executor_plugin_slurm import ExecutorSettings
from snakemake_executor_plugin_slurm.validation import get_forbidden_slurm_options
from stand_in_commands import write_command

from tunegrid.cluster.job_requests import JobRequest
from tunegrid.cluster.request_checks import check_requests
from tunegrid.cluster.trial_submission import (
    RESOURCES_INSTEAD,
    SETTINGS_INSTEAD,
    largest_requests,
    refusals_of_plugin,
    submission_options,
    try_request,
)
from tunegrid.errors import UserError

GPU_JOB = {"slurm_account": "ml", "slurm_partition": "gpu", "gpu": 1, "mem_mb": 4000, "runtime": 60}
LIMITED = (
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\n"
    "allocation failure: Job violates accounting/QOS policy\n"
)
NO_NODE = "allocation failure: Requested node configuration is not available\n"


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Let Slurm's commands print these texts, and `sbatch` fail with this one."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def write(*, refusal="", state="idle"):
        scripts = {
            "sinfo": f"echo 'gpu|1-00:00:00|64000|8|gpu:a100:4|up|{state}'",
            "scontrol": "echo 'PartitionName=gpu MaxTime=1-00:00:00 TotalNodes=1'",
            "sbatch": f"echo {shlex.quote(refusal)} >&2; exit {int(bool(refusal))}",
        }
        for name, script in scripts.items():
            write_command(tmp_path, name, script)

    return write


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (
            {"slurm_extra": "--qos=long --nice=3"},
            "slurm_extra may not have --qos: write qos: long beside it",
        ),
        (
            {"slurm_extra": "'-C nvlink'"},
            "slurm_extra may not have -C: write constraint: nvlink beside it",
        ),
        (
            {"slurm_extra": "--time=30"},
            (
                "slurm_extra may not have --time: the workflow sets it; see the configuration's"
                " cluster.runtime"
            ),
        ),
        ({"slurm_extra": "--reservation=course --nice=3"}, None),
        (
            {"reservation": "course"},
            (
                "reservation is no resource of the plugin: write slurm_extra:"
                " \"'--reservation=course'\""
            ),
        ),
        (
            {"gpu_model": "a100-sxm4"},
            (
                "gpu_model 'a100-sxm4' has characters that the plugin refuses: write gpu: 0 and"
                " slurm_extra: \"'--gpus-per-node=a100-sxm4:1'\" in its place"
            ),
        ),
        ({"qos": "long", "constraint": "a100&nvlink", "gpu_model": "a100_40gb"}, None),
    ],
)
def test_what_the_plugin_refuses_is_told_with_what_to_write_instead(resources, said):
    found = list(refusals_of_plugin(JobRequest("train", GPU_JOB | resources)))
    assert found == ([] if said is None else [f"train: {said}"])


def test_every_instead_is_of_an_option_that_the_plugin_refuses():
    assert {*RESOURCES_INSTEAD, *SETTINGS_INSTEAD} <= set(get_forbidden_slurm_options().values())


def test_the_options_are_those_of_the_plugin():
    resources = {"qos": "long", "constraint": "a100&nvlink", "slurm_extra": "--nice=3"}
    settings = ExecutorSettings(requeue=True, reservation="course", status_command="squeue")
    options = submission_options(
        JobRequest("train", GPU_JOB | resources | {"threads": 2}), settings
    )
    said = " ".join(options)
    for option in ("-A ml", "-p gpu", "-t 60", "--mem 4000", "--gpus=1", "--cpus-per-task=2"):
        assert option in said
    for option in ("--qos=long", "-C a100&nvlink", "--nice=3", "--requeue", "--reservation=course"):
        assert option in said


def test_of_many_requests_those_that_ask_for_most_are_tried():
    requests = [
        JobRequest(
            rule, GPU_JOB | {"runtime": minutes, "mem_mb": 9000 - minutes, "disk_mb": minutes}
        )
        for rule in ("train", "tune")
        for minutes in range(1000)
    ]
    tried = largest_requests(requests)
    assert {(request.rule, request.resources["runtime"]) for request in tried} == {
        ("train", 0),
        ("train", 999),
        ("tune", 0),
        ("tune", 999),
    }


@pytest.mark.parametrize(
    ("refusal", "said", "refused"),
    [
        ("", None, None),
        (LIMITED, None, None),
        ("allocation failure: Unable to contact slurm controller (connect failure)\n", None, None),
        (
            "allocation failure: Invalid qos specification\n",
            "train: Slurm refuses it (Invalid qos specification)",
            True,
        ),
        (
            "sbatch: unrecognized option '--frob'\n",
            "train: Slurm refuses it (sbatch: unrecognized option '--frob')",
            True,
        ),
        (NO_NODE, "train: Slurm refuses it (Requested node configuration is not available)", True),
    ],
)
def test_slurm_s_refusal_is_told_and_what_passes_is_not(slurm, refusal, said, refused):
    slurm(refusal=refusal)
    answer = try_request(JobRequest("train", GPU_JOB), unavailable_partitions={"cpu"})
    assert (answer and (str(answer), answer.refused)) == (said and (said, refused))


@pytest.mark.parametrize("state", ["idle", "idle~", "mixed#"])
def test_before_the_start_a_refusal_ends_it(slurm, state):
    slurm(refusal=NO_NODE, state=state)
    with pytest.raises(UserError, match=re.escape("train: Slurm refuses it (Requested node")):
        check_requests([JobRequest("train", GPU_JOB)])


@pytest.mark.parametrize("state", ["drained", "down*", "idle*", "idle$"])
def test_nodes_that_are_away_for_now_are_only_told(slurm, caplog, state):
    slurm(refusal=NO_NODE, state=state)
    check_requests([JobRequest("train", GPU_JOB)])
    (record,) = caplog.records
    assert record.getMessage().startswith("train: no node can start it now (Requested node")


def test_the_plugin_s_refusals_and_misfits_are_told_together(slurm):
    slurm()
    requests = [
        JobRequest("train", GPU_JOB | {"slurm_extra": "--qos=long"}),
        JobRequest("tune", GPU_JOB | {"mem_mb": 10**6}),
    ]
    with pytest.raises(UserError) as told:
        check_requests(requests)
    assert len(told.value.problems) == 3
    assert "write qos: long" in told.value.problems[0]
    assert "tune: mem 1000000 MB is over" in told.value.problems[1]
