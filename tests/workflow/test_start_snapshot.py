"""What a start trains is written down: its jobs read that, and the next start says what differs."""

import dataclasses
import json

import yaml
from workflow import planned

from tunegrid.files import read_json

SNAPSHOTS = "results/.plans"


def starts(workflow):
    """The snapshots of the starts, in order: of the configuration without a name."""
    lines = (workflow.directory / SNAPSHOTS / "starts.jsonl").read_text().splitlines()
    told = map(json.loads, lines)
    return [start["snapshot"] for start in told if start["name"] is None]


def test_a_start_leaves_its_snapshot_and_a_dry_run_none(untouched):
    workflow, config = untouched
    before = starts(workflow)
    assert (workflow.directory / SNAPSHOTS / f"{before[-1]}.json").is_file()
    config["figures"] = {"dpi": 90}
    workflow.configure(config)
    told = workflow.run("--dry-run").stderr
    assert "No cell depends on what else has changed since then: figures.dpi." in told
    assert starts(workflow) == before
    workflow.run("results/figures/forest.png", "--cores", "1")
    assert starts(workflow)[-1] != before[-1]
    assert "has changed since" not in workflow.run("--dry-run").stderr


def test_a_job_reads_the_snapshot_and_no_file_of_the_user(grid):
    """The command of a job, as Snakemake gives it, while each file of the user is half-written."""
    workflow, _ = grid
    snapshot = workflow.directory / SNAPSHOTS / f"{starts(workflow)[-1]}.json"
    paper = workflow.directory.parent / "paper.csv"
    paper.write_text("source,model")
    (workflow.directory / SNAPSHOTS / "other.json").write_text(
        json.dumps(read_json(snapshot) | {"published": [str(paper)]})
    )
    broken = [workflow.source / f"config/{name}.yaml" for name in ("models", "tasks", "methods")]
    kept = {path: path.read_text() for path in broken}
    job = dataclasses.replace(workflow, configfile=snapshot.with_name("other.json"))
    try:
        for path in broken:
            path.write_text("half: [")
        target = "results/runs/tiny-bert/tiny/full/seed1/training.json"
        job.run("--dry-run", "--force", "--mode", "subprocess", target)
        refused = job.run("--dry-run", "--force", target, check=False)
    finally:
        for path, text in kept.items():
            path.write_text(text)
    assert f"error: {paper}" in refused.stderr  # as a start, it reads the paper


def test_a_run_of_other_settings_that_counts_as_finished_is_made_again(untouched):
    """The aggregates refuse it and name a remedy, and the remedy works."""
    workflow, _ = untouched
    folder = workflow.directory / "results/runs/tiny-bert/tiny/full/seed1"
    files = [folder / "provenance.json", folder / "training.json"]
    made = {path: path.read_text() for path in files}
    for path in files:
        path.write_text(json.dumps(read_json(path) | {"hash": "0123456789ab"}))
    assert "train" not in workflow.plan()
    run = workflow.run("results/runs.csv", "--forcerun", "score", "collect_runs", check=False)
    assert run.returncode == 1
    log = (workflow.directory / "results/logs/collect_runs.log").read_text()
    assert "was made by settings 0123456789ab" in log
    assert "run the workflow to make it" in log
    again = workflow.run("results/runs.csv")
    assert planned(again)["train"] == 1
    for path, text in made.items():
        assert path.read_text() == text


def test_an_edited_catalogue_entry_of_the_grid_writes_its_cells_anew(grid):
    """Cells and runs have the same hashes again, or the aggregates would refuse them."""
    workflow, config = grid
    config["methods"]["adapter-4"]["bottleneck_size"] = 3
    workflow.configure(config)
    plan = workflow.plan()
    assert (plan["train"], plan["expand_grid"]) == (2, 1)
    assert yaml.safe_load(workflow.configfile.read_text()) == config
