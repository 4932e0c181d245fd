"""The names of the tables that the workflow writes, and the chapter of the report of each.

The Snakefile reads them before it knows any result, so nothing heavy is imported here.
"""

#: The table of each task's main metric.
QUALITY = "quality"
#: The tables of every grid → chapter of the report. Each is there as `results/tables/<name>.md`,
#: `.html`, `.tex` and `.csv`.
CATEGORY = {
    "answer": "Answer",
    "overall": "Answer",
    "pairs": "Answer",
    "comparisons": "Answer",
    QUALITY: "Quality",
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
#: The tables of count_errors (`results/errors/<name>.csv`).
ERRORS = ["confusion", "per_class", "agreement", "hard"]
#: Further tables of a grid that has aggregated tasks; their chapter is Quality.
PART_TABLES = ["parts"]
#: Of a grid with a task that has several test splits; its chapter is Quality.
TEST_SPLIT_TABLES = ["test_splits"]
#: Of a grid whose methods are tuned; its chapter is Quality.
TUNING_TABLES = ["tuning"]
#: Where the grid is compared with papers; under Published.
PUBLISHED_TABLES = ["published", "published_audit"]
#: Where one of these papers has findings; under Published.
FINDING_TABLES = ["published_findings"]
MEMORY_TABLES = ["memory", "memory_fits", "memory_saving"]
#: Where one of the papers has a memory example; under Memory.
MEMORY_EXAMPLE_TABLES = ["memory_published", "memory_corrected", "memory_errata"]
