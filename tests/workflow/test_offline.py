"""The hub is asked by the rules that fetch, and by no other."""

import tiny
from hub import Hub, Repository
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
