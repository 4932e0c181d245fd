"""Files of a Hugging Face hub, brought in at one commit and checked against its checksums.

The library's own settings hold: HF_ENDPOINT names another hub, HF_TOKEN opens private and gated
repositories (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
Only the programs that fetch import this module.
"""

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import Timeout

from tunegrid.errors import UserError
from tunegrid.path_patterns import PathPattern
from tunegrid.requesting import TIMEOUT, Refusals, Result, persistently, status_of

MAY_READ = "set HF_TOKEN to a token that may read it"
#: What the library's errors mean. Some are of several kinds, and the first one that fits counts.
REFUSALS: dict[type[Exception], str] = {
    OfflineModeIsEnabled: "HF_HUB_OFFLINE is set; unset it on the host that fetches",
    GatedRepoError: f"is gated; accept its terms on its page, and {MAY_READ}",
    RepositoryNotFoundError: f"no such repository, or a private one; correct it, or {MAY_READ}",
    RevisionNotFoundError: "has no such revision; pin a commit that its page shows",
    EntryNotFoundError: "lacks a file that it lists; pin another revision",
}
#: What a status means that the library has no error for.
BY_STATUS = {
    401: f"the hub refuses (HTTP {{}}); {MAY_READ}",
    403: f"the hub refuses (HTTP {{}}); {MAY_READ}",
    429: "the hub refuses so many requests (HTTP {}); try again later, or set HF_TOKEN",
}


def download(
    repository: str, revision: str, patterns: Iterable[str], output: Path, *, kind: str = "model"
) -> str:
    """Put the files of a repository that match into a folder.

    A download that broke off goes on from what it has left beside the folder, also when the program
    is started again.

    Args:
        repository: owner/name.
        revision: commit, tag or branch.
        patterns: of the files' paths in the repository, as `PathPattern` has them.
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
    if found.sha is None:
        raise UserError(f"{source}: the hub does not say which commit it is; try again later")
    repository_at_commit = _Commit(source, repository, found.sha, kind)
    wanted = [PathPattern(pattern) for pattern in patterns]
    files = [
        file
        for file in found.siblings or []
        if any(pattern.matches(file.rfilename) for pattern in wanted)
    ]
    # The files are not downloaded into the folder itself, because Snakemake removes it when a job
    # fails or begins.
    partial = output.parent / ".downloads" / f"{output.name}-{found.sha}"
    for file in files:
        _fetch(repository_at_commit, file, partial)
    for file in files:
        target = output / file.rfilename
        target.parent.mkdir(parents=True, exist_ok=True)
        (partial / file.rfilename).replace(target)
    shutil.rmtree(partial, ignore_errors=True)
    return found.sha


@dataclass(frozen=True)
class _Commit:
    """A repository at one commit.

    Attributes:
        source: what messages call it.
        repository: owner/name.
        commit: its hash.
        kind: "model" or "dataset".
    """

    source: str
    repository: str
    commit: str
    kind: str


def _fetch(at: _Commit, file: RepoSibling, folder: Path) -> None:
    """Download one file; once more, from its first byte, if its checksum is wrong."""
    for from_first_byte in (False, True):
        path = _download_file(at, file, folder, from_first_byte=from_first_byte)
        expected, got = _checksums(file, path)
        if expected in (None, got):
            return
        logging.warning("%s: %s has checksum %s, not %s", at.source, file.rfilename, got, expected)
    path.unlink()
    raise UserError(
        f"{at.source}: {file.rfilename} came with checksum {got}, the hub says {expected};"
        " try again later, or pin another revision"
    )


def _download_file(at: _Commit, file: RepoSibling, folder: Path, *, from_first_byte: bool) -> Path:
    def request() -> str:
        return hf_hub_download(
            repo_id=at.repository,
            filename=file.rfilename,
            revision=at.commit,
            repo_type=at.kind,
            local_dir=folder,
            force_download=from_first_byte,
        )

    return Path(_persistently(at.source, request))


def _checksums(file: RepoSibling, path: Path) -> tuple[str | None, str]:
    """The checksum that the hub names, if it does, and that of what came.

    It is the SHA-256 of a large file and git's blob hash of another one.
    """
    if file.lfs:
        with path.open("rb") as stream:
            return file.lfs.sha256, hashlib.file_digest(stream, "sha256").hexdigest()
    content = path.read_bytes()
    # The name that git gives to the content, which is no safeguard against forgery:
    # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return file.blob_id, blob.hexdigest()


def _persistently(source: str, request: Callable[[], Result]) -> Result:
    """The result of a request to the hub, tried again where that may help."""
    return persistently(source, request, Refusals((OfflineModeIsEnabled,), _explain, _root))


def _root(error: BaseException) -> BaseException:
    """The error itself, or what made the library look for the file on this machine in vain."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:
        return error.__cause__
    return error


def _explain(error: BaseException) -> str:
    """What is wrong and what would be right, in one line without the address or any header."""
    for kind, line in REFUSALS.items():
        if isinstance(error, kind):
            return line
    status = status_of(error)
    if status is not None:
        return BY_STATUS.get(status, "the hub fails (HTTP {}); try again later").format(status)
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be written: {error.strerror}"
    if isinstance(error, RequestsConnectionError | Timeout):
        return f"{constants.ENDPOINT} does not answer ({type(error).__name__}); is it in reach?"
    return f"the download broke off ({type(error).__name__}); what has come is kept, try again"
