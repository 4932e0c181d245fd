"""A program of the workflow whose requests are tried again at once, and no seconds later.

python impatient.py PROGRAM ARGUMENTS
"""

import runpy
import sys

from paths import ROOT

if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = str(ROOT / "scripts")
    from tunegrid import requesting

    requesting.WAIT = 0.01
    runpy.run_path(sys.argv[0], run_name="__main__")
