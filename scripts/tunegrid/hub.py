"""Files of a Hugging Face hub, brought in at one commit and checked against its checksums.

The library's own settings hold: HF_ENDPOINT names another hub, HF_TOKEN opens private and gated
repositories (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
Only the programs that fetch import this module.
"""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import RequestException, Timeout

from tunegrid.errors import UserError

#: Tries of one request, and the seconds before the second; each further wait is twice as long.
TRIES, WAIT = 4, 1.0
#: Seconds after which a question that is not answered is given up.
TIMEOUT = 30.0
#: The longest that a hub may ask to be left alone, in seconds.
LONGEST_WAIT = 300.0
#: HTTP's statuses of a server that may do better later.
PASSING = {408, 429, 500, 502, 503, 504}

MAY_READ = "set HF_TOKEN to a token that may read it"
#: What the library's errors mean; the first that fits.
REFUSALS = {
    OfflineModeIsEnabled: "HF_HUB_OFFLINE is set; unset it on the host that fetches",
    GatedRepoError: f"is gated; accept its terms on its page, and {MAY_READ}",
    RepositoryNotFoundError: f"no such repository, or a private one; correct it, or {MAY_READ}",
    RevisionNotFoundError: "has no such revision; pin a commit that its page shows",
    EntryNotFoundError: "lacks a file that it lists; pin another revision",
}
BY_STATUS = {
    401: f"the hub refuses (HTTP {{}}); {MAY_READ}",
    403: f"the hub refuses (HTTP {{}}); {MAY_READ}",
    429: "the hub refuses so many requests (HTTP {}); try again later, or set HF_TOKEN",
}

Result = TypeVar("Result")


def download(
    repository: str, revision: str, patterns: Iterable[str], output: Path, *, kind: str = "model"
) -> str:
    """Put the files of a repository that match into a folder.

    What a broken download has left beside the folder is gone on from, also by a later start.

    Args:
        repository: owner/name.
        revision: commit, tag or branch.
        patterns: of the files' paths in the repository; `*` does not enter folders.
        output: folder to fill, made if it is not there.
        kind: "model" or "dataset".

    Returns:
        The commit that the revision stood for.

    Raises:
        UserError: the hub cannot be reached, does not have it, does not let this user have it, or
            sends other bytes than it says.
    """
    source = f"{repository} at {revision}"
    api = HfApi()
    found = _persistently(
        source,
        lambda: api.repo_info(
            repository, revision=revision, repo_type=kind, files_metadata=True, timeout=TIMEOUT
        ),
    )
    files = [file for file in found.siblings or [] if _matches(file.rfilename, patterns)]
    # Not in the folder itself: Snakemake removes that when a job fails, or begins.
    partial = output.parent / ".downloads" / f"{output.name}-{found.sha}"
    for file in files:
        _fetch(source, repository, found.sha, kind, file, partial)
    for file in files:
        target = output / file.rfilename
        target.parent.mkdir(parents=True, exist_ok=True)
        (partial / file.rfilename).replace(target)
    shutil.rmtree(partial, ignore_errors=True)
    return found.sha


def _matches(path: str, patterns: Iterable[str]) -> bool:
    depth = path.count("/")
    return any(depth == p.count("/") and fnmatch(path, p) for p in patterns)


def _fetch(
    source: str, repository: str, commit: str, kind: str, file: RepoSibling, folder: Path
) -> None:
    """Download one file; once more, from its first byte, if its checksum is wrong."""
    for again in (False, True):
        path = _persistently(
            source,
            lambda again=again: hf_hub_download(
                *(repository, file.rfilename),
                revision=commit,
                repo_type=kind,
                local_dir=folder,
                force_download=again,
            ),
        )
        wanted, got = _checksums(file, Path(path))
        if wanted in (None, got):
            return
        logging.warning("%s: %s has checksum %s, not %s", source, file.rfilename, got, wanted)
    Path(path).unlink()
    raise UserError(
        f"{source}: {file.rfilename} came with checksum {got}, the hub says {wanted};"
        " try again later, or pin another revision"
    )


def _checksums(file: RepoSibling, path: Path) -> tuple[str | None, str]:
    """What the hub says, and what came: SHA-256 of large files, git's blob hash of others."""
    if file.lfs:
        with path.open("rb") as stream:
            return file.lfs.sha256, hashlib.file_digest(stream, "sha256").hexdigest()
    content = path.read_bytes()
    # Git's own name for it, no safeguard: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return file.blob_id, blob.hexdigest()


def _persistently(source: str, request: Callable[[], Result]) -> Result:
    """The request's result; what may pass is tried again, ever later.

    Raises:
        UserError: it failed for good, or too often; one line.
    """
    for number in range(1, TRIES + 1):
        try:
            return request()
        except (RequestException, HfHubHTTPError, OSError) as error:
            reason = _root(error)
            if not _may_pass(reason) or number == TRIES:
                raise UserError(f"{source}: {_explain(reason)}") from None
            wait = _asked_wait(reason) or WAIT * 2 ** (number - 1)
            logging.warning(
                "%s: %s; try %d of %d in %.0f s",
                *(source, _explain(reason), number + 1, TRIES, wait),
            )
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _root(error: BaseException) -> BaseException:
    """The error itself; or why the library had to look for the file on this machine."""
    wrapped = isinstance(error, LocalEntryNotFoundError) and error.__cause__
    return wrapped or error


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status_code


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, OfflineModeIsEnabled):
        return False
    if (status := _status(error)) is not None:
        return status in PASSING
    # The library tells a file that came too short by an OSError without a number.
    return isinstance(error, RequestException) or (
        isinstance(error, OSError) and error.errno is None
    )


def _asked_wait(error: BaseException) -> float | None:
    """Seconds that the hub asks to be left alone (RFC 9110, Retry-After)."""
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdecimal() else None


def _explain(error: BaseException) -> str:
    """What is wrong and what would be right, in one line without the address or any header."""
    for kind, line in REFUSALS.items():
        if isinstance(error, kind):
            return line
    if (status := _status(error)) is not None:
        return BY_STATUS.get(status, "the hub fails (HTTP {}); try again later").format(status)
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be written: {error.strerror}"
    if isinstance(error, RequestsConnectionError | Timeout):
        return f"{constants.ENDPOINT} does not answer ({type(error).__name__}); is it in reach?"
    return f"the download broke off ({type(error).__name__}); what has come is kept, try again"
