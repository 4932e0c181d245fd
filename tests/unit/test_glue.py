"""GLUE's eight tasks: fetched from the hub's stand-in in the hub's files, and trained a step."""

import json

import pytest
import synthetic_glue
import tiny
from datasets import load_from_disk
from hub import Hub, Repository
from paths import ROOT
from pyarrow import parquet

from tunegrid.config.schema import SplitSettings
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project, load_tasks
from tunegrid.settings import CellSettings
from tunegrid.statistics.score import score_run
from tunegrid.tasks.encoding import encode_to_folder
from tunegrid.tasks.fetching import fetch_task

CATALOGUE = load_tasks()
GLUE = list(synthetic_glue.LABELS)
REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
#: Rows of train and of GLUE's dev, as the repository's card counts them.
CARD = {
    "cola": (8551, [1043]),
    "sst2": (67349, [872]),
    "mrpc": (3668, [408]),
    "stsb": (5749, [1500]),
    "qqp": (363846, [40430]),
    "mnli": (392702, [9815, 9832]),
    "qnli": (104743, [5463]),
    "rte": (2490, [277]),
}
#: Rows of the stand-in's files.
TRAIN, DEV = 24, 9
#: Rows of train that the catalogue drops, of all rows and of the stand-in's: empty questions.
DROPPED = {"qqp": 2}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The stand-in's repository, in the layout of nyu-mll/glue."""
    folder = tmp_path_factory.mktemp("glue")
    synthetic_glue.hub_files(folder, lambda task, split: TRAIN if split == "train" else DEV)
    path = folder / "qqp/train-00000-of-00001.parquet"
    table = parquet.read_table(path)
    texts = table["question2"].to_pylist()
    texts[3] = texts[7] = ""
    column = table.schema.get_field_index("question2")
    parquet.write_table(table.set_column(column, table.schema.field(column), [texts]), path)
    return Repository.of(folder, commit=REVISION)


@pytest.fixture(scope="module")
def tasks(repository, tmp_path_factory):
    """The folder of every task, fetched by its entry but for the number of rows."""
    root = tmp_path_factory.mktemp("tasks")
    with pytest.MonkeyPatch.context() as patch, Hub() as server:
        server.repositories["datasets/nyu-mll/glue"] = repository
        # The library reads HF_ENDPOINT when it is imported.
        patch.setattr("huggingface_hub.constants.ENDPOINT", server.endpoint)
        template = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template)
        for name in GLUE:
            fetch_task(name, CATALOGUE[name].model_copy(update={"counts": None}), None, root / name)
    return root


@pytest.mark.parametrize("name", GLUE)
def test_an_entry_is_pinned_and_counts_what_the_hub_s_card_counts(name):
    entry = CATALOGUE[name]
    assert (entry.hub.repository, entry.hub.revision) == ("nyu-mll/glue", REVISION)
    train, dev = CARD[name]
    assert entry.counts.train == train - DROPPED.get(name, 0)
    test = entry.counts.test
    assert (list(test.values()) if isinstance(test, dict) else [test]) == dev
    assert "GLUE's dev" in entry.title


@pytest.mark.parametrize("name", GLUE)
def test_every_task_is_fetched_in_the_hub_s_own_files(tasks, name):
    card = json.loads((tasks / name / "task.json").read_text())
    assert card["commit"] == REVISION
    assert card["labels"] == synthetic_glue.LABELS[name]
    assert card["examples"]["train"] == TRAIN - DROPPED.get(name, 0)
    several = {"matched": DEV, "mismatched": DEV}
    assert card.get("test_splits", {}) == (several if name == "mnli" else {})
    assert card["dropped"] == ({"train": {"text_pair is empty": 2}} if name == "qqp" else {})
    task = load_from_disk(tasks / name)
    first = synthetic_glue.rows(name, "train", 1)[0]
    texts = [value for key, value in first.items() if key not in ("label", "idx")]
    row = task["train"][0]
    assert [row["text"], row["text_pair"]][: len(texts)] == texts
    assert row["label"] == pytest.approx(first["label"])


@pytest.mark.parametrize("name", GLUE)
def test_every_task_trains_a_step(tasks, tiny_model, tmp_path, name):
    encode_to_folder(
        [tasks / name], tiny_model, SplitSettings(max_length=32, dev_fraction=0.2), tmp_path / name
    )
    settings = tiny.settings_json() | {
        "task": name,
        "task_source": CATALOGUE[name].settings(),
        "data": {"max_length": 32, "dev_fraction": 0.2},
    }
    metric = "pearson" if name == "stsb" else "accuracy"
    settings["train"] |= {"epochs": 1, "batch_size": 32, "select_metric": metric}
    cell = CellSettings.from_json(settings)
    assert tiny.train(cell, tiny_model, tmp_path / name, tmp_path / "run")["steps"] == 1
    score = score_run(tmp_path / "run").test
    assert score["examples"] == DEV * len(CARD[name][1])
    assert list(score["test_splits"]) == (["matched", "mismatched"] if name == "mnli" else [])


#: Table 9 of Hu et al. (2022) for RoBERTa-base: epochs, batch size and learning rate of each task.
TABLE_9 = {
    "mnli": (30, 16, 5e-4),
    "sst2": (60, 16, 5e-4),
    "mrpc": (30, 16, 4e-4),
    "cola": (80, 32, 4e-4),
    "qnli": (25, 32, 4e-4),
    "qqp": (25, 16, 5e-4),
    "rte": (80, 32, 5e-4),
    "stsb": (40, 16, 4e-4),
}


def test_lora_is_trained_on_glue_as_in_its_paper():
    cells = list(expand_grid(load_project([ROOT / "config/glue.yaml"])))
    assert {(cell.model, cell.task) for cell in cells} == {("roberta-base", name) for name in GLUE}
    assert {cell.method for cell in cells} == {"full", "bitfit", "adapter-64", "lora"}
    for cell in cells:
        train = cell.settings.train
        assert (train.schedule, train.warmup_ratio, train.select) == ("linear", 0.06, "best_dev")
        assert cell.settings.data.dev_fraction > 0
        if cell.method == "lora":
            settings = (train.epochs, train.batch_size, train.learning_rate)
            assert settings == TABLE_9[cell.task]


def test_the_small_grid_has_glue_s_tasks_with_their_own_labels():
    project = load_project([ROOT / "config/glue-small.yaml"])
    for name in GLUE:
        small, own = project.tasks[name], CATALOGUE[name]
        assert (small.labels, small.target) == (own.labels, own.target)
        assert list(small.test_splits) == list(own.test_splits)
        assert small.hub is None


def test_the_small_files_are_what_the_program_writes(tmp_path):
    there = ROOT / "config/glue-small"
    for path in synthetic_glue.own_files(tmp_path):
        shipped = there / path.relative_to(tmp_path)
        assert shipped.read_bytes() == path.read_bytes(), shipped
    assert len(list(there.rglob("*.tsv"))) == 17
