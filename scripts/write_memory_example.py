#!/usr/bin/env python
"""Write the tables of a paper's memory example, as Markdown, HTML, LaTeX and, unrounded, CSV.

memory_published: the paper's figures beside the same network traced; memory_corrected: every
network, method and way, traced and by formula; memory_errata: the errors of the paper's arithmetic,
each beside what is right. Fails where an erratum quotes a step that was not traced.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--paper", required=True, help="folder of the paper, below the workflow's folder"
    )
    parser.add_argument("--recounted", required=True, type=Path, help="JSON of recount_memory")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import read_json
    from tunegrid.published.paper import read_paper
    from tunegrid.reporting.memory_example_tables import memory_example_tables
    from tunegrid.reporting.table_files import write_tables

    case = read_paper(arguments.paper).memory
    if case is None:
        raise UserError(f"--paper: {arguments.paper} has no memory example")
    tables = memory_example_tables(case, read_json(arguments.recounted))
    write_tables(tables, arguments.output)


if __name__ == "__main__":
    run_program(main)
