"""The hub is asked by the rules that fetch, and by no other."""

import tiny
from archiving import pack
from hub import Hub, Repository
from web import Web
from workflow import own_workflow

from tunegrid.files import read_json


def test_a_grid_of_the_hub_trains_without_it(tiny_model, tmp_path, monkeypatch):
    data = tiny.write_data(tmp_path / "data")
    config = tiny.config(tiny_model, None)
    config["grid"][0] |= {"seeds": [1], "methods": ["full"]}
    config["models"] = {"tiny-bert": {"hub": {"repository": "owner/model", "revision": "main"}}}
    hub_data = {"hub": {"repository": "owner/data", "revision": "main"}}
    config["tasks"] = {"tiny": tiny.TASK | hub_data}
    workflow = own_workflow(tmp_path, config)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with Hub() as hub:
        hub.repositories["models/owner/model"] = Repository.of(tiny_model)
        hub.repositories["datasets/owner/data"] = Repository.of(data)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        workflow.run("resources/models/tiny-bert", "resources/tasks/tiny")
        fetched = len(hub.requests)
        workflow.run("runs")
        assert len(hub.requests) == fetched
    listed = [path for _, path, _ in hub.requests if path.startswith("api/")]
    assert sorted(listed) == [
        "api/datasets/owner/data/revision/main", "api/models/owner/model/revision/main",
    ]  # fmt: skip
    run = workflow.directory / "results/runs/tiny-bert/tiny/full/seed1"
    assert read_json(run / "provenance.json")["hub_offline"] is True


def test_a_grid_of_addresses_trains_without_them_and_not_again_when_they_move(tiny_model, tmp_path):
    data = tiny.write_data(tmp_path / "data")
    corpus = {path.name: path.read_bytes() for path in (data / "tiny").iterdir()}
    archive = pack(tmp_path / "made/tiny.zip", corpus).read_bytes()
    weights = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    del weights["model.json"]
    config = tiny.config(tiny_model, None)
    config["grid"][0] |= {"seeds": [1], "methods": ["full"]}
    workflow = own_workflow(tmp_path, config)
    files = {split: f"tiny.zip/{split}.jsonl" for split in tiny.COUNTS}
    made = []
    for moved in (False, True):
        with Web(weights | {"tiny.zip": archive}) as web:
            url = {"tiny.zip": web.entry("tiny.zip")}
            config["tasks"] = {"tiny": tiny.TASK | {"files": files, "url": url}}
            config["models"] = {"tiny-bert": {"url": {name: web.entry(name) for name in weights}}}
            workflow.configure(config)
            workflow.run("resources/models/tiny-bert", "resources/tasks/tiny")
            asked = len(web.requests)
            assert (asked == 0) == moved
            workflow.run("runs")
            assert len(web.requests) == asked
        run = workflow.directory / "results/runs/tiny-bert/tiny/full/seed1"
        made.append(read_json(run / "provenance.json")["started"])
    assert made[0] == made[1]
