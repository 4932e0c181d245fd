"""The warning of models whose predictions depend on what shares a batch with a text."""

import pandas as pd


def padding_note(models: pd.DataFrame) -> str:
    """The warning; empty if every model's predictions are a text's alone.

    Args:
        models: columns model and padding_dependent, each model in any number of rows.
    """
    dependent = models.loc[models["padding_dependent"].fillna(False).astype(bool), "model"]
    if dependent.empty:
        return ""
    return (
        f"Warning: predictions of {', '.join(dependent.unique())} depend on the padding of their"
        " batch, which the configuration accepts (`padding_dependent`)."
    )
