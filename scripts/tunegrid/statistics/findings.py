"""What the published report concludes, held against the grid's own numbers."""

from collections.abc import Callable

import pandas as pd

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"
Verdict = tuple[str, str]


def check_findings(summary: pd.DataFrame) -> pd.DataFrame:
    """The report's conclusions, each of which holds, does not hold, or cannot be told.

    Args:
        summary: as summarise returns it.

    Returns:
        finding, verdict, because (the numbers, in words).
    """
    wide = summary.pivot_table(
        index=["model", "method", "task"], columns="metric", values="mean", sort=False
    )
    checks: dict[str, Callable[[pd.DataFrame], Verdict]] = {
        "acl_sup is the hardest task (full fine-tuning)": _hardest,
        "roberta-base and scibert beat bert-base-uncased (full fine-tuning)": _best,
        "accuracy equals micro-F1": _equal,
        "a larger adapter helps the hardest task most (size 64 against 8)": _larger,
    }
    rows = [(finding, *check(wide)) for finding, check in checks.items()]
    return pd.DataFrame(rows, columns=["finding", "verdict", "because"])


def _full(wide: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of full fine-tuning: a row a model, a column a task."""
    if "full" not in wide.index.get_level_values("method"):
        return pd.DataFrame()
    return wide["accuracy"].xs("full", level="method").unstack("task")


def _hardest(wide: pd.DataFrame) -> Verdict:
    table = _full(wide)
    if "acl_sup" not in table or table.shape[1] < 2:
        return UNKNOWN, "the grid has not acl_sup and another task by full fine-tuning"
    means = table.mean()
    told = ", ".join(f"{task} {mean:.4f}" for task, mean in means.sort_values().items())
    return HOLDS if means.idxmin() == "acl_sup" else FAILS, told


def _best(wide: pd.DataFrame) -> Verdict:
    table = _full(wide)
    models = ["roberta-base", "scibert_scivocab_uncased", "bert-base-uncased"]
    if not set(models) <= set(table.index):
        return UNKNOWN, "the grid has not all three models by full fine-tuning"
    means = table.loc[models].dropna(axis=1).mean(axis=1)
    told = ", ".join(f"{model} {mean:.4f}" for model, mean in means.items())
    return HOLDS if means.idxmin() == models[-1] else FAILS, f"mean over tasks: {told}"


def _equal(wide: pd.DataFrame) -> Verdict:
    apart = (wide["accuracy"] - wide["micro_f1"]).abs().max()
    because = "with one label an example each error is one false positive and one false negative"
    return HOLDS if apart < 1e-9 else FAILS, f"{because}; largest difference {apart:.0e}"


def _larger(wide: pd.DataFrame) -> Verdict:
    table = wide["accuracy"].unstack("method")
    if not {"adapter-64", "adapter-8"} <= set(table):
        return UNKNOWN, "the grid has not both sizes"
    gains = (table["adapter-64"] - table["adapter-8"]).dropna().groupby("task", sort=False).mean()
    hardest = table["adapter-64"].groupby("task").mean()[gains.index].idxmin()
    if len(gains) < 2:
        return UNKNOWN, "the grid has both sizes on one task alone"
    told = ", ".join(f"{task} {gain:+.4f}" for task, gain in gains.items())
    verdict = HOLDS if gains.idxmax() == hardest else FAILS
    return verdict, f"hardest: {hardest}; gains: {told}"
