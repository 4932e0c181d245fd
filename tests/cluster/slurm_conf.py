"""The configuration files of the tests' Slurm, and its nodes and partitions.

Two nodes have GPUs, two have none. Partition `gpu` is preempted by `urgent`, which has the same
nodes; `short` has them, too, and a time limit. `cloud` has a node that is powered off and never
comes up. The configuration is where SLURM_CONF says, and at no standard place. Nodes carry the
cluster's name, since the kernel's control groups of several clusters on one machine are told apart
by the nodes' names alone.
"""

import os
import socket
from pathlib import Path

ACCOUNT = "ml"
#: A quality of service under which a user has one job at once (fixture `limited`).
ONE_AT_ONCE = "one-at-once"
#: One that no user may ask for.
FORBIDDEN = "forbidden"
GPU_MODEL = "a100"
GPUS_PER_NODE = 4
CPUS_PER_NODE = 8
#: A nominal size, MB: how many jobs run at once must not depend on this machine.
MEMORY_PER_NODE = 64_000

GPU_NODES = ("g1", "g2")
CPU_NODES = ("c1", "c2")
NODES = GPU_NODES + CPU_NODES
#: A node that `sinfo` does not list, since it is powered off.
CLOUD_NODE = "p1"
#: The ports that a cluster needs beside one for each node.
PORTS = ("slurmctld", "slurmdbd", "mariadb")

SLURM_CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[slurmctld]}
SlurmctldPidFile={base}/run/slurmctld.pid
SlurmdPidFile={base}/run/slurmd-%n.pid
SlurmdSpoolDir={base}/spool/%n
StateSaveLocation={base}/state
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd-%n.log
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={base}/run/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
{confinement}
SlurmctldTimeout=30
SlurmdTimeout=20
MinJobAge=300
KillWait=5
Waittime=0
OverTimeLimit=0
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=100000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
ResumeProgram=/bin/true
SuspendProgram=/bin/true
SuspendTime=86400
ResumeTimeout=600
PartitionName=DEFAULT MaxTime=1-00:00:00 DefMemPerCPU=500 State=UP
PartitionName=cpu Nodes={cpu_nodes} Default=YES
PartitionName=gpu Nodes={gpu_nodes} PriorityTier=10
PartitionName=short Nodes={gpu_nodes} PriorityTier=10 MaxTime=00:30:00
PartitionName=urgent Nodes={gpu_nodes} PriorityTier=100 PreemptMode=OFF
PartitionName=cloud Nodes={name}-{cloud_node} MaxTime=02:00:00
{accounting}
"""

#: Jobs are held to their memory by the kernel.
CONFINED = """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=2
"""
UNCONFINED = """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
"""

CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainCores=no
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainDevices=no
AllowedSwapSpace=0
"""

ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[slurmdbd]}
AccountingStoragePass=socket={base}/run/munge.socket
AccountingStorageTRES=gres/gpu,gres/gpu:a100
AccountingStorageEnforce=associations,limits,qos
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"

SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={base}/run/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[slurmdbd]}
SlurmUser=root
LogFile={base}/log/slurmdbd.log
PidFile={base}/run/slurmdbd.pid
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[mariadb]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""

MARIADB_CONF = """\
[mysqld]
datadir={base}/mysql
tmpdir={base}/run
socket={base}/run/mariadb.sock
pid-file={base}/run/mariadbd.pid
log-error={base}/log/mariadbd.log
port={ports[mariadb]}
bind-address=127.0.0.1
user=root
innodb_buffer_pool_size=64M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=2
skip-name-resolve
"""


def configuration_files(
    *, name: str, base: Path, ports: dict[str, int], accounting: bool, confined: bool
) -> dict[str, str]:
    """The configuration files of a cluster, by their names in its folder `etc`.

    Args:
        name: the cluster's name.
        base: the cluster's folder.
        ports: a port for each of `PORTS` and each of `NODES`.
        accounting: whether it has accounting.
        confined: whether jobs are held to their memory.
    """
    host = socket.gethostname().split(".")[0]
    lines = []
    for node in NODES:
        gpus = f" Gres=gpu:{GPU_MODEL}:{GPUS_PER_NODE}" if node in GPU_NODES else ""
        lines.append(
            f"NodeName={name}-{node} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[node]}"
            f" CPUs={CPUS_PER_NODE} RealMemory={MEMORY_PER_NODE}{gpus}"
        )
    lines.append(
        f"NodeName={name}-{CLOUD_NODE} State=CLOUD CPUs={CPUS_PER_NODE}"
        f" RealMemory={MEMORY_PER_NODE} Gres=gpu:{GPU_MODEL}:{GPUS_PER_NODE}"
    )
    devices = f"{base}/dev/gpu[0-{GPUS_PER_NODE - 1}]"
    files = {
        "slurm.conf": SLURM_CONF.format(
            name=name,
            host=host,
            base=base,
            ports=ports,
            confinement=CONFINED if confined else UNCONFINED,
            accounting=ACCOUNTING.format(base=base, ports=ports) if accounting else NO_ACCOUNTING,
            nodes="\n".join(lines),
            cloud_node=CLOUD_NODE,
            cpu_nodes=_node_list(name, CPU_NODES),
            gpu_nodes=_node_list(name, GPU_NODES),
        ),
        "gres.conf": (
            f"NodeName={_node_list(name, GPU_NODES)} Name=gpu Type={GPU_MODEL} File={devices}\n"
        ),
        "munge.key": os.urandom(512).hex(),
        "slurmdbd.conf": SLURMDBD_CONF.format(base=base, ports=ports),
        "mariadb.cnf": MARIADB_CONF.format(base=base, ports=ports),
    }
    if confined:
        files["cgroup.conf"] = CGROUP_CONF
    return files


def _node_list(cluster: str, nodes: tuple[str, ...]) -> str:
    return ",".join(f"{cluster}-{node}" for node in nodes)
