#!/usr/bin/env python
"""Write config/schema.json and the tables in config/README.md from the configuration's models.

Writes config/peft_options.json, too: the keys of each type that the installed peft library has.

With --check nothing is written; it fails when one of the files is not what would be written.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program
from tunegrid.config.documentation import insert_tables, peft_options_json, schema_json
from tunegrid.config.peft_entry import OPTIONS_FILE
from tunegrid.errors import UserError
from tunegrid.files import write_text
from tunegrid.paths import ROOT


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments = parser.parse_args()

    readme = ROOT / "config" / "README.md"
    wanted: dict[Path, str] = {
        readme: insert_tables(readme.read_text(encoding="utf-8")),
        ROOT / "config" / "schema.json": schema_json(),
        OPTIONS_FILE: peft_options_json(),
    }
    for path, text in wanted.items():
        if not arguments.check:
            write_text(path, text)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise UserError(f"{path.relative_to(ROOT)}: is out of date; run: make docs")


if __name__ == "__main__":
    run_program(main)
