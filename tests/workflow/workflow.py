"""Running the workflow as a user does, and reading what it would do."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import forked
import yaml
from paths import ROOT

PARTS = ["Snakefile", "rules", "scripts", "config", "profiles", "envs"]
#: What follows from any change of a run: the aggregates and everything drawn from them.
AGGREGATES = {
    "score": 1, "collect_runs": 1, "summarise": 1, "compare_methods": 1, "compare_published": 1,
    "count_errors": 1, "count_cost": 1, "write_tables": 1, "write_first_page": 1,
    "write_workbook": 1, "plot_forest": 1, "plot_bars": 4, "plot_confusion": 1, "plot_methods": 1,
    "plot_pareto": 1, "plot_curves": 1, "all": 1,
}  # fmt: skip


@dataclass
class Workflow:
    """A copy of the workflow, a configuration, and a folder for everything generated."""

    source: Path
    directory: Path
    configfile: Path

    def configure(self, config: dict) -> None:
        self.configfile.write_text(yaml.safe_dump(config))

    def copy(self, folder: Path) -> "Workflow":
        """A copy of all of it below `folder`, for tests that change something."""
        return Workflow(
            source=shutil.copytree(self.source, folder / self.source.name),
            directory=shutil.copytree(self.directory, folder / self.directory.name, symlinks=True),
            configfile=Path(shutil.copy2(self.configfile, folder)),
        )

    def run(self, *arguments, profile="local", check=True, configfile=None):
        """Run snakemake from a folder that is neither the workflow's nor the results'."""
        options = {
            "--snakefile": self.source / "Snakefile",
            "--profile": self.source / "profiles" / profile,
            "--directory": self.directory,
            "--configfile": configfile or self.configfile,
        }
        given = [part for option in options.items() for part in option]
        run = forked.snakemake([*arguments, *given], self.directory.parent)
        assert not check or run.returncode == 0, run.stdout + run.stderr
        return run

    def plan(self, *arguments, **options) -> dict[str, int]:
        """How many jobs of each rule a dry run shows."""
        return planned(self.run("--dry-run", *arguments, **options))


def planned(run: subprocess.CompletedProcess) -> dict[str, int]:
    """How many jobs of each rule this run of snakemake has shown."""
    table = re.search(
        r"^job +count\n-+  -+\n(.*?)^total", run.stdout + run.stderr, re.MULTILINE | re.DOTALL
    )
    rows = (line.split() for line in table[1].splitlines()) if table else ()
    return {rule: int(count) for rule, count in rows}


def copy_workflow(folder: Path) -> Path:
    """The workflow's own files in a folder whose name has a space."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / part)
    return folder


def own_workflow(folder: Path, config: dict) -> Workflow:
    """A copy of the workflow below `folder`, with this configuration and nothing made yet."""
    workflow = Workflow(copy_workflow(folder / "source"), folder / "out", folder / "grid.yaml")
    workflow.configure(config)
    return workflow
