"""What rules wait for of the grid's runs."""

from tunegrid.planning.run_inputs import files_to_wait_for
from tunegrid.results import RUN_FILES


def test_one_file_stands_for_a_run_and_what_was_deleted_is_asked_for(tmp_path):
    """A run that is not begun, one at work, a finished one, and one that lacks two of its files."""
    present = {
        "absent": [],
        "at_work": RUN_FILES[:1],
        "finished": RUN_FILES,
        "deleted": ["evaluations.parquet", "provenance.json", "training.json"],
    }
    for name, files in present.items():
        if files:
            (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    assert files_to_wait_for(f"{tmp_path}/{name}" for name in present) == [
        f"{tmp_path}/absent/training.json",
        f"{tmp_path}/at_work/training.json",
        f"{tmp_path}/finished/training.json",
        f"{tmp_path}/deleted/training.json",
        f"{tmp_path}/deleted/history.csv",
        f"{tmp_path}/deleted/predictions.parquet",
    ]
