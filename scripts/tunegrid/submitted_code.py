"""Whether a run is trained by the code that it was submitted with.

A start of the workflow writes down, for each run, which code decides its result. A job that waited
while that code was edited would train by other code than is written there, so it is refused.
"""

import os

from tunegrid.errors import UserError
from tunegrid.settings import CellSettings
from tunegrid.staleness import training_code, training_codes

#: The variable of the environment by which a start tells its jobs: digests, with + between them.
SUBMITTED_CODE = "TUNEGRID_SUBMITTED_CODE"


def declare_submitted_code() -> None:
    """Tell the jobs that this process will submit which code trains at this moment."""
    os.environ[SUBMITTED_CODE] = "+".join(sorted(training_codes()))


def check_submitted_code(settings: CellSettings) -> None:
    """Make sure that a run is trained by the code that it was submitted with.

    A run that no start of the workflow has submitted is trained by whatever code is there.

    Raises:
        UserError: it was edited meanwhile.
    """
    submitted = os.environ.get(SUBMITTED_CODE)
    if submitted and training_code(settings) not in submitted.split("+"):
        raise UserError(
            "the code that trains has been edited since this run was submitted; start the workflow"
            " again, and it is trained by the code as it is then"
        )
