"""Jobs train what was submitted, whatever becomes of the configuration while they wait."""

import yaml
from running import PATIENCE
from slurm import wait_for


def test_an_edit_while_jobs_pend_reaches_the_next_start_alone(run_on, cluster, undisturbed):
    """One job starts while the file is half written, the other while it has other settings."""
    run = run_on(cluster)
    submitted = run.configfile.read_text()
    blocking = cluster.call(
        "sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--exclusive",
        "--output=/dev/null", "--wrap=sleep 600",
    ).strip()  # fmt: skip
    run.start()
    wait_for(
        lambda: [job.state for job in cluster.queue()].count("PENDING") == 2,
        seconds=PATIENCE,
        what=lambda: f"two pending jobs; {run.output()}",
        every=1,
    )
    _, held = [job.id for job in cluster.queue() if job.state == "PENDING"]
    cluster.call("scontrol", "hold", held)
    run.configfile.write_text(submitted[:-40] + "\n  - {")
    cluster.call("scancel", blocking)
    wait_for(run.results, seconds=PATIENCE, what=lambda: f"a run; {run.output()}")

    edited = yaml.safe_load(submitted)
    edited["grid"][0]["methods"] = ["full"]
    edited["train"] |= {"learning_rate": 1.0e-4}
    run.configfile.write_text(yaml.safe_dump(edited))
    cluster.call("scontrol", "release", held)
    output = run.finish()
    assert run.process.returncode == 0, output + run.logs()
    assert run.results() == undisturbed

    output = run.run("--dry-run")
    assert "1 with other settings (train.learning_rate), 1 dropped" in output
    # With the old file back, everything is as it was recorded.
    run.configfile.write_text(submitted)
    before = len(output)
    assert "Nothing to be done" in run.run("--dry-run")[before:]
