"""Jobs that fail before their program has begun: the reason is only in Slurm's log.

A broken `srun`, a node without the shared folder or without the environment's Python end a job
before the rule's command runs, so that the rule's own log is empty or absent. Snakemake then prints
nothing of Slurm's log either. What that says is therefore copied into the rule's log. So is why a
job could never start, if it was cancelled for that.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunegrid.cluster.job_watch import WHY_CANCELLED

#: How lines of Slurm's log begin that tell why a job has not begun: of Slurm's own programs, and of
#: the shells that run the job's command.
TELLING = ("srun:", "slurmstepd:", "sh:", "/bin/sh:", "/bin/bash:", "bash:", "/var/spool/")
#: How many of the last lines are copied where none of them begins so.
LAST_LINES = 20


def explain_silent_failures(executor: Any) -> None:
    """Let what the plugin reports as failed have a log that says why, from now on.

    Args:
        executor: the plugin's executor.
    """
    report_job_error = executor.report_job_error

    def explain_and_report(job_info: Any, *arguments: Any, **options: Any) -> None:
        if slurm_log := (job_info.aux or {}).get("slurm_logfile"):
            explain(
                Path(slurm_log),
                [Path(log) for log in job_info.job.log],
                never_started=WHY_CANCELLED.get(job_info.external_jobid),
            )
        report_job_error(job_info, *arguments, **options)

    executor.report_job_error = explain_and_report


def explain(slurm_log: Path, rule_logs: Sequence[Path], never_started: str | None = None) -> None:
    """Write into a rule's log why its job failed, if nothing else is there.

    Args:
        slurm_log: the log that Slurm writes of the job; it may be absent.
        rule_logs: the logs of the rule; the first is written if all are empty or absent.
        never_started: why the job could never start, if it was cancelled for that.
    """
    if not rule_logs or any(log.exists() and log.stat().st_size for log in rule_logs):
        return
    if never_started:
        begin, said = "The job could never start and was cancelled. Slurm says:", [never_started]
    else:
        begin = "The job ended before its program began. Slurm's log says:"
        nothing = f"{slurm_log} says nothing; is this folder on the node?"
        said = telling_lines(slurm_log) or [nothing]
    rule_logs[0].parent.mkdir(parents=True, exist_ok=True)
    rule_logs[0].write_text("\n".join([begin, *said]) + "\n")


def telling_lines(slurm_log: Path) -> list[str]:
    """Find the lines of Slurm's log that tell why a job has not begun; the last ones if none do."""
    if not slurm_log.exists():
        return []
    lines = slurm_log.read_text(errors="replace").splitlines()
    telling = [line for line in lines if line.startswith(TELLING)]
    return telling or lines[-LAST_LINES:]
