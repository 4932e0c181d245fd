"""Names that no file can have: too long, alone or together."""

from collections.abc import Iterator

from tunegrid.config.origin import Origins
from tunegrid.planning.project import Project

#: Characters that a name of a model, task or method has at most. File systems take 255 bytes; a
#: file's name may have a word before it, a suffix, and what a temporary file has beside.
LONGEST_NAME = 200
#: Characters that the three have together at most: Slurm's log of a job lies in a folder named by
#: all of them, the candidate and the seed (snakemake_executor_plugin_slurm, `get_job_wildcards`).
LONGEST_CELL = 220


def name_problems(project: Project, origins: Origins) -> Iterator[str]:
    """One line for each block of the grid whose names are too long for the files named by them."""
    for index, block in enumerate(project.config.grid):
        catalogues = {"models": block.models, "tasks": block.tasks, "methods": block.methods}
        too_long = False
        for key, names in catalogues.items():
            for position, name in enumerate(names):
                if len(name) > LONGEST_NAME:
                    too_long = True
                    where = origins.locate(("grid", index, key, position))
                    yield (
                        f"{where}: {name[:30]}… has {len(name)} characters, and files are named by"
                        f" it; {_remedy(key)} of at most {LONGEST_NAME}"
                    )
        longest = [max(names, key=len) for names in catalogues.values()]
        together = sum(len(name) for name in longest)
        if not too_long and together > LONGEST_CELL:
            listed = ", ".join(f"{name[:30]}… ({len(name)})" for name in longest)
            yield (
                f"{origins.locate(('grid', index))}: the names of model, task and method have"
                f" {together} characters together ({listed}), and files are named by all of them;"
                f" give shorter ones, of at most {LONGEST_CELL} together"
            )


def _remedy(key: str) -> str:
    if key == "tasks":
        return "give it a shorter name, or join fewer tasks, for a name"
    return f"give it another name under `{key}`,"
