"""`scripts/predict_memory.py` as a person asks it."""

import json
import logging
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from unittest.mock import patch

import encoders
import pytest
import transformers
from paths import ROOT

MPNET = {
    "model_type": "mpnet", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 128, "vocab_size": 99,
}  # fmt: skip


PROGRAM = ROOT / "scripts/predict_memory.py"
FULL = ("--method", "full", "--tokens", "40", "--json")


@dataclass(frozen=True)
class Answer:
    """How a program ended, and what it has written."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture
def ask(capsys, monkeypatch):
    """Ask the program in this process, where the libraries are imported once for all questions."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), *arguments])
        level, status = logging.getLogger().level, 0
        with patch.dict(os.environ):
            try:
                runpy.run_path(str(PROGRAM), run_name="__main__")
            except SystemExit as stop:
                status = stop.code
            finally:
                logging.getLogger().setLevel(level)
        written = capsys.readouterr()
        return Answer(status, written.out, written.err)

    return run


def ask_by_command(*arguments):
    """Ask as a person does, in a process of its own; what it prints."""
    run = subprocess.run(
        [sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


def test_a_question_is_answered_by_one_table():
    question = ("--model", "roberta-base", "--method", "adapter-64", "--method", "lora[r=4]")
    answer = ask_by_command(*question)
    title = "roberta-base as a classifier of 2 labels, 16 examples of 128 tokens, fp32, attention"
    assert f"{title} by the memory-" in answer
    rows = dict(
        [cell.strip() for cell in line.split("|")[1:3]]
        for line in answer.splitlines()
        if line.startswith("|")
    )
    assert rows["at the peak, traced"] == "1.540"
    assert rows["by formula"] == "1.539"
    assert rows["largest micro-batch, T4"] == "128"


def test_a_program_gets_json_of_any_shape(ask, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MPNET))
    question = ("--tokens", "40", "--optimizer", "sgd", "--accumulated", "2")
    found = ask("--model", str(tmp_path), "--method", "bitfit", *question, "--json")
    assert found.status == 0, found.stderr
    (answer,) = json.loads(found.stdout)
    assert answer["traced"] == sum(answer["parts"].values())
    assert answer["closed_form"] is None
    assert "fused AdamW" in answer["no_closed_form"]


def save_shape(name, folder):
    """Save the configuration of a small encoder of this name's architecture."""
    layout = encoders.LAYOUTS[name]
    architecture = getattr(transformers, layout.architecture)
    architecture.config_class(**encoders.SHAPE | layout.config).save_pretrained(folder)


@pytest.mark.parametrize("name", ["modernbert-base", "albert-base-v2"])
def test_other_encoders_of_the_catalogue_are_traced(ask, name, tmp_path):
    save_shape(name, tmp_path)
    found = ask("--model", str(tmp_path), *FULL)
    assert found.status == 0, found.stderr
    assert json.loads(found.stdout)[0]["traced"] > 0


def test_an_encoder_whose_helpers_are_scripted_is_traced(tmp_path):
    """DeBERTa's are scripted when it is imported, unless the program has said otherwise."""
    save_shape("deberta-v3-small", tmp_path)
    answer = ask_by_command("--model", str(tmp_path), *FULL)
    assert json.loads(answer)[0]["traced"] > 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--model", "mpnet.json", "--checkpointing"), "does not support gradient checkpointing"),
        (("--model", "roberta-bas"), "no shape of 'roberta-bas'"),
        (("--model", "roberta-base", "--method", "nonsense"), "'nonsense' is no configuration"),
        (("--model", "roberta-base", "--batch", "0"), "are at least 1"),
        (("--model", "mpnet.json", "--tokens", "1024"), "--tokens: 1024 are more than mpnet.json"),
        (("--model", "roberta-base", "--gpu", "T5"), "--gpu: 'T5' is no GPU of config/gpus.yaml"),
    ],
)
def test_a_wrong_question_is_one_line(ask, arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mpnet.json").write_text(json.dumps(MPNET))
    found = ask(*arguments)
    assert found.status
    assert problem in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
