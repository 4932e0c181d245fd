"""What a cluster costs beside the work, with profiles/slurm and with the plugin's defaults.

  python tests/benchmarks/bench_slurm.py [--cells N] [--at-once]

It starts a real Slurm on this machine (as root, with Debian's packages: see tests/cluster/slurm.py)
and measures two things with either profile: a chain of two trivial jobs; and N cells of some two
seconds, a job for each with the plugin's defaults and packs of ten with the project's profile.
Models and data are fetched, encoded and tried before the clock starts. With --at-once all four are
measured side by side, which tells sooner that the benchmark runs, and nothing of the times.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("", "workflow", "cluster")]
sys.path.insert(0, str(ROOT / "scripts"))

import tiny
from running import TARGET, copy_folder, write_profile
from slurm import Cluster, why_no_cluster
from workflow import Workflow, copy_workflow

#: A workflow of two trivial jobs, one after the other.
CHAIN = """\
rule all:
    input: "second"
    localrule: True
rule first:
    output: "first"
    shell: "touch first"
rule second:
    input: "first"
    output: "second"
    shell: "touch second"
"""
#: What the project's own workflow does when it starts, for the chain.
PREPARE = """\
import sys
sys.path.insert(0, {scripts!r})
from tunegrid.cluster.head_process import prepare_head_process
onstart:
    prepare_head_process(workflow, wait_for_left_over_jobs=True)
"""
CHAIN_RESOURCES = {
    "slurm_account": "none",
    "slurm_partition": "cpu",
    "mem_mb": 1000,
    "runtime": 10,
}
#: The settings of a user who has read the first page of the plugin's documentation. Without
#: accounting its own choice, sacct, would wait for ever.
PLUGIN_DEFAULTS = {
    "executor": "slurm",
    "jobs": 100,
    "slurm-status-command": "squeue",
    "default-resources": CHAIN_RESOURCES,
    "set-resources": {
        "train": {"slurm_partition": "gpu"},
        "train_pack": {"slurm_partition": "gpu"},
    },
}
#: Epochs of the tiny model that take some two seconds.
EPOCHS = 60


@dataclass(frozen=True)
class Contender:
    """What is compared.

    Attributes:
        label: its name in the table.
        profile: the folder of its profile.
        preparation: what its Snakefile begins with.
        pack: how many cells share a job.
    """

    label: str
    profile: Path
    preparation: str
    pack: int


def contenders(cluster: Cluster, folder: Path) -> list[Contender]:
    """The plugin's defaults and the project's profile, both filled in for the cluster."""
    defaults = folder / "defaults"
    defaults.mkdir()
    (defaults / "config.yaml").write_text(yaml.safe_dump(PLUGIN_DEFAULTS))
    ours = write_profile(folder / "ours", cluster).parent
    prepare = PREPARE.format(scripts=str(ROOT / "scripts"))
    return [
        Contender(label="the plugin's defaults", profile=defaults, preparation="", pack=1),
        Contender(label="`profiles/slurm`, `pack: 10`", profile=ours, preparation=prepare, pack=10),
    ]


def seconds_of_snakemake(cluster: Cluster, *arguments: object) -> float:
    """Run Snakemake on the cluster, and tell how many seconds it takes."""
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        env=cluster.environment_for_any_workflow,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return time.perf_counter() - start


def seconds_of_chain(cluster: Cluster, contender: Contender, folder: Path) -> float:
    folder.mkdir()
    (folder / "Snakefile").write_text(contender.preparation + CHAIN)
    resources = [f"{key}={value}" for key, value in CHAIN_RESOURCES.items()]
    return seconds_of_snakemake(
        cluster,
        f"--snakefile={folder / 'Snakefile'}",
        f"--directory={folder}",
        f"--profile={contender.profile}",
        "--default-resources",
        *resources,
    )


@dataclass(frozen=True)
class Grid:
    """A grid of cells that is ready to be trained.

    Attributes:
        source: the workflow.
        configuration: the grid's configuration.
        prepared: a working directory where model and task are fetched, encoded and tried.
    """

    source: Path
    configuration: dict
    prepared: Path


def prepare_grid(folder: Path, cells: int) -> Grid:
    folder.mkdir()
    config = tiny.config(tiny.save_model(folder / "model"), tiny.write_data(folder / "data"))
    config["grid"][0] |= {"methods": ["full"], "seeds": list(range(cells))}
    config["train"] |= {"epochs": EPOCHS}
    grid = Grid(copy_workflow(folder / "workflow"), config, folder / "prepared")
    workflow = Workflow(grid.source, grid.prepared, folder / "grid.yaml")
    workflow.configure(config)
    workflow.run("checks")
    return grid


def seconds_of_grid(cluster: Cluster, contender: Contender, grid: Grid, folder: Path) -> float:
    folder.mkdir()
    train = grid.configuration["train"] | {"pack": contender.pack}
    configfile = folder / "grid.yaml"
    configfile.write_text(yaml.safe_dump(grid.configuration | {"train": train}))
    return seconds_of_snakemake(
        cluster,
        TARGET,
        f"--snakefile={grid.source / 'Snakefile'}",
        f"--directory={copy_folder(grid.prepared, folder / 'out')}",
        f"--profile={contender.profile}",
        f"--configfile={configfile}",
    )


def measure(cluster: Cluster, folder: Path, cells: int, *, at_once: bool) -> pd.DataFrame:
    """A row for each contender."""
    grid = prepare_grid(folder / "grid", cells)
    rows = []
    with ThreadPoolExecutor(max_workers=4 if at_once else 1) as pool:
        for contender in contenders(cluster, folder):
            place = folder / contender.profile.name
            chain = pool.submit(seconds_of_chain, cluster, contender, place / "chain")
            whole = pool.submit(seconds_of_grid, cluster, contender, grid, place / "cells")
            rows.append((contender.label, chain, whole))
    return pd.DataFrame(
        {
            "": label,
            "two trivial jobs, one after the other": f"{chain.result():.0f} s",
            f"{cells} cells of two seconds": f"{whole.result():.0f} s",
        }
        for label, chain, whole in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=40, help="how many cells are trained")
    parser.add_argument("--at-once", action="store_true", help="measure all side by side")
    arguments = parser.parse_args()
    if why := why_no_cluster(accounting=False):
        sys.exit(f"error: {why}")
    with tempfile.TemporaryDirectory(prefix="tunegrid-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder / "cluster", accounting=False)
        try:
            cluster.start()
            table = measure(cluster, folder, arguments.cells, at_once=arguments.at_once)
        finally:
            cluster.stop()
    print(table.to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
