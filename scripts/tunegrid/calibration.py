"""How far a model's confidence is from how often it is right."""

import numpy as np

from tunegrid.predictions import Floats, SingleLabelPredictions

#: Intervals of equal width that the calibration error sorts confidences into.
CALIBRATION_BINS = 15


def gaps_by_bin(predictions: SingleLabelPredictions) -> Floats:
    """1, and in the bin of each example's confidence how much it is too high, (n, bins + 1)."""
    rows = np.arange(len(predictions))
    confidence = np.exp(predictions.log_probabilities.max(axis=1))
    terms = np.zeros((len(rows), CALIBRATION_BINS + 1))
    terms[:, 0] = 1
    finite = np.nan_to_num(confidence)
    bins = np.clip(np.ceil(finite * CALIBRATION_BINS).astype(int), 1, CALIBRATION_BINS)
    terms[rows, bins] = confidence - (predictions.predicted == predictions.labels)
    return terms
