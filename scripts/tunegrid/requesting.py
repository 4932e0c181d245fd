"""What every download shares: a request that is tried again as long as that may help."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from requests.exceptions import RequestException

from tunegrid.errors import UserError

#: How often one request is tried.
TRIES = 4
#: Seconds before the second try; each further wait is twice as long.
WAIT = 1.0
#: Seconds after which a question that is not answered is given up.
TIMEOUT = 30.0
#: The longest that a server may ask to be left alone, in seconds.
LONGEST_WAIT = 300.0
#: HTTP's statuses of a server that may do better later (RFC 9110, section 15; RFC 6585).
PASSING = {408, 429, 500, 502, 503, 504}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Refusals:
    """How the failures of one kind of server are understood.

    Attributes:
        final: errors that no further try helps against, whatever else they say.
        explain: what is wrong and what would be right, in one line without headers.
        root: the error that is behind one of the library in use.
    """

    final: tuple[type[BaseException], ...]
    explain: Callable[[BaseException], str]
    root: Callable[[BaseException], BaseException] = lambda error: error


def persistently(source: str, request: Callable[[], Result], refusals: Refusals) -> Result:
    """The result of a request; a failure that may pass is tried again, after ever longer waits.

    Args:
        source: what messages call the place that is asked.
        request: is called.
        refusals: how its failures are understood.

    Raises:
        UserError: it failed for good, or too often; one line.
    """
    for number in range(1, TRIES + 1):
        try:
            return request()
        except (RequestException, OSError) as error:
            reason = refusals.root(error)
            line = refusals.explain(reason)
            passing = may_pass(reason) and not isinstance(reason, refusals.final)
            if not passing or number == TRIES:
                raise UserError(f"{source}: {line}") from None
            wait = _asked_wait(reason) or WAIT * 2 ** (number - 1)
            logging.warning("%s: %s; try %d of %d in %.0f s", source, line, number + 1, TRIES, wait)
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def status_of(error: BaseException) -> int | None:
    """The HTTP status of the server's answer, if it answered."""
    response = getattr(error, "response", None)
    status: int | None = None if response is None else response.status_code
    return status


def may_pass(error: BaseException) -> bool:
    """Whether a request that failed so may succeed when it is tried again."""
    status = status_of(error)
    if status is not None:
        return status in PASSING
    # A file that came too short is an OSError without a number.
    came_too_short = isinstance(error, OSError) and error.errno is None
    return isinstance(error, RequestException) or came_too_short


def _asked_wait(error: BaseException) -> float | None:
    """Seconds that the server asks to be left alone (Retry-After, RFC 9110, section 10.2.3)."""
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdecimal() else None
