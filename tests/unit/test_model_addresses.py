"""Models from addresses: file by file, or in an archive."""

import json
import pickle

import pytest
import torch
from archiving import ENDINGS, pack
from safetensors.torch import load_file
from web import Web

from tunegrid import requesting
from tunegrid.config.catalogue import ModelEntry
from tunegrid.errors import UserError
from tunegrid.files import sha256
from tunegrid.models import PICKLED, fetch_model

WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(requesting, "WAIT", 0.01)


@pytest.fixture
def files(tiny_model):
    return {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.is_file()} | {
        "model.json": b"{}"
    }


def fetch(web, tmp_path, names=None, **keys):
    entry = {"url": {name: web.entry(name) for name in names or web.files}} | keys
    return fetch_model("m", ModelEntry.model_validate(entry), tmp_path / "models/m")


def refused(web, tmp_path, **keys):
    with pytest.raises(UserError) as error:
        fetch(web, tmp_path, **keys)
    (line,) = error.value.problems
    assert line.startswith("model 'm': ")
    return line


def test_files_come_by_their_names_and_again_without_the_network(files, tiny_model, tmp_path):
    del files["model.json"]
    with Web(files, breaks=1) as web:
        card = fetch(web, tmp_path)
    for name, checksum in card["files"].items():
        assert sha256(tiny_model / name) == checksum
        assert (tmp_path / "models/m" / name).read_bytes() == files[name]
    assert card["entry"]["url"][WEIGHTS] == web.entry(WEIGHTS)
    assert json.loads((tmp_path / "models/m/model.json").read_text()) == card
    fetch(web, tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_holds_the_model_in_a_folder(ending, files, tiny_model, tmp_path):
    inside = {f"deep/tiny/{name}": content for name, content in files.items()}
    packed = pack(tmp_path / f"tiny{ending}", inside | {"deep/tiny/modeling.py": b"print()"})
    with Web({f"tiny{ending}": packed.read_bytes()}) as web:
        line = refused(web, tmp_path)
        assert "holds no config.json in the folder ., but in deep/tiny; name it as `folder`" in line
        card = fetch(web, tmp_path, folder="deep/tiny")
    assert card["files"][WEIGHTS] == sha256(tiny_model / WEIGHTS)
    assert not (tmp_path / "models/m/modeling.py").exists()
    assert not list((tmp_path / "models").glob(".unpacking-*"))


@pytest.mark.parametrize("in_archive", [False, True])
def test_pickled_weights_are_converted_and_code_is_not_run(in_archive, files, tiny_model, tmp_path):
    weights = load_file(tiny_model / WEIGHTS)
    del files[WEIGHTS], files["model.json"]
    torch.save(weights, tmp_path / PICKLED)
    files[PICKLED] = (tmp_path / PICKLED).read_bytes()
    served = files
    if in_archive:
        served = {"x.zip": pack(tmp_path / "x.zip", files).read_bytes()}
    with Web(served) as web:
        card = fetch(web, tmp_path)
    assert card["converted"] == {PICKLED: sha256(tmp_path / PICKLED)}
    found = load_file(tmp_path / "models/m" / WEIGHTS)
    assert all(torch.equal(found[key], weights[key]) for key in weights)
    files[PICKLED] = pickle.dumps(print, protocol=2)
    with Web(files) as web:
        (tmp_path / "models/m" / WEIGHTS).unlink()
        assert "is not loaded: it can execute code" in refused(web, tmp_path)


def test_what_is_no_model_is_one_line(files, tmp_path):
    with Web(files | {"tf_model.h5": b""}) as web:
        assert "`url` names tf_model.h5, model.json, which is no" in refused(
            web, tmp_path, names=["tf_model.h5", "model.json", "config.json"]
        )
        line = refused(web, tmp_path, names=["config.json"])
        assert "what `url` names (config.json) holds no config.json with *.safetensors" in line
    with Web({"x.zip": pack(tmp_path / "x.zip", {"a.txt": b""}).read_bytes()}) as web:
        assert "x.zip holds no config.json; name the archive of a model" in refused(web, tmp_path)
    with Web({}) as web:
        entry = {"url": {"config.json": web.entry("config.json", b"")}}
        with pytest.raises(UserError, match=r"^model 'm': http.*/config.json: is not there"):
            fetch_model("m", ModelEntry.model_validate(entry), tmp_path / "models/m")


def test_damaged_weights_that_have_their_checksum_are_one_line(files, tmp_path):
    del files["model.json"]
    files[WEIGHTS] = files[WEIGHTS][:-10]
    with Web(files) as web:
        line = refused(web, tmp_path)
    assert f"{web.address}/{WEIGHTS}" in line
    assert line.endswith("name addresses of whole files, with their checksums")
