"""What an `sbatch` that has failed means: whether to wait and submit again, or to give up.

Slurm's commands end with status 1 whatever the cause (`SLURM_EXIT_ERROR` may even set another one),
so that only their texts tell. The texts of the controller's answers stand in Slurm's source, in
`src/common/slurm_errno.c`, those of the limits in `src/common/slurm_protocol_defs.c`
(`job_reason_string`); neither is translated. `sbatch` prints an answer behind "Batch job submission
failed: ", and `sbatch --test-only` behind "allocation failure: ".
"""

import errno
import os
import re
from enum import Enum, auto

#: What stands before an answer of the controller, in a line of its own.
ANSWER = re.compile(r"(?:Batch job submission failed|allocation failure): (.*)")

#: Limits on how many jobs may be queued or run at once, as Slurm names them. `sbatch` prints the
#: name in a line before the answer, which is the same for these and for limits on one job's size.
SUBMISSION_LIMITS = {
    "AssocGrpSubmitJobsLimit",
    "AssocMaxSubmitJobLimit",
    "MaxSubmitJobsPerAccount",
    "QOSGrpSubmitJobsLimit",
    "QOSMaxSubmitJobPerUserLimit",
}

#: How answers begin that say nothing of the job: the controller, its backup, the way to it or the
#: authentication are away, or nothing is taken for now.
PASSING_ANSWERS = (
    "Unable to contact slurm controller",
    "Slurm backup controller in standby mode",
    "Controller is in standby mode",
    "Socket timed out on send/recv operation",
    "Zero Bytes were transmitted or received",
    "Message send failure",
    "Message receive failure",
    "Protocol authentication error",
    "Required partition not available (inactive or drain)",
    # More jobs are queued than MaxJobCount allows; sbatch has then waited for two minutes itself.
    os.strerror(errno.EAGAIN),
    *(
        os.strerror(code)
        for code in (
            errno.ECONNREFUSED,
            errno.ECONNRESET,
            errno.EHOSTUNREACH,
            errno.ENETUNREACH,
            errno.ENOTCONN,
            errno.EPIPE,
            errno.ETIMEDOUT,
        )
    ),
)

#: What `sbatch` prints when it cannot read its configuration, from a file of a shared disk or from
#: the controller, so that it has asked nobody.
NO_CONFIGURATION = (
    "Unable to process configuration file",
    "Could not establish a configuration source",
)


class SubmissionAnswer(Enum):
    """What a try to submit a job came to."""

    #: Slurm took the job.
    ACCEPTED = auto()
    #: Slurm takes it when others have ended.
    LIMITED = auto()
    #: Slurm is away, or takes nothing for now.
    AWAY = auto()
    #: `sbatch` failed without an answer of the controller: it was killed, or is not there.
    UNEXPLAINED = auto()
    #: Slurm does not take this job, now or later.
    REFUSED = auto()


def read_answer(status: int, errors: str) -> SubmissionAnswer:
    """Tell what a try to submit a job came to.

    Args:
        status: the exit status of `sbatch`; negative if a signal ended it.
        errors: what it printed to its standard error.
    """
    if status == 0:
        return SubmissionAnswer.ACCEPTED
    if SUBMISSION_LIMITS & set(re.findall(r"\w+", errors)):
        return SubmissionAnswer.LIMITED
    answer = controller_answer(errors)
    if answer is None:
        is_away = any(text in errors for text in NO_CONFIGURATION)
        return SubmissionAnswer.AWAY if is_away else SubmissionAnswer.UNEXPLAINED
    if answer.startswith(PASSING_ANSWERS):
        return SubmissionAnswer.AWAY
    return SubmissionAnswer.REFUSED


def controller_answer(errors: str) -> str | None:
    """Find the controller's answer among what `sbatch` printed; None if it gave none."""
    found = ANSWER.search(errors)
    return found.group(1).strip() if found else None


def describe_failure(status: int, errors: str) -> str:
    """Describe in one line why `sbatch` failed: its limit or answer, or else what it said last."""
    limits = SUBMISSION_LIMITS & set(re.findall(r"\w+", errors))
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    said = [*sorted(limits), controller_answer(errors), *reversed(lines)]
    return next(filter(None, said), f"sbatch ended with status {status}")
