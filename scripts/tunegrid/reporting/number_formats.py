"""How numbers of one kind are written: the same in every table.

Every format is one of `str.format`; a column is written by it with
`tunegrid.reporting.report_table.format_numbers`. Differences of a metric are written by
`tunegrid.reporting.difference_format`.
"""

#: A metric, in its own unit.
SCORE = "{:.4f}"
#: The parameters that a method trains, in percent of all parameters of the trained model.
TRAINABLE_PERCENT = "{:.3f} %"
#: Any other share, in percent.
PERCENT = "{:.1f} %"
#: Memory, in GB.
GIGABYTES = "{:,.3f}"
BYTES_OF_GIGABYTE = 1e9
#: Time of training, in minutes.
MINUTES = "{:.2f}"
