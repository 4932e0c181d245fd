"""Which tables there are, by whom they are made, and in which chapter of the report."""

#: The tables that are written, as Markdown, CSV and HTML, and in which chapter of the report.
CATEGORY = {
    "answer": "Answer",
    "comparisons": "Answer",
    "accuracy": "Quality",
    "methods": "Quality",
    "summary": "Quality",
    "classes": "Quality",
    "agreement": "Quality",
    "hard": "Quality",
    "cost": "Cost",
    "tasks": "Data",
    "data": "Data",
    "lengths": "Data",
    "runs": "Runs",
    "hyperparameters": "Runs",
}
TABLES = list(CATEGORY)
#: What count_errors writes, a CSV each.
ERRORS = ["confusion", "per_class", "agreement", "hard"]
#: Where the grid has aggregated tasks; under Quality.
PART_TABLES = ["parts"]
#: Where the grid is compared with papers; under Published.
PUBLISHED_TABLES = ["published", "published_audit"]
#: Where one of these papers has findings; under Published.
FINDING_TABLES = ["published_findings"]
MEMORY_TABLES = ["memory", "memory_fits", "memory_saving"]
#: Where one of the papers has a memory example; under Memory.
MEMORY_EXAMPLE_TABLES = ["memory_published", "memory_corrected", "memory_errata"]
