"""Jobs train what was submitted, whatever becomes of the configuration while they wait."""

import pytest
import yaml
from running import ADAPTER, FULL, PATIENCE
from slurm import wait_for


def half_written(config: dict) -> str:
    return yaml.safe_dump(config)[:-40] + "\n  - {"


def with_other_settings_and_a_cell_dropped(config: dict) -> str:
    config["grid"][0]["methods"] = ["full"]
    config["train"] |= {"learning_rate": 1.0e-4}
    return yaml.safe_dump(config)


@pytest.mark.parametrize("edited", [half_written, with_other_settings_and_a_cell_dropped])
def test_an_edit_while_jobs_pend_reaches_the_next_start_alone(run_on, cluster, undisturbed, edited):
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
    )
    run.configfile.write_text(edited(yaml.safe_load(submitted)))
    cluster.call("scancel", blocking)
    output = run.finish()
    assert run.process.returncode == 0, output + run.logs()
    assert run.results() == {path: undisturbed[path] for path in (FULL, ADAPTER)}

    if edited is with_other_settings_and_a_cell_dropped:
        output = run.run("--dry-run")
        assert "1 with other settings (train.learning_rate), 1 dropped" in output
    # With the old file back, everything is as it was recorded.
    run.configfile.write_text(submitted)
    before = len(run.output())
    assert "Nothing to be done" in run.run("--dry-run")[before:]
