"""The settings of an optimizer step: what each changes, that it is resumed, what it refuses."""

import math
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from tiny import ADAPTER, FULL, cell, results
from transformers.optimization import Adafactor

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training import finetune, optimizers
from tunegrid.training.optimizers import build_optimizer
from tunegrid.training.run_request import RunRequest

BITFIT, HEAD = {"kind": "bitfit"}, {"kind": "head"}
LORA = {"kind": "adapter", "adapter": "lora[r=4]"}
PEFT = {
    "kind": "peft",
    "peft": {"peft_type": "LORA", "r": 4, "target_modules": ["query", "value"]},
}
#: Settings of one run that uses as many of them as go together.
ALL = {
    "epochs": 5,
    "max_steps": 8,
    "eval_every": 3,
    "adam_beta1": 0.8,
    "adam_beta2": 0.99,
    "adam_epsilon": 1e-6,
    "layer_decay": 0.5,
    "head_learning_rate": 3e-2,
    "frozen_layers": 1,
    "gradient_checkpointing": True,
    "select": "best_dev",
    "select_metric": "loss",
}
HAS_8BIT = pytest.param(
    "adamw_8bit",
    marks=pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="no bitsandbytes here"),
)


@pytest.fixture
def run(tiny_model, encoded, tmp_path):
    """Train a cell in a folder of its own: (training.json and scores, folder)."""

    def make(name, method=FULL, stop=None, **settings):
        folder = tmp_path / name
        request = {"checkpoints": tmp_path / f"{name}-checkpoints"}
        training = tiny.train(
            cell(method, **settings), tiny_model, encoded[0], folder, stop, **request
        )
        return training | tiny.score(folder), folder

    return make


@pytest.fixture
def build(tiny_model, encoded, tmp_path):
    """Build a run that has not begun."""

    def make(method=FULL, **settings):
        request = RunRequest(cell(method, **settings), tiny_model, encoded[0], tmp_path / "built")
        return finetune.build(request, {}, StopRequest())

    return make


def history_of(folder):
    return pd.read_csv(folder / "history.csv")


# Defaults


