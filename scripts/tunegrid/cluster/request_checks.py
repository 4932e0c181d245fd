"""Checks, before the first job is submitted, that Slurm takes every job and can start it."""

import logging
from collections.abc import Iterable
from typing import Any

from tunegrid.cluster import slurm
from tunegrid.cluster.job_requests import JobRequest, explain_misfits
from tunegrid.cluster.trial_submission import largest_requests, refusals_of_plugin, try_request
from tunegrid.errors import UserError

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)


def check_requests(requests: Iterable[JobRequest], settings: Any = None) -> None:
    """Check that Slurm takes all these jobs, and that none would stay pending for ever.

    Says which jobs no node can start as the nodes are now.

    Args:
        requests: what the jobs ask for.
        settings: the settings of Snakemake's plugin, which it submits with.

    Raises:
        UserError: the profile is not filled in, Slurm does not answer, a job asks for what its
            partition does not have, or the plugin or Slurm refuses it.
    """
    requests = list(requests)
    for request in requests:
        for name in request.unfilled_settings():
            raise UserError(
                f"profiles/slurm/config.yaml: {name} is not filled in; see the comment beside"
                " it, and `make slurm-check` for what this cluster offers"
            )
    offers = slurm.node_offers()
    if offers is None:
        raise UserError(
            "Slurm does not answer here (sinfo); start the workflow where sbatch works, or use"
            " --profile profiles/local"
        )
    largest = largest_requests(requests)
    problems = [problem for request in largest for problem in refusals_of_plugin(request)]
    problems += explain_misfits(requests, offers)
    if not problems:
        unavailable = {offer.partition for offer in offers if not offer.available}
        for request in largest:
            answer = try_request(request, unavailable, settings)
            if answer and answer.refused:
                problems.append(str(answer))
            elif answer:
                LOG.warning("%s", answer)
    if problems:
        raise UserError(
            *dict.fromkeys(problems),
            "correct profiles/slurm/config.yaml, or the configuration's `cluster`",
        )
