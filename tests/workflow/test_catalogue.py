"""Every name of the catalogue: fetched from a hub, and trained a step without it.

The hub is a stand-in on loopback. It has each model's repository, small and random but of its
architecture and layout (`encoders`), the report's real files, and AG News in the hub's format.
"""

import csv
from itertools import cycle, islice

import encoders
import pandas as pd
import pytest
import tiny
import yaml
from hub import Hub, Repository
from paths import ROOT
from workflow import own_workflow

from tunegrid.files import read_json, write_json
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_models, load_project, load_tasks
from tunegrid.tasks.encoding import encode_task, load_tokenizer, longest_input
from tunegrid.tasks.preparing import prepare_task

MODELS = load_models()
#: GLUE's tasks, nearly a million rows of another form, have a test of their own (test_glue.py).
TASKS = {
    name: entry
    for name, entry in load_tasks().items()
    if entry.hub is None or entry.hub.repository != "nyu-mll/glue"
}
#: The models of the default grid, which is the report's.
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())["grid"][0]["models"]
REPORT = ["restaurant_sup", "laptop_sup", "acl_sup", "agnews_sup"]
#: A task of single texts and one of pairs, on which every model is tried. All tasks are tried on
#: the first model, and the report's on the report's models.
KINDS, FIRST = ["acl_sup", "restaurant_sup"], "roberta-base"
#: A step of eight examples.
STEP = {
    "train": {"epochs": 1, "batch_size": 8, "protocol": "report", "pack": 3},
    "data": {"max_length": 48, "max_train": 8, "max_dev": 8, "max_test": 8},
    "overrides": [],
}


def ag_news(rows, number):
    """So many rows as the hub has them: text and label, the real test file's again and again."""
    chosen = list(islice(cycle(rows), number))
    return pd.DataFrame(
        {
            "text": [f"{title} {text}" for _, title, text in chosen],
            "label": [int(index) - 1 for index, *_ in chosen],
        }
    )


@pytest.fixture(scope="module")
def repositories(data_root, tmp_path_factory):
    """What the stand-in serves: a repository for each model of the hub, and the tasks' files."""
    folder = tmp_path_factory.mktemp("repositories")
    with (data_root / "agnews/test.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    texts = [f"{title} {text}" for _, title, text in rows[:1500]]
    served = {}
    for name, entry in MODELS.items():
        if entry.hub:
            source = encoders.save_encoder(name, folder / name, texts)
            served[f"models/{entry.hub.repository}"] = Repository.of(
                source, commit=entry.hub.revision
            )
    served["datasets/report/data"] = Repository.of(data_root)
    news = TASKS["agnews"]
    for split in ("train", "test"):
        path = folder / "agnews" / news.files[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        ag_news(rows, getattr(news.counts, split)).to_parquet(path, index=False)
    served[f"datasets/{news.hub.repository}"] = Repository.of(
        folder / "agnews", commit=news.hub.revision
    )
    return served


@pytest.fixture(scope="module")
def fetched(repositories, tmp_path_factory):
    """The workflow's folder after every model and task was fetched, and the report's grid trained.

    Of the report's configuration all is its own but the size of the splits, the tasks' files, which
    come from the hub, too, and that the first model alone is trained, on a task of each kind: all
    others `test_every_model_trains_a_step_on_single_texts_and_pairs` trains, with one start of the
    libraries for them all.
    """
    folder = tmp_path_factory.mktemp("catalogue")
    hub = {"hub": {"repository": "report/data", "revision": "main"}}
    tasks = {
        name: TASKS[name].model_dump(mode="json", exclude={"url"}, exclude_none=True) | hub
        for name in REPORT
    }
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | STEP | {"tasks": tasks}
    for block in config["grid"]:
        block |= {"seeds": [1], "models": [FIRST], "tasks": KINDS}
    workflow = own_workflow(folder, config)
    targets = [f"resources/models/{name}" for name in MODELS]
    targets += [f"resources/tasks/{name}" for name in TASKS]
    with pytest.MonkeyPatch.context() as patch, Hub(repositories) as server:
        patch.setenv("HF_HOME", str(folder / "hf"))
        patch.setenv("HF_ENDPOINT", server.endpoint)
        workflow.run(*targets)
        asked = len(server.requests)
        workflow.run("runs")
        assert len(server.requests) == asked
    return workflow, config


def test_the_default_grid_s_first_model_is_fetched_and_trained_offline(fetched):
    workflow, _ = fetched
    cells = list(expand_grid(load_project([workflow.configfile])))
    assert len(cells) == 3 * 2
    for cell in cells:
        made = read_json(workflow.directory / "results/runs" / cell.path / "provenance.json")
        assert made["hub_offline"] is True


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_has_the_catalogue_s_counts_and_the_hub_s_commit(fetched, name):
    card = read_json(fetched[0].directory / f"resources/tasks/{name}/task.json")
    counts = TASKS[name].counts.model_dump(exclude_none=True)
    assert {split: sum(held.values()) for split, held in card["splits"].items()} == counts
    if TASKS[name].hub:
        assert card["commit"] == TASKS[name].hub.revision


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_trains_a_step_on_single_texts_and_pairs(fetched, name, tmp_path, monkeypatch):
    workflow, config = fetched
    folder = workflow.directory / f"resources/models/{name}"
    if MODELS[name].hub:
        card = read_json(folder / "model.json")
        assert card["commit"] == MODELS[name].hub.revision
        assert ("converted" in card) == encoders.LAYOUTS[name].pickled
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(variable, "1")
    tasks = list(TASKS) if name == FIRST else REPORT if name in DEFAULT else KINDS
    block = {"models": [name], "tasks": tasks, "methods": ["full", "lora"], "seeds": [1]}
    grid = tmp_path / "grid.yaml"
    grid.write_text(yaml.safe_dump(config | {"grid": [block]}))
    tokenizer = load_tokenizer(folder)
    longest = longest_input(folder, tokenizer)
    for cell in expand_grid(load_project([grid])):
        encoded = tmp_path / cell.task
        if not encoded.exists():
            source = workflow.directory / f"resources/tasks/{cell.task}"
            encode(source, tokenizer, cell.settings.data, longest, encoded)
        output = tmp_path / cell.method / cell.task
        result = tiny.train(cell.settings, folder, encoded, output)
        assert result["steps"] == 1
        assert (result["trainable_parameters"] == result["total_parameters"]) == (
            cell.method == "full"
        )


def encode(source, tokenizer, settings, longest, folder):
    """What encode_task does, but for the checksums."""
    from datasets import load_from_disk

    splits = prepare_task({source.name: load_from_disk(source)}, settings)
    encoded, card = encode_task(splits, tokenizer, settings.max_length, longest)
    encoded.save_to_disk(folder)
    write_json(folder / "encoding.json", card | tiny.CARD)
