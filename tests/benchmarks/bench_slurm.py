"""What a cluster costs beside the work, by profiles/slurm and by the plugin's defaults.

  python tests/benchmarks/bench_slurm.py [--cells N]

On a real Slurm on this machine (root, and Debian's packages: see tests/cluster/slurm.py), side by
side in one run: a chain of two trivial jobs; and N cells of some two seconds, a job each with the
plugin's defaults against packs of ten with the profile. Models and data are fetched and encoded
before the clock starts.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("", "workflow", "cluster")]
sys.path.insert(0, str(ROOT / "scripts"))

import tiny
from slurm import Cluster, missing
from workflow import copy_workflow

CHAIN = """\
import sys
sys.path.insert(0, {scripts!r})
from tunegrid.cluster import head
onstart:
    head.begin(workflow, wait=True) if {ours} else None
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
SITE = {"slurm_account": "none", "slurm_partition": "cpu", "mem_mb": 1000, "runtime": 10}
#: What a user has who reads the plugin's documentation no further than the first page. Without
#: accounting its own choice, sacct, would wait for ever.
DEFAULTS = {"executor": "slurm", "jobs": 100, "slurm-status-command": "squeue"}


def profiles(source: Path) -> dict[str, Path]:
    """The profile of the project and that of the plugin's defaults, both filled in."""
    ours = source / "profiles/slurm"
    text = (ours / "config.yaml").read_text()
    for value in ("none", "cpu", "gpu"):
        text = text.replace("FILL-IN", value, 1)
    (ours / "config.yaml").write_text(text)
    gpu = {"slurm_partition": "gpu"}
    defaults = source / "profiles/defaults"
    defaults.mkdir()
    (defaults / "config.yaml").write_text(
        yaml.safe_dump(
            DEFAULTS
            | {"default-resources": SITE, "set-resources": {"train": gpu, "train_pack": gpu}}
        )
    )
    return {"the plugin's defaults": defaults, "profiles/slurm": ours}


def timed(cluster: Cluster, *arguments: object) -> float:
    """Seconds that snakemake takes."""
    begun = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        env=cluster.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return time.perf_counter() - begun


def chain(cluster: Cluster, profile: Path, folder: Path) -> float:
    folder.mkdir()
    ours = profile.name == "slurm"
    (folder / "Snakefile").write_text(CHAIN.format(scripts=str(ROOT / "scripts"), ours=ours))
    resources = [f"{key}={value}" for key, value in SITE.items()]
    return timed(
        *(cluster, "--snakefile", folder / "Snakefile", "--directory", folder),
        *("--profile", profile, "--default-resources", *resources),
    )


def grid(
    cluster: Cluster, source: Path, profile: Path, folder: Path, cells: int, pack: int
) -> float:
    folder.mkdir()
    model = tiny.save_model(folder / "model")
    config = tiny.config(model, tiny.write_data(folder / "data"))
    config["grid"][0] |= {"methods": ["full"], "seeds": list(range(cells))}
    config["train"] |= {"epochs": 60, "pack": pack}
    (folder / "grid.yaml").write_text(yaml.safe_dump(config))
    common = ("--snakefile", source / "Snakefile", "--directory", folder / "out")
    config = ("--configfile", folder / "grid.yaml")
    timed(
        *(cluster, "results/encoded/tiny-bert/tiny", *common, *config),
        *("--profile", source / "profiles/local"),
    )
    return timed(cluster, "runs", *common, *config, "--profile", profile)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=40)
    cells = parser.parse_args().cells
    if why := missing(accounting=False):
        sys.exit(f"error: {why}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="tunegrid-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder / "cluster", accounting=False)
        source = copy_workflow(folder / "workflow")
        try:
            cluster.start()
            for label, profile in profiles(source).items():
                pack = 10 if profile.name == "slurm" else 1
                seconds = {
                    "two-job chain": chain(cluster, profile, folder / f"chain {profile.name}"),
                    f"{cells} cells": grid(
                        *(cluster, source, profile, folder / f"grid {profile.name}", cells, pack)
                    ),
                }
                rows.append({"": label} | {key: f"{value:.0f} s" for key, value in seconds.items()})
        finally:
            cluster.stop()
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
