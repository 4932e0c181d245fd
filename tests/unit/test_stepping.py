"""A batch's gradient is the same however it is computed: cut, short of memory, shared."""

import json
import shutil
import subprocess
import sys

import forked
import numpy as np
import pytest
import tiny
import torch
from paths import ROOT
from tiny import ADAPTER, FULL, cell

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.stopping import StopRequest
from tunegrid.training import finetune, objectives
from tunegrid.training.run_request import RunRequest


@pytest.fixture(scope="module")
def without_dropout(tiny_model, tmp_path_factory):
    """The tiny model, so that the cut of a batch cannot show in its dropout masks."""
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("still") / "model")
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = read_json(folder / "config.json") | dropout
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def train(without_dropout, encoded, tmp_path_factory):
    """Train an epoch: (losses, log-probabilities for test, guard)."""

    def go(method=FULL, **settings):
        settings = {"epochs": 1, "learning_rate": 1e-3} | settings
        request = RunRequest(
            settings=cell(method, **settings),
            model=without_dropout,
            encoded=encoded[0],
            output=tmp_path_factory.mktemp("run"),
        )
        run, test = finetune.finetune(request, {}, StopRequest())
        losses = [record.loss for record in run.progress.history]
        return losses, test.log_probabilities, run.guard

    return go


def assert_same_but_for_rounding(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", [FULL, ADAPTER], ids=["full", "adapter"])
def test_the_cut_of_a_batch_changes_nothing_but_rounding(train, method):
    whole = train(method, micro_batch=16)
    for micro_batch in (1, 4, 5):
        assert_same_but_for_rounding(train(method, micro_batch=micro_batch), whole)


EXHAUSTED = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def exhausted_above(most, monkeypatch, error=EXHAUSTED):
    """Let memory suffice for `most` examples at a time; returns what was tried."""
    real, tried = objectives.cross_entropy, []

    def cross_entropy(logits, labels, **options):
        tried.append(len(labels))
        if len(labels) > most:
            logits.sum().backward()  # a half-done gradient
            torch.rand(3)
            raise error
        return real(logits, labels, **options)

    monkeypatch.setattr(objectives, "cross_entropy", cross_entropy)
    return tried


@pytest.mark.parametrize(
    "error",
    [
        EXHAUSTED,
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"),
    ],
)
def test_out_of_memory_halves_the_micro_batch_and_repeats_the_step(train, monkeypatch, error):
    small = train(micro_batch=4)
    tried = exhausted_above(4, monkeypatch, error)
    losses, logits, guard = train(micro_batch=16)
    assert max(tried) > 4
    assert losses == small[0]
    np.testing.assert_array_equal(logits, small[1])
    assert guard.micro_batch == 4
    assert [record["step"] for record in guard.out_of_memory] == [1] * len(guard.out_of_memory)
    assert guard.out_of_memory[-1]["micro_batch"] == 4


def test_a_run_that_ran_out_of_memory_is_the_run_of_the_smaller_micro_batch(
    tiny_model, encoded, tmp_path, monkeypatch
):
    def run(name, micro_batch):
        folder = tmp_path / name
        training = tiny.train(cell(micro_batch=micro_batch), tiny_model, encoded[0], folder)
        differ = ("hash", "train_seconds", "peak_memory", "out_of_memory")
        history = (folder / "history.csv").read_bytes()
        return {key: training[key] for key in training if key not in differ}, history, training

    small = run("small", 4)
    exhausted_above(4, monkeypatch)
    halved = run("halved", 16)
    assert halved[:2] == small[:2]
    assert halved[2]["out_of_memory"][-1] == {"step": 1, "micro_batch": 4}
    assert small[2]["out_of_memory"] == []


def test_one_example_too_many_is_refused_in_one_line(train, monkeypatch):
    exhausted_above(0, monkeypatch)
    with pytest.raises(UserError, match=r"^out of memory with a single example at a time; [^\n]*$"):
        train()


def test_another_error_is_not_taken_for_one_of_memory(train, monkeypatch):
    exhausted_above(0, monkeypatch, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train()


REAL = """
import resource, sys
sys.path[:0] = [{scripts!r}, {tests!r}]
import numpy as np
import torch
from pathlib import Path
from types import SimpleNamespace
from accelerate import Accelerator
from tiny import train_settings
from transformers import BertConfig, BertForSequenceClassification
from tunegrid.training import finetune
from tunegrid.training.checkpoints import Checkpoints
from tunegrid.training.gradients import Gradients
from tunegrid.training.objectives import Objective
from tunegrid.training.prefetching import MicroBatchLoader
from tunegrid.training.optimizers import build_optimizer
from tunegrid.training.step_guard import StepGuard
from tunegrid.stopping import StopRequest

torch.set_num_threads(1)

class Split:  # 64 examples of 256 tokens: 4 heads' attention weights are 1 MB an example
    lengths, labels = np.full(64, 256), np.zeros(64, dtype=np.int64)
    def collate(self, rows):
        return {{"input_ids": torch.ones(len(rows), 256, dtype=torch.long)}}

config = BertConfig(vocab_size=30, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
                    intermediate_size=64, attn_implementation="eager")
model, accelerator = BertForSequenceClassification(config), Accelerator(cpu=True)
settings, gradients = train_settings(epochs=1, batch_size=64), Gradients(accelerator, model)
guard = StepGuard(accelerator, gradients, Split.lengths, 64, StopRequest())
optimizer = build_optimizer(model, settings)
run = SimpleNamespace(
    accelerator=accelerator, model=model, splits={{"train": Split()}}, optimizer=optimizer,
    schedule=finetune.build_schedule(optimizer, settings, steps=1), gradients=gradients,
    guard=guard, loader=MicroBatchLoader(Split(), accelerator.device, guard.share),
    checkpoints=Checkpoints(None, {{}}), progress=finetune.Progress(), steps_per_epoch=1,
    train_settings=settings, objective=Objective("single_label"),
)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)
finetune.take_step(run, np.arange(64), epoch=0)
print(run.guard.micro_batch, len(run.progress.history), "torch._inductor.compile_fx" in sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_really_runs_out_is_survived_and_no_compiler_is_imported(tmp_path):
    program = tmp_path / "step.py"
    program.write_text(REAL.format(scripts=str(ROOT / "scripts"), tests=str(ROOT / "tests")))
    run = subprocess.run(
        [forked.interpreter(), program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    micro_batch, steps, imports_compiler = run.stdout.split()
    assert 1 <= int(micro_batch) < 64
    assert steps == "1"
    assert imports_compiler == "False", "it takes two seconds, and trains nothing here"
