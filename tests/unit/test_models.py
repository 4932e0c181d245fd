import json
import shutil
import subprocess
from pathlib import Path

import forked
import pytest
import torch
from paths import ROOT
from safetensors.torch import load_file

from tunegrid.config.catalogue import ModelEntry
from tunegrid.errors import UserError
from tunegrid.files import sha256
from tunegrid.models import fetch_model
from tunegrid.planning.loading import load_project

EMBEDDED = load_project([ROOT / "config/demo.yaml"]).models["minilm-l6"]


def test_a_packaged_model_is_linked_with_its_checksums(tmp_path):
    card = fetch_model("minilm-l6", EMBEDDED, tmp_path)
    assert (tmp_path / "model.safetensors").is_symlink()
    assert len(card["files"]["model.safetensors"]) == 64
    assert json.loads((tmp_path / "model.json").read_text()) == card


def test_only_safetensors_are_taken(tiny_model, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for path in tiny_model.iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    (source / "pytorch_model.bin").write_bytes(b"pickled")
    (source / "modeling.py").write_text("print('code')")
    fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "out")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {
        ".json",
        ".safetensors",
        ".txt",
    }
    (source / "model.safetensors").unlink()
    with pytest.raises(
        UserError, match=r"pytorch_model\.bin is damaged or holds more than tensors"
    ):
        fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "other")
    (source / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"holds no config\.json with \*\.safetensors weights"):
        fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "third")


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def pickled_model(tiny_model, tmp_path):
    """A folder of an older model: pickled weights, two of them tied."""
    source = shutil.copytree(tiny_model, tmp_path / "source", symlinks=False)
    weights = load_file(source / "model.safetensors")
    weights["tied"] = next(iter(weights.values()))
    (source / "model.safetensors").unlink()
    torch.save(weights, source / "pytorch_model.bin")
    return source, weights


def test_pickled_weights_are_converted(pickled_model, tmp_path):
    source, weights = pickled_model
    card = fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "out")
    found = load_file(tmp_path / "out/model.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], weights[key]) for key in weights)
    assert card["converted"] == {"pytorch_model.bin": sha256(source / "pytorch_model.bin")}
    assert not (tmp_path / "out/pytorch_model.bin").exists()


def test_pickled_code_is_not_executed(pickled_model, tmp_path):
    source, weights = pickled_model
    torch.save(weights | {"x": Malicious(tmp_path / "executed")}, source / "pytorch_model.bin")
    with pytest.raises(UserError, match="holds more than tensors, and is not loaded"):
        fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "out")
    assert not (tmp_path / "executed").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"model 'm': no such folder: .*/nowhere"):
        fetch_model("m", ModelEntry(folder=str(tmp_path / "nowhere")), tmp_path / "out")


def test_a_hub_out_of_reach_is_one_line_and_no_traceback(tmp_path):
    entry = {"hub": {"repository": "a/b", "revision": "0" * 40}}
    run = subprocess.run(
        [
            forked.interpreter(),
            ROOT / "tests/impatient.py",
            ROOT / "scripts/fetch_model.py",
            "--name",
            "m",
            "--entry",
            json.dumps(entry),
            "--output",
            tmp_path / "m",
        ],
        env={"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(
        f"error: model 'm': a/b at {'0' * 40}: http://127.0.0.1:9 does not answer"
    )
