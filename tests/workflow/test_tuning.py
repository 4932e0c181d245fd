"""Tuning in the workflow: planned as it then runs, chosen by dev, grown without training anew."""

import numpy as np
import pandas as pd
import pytest
import tiny
from workflow import own_workflow, planned

from tunegrid.files import read_json

TUNE = {
    "space": {"learning_rate": {"log": [1.0e-4, 5.0e-2]}, "epochs": [1, 3]},
    "trials": 3,
    "seeds": [101, 102],
}
METHODS = ("full", "adapter-4")
TASK = "tiny-bert/tiny"


@pytest.fixture(scope="module")
def tuned(tiny_model, tmp_path_factory):
    """The tiny grid of one seed, tuned and trained: workflow, configuration, plan and run."""
    folder = tmp_path_factory.mktemp("tuned")
    config = tiny.config(tiny_model, tiny.write_data(folder / "data"), overrides=[], published=[])
    config["grid"][0] |= {"seeds": [1]}
    config["train"] |= {"pack": 6}
    workflow = own_workflow(folder, config | {"tune": TUNE})
    plan = workflow.plan("runs")
    return workflow, config, plan, workflow.run("runs")


def test_the_plan_counts_what_then_runs(tuned):
    _, _, plan, run = tuned
    assert plan["tune"] == len(METHODS) * 3 * 2
    assert (plan["tune_pack"], plan["choose_settings"], plan["train"]) == (2, 2, 2)
    assert planned(run) == plan


def dev_accuracy(folder):
    data = pd.read_parquet(folder / "predictions.parquet")
    assert len(data) == tiny.COUNTS["dev"]
    return float((data["label"] == data["predicted"]).mean())


@pytest.mark.parametrize("method", METHODS)
def test_the_runs_of_the_grid_have_the_settings_that_are_best_on_dev(tuned, method):
    results = tuned[0].directory / "results"
    runs = results / "tuning/runs" / TASK / method
    means = [
        np.mean([dev_accuracy(runs / f"candidate{number}/seed{seed}") for seed in TUNE["seeds"]])
        for number in (1, 2, 3)
    ]
    best = read_json(runs / f"candidate{np.argmax(means) + 1}/seed101/provenance.json")["settings"]
    made = read_json(results / "runs" / TASK / method / "seed1/provenance.json")["settings"]
    chosen = read_json(results / "tuning/choices" / TASK / f"{method}.json")["settings"]
    for key in ("learning_rate", "epochs"):
        assert made["train"][key] == best["train"][key] == chosen[key]
    assert (
        len(pd.read_parquet(results / "runs" / TASK / method / "seed1/predictions.parquet"))
        == (tiny.COUNTS["test"])
    )


def test_tables_and_figures_say_what_was_chosen(tuned):
    workflow = tuned[0]
    names = ("tuning_rates", "tuning_budget")
    figures = [f"results/figures/{name}.png" for name in names]
    assert workflow.run("tables", "results/first_page.html", *figures).returncode == 0
    results = workflow.directory / "results"
    rows = pd.read_csv(results / "tuning.csv")
    assert len(rows) == len(METHODS) * 3 * 2
    table = pd.read_csv(results / "tables/tuning.csv").set_index("method")
    for method in METHODS:
        chosen = read_json(results / "tuning/choices" / TASK / f"{method}.json")["settings"]
        assert {key: table.loc[method, key] for key in chosen} == pytest.approx(chosen)
    for name in names:
        assert (results / f"figures/{name}.png").stat().st_size > 10_000
    for page in ("tables/answer.md", "first_page.html"):
        text = (results / page).read_text()
        assert "Each method at the best of 3 candidates on dev (learning_rate, epochs" in text
        assert "None was tuned" not in text
    tuned_columns = pd.read_csv(results / "tables/cost.csv")
    assert (tuned_columns["tuning_runs"] == 3 * 2).all()
    assert (tuned_columns["tuned_seconds"] > tuned_columns["train_seconds"]).all()


def test_tuning_is_given_no_test_split(tuned):
    """Its data holds dev in the place of test, and no file of it names test's checksum."""
    data = tuned[0].directory / "results/tuning/data/tiny-bert/tiny"
    card = read_json(data / "encoding.json")
    assert card["splits"]["test"] == card["splits"]["dev"]
    assert all(set(files) == {"train", "dev"} for files in card["task_files"].values())


def test_more_trials_train_the_new_ones_alone(tuned):
    workflow, config, _, _ = tuned
    workflow.configure(config | {"tune": TUNE | {"trials": 4}})
    try:
        before = {
            path: path.read_bytes()
            for path in workflow.directory.glob("results/tuning/runs/**/training.json")
        }
        run = workflow.run("runs")
        grown = list(workflow.directory.glob("results/tuning/runs/**/training.json"))
        assert len(grown) == len(METHODS) * 4 * 2
        assert {path: path.read_bytes() for path in before} == before
        assert run.returncode == 0
    finally:
        workflow.configure(config | {"tune": TUNE})


def test_a_setting_that_is_tuned_reruns_nothing_and_another_metric_only_the_choice(tuned):
    workflow, config, _, _ = tuned
    other = config | {"train": config["train"] | {"learning_rate": 0.5}}
    workflow.configure(other | {"tune": TUNE | {"trials": 4}})
    assert workflow.plan("runs") == {}
    workflow.configure(config | {"tune": TUNE | {"trials": 4, "metric": "macro_f1"}})
    plan = workflow.plan("runs")
    assert plan["choose_settings"] == 2
    assert "tune" not in plan
