"""The catalogue's tasks from Python: `get_dataset`, called as in the published report."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset, DatasetDict, Features, Value

from tunegrid.config.schema import DataSettings
from tunegrid.planning.grid_tasks import Part, find_task
from tunegrid.planning.loading import load_tasks
from tunegrid.results import JOINED
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.few_shot import draw_few_shot
from tunegrid.tasks.label_kinds import names_of_labels
from tunegrid.tasks.preparing import few_shot_draws, prepare_task
from tunegrid.tasks.sources import bring_task
from tunegrid.tasks.splits import joined_texts
from tunegrid.web import STORE


def get_dataset(
    dataset_name: str | Sequence[str],
    sep_token: str,
    *,
    data_root: Path | str | None = None,
    data: DataSettings | None = None,
    seed: int = 0,
) -> DatasetDict:
    """A task's splits with columns text and labels, ready for a tokenizer.

        get_dataset("restaurant_sup", tokenizer.sep_token, data_root="…")
        get_dataset(["restaurant_fs", "acl_fs"], tokenizer.sep_token, data_root="…", seed=3)

    Args:
        dataset_name: a task of `config/tasks.yaml`, its few-shot version (`…_fs`), or several,
            as a list or joined by `+`, which become one task.
        sep_token: put between the two texts of a pair, with a space on either side.
        data_root: the folder of files that neither a package nor the hub holds; those that have
            addresses are downloaded where it does not hold them.
        data: what is made of the splits; by default all of them as they ship, 16 examples of each
            label for few-shot versions.
        seed: draws the examples of few-shot versions, where `data` names no `few_shot_seed`. The
            workflow gives the seed of the run.

    Returns:
        train, test and, where the task has one, dev: text (string) and labels (ClassLabel).

    Raises:
        UserError: a name is unknown, a file is missing or is not as the catalogue says.
    """
    name = dataset_name if isinstance(dataset_name, str) else JOINED.join(dataset_name)
    task = find_task(name, load_tasks())
    fetched = {part.source: _read(part, data_root) for part in task.parts}
    settings = task.split_settings(data or DataSettings())
    prepared = prepare_task(fetched, settings)
    draws = few_shot_draws(settings, names_of_labels(prepared["train"]))
    splits = draw_few_shot(prepared, draws, seed)
    return DatasetDict(
        {split: _join_pairs(examples, sep_token) for split, examples in splits.items()}
    )


def _read(part: Part, data_root: Path | str | None) -> DatasetDict:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(data_root) if data_root else None
        store = Path(folder, STORE)
        brought = bring_task(part.source, part.entry, root, Path(folder, "files"), store)
        return read_task(part.entry, brought.files)


def _join_pairs(data: Dataset, sep_token: str) -> Dataset:
    features = Features({"text": Value("string"), "labels": data.features["label"]})
    texts = joined_texts(data, f" {sep_token} ")
    return Dataset.from_dict({"text": texts, "labels": list(data["label"])}, features=features)
