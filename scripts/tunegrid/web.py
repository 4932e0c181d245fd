"""Files of the web, brought in once by their address and checked against their checksum.

What has come is kept by its checksum: a file that is wanted again, under whatever name, is taken
from there without the network. The environment's proxies (HTTPS_PROXY, NO_PROXY), certificates
(REQUESTS_CA_BUNDLE) and ~/.netrc hold
(https://requests.readthedocs.io/en/latest/user/advanced/#proxies). Only the programs that fetch
import this module.
"""

import logging
import os
import re
import shutil
from http import HTTPStatus
from pathlib import Path

import humanfriendly
import requests
from filelock import FileLock
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import (
    InvalidSchema,
    InvalidURL,
    MissingSchema,
    ProxyError,
    RequestException,
    SSLError,
    Timeout,
    TooManyRedirects,
)
from urllib3.exceptions import HTTPError as TransportError

from tunegrid.config.entries import UrlFile
from tunegrid.errors import UserError
from tunegrid.files import sha256
from tunegrid.requesting import TIMEOUT, Refusals, persistently, status_of
from tunegrid.weights_files import POINTER

#: The folder of what has come, by checksum, beside the folders that are made of it.
STORE = ".urls"
#: Bytes that are written at once.
PIECE = 1 << 20
#: How much of what came is looked at for what it is, in bytes.
HEAD = 1024
#: The bytes of the file as they are, and not packed on the way.
PLAIN = {"Accept-Encoding": "identity", "User-Agent": "tunegrid"}
#: What a status means that no further try helps against.
BY_STATUS = {
    401: "is not open to you (HTTP 401); put your login for the server into ~/.netrc",
    403: "is not open to you (HTTP 403); put your login for the server into ~/.netrc",
    404: "is not there (HTTP 404); correct the address",
    410: "is no longer there (HTTP 410); correct the address",
    429: "is asked for too often (HTTP 429); try again later",
}
#: What an error means. Some are of several kinds, and the first one that fits counts.
BY_ERROR: dict[type[Exception], str] = {
    InvalidURL: "is no address; correct it",
    InvalidSchema: "leads to something that is neither http nor https; correct the address",
    MissingSchema: "leads to something that is no address; correct it",
    TooManyRedirects: "leads in a circle; correct the address",
    ProxyError: "the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY) does not answer;"
    " correct or unset it",
    SSLError: "the server's certificate is not trusted; name your network's own certificates by"
    " REQUESTS_CA_BUNDLE",
    Timeout: "does not answer; is it in reach?",
    RequestsConnectionError: "does not answer; is it in reach?",
}


class WrongPartError(RequestException):
    """A server that was asked for the rest of a file sent another part of it."""


class BrokenOffError(RequestException):
    """An answer ended before the file did."""


def bring(wanted: UrlFile, store: Path) -> Path:
    """The file at an address; taken from the store, if it is there already.

    A download that broke off goes on from what it has left in the store, also when the program is
    started again. Of several programs that want a file one downloads it, and the others wait.

    Args:
        wanted: address and checksum.
        store: the folder of what has come, by checksum; made if it is not there.

    Returns:
        Where it lies in the store. Link it or copy it; do not change it.

    Raises:
        UserError: it cannot be had, or has another checksum; one line.
    """
    store.mkdir(parents=True, exist_ok=True)
    kept = store / wanted.sha256
    with FileLock(kept.with_suffix(".lock")):
        if kept.exists():
            if sha256(kept) == wanted.sha256:
                logging.info("%s: taken from %s", wanted.address, kept)
                return kept
            logging.warning("%s: %s is damaged; downloading it again", wanted.address, kept)
            kept.unlink()
        partial = kept.with_suffix(".partial")
        _download(wanted, partial)
        partial.replace(kept)
    return kept


def link(kept: Path, target: Path) -> None:
    """Give a file of the store a name of its own: as a second name, or as a copy if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(kept, target)
    except OSError:
        shutil.copyfile(kept, target)


def _download(wanted: UrlFile, partial: Path) -> None:
    """Download a file; once more, from its first byte, if its checksum is wrong."""
    refusals = Refusals(final=(InvalidURL, InvalidSchema, MissingSchema), explain=_explain)
    got = ""
    for from_first_byte in (False, True):
        if from_first_byte:
            partial.unlink()
        persistently(wanted.address, lambda: _request(wanted.address, partial), refusals)
        got = sha256(partial)
        if got == wanted.sha256:
            return
        logging.warning("%s: came with SHA-256 %s", wanted.address, got)
    came = _what_came(partial)
    partial.unlink()
    raise UserError(
        f"{wanted.address}: {came} with SHA-256 {got}, the entry says {wanted.sha256}; correct the"
        " address, or the checksum if you trust what is there now"
    )


def _request(address: str, partial: Path) -> None:
    """One try to complete what has come of a file."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = PLAIN | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing follows what has come; its checksum tells whether it is the file
            answer.raise_for_status()
            goes_on = answer.status_code == HTTPStatus.PARTIAL_CONTENT
            if goes_on and _first_byte(answer) != have:
                partial.unlink(missing_ok=True)
                raise WrongPartError(address)
            _write(answer, address, partial, have if goes_on else 0)
    except TransportError as error:
        raise BrokenOffError(type(error).__name__) from error


def _write(answer: requests.Response, address: str, partial: Path, have: int) -> None:
    """Write what an answer brings behind the first `have` bytes of a file."""
    length = answer.headers.get("Content-Length", "")
    expected = int(length) if length.isdecimal() else None
    size = "unknown size" if expected is None else humanfriendly.format_size(have + expected)
    logging.info("downloading %s (%s)%s", address, size, f" from byte {have:,}" if have else "")
    with partial.open("ab" if have else "wb") as file:
        # As the server has it: a file that it sends as packed is not unpacked on the way.
        for piece in answer.raw.stream(PIECE, decode_content=False):
            file.write(piece)
        came = file.tell() - have
    if expected is not None and came < expected:
        raise BrokenOffError(f"{came} of {expected} bytes")


def _first_byte(answer: requests.Response) -> int | None:
    """The position of the first byte of a part (Content-Range, RFC 9110, section 14.4)."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _what_came(path: Path) -> str:
    """What was sent in place of the file, where that can be told."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(POINTER):
        return "a Git LFS pointer came and not the file itself,"
    if re.match(rb"\s*(<!doctype html|<html)", head.removeprefix(b"\xef\xbb\xbf"), re.IGNORECASE):
        return "an HTML page came and not the file,"
    return "came"


def _explain(error: BaseException) -> str:
    """What is wrong and what would be right, in one line without any header."""
    for kind, line in BY_ERROR.items():
        if isinstance(error, kind):
            return line
    status = status_of(error)
    if status is not None:
        remedy = "try again later" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "correct it"
        return BY_STATUS.get(status, f"the server refuses (HTTP {status}); {remedy}")
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be written: {error.strerror}"
    return "the download broke off; what has come is kept, try again"
