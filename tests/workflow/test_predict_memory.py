"""`scripts/predict_memory.py` as a person asks it."""

import json
import subprocess
import sys

import encoders
import pytest
import transformers
from paths import ROOT

MPNET = {
    "model_type": "mpnet", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 128, "vocab_size": 99,
}  # fmt: skip


def ask(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "scripts/predict_memory.py", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_question_is_answered_by_one_table():
    found = ask("--model", "roberta-base", "--method", "adapter-64", "--method", "lora[r=4]")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert "roberta-base, 16 examples of 128 tokens, fp32" in found.stdout
    rows = dict(
        [cell.strip() for cell in line.split("|")[1:3]]
        for line in found.stdout.splitlines()
        if line.startswith("|")
    )
    assert rows["at the peak, traced"] == "1.540"
    assert rows["by formula"] == "1.539"
    assert rows["largest micro-batch, T4"] == "128"


def test_a_program_gets_json_of_any_shape(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MPNET))
    question = ("--tokens", "40", "--optimizer", "sgd", "--accumulated", "2")
    found = ask("--model", str(tmp_path), "--method", "bitfit", *question, "--json")
    assert found.returncode == 0, found.stderr
    (answer,) = json.loads(found.stdout)
    assert answer["traced"] == sum(answer["parts"].values())
    assert answer["closed_form"] is None
    assert "fused AdamW" in answer["no_closed_form"]


@pytest.mark.parametrize("name", ["deberta-v3-small", "modernbert-base", "albert-base-v2"])
def test_other_encoders_of_the_catalogue_are_traced(name, tmp_path):
    layout = encoders.LAYOUTS[name]
    architecture = getattr(transformers, layout.architecture)
    architecture.config_class(**encoders.SHAPE | layout.config).save_pretrained(tmp_path)
    found = ask("--model", str(tmp_path), "--method", "full", "--tokens", "40", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)[0]["traced"] > 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--model", "mpnet.json", "--checkpointing"), "does not support gradient checkpointing"),
        (("--model", "roberta-bas"), "no shape of 'roberta-bas'"),
        (("--model", "roberta-base", "--method", "nonsense"), "'nonsense' is no configuration"),
        (("--model", "roberta-base", "--batch", "0"), "are at least 1"),
    ],
)
def test_a_wrong_question_is_one_line(arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mpnet.json").write_text(json.dumps(MPNET))
    found = ask(*arguments)
    assert found.returncode
    assert problem in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
