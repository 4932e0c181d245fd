"""What readers see: tables, workbook, figures."""

#: The tables that are written, as Markdown, CSV and HTML.
TABLES = ["tasks", "hyperparameters", "accuracy", "methods"]
