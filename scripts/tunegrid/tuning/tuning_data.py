"""The data that tuning sees: train and dev, and nothing of test."""

from pathlib import Path
from typing import Any

from datasets import DatasetDict, load_from_disk

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json

#: The splits that tuning may see.
SEEN = ("train", "dev")


def hide_test(encoded: Path, output: Path) -> None:
    """Write an encoded task whose test split is its dev split.

    Only the folders of train and dev are opened, so that no byte of test can decide a choice.

    Args:
        encoded: folder of encode_task.
        output: folder to write, of the same form.

    Raises:
        UserError: the task has no dev split.
    """
    if not (encoded / "dev").is_dir():
        raise UserError(
            f"{encoded}: has no dev split, by which tuning chooses; name a dev file, or set"
            " data.dev_fraction"
        )
    splits = {split: load_from_disk(encoded / split) for split in SEEN}
    splits["test"] = splits["dev"]
    DatasetDict(splits).save_to_disk(output)
    card: dict[str, Any] = read_json(encoded / "encoding.json")
    counts = {split: card["splits"][split] for split in SEEN}
    files = {
        task: {split: sums for split, sums in of_task.items() if split != "test"}
        for task, of_task in card["task_files"].items()
    }
    seen = {"splits": counts | {"test": counts["dev"]}, "task_files": files}
    write_json(output / "encoding.json", card | seen)
