"""A grid with a task of several labels and one of numbers, from files to the comparison."""

import pandas as pd
import target_tasks
import tiny
from workflow import own_workflow

from tunegrid.files import read_json
from tunegrid.metrics import METRICS, default_metrics


def test_several_labels_and_numbers_run_from_files_to_the_comparison(tiny_model, tmp_path):
    for kind in target_tasks.TASKS:
        target_tasks.write_data(tmp_path / "data", kind)
    config = tiny.config(tiny_model, tmp_path / "data", tasks=target_tasks.TASKS, published=[])
    config["grid"][0] |= {"tasks": [*target_tasks.TASKS], "seeds": [1]}
    config["train"] |= {"pack": 2, "epochs": 1}
    config["overrides"] += [
        {
            "where": {"task": ["multi_label"]},
            "set": {"select_metric": "micro_f1", "threshold": "dev", "class_weights": "balanced"},
        },
        {
            "where": {"task": ["regression"]},
            "set": {"select": "best_dev", "select_metric": "spearman"},
        },
    ]
    workflow = own_workflow(tmp_path, config)
    results = workflow.directory / "results"
    workflow.run("results/comparisons.csv", "results/errors/per_class.csv")
    comparisons = pd.read_csv(results / "comparisons.csv")
    scores = pd.read_parquet(results / "scores.parquet").set_index(["task", "method"])
    for target in target_tasks.TASKS:
        rows = comparisons[comparisons["task"] == target]
        names = default_metrics(target).names
        compared = [name for name in names if METRICS[name].compared_for(target)]
        assert rows["metric"].tolist() == compared
        assert rows["difference"].notna().all()
        for metric in compared:
            found = rows.set_index("metric").loc[metric]
            assert abs(found["mean"] - scores.loc[(target, "adapter-4"), metric]) < 1e-9, metric
        folder = results / f"runs/tiny-bert/{target}/full/seed1"
        assert read_json(folder / "training.json")["target"] == target
        assert read_json(results / f"cards/{target}.json")["word_baseline"]
    assert pd.read_csv(results / "errors/per_class.csv").empty
