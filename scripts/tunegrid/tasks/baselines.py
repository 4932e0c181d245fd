"""What a task is worth without a pretrained encoder: the scores that a run has to beat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from tunegrid.tasks.preparing import draw_few_shot
from tunegrid.tasks.splits import joined_texts

#: A word, or any other character that is no space: no text is without one.
WORD = r"\w+|[^\w\s]"


def word_baseline(
    task: DatasetDict, draws: Sequence[dict[str, Any]], seeds: Sequence[int]
) -> dict[str, float]:
    """Test scores of logistic regression on TF-IDF weights of words and word pairs.

    The library's own regularisation, nothing tuned: it takes a second and has seen no other text.

    Args:
        task: as `prepare_task` returns it.
        draws: that make it few-shot (`few_shot_draws`).
        seeds: of the grid's runs; a few-shot task is scored by each, and the scores averaged.

    Returns:
        accuracy, micro_f1 and macro_f1.
    """
    drawn = [draw_few_shot(task, draws, seed) for seed in seeds] if draws else [task]
    scores = [_score(splits["train"], splits["test"]) for splits in drawn]
    return {key: float(np.mean([score[key] for score in scores])) for key in scores[0]}


def _score(train: Dataset, test: Dataset) -> dict[str, float]:
    labels = np.asarray(test["label"])
    if len(set(train["label"])) == 1:
        predicted = np.full_like(labels, train["label"][0])
    else:
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD),
            LogisticRegression(max_iter=1000),
        )
        predicted = model.fit(joined_texts(train, " "), train["label"]).predict(
            joined_texts(test, " ")
        )
    accuracy = float(accuracy_score(labels, predicted))
    macro = float(f1_score(labels, predicted, average="macro", zero_division=0))
    return {"accuracy": accuracy, "micro_f1": accuracy, "macro_f1": macro}
