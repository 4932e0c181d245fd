"""What a task is worth without a pretrained encoder: the scores that a run has to beat."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from tunegrid.metrics import (
    METRICS,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TaskMetrics,
    default_metrics,
)
from tunegrid.tasks.few_shot import Draw, draw_few_shot
from tunegrid.tasks.label_kinds import label_array, label_kind, names_of_labels
from tunegrid.tasks.splits import joined_texts

#: A word, or any other character that is no space, so that no text is without one.
WORD = r"\w+|[^\w\s]"


def word_baseline(
    task: DatasetDict,
    draws: Sequence[Draw],
    seeds: Sequence[int],
    task_metrics: TaskMetrics | None = None,
) -> dict[str, float]:
    """Test scores of a linear model on TF-IDF weights of words and word pairs.

    Logistic regression predicts a label, one for each label predicts several, and ridge regression
    a number. It takes a second, has seen no other text, and nothing of it is tuned: the
    regularisation is scikit-learn's own
    (https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.LogisticRegression.html,
    https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.Ridge.html).
    A fine-tuned encoder that does not beat it has learnt nothing from its pretraining. It fails as
    a yardstick where a label does not depend on single words.

    Args:
        task: as `prepare_task` returns it.
        draws: what makes it few-shot (`few_shot_draws`).
        seeds: of the grid's runs; a few-shot task is scored for each, and the scores are averaged.
        task_metrics: by what the task is measured; None: the defaults of its kind of target.

    Returns:
        Every metric of the task that needs no probabilities, by its name.
    """
    asked = task_metrics or default_metrics(label_kind(task["train"]))
    drawn = [draw_few_shot(task, draws, seed) for seed in seeds] if draws else [task]
    predicted = [_predict(splits["train"], splits["test"], asked.positive) for splits in drawn]
    return {
        name: float(np.mean([METRICS[name].compute(predictions) for predictions in predicted]))
        for name in asked.names
        if METRICS[name].of_decisions
    }


def _predict(train: Dataset, test: Dataset, positive: str | None) -> Predictions:
    """The predictions for the test examples; what they are sure of is not told."""
    known, truth = label_array(train), label_array(test)
    target, names = label_kind(train), names_of_labels(train)
    positive_id = None if positive is None else names.index(positive)
    unknown = np.full((len(test), len(names)), np.nan)
    if target == "regression":
        return RegressionPredictions(truth, _fit(Ridge(), train, known, test))
    if target == "multi_label":
        model = OneVsRestClassifier(LogisticRegression(max_iter=1000))
        with warnings.catch_warnings():
            # A label that all examples have, or none has, is predicted of all, or of none.
            warnings.filterwarnings(
                "ignore", "Label .* is present in all training examples", UserWarning
            )
            predicted = _fit(model, train, known.astype(int), test)
        return MultiLabelPredictions(truth, predicted.astype(bool), unknown, positive_id)
    if len(np.unique(known)) == 1:
        # There is nothing to be fitted.
        predicted = np.full(len(test), known[0])
    else:
        predicted = _fit(LogisticRegression(max_iter=1000), train, known, test)
    return SingleLabelPredictions(truth, predicted, unknown, positive_id)


def _fit(model: Any, train: Dataset, known: Any, test: Dataset) -> Any:
    """What a model that is fitted to train's weights of words predicts of the test examples."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD)
    pipeline: Pipeline = make_pipeline(words, model)
    return pipeline.fit(joined_texts(train, " "), known).predict(joined_texts(test, " "))
