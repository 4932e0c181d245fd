"""What a task is worth without a pretrained encoder: the scores that a run has to beat."""

from collections.abc import Sequence

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tunegrid.metrics import METRICS, Integers, count_labels
from tunegrid.tasks.few_shot import Draw, draw_few_shot
from tunegrid.tasks.splits import joined_texts

#: A word, or any other character that is no space, so that no text is without one.
WORD = r"\w+|[^\w\s]"


def word_baseline(
    task: DatasetDict, draws: Sequence[Draw], seeds: Sequence[int]
) -> dict[str, float]:
    """Test scores of logistic regression on TF-IDF weights of words and word pairs.

    It takes a second, has seen no other text, and nothing of it is tuned: the regularisation is
    scikit-learn's own
    (https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.LogisticRegression.html).
    A fine-tuned encoder that does not beat it has learnt nothing from its pretraining. It fails as
    a yardstick where a label does not depend on single words.

    Args:
        task: as `prepare_task` returns it.
        draws: what makes it few-shot (`few_shot_draws`).
        seeds: of the grid's runs; a few-shot task is scored for each, and the scores are averaged.

    Returns:
        Every metric of the registry that is computed from label counts, by its name.
    """
    drawn = [draw_few_shot(task, draws, seed) for seed in seeds] if draws else [task]
    scores = [_score(splits["train"], splits["test"]) for splits in drawn]
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def _score(train: Dataset, test: Dataset) -> dict[str, float]:
    counts = count_labels(
        labels=np.asarray(test["label"]),
        predicted=_predict(train, test),
        kinds=len(test.features["label"].names),
    )
    return {
        name: float(metric.function(counts))
        for name, metric in METRICS.items()
        if metric.needs == "label_counts"
    }


def _predict(train: Dataset, test: Dataset) -> Integers:
    """The label id of each test example, (n,)."""
    labels = list(train["label"])
    if len(set(labels)) == 1:
        # There is nothing to be fitted.
        return np.full(len(test), labels[0])
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD),
        LogisticRegression(max_iter=1000),
    )
    return model.fit(joined_texts(train, " "), labels).predict(joined_texts(test, " "))
