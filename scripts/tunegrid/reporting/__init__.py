"""What readers see: tables, workbook, figures."""

#: The tables that are written, as Markdown, CSV and HTML.
TABLES = [
    *("answer", "tasks", "data", "lengths", "hyperparameters", "accuracy", "methods"),
    "comparisons",
]
#: Where the grid has aggregated tasks.
PART_TABLES = ["parts"]
#: In which chapter of the report a table stands; those that are not here, under Tables.
CATEGORY = {"answer": "Answer", "tasks": "Data", "data": "Data", "lengths": "Data"}
PUBLISHED_TABLES = ["published", "published_audit", "published_findings"]
MEMORY_TABLES = ["memory", "memory_fits", "memory_saving"]
#: Those of the published report's 3B example.
RECOUNT_TABLES = ["memory_published", "memory_corrected", "memory_errata"]
