"""Where the workflow is, and where the real corpora lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: The real corpora are not part of the project; where they lie is told by this variable.
DATA_ROOT = Path(os.environ.get("TUNEGRID_DATA_ROOT", ROOT.parent / "shared" / "data"))