@pytest.mark.parametrize("method", [FULL, BITFIT, HEAD, ADAPTER, LORA, PEFT])
def test_the_defaults_are_the_optimizer_that_training_always_had(tiny_model, method):
    """Two groups of fused AdamW in the model's order: the golden run is held to its bits, too."""
    model = tiny.build(tiny_model, method).model
    settings = tiny.train_settings(weight_decay=0.1, learning_rate=3e-4)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    expected = torch.optim.AdamW(
        [
            {"params": [one for one in trained if one.ndim > 1], "weight_decay": 0.1},
            {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=3e-4,
        fused=True,
    )
    built = build_optimizer(model, settings)
    assert type(built) is torch.optim.AdamW
    assert built.defaults == expected.defaults
    assert len(built.param_groups) == len(expected.param_groups)
    for one, other in zip(built.param_groups, expected.param_groups, strict=True):
        assert [id(value) for value in one["params"]] == [id(value) for value in other["params"]]
        assert one | {"params": None} == other | {"params": None}


@pytest.mark.parametrize("other", [{"precision": "fp16"}, ALL])
def test_a_run_leaves_nothing_of_its_settings_to_the_next_of_its_pack(run, other):
    _, alone = run("alone")
    run("other", **other)
    _, after = run("after")
    assert results(after) == results(alone)


# Steps and evaluations


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_a_run_ends_after_max_steps_and_its_schedule_is_planned_for_them(run, steps):
    metrics, folder = run("a", max_steps=steps, epochs=1, warmup_ratio=0.0, schedule="linear")
    history = history_of(folder)
    assert metrics["steps"] == len(history) == steps
    assert history["learning_rate"].tolist() == pytest.approx(
        [1e-2 * (steps - step) / steps for step in range(steps)]
    )
    assert history["epoch"].tolist() == [1 + step // 3 for step in range(steps)]
    assert [one["step"] for one in metrics["epochs"]][-1] == steps


def test_max_steps_of_whole_epochs_is_the_run_of_these_epochs(run):
    _, epochs = run("epochs", epochs=2)
    _, steps = run("steps", max_steps=6, epochs=9)
    assert results(epochs)[1:] == results(steps)[1:]


@pytest.mark.parametrize("every", [1, 2, 4, 5, 100])
def test_a_run_is_evaluated_every_so_many_steps_and_after_the_last(run, every):
    metrics, folder = run("a", eval_every=every)
    steps = sorted({*range(every, 7, every), 6})
    assert [one["step"] for one in metrics["epochs"]] == steps
    assert [one["epoch"] for one in metrics["epochs"]] == [math.ceil(step / 3) for step in steps]
    evaluations = pd.read_parquet(folder / "evaluations.parquet")
    assert evaluations.groupby("step").size().to_dict() == dict.fromkeys(steps, 12)
    notes = read_json(folder / "provenance.json")["notes"]
    assert any("evaluated once, at its end" in note for note in notes) == (every > 6)


def test_more_evaluations_change_no_step(run):
    _, often = run("often", eval_every=1)
    _, seldom = run("seldom")
    assert results(often)[1] == results(seldom)[1]
    assert results(often)[2] == results(seldom)[2]
    one, other = (pd.read_parquet(folder / "evaluations.parquet") for folder in (often, seldom))
    at_ends = one[one["step"].isin([3, 6])].reset_index(drop=True)
    pd.testing.assert_frame_equal(at_ends, other, check_exact=True)


LONG = {"epochs": 6, "learning_rate": 3e-2, "select": "best_dev", "select_metric": "loss"}


def test_the_best_evaluation_is_the_result_also_within_an_epoch(run):
    metrics, _ = run("a", eval_every=1, **LONG)
    scores = pd.DataFrame(metrics["epochs"]).set_index("step")["loss"]
    assert metrics["selected_step"] == scores.idxmin()
    assert metrics["selected_step"] % 3, "the best is at an epoch's end: nothing is shown"
    assert metrics["selected_epoch"] == math.ceil(metrics["selected_step"] / 3)
    # The test split is predicted with those weights: a run that ends there predicts the same.
    again, _ = run("b", eval_every=metrics["selected_step"], **LONG)
    assert again["selected_step"] == metrics["selected_step"]
    assert again["loss"] == metrics["loss"]


def test_patience_counts_evaluations(run):
    whole, _ = run("whole", eval_every=1, **LONG)
    stopped, _ = run("stopped", eval_every=1, early_stopping=2, **LONG)
    losses = pd.DataFrame(whole["epochs"])["loss"].tolist()
    best = end = 0
    while end - best < 2:
        end += 1
        best = end if losses[end] < losses[best] else best
    assert stopped["steps"] == end + 1 < whole["steps"]
    assert stopped["selected_step"] == best + 1


# What updates the weights


@pytest.mark.parametrize(
    ("key", "value"),
    [("adam_beta1", 0.5), ("adam_beta2", 0.9), ("adam_epsilon", 1e-3)],
)
def test_adam_s_own_settings_reach_the_optimizer_and_change_the_run(run, build, key, value):
    group = build(**{key: value}).optimizer.param_groups[0]
    found = dict(zip(("adam_beta1", "adam_beta2"), group["betas"], strict=True))
    assert (found | {"adam_epsilon": group["eps"]})[key] == value
    assert results(run("a", **{key: value})[1])[2] != results(run("b")[1])[2]


def test_adafactor_is_the_library_s_with_the_rate_as_given(build):
    run = build(optimizer="adafactor", weight_decay=0.1)
    assert type(run.optimizer) is Adafactor
    (matrices, vectors) = run.optimizer.param_groups
    assert not matrices["scale_parameter"]
    assert not matrices["relative_step"]
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0.0)
    words = run.model.get_input_embeddings().weight
    finetune.train(run)
    state = run.optimizer.state[words]
    assert {"exp_avg_sq_row", "exp_avg_sq_col"} <= set(state)
    assert "exp_avg" not in state, "no first moment"


@pytest.mark.parametrize("optimizer", ["adafactor", HAS_8BIT])
def test_other_optimizers_learn(run, optimizer):
    metrics, folder = run("a", optimizer=optimizer, epochs=10, batch_size=8)
    assert metrics["accuracy"] > metrics["majority_accuracy"] + 0.2
    assert "Adam" not in read_json(folder / "provenance.json")["optimizer"]["class"] or (
        optimizer == "adamw_8bit"
    )


def test_8_bit_adamw_is_refused_in_one_line_where_its_package_is_not(build, monkeypatch):
    monkeypatch.setattr(optimizers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^train\.optimizer: adamw_8bit needs .*bitsandbytes"):
        build(optimizer="adamw_8bit")


# How fast, and which


def rates_by_name(run):
    names = {id(value): name for name, value in run.model.named_parameters()}
    return {
        names[id(value)]: group["initial_lr"]
        for group in run.optimizer.param_groups
        for value in group["params"]
    }


@pytest.mark.parametrize("method", [FULL, BITFIT, ADAPTER, LORA, PEFT])
def test_a_layer_s_rate_is_so_many_times_that_of_the_layer_above(build, method):
    rates = rates_by_name(build(method, layer_decay=0.5))
    trained = {
        name for name, value in build(method).model.named_parameters() if value.requires_grad
    }
    assert set(rates) == trained, "something that trains has no rate, or what is frozen has one"
    for name, rate in rates.items():
        steps_below_head = 0
        if ".layer.0." in name or ".layer.1." in name:
            steps_below_head = 2 - int(name.split(".layer.")[1][0])
        elif ".embeddings." in name:
            steps_below_head = 3
        assert rate == 1e-2 * 0.5**steps_below_head, name
    assert len(set(rates.values())) > 1


def test_the_head_has_a_rate_of_its_own_and_only_the_head(build):
    rates = rates_by_name(build(head_learning_rate=2e-2))
    assert {name for name, rate in rates.items() if rate == 2e-2} == {
        "classifier.weight",
        "classifier.bias",
    }
    assert set(rates.values()) == {2e-2, 1e-2}


def test_all_rates_follow_the_schedule_and_the_curve_shows_that_of_learning_rate(build):
    run = build(layer_decay=0.5, head_learning_rate=7e-2, epochs=4)
    finetune.train(run)
    share = [record.learning_rate / 1e-2 for record in run.progress.history]
    plain = build(epochs=4)
    finetune.train(plain)
    assert share == [record.learning_rate / 1e-2 for record in plain.progress.history]
    for group in run.optimizer.param_groups:
        assert group["lr"] == pytest.approx(group["initial_lr"] * 0.0, abs=1e-12)
    first = build(layer_decay=0.5, head_learning_rate=7e-2, epochs=4)
    for group in first.optimizer.param_groups:
        assert group["lr"] == pytest.approx(group["initial_lr"] * share[0])


@pytest.mark.parametrize("method", [FULL, BITFIT, ADAPTER, LORA, PEFT])
def test_frozen_layers_and_embeddings_stay_bitwise_and_all_else_trains(build, method):
    run = build(method, frozen_layers=1)
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    others = build(method).model.named_parameters()
    trained = {name for name, value in others if value.requires_grad}
    finetune.train(run)
    changed = {
        name for name, value in run.model.named_parameters() if not value.equal(before[name])
    }
    assert changed == {
        name for name in trained if ".embeddings." not in name and ".layer.0." not in name
    }


def test_more_frozen_layers_than_the_model_has_are_refused(build):
    with pytest.raises(UserError, match=r"frozen_layers: 2, but the model has 2 .*to 1 at most"):
        build(frozen_layers=2)


# Less memory


@pytest.mark.parametrize("method", [FULL, BITFIT, ADAPTER, LORA, PEFT])
def test_layers_that_are_computed_again_give_the_same_run(run, method, monkeypatch):
    """Bitwise, dropout too; and that they are computed again shows in the calls of a layer."""
    calls = []
    real = finetune.build_model

    def counting(*args, **options):
        built = real(*args, **options)
        layer = built.model.base_model.encoder.layer[-1]
        layer.attention.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))
        return built

    monkeypatch.setattr(finetune, "build_model", counting)
    _, kept = run("kept", method)
    in_training = sum(calls)
    calls.clear()
    _, again = run("again", method, gradient_checkpointing=True)
    assert sum(calls) == 2 * in_training > 0
    assert results(again)[1:] == results(kept)[1:]


def test_a_model_whose_layers_cannot_be_computed_again_is_refused(build, monkeypatch):
    from transformers import BertForSequenceClassification

    monkeypatch.setattr(BertForSequenceClassification, "supports_gradient_checkpointing", False)
    with pytest.raises(UserError, match=r"^train\.gradient_checkpointing: true, but Bert.* none"):
        build(gradient_checkpointing=True)


def test_fp16_computes_in_fp16_and_keeps_the_weights_in_fp32(build):
    run = build(precision="fp16", epochs=4)
    seen = []
    run.model.classifier.register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    finetune.train(run)
    assert set(seen) == {torch.float16}
    assert {value.dtype for value in run.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
def test_fp16_learns_nearly_what_fp32_learns(run, optimizer):
    options = {"epochs": 10, "batch_size": 8, "optimizer": optimizer}
    half, _ = run("half", precision="fp16", **options)
    whole, _ = run("whole", **options)
    assert half["accuracy"] > half["majority_accuracy"] + 0.2
    assert abs(half["loss"] - whole["loss"]) < 0.3


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
@pytest.mark.parametrize("overflowing", [1, 3])
def test_a_step_whose_gradient_overflows_changes_nothing_is_counted_and_said(
    build, monkeypatch, optimizer, overflowing
):
    """The scale is so large that a gradient overflows; it is halved, and the run goes on."""
    run = build(precision="fp16", optimizer=optimizer)
    scaler = run.accelerator.scaler
    weights = []
    real = finetune.take_step

    def take_step(run, batch, epoch):
        if len(run.progress.history) + 1 == overflowing:
            scaler.load_state_dict(scaler.state_dict() | {"scale": 2.0**60})
        real(run, batch, epoch)
        weights.append(run.model.classifier.weight.detach().clone())

    before = run.model.classifier.weight.detach().clone()
    scaler.load_state_dict(scaler.state_dict() | {"scale": 2.0**10})
    monkeypatch.setattr(finetune, "take_step", take_step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        finetune.train(run)
    assert overflowing in run.progress.skipped_steps
    for step, (one, other) in enumerate(zip([before, *weights], weights, strict=False), start=1):
        assert one.equal(other) == (step in run.progress.skipped_steps)
    assert all(record.learning_rate >= 0 for record in run.progress.history)


def test_steps_that_were_left_out_stand_in_the_run_s_files(run, monkeypatch):
    real = finetune.start_accelerator

    def start(settings):
        accelerator = real(settings)
        state = accelerator.scaler.state_dict()
        accelerator.scaler.load_state_dict(state | {"scale": 2.0**126})
        return accelerator

    monkeypatch.setattr(finetune, "start_accelerator", start)
    metrics, folder = run("a", precision="fp16")
    assert metrics["skipped_steps"] == metrics["steps"] == 6
    (note,) = [
        note
        for note in read_json(folder / "provenance.json")["notes"]
        if "changed no weight" in note
    ]
    assert note.startswith("6 of 6 optimizer steps changed no weight")


# Going on


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        *(pytest.param(ALL, step, id=f"all-{step}") for step in (1, 2, 4, 5)),
        *(
            pytest.param(settings, step, id=f"{name}-{step}")
            for name, settings in {
                "adafactor": {"optimizer": "adafactor", "eval_every": 2},
                "fp16": {"precision": "fp16", "eval_every": 4},
                "fp16-adafactor": {"precision": "fp16", "optimizer": "adafactor"},
            }.items()
            for step in (1, 4)
        ),
        pytest.param(
            {"optimizer": "adamw_8bit", "eval_every": 4}, 4, id="8bit-4", marks=HAS_8BIT.marks
        ),
    ],
)
def test_a_run_that_is_stopped_goes_on_bitwise(run, monkeypatch, settings, step):
    if settings.get("precision") == "fp16":  # the first steps overflow: the scale changes
        real_start = finetune.start_accelerator

        def start(train):
            accelerator = real_start(train)
            state = accelerator.scaler.state_dict()
            accelerator.scaler.load_state_dict(state | {"scale": 2.0**40})
            return accelerator

        monkeypatch.setattr(finetune, "start_accelerator", start)
    _, whole = run("whole", ADAPTER if settings is ALL else FULL, **settings)
    stop = StopRequest()
    real = finetune.take_step

    def take_step(run, batch, epoch):
        real(run, batch, epoch)
        if len(run.progress.history) == step:
            monkeypatch.setattr(finetune, "take_step", real)
            stop.signal = "SIGTERM"

    monkeypatch.setattr(finetune, "take_step", take_step)
    method = ADAPTER if settings is ALL else FULL
    with pytest.raises(Stopped):
        run("broken", method, stop=stop, **settings)
    _, again = run("broken", method, **settings)
    assert read_json(again / "provenance.json")["resumed_at_step"] == step
    assert results(again) == results(whole)


def test_what_was_skipped_before_a_stop_is_counted_after_it(build):
    run = build(precision="fp16")
    run.progress.skipped_steps.append(3)
    saved = {}
    run.checkpoints.save = lambda step, state: saved.update(state)
    finetune.save_checkpoint(run)
    again = build(precision="fp16")
    again.accelerator.scaler.load_state_dict(again.accelerator.scaler.state_dict() | {"scale": 4.0})
    finetune.restore_checkpoint(again, saved)
    assert again.progress.skipped_steps == [3]
    assert again.accelerator.scaler.get_scale() == run.accelerator.scaler.get_scale()


def test_the_rates_and_the_optimizer_of_a_run_stand_in_its_provenance(run):
    _, folder = run("a", layer_decay=0.5, weight_decay=0.1)
    made = read_json(folder / "provenance.json")["optimizer"]
    assert made["class"].endswith("AdamW")
    rates = sorted({group["peak_rate"] for group in made["groups"]}, reverse=True)
    assert rates == [1e-2, 5e-3, 2.5e-3, 1.25e-3]
    counts = read_json(folder / "training.json")
    assert sum(group["parameters"] for group in made["groups"]) == counts["trainable_parameters"]
    assert np.isclose(sum(group["weight_decay"] > 0 for group in made["groups"]), 4)
