import json
import subprocess
import sys

import pytest
from paths import ROOT

from tunegrid.errors import UserError
from tunegrid.models import fetch_model
from tunegrid.planning.loading import load_project

EMBEDDED = load_project([ROOT / "config/demo.yaml"]).models["minilm-l6"].settings()


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
    fetch_model("m", {"folder": str(source)}, tmp_path / "out")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {
        ".json", ".safetensors", ".txt",
    }  # fmt: skip
    (source / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no config\.json with \*\.safetensors weights"):
        fetch_model("m", {"folder": str(source)}, tmp_path / "other")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"model 'm': no such folder: .*/nowhere"):
        fetch_model("m", {"folder": str(tmp_path / "nowhere")}, tmp_path / "out")


def test_a_hub_out_of_reach_is_one_line_and_no_traceback(tmp_path):
    entry = {"hub": {"repository": "a/b", "revision": "0" * 40}}
    run = subprocess.run(
        [sys.executable, ROOT / "scripts/fetch_model.py", "--name", "m",
         "--entry", json.dumps(entry), "--output", tmp_path / "m"],
        env={"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf"), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(
        f"error: model 'm': a/b at {'0' * 40}: http://127.0.0.1:9 does not answer"
    )
