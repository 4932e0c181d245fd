"""What the columns of a model's cost at use are in the workbook, on the sheets runs and cost."""

#: Number formats, as Excel writes them.
_SECONDS, _RATE = "0.0000", "#,##0.0"

#: Measures of a run → (what it is, format). The sheet runs shows them, the sheet cost their means.
INFERENCE_MEASURES = {
    "stored_bytes": ("Bytes that must be stored for the task beside the model", "#,##0"),
    "latency_seconds": ("Seconds for one example at use, as trained", _SECONDS),
    "examples_per_second": ("Examples a second in a batch of 32 at use, as trained", _RATE),
    "merged_latency_seconds": (
        "Seconds for one example, with the method merged into the weights",
        _SECONDS,
    ),
    "merged_examples_per_second": ("Examples a second in a batch of 32, merged", _RATE),
    "latency_at_use": ("Seconds for one example, merged where it can be", _SECONDS),
    "latency_at_use_sd": ("Standard deviation of latency_at_use over seeds (n−1)", _SECONDS),
}
