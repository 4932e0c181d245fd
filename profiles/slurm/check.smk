# What `make slurm-check` runs: jobs as a grid submits them, which say what they find on their nodes.
# Its configuration names them: `gpu_rules`, as the profile's set-resources does, and `cpu_rules`.
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
# As in rules/common.smk: jobs run the interpreter that runs Snakemake.
os.environ |= {
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()]),
    "TUNEGRID": str(ROOT),
}

from tunegrid.cluster.head_process import prepare_head_process
from tunegrid.cluster.partition_bounds import BOUNDS, partition_of
from tunegrid.cluster.stand_ins import keep_slurm_configuration
from tunegrid.errors import UserError

keep_slurm_configuration()
#: The most minutes that a job may take.
MINUTES = 5


def minutes(wildcards, rulename):
    """The time limit of a job: no more than its partition gives."""
    partition = partition_of(workflow.get_rule(rulename))
    return int(min(MINUTES, BOUNDS.of(partition).minutes))


onstart:
    try:
        prepare_head_process(workflow, wait_for_left_over_jobs=False)
    except UserError as error:
        print(error.report(), file=sys.stderr)
        sys.exit(1)


rule all:
    input:
        [f"{name}.json" for name in [*config["gpu_rules"], *config["cpu_rules"]]],
    localrule: True


for check_name in config["gpu_rules"]:

    rule:
        name:
            check_name
        output:
            f"{check_name}.json",
        log:
            f"{check_name}.log",
        resources:
            gpu=1,
            mem="4GB",
            runtime=minutes,
        shell:
            'python "$TUNEGRID"/scripts/check_node.py --gpu --output {output} > {log} 2>&1'


for check_name in config["cpu_rules"]:

    rule:
        name:
            check_name
        output:
            f"{check_name}.json",
        log:
            f"{check_name}.log",
        resources:
            mem="4GB",
            runtime=minutes,
        shell:
            'python "$TUNEGRID"/scripts/check_node.py --output {output} > {log} 2>&1'
