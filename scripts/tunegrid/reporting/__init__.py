"""What readers see: tables, workbook, figures."""

#: The tables that are written, as Markdown, CSV and HTML.
TABLES = ["tasks", "hyperparameters", "accuracy", "methods"]
MEMORY_TABLES = ["memory", "memory_fits", "memory_saving"]
#: Those of the published report's 3B example.
RECOUNT_TABLES = ["memory_published", "memory_corrected", "memory_errata"]
