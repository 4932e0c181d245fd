"""A stand-in for the Hugging Face hub on loopback: its HTTP protocol, and its bad days.

What the libraries ask (https://huggingface.co/docs/hub/api, and the headers that
`huggingface_hub.get_hf_file_metadata` reads): a repository's files at a revision with their
checksums, and each file by HEAD and GET with ranges.
"""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Files from this size on are "large": the hub names them by SHA-256, others by git's blob hash.
LARGE = 20_000


@dataclass
class Repository:
    """A repository of the stand-in, and what is wrong with it.

    Attributes:
        files: content by path.
        commit: its only commit; `revisions` are further names of it.
        token: that opens it; None: public.
        gated: answers as for a gated one without the token.
        fails: so many requests of files are answered by `status` first.
        breaks: the connection breaks in the middle of the first so many answers with large files.
        damaged: so many answers with large files have a changed byte.
        pause: seconds between two parts of an answer.
    """

    files: dict[str, bytes]
    commit: str = "c" * 40
    revisions: tuple[str, ...] = ("main",)
    token: str | None = None
    gated: bool = False
    fails: int = 0
    status: int = 429
    breaks: int = 0
    damaged: int = 0
    pause: float = 0.0

    @classmethod
    def of(cls, folder: Path, **more) -> "Repository":
        """The files of a folder."""
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        return cls(files, **more)


@dataclass
class Hub:
    """A running stand-in; repositories by "models/owner/name" or "datasets/owner/name"."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    #: Method, path and Range of every request.
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "Hub":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        # It looks every 10 ms whether it is to end; by default, every half second.
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        parts = path.split("/")
        if parts[0] == "api" and len(parts) == 6 and parts[4] == "revision":
            self._list("/".join(parts[1:4]), parts[5])
            return
        if parts[0] != "datasets":
            parts = ["models", *parts]
        if len(parts) > 5 and parts[3] == "resolve":
            self._file("/".join(parts[:3]), parts[4], "/".join(parts[5:]))
            return
        self._refuse(404, None)

    def _open(self, name: str, revision: str) -> Repository | None:
        """The repository, if there is one that this user may see; else the refusal is sent."""
        found = self.hub.repositories.get(name)
        allowed = found and (
            not found.token or self.headers.get("Authorization") == f"Bearer {found.token}"
        )
        if found and not allowed and found.gated:
            self._refuse(403, "GatedRepo")
        elif not allowed:
            self._refuse(401, "RepoNotFound")  # the hub does not tell private ones from none
        elif revision not in (found.commit, *found.revisions):
            self._refuse(404, "RevisionNotFound")
        else:
            return found
        return None

    def _list(self, name: str, revision: str) -> None:
        if found := self._open(name, revision):
            siblings = [_sibling(path, content) for path, content in found.files.items()]
            identity = name.split("/", 1)[1]
            body = {"id": identity, "modelId": identity, "sha": found.commit, "siblings": siblings}
            self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, revision: str, path: str) -> None:
        found = self._open(name, revision)
        if not found:
            return
        if found.fails:
            found.fails -= 1
            self._refuse(found.status, None)
            return
        if path not in found.files:
            self._refuse(404, "EntryNotFound")
            return
        content = found.files[path]
        sibling = _sibling(path, content)
        headers = {"X-Repo-Commit": found.commit, "ETag": f'"{sibling["blobId"]}"'}
        large = "lfs" in sibling
        if large:
            headers |= {"X-Linked-ETag": f'"{sibling["lfs"]["sha256"]}"'}
            headers |= {"X-Linked-Size": str(len(content))}
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        breaks = damaged = False
        if large and self.command == "GET":
            breaks, damaged = found.breaks > 0, found.damaged > 0
            found.breaks -= breaks
            found.damaged -= damaged
        if damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        body = content[start:]
        self._send(206 if wanted else 200, body, headers, pause=found.pause, broken=breaks)

    def _refuse(self, status: int, code: str | None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        self._send(status, b"", headers | ({"Retry-After": "0"} if status == 429 else {}))

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, pause=0.0, broken=False
    ) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        size = max(1, len(body) // 5)
        for at in range(0, len(body), size):
            if broken and at >= len(body) // 2:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True
                return
            self.wfile.write(body[at : at + size])
            time.sleep(pause)


def _sibling(path: str, content: bytes) -> dict:
    """A file as the hub lists it with `blobs=True`."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    listed = {"rfilename": path, "size": len(content), "blobId": blob}
    if len(content) >= LARGE:
        digest = hashlib.sha256(content).hexdigest()
        listed["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
    return listed
