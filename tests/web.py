"""A stand-in for servers of the web on loopback: files by their paths, and the bad days of HTTP."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """A running server of files; what is wrong with it holds for all of them.

    Attributes:
        files: content by path.
        fails: so many requests are answered by `status` first.
        breaks: the connection breaks in the middle of the first so many answers.
        damaged: so many answers have a changed byte.
        ignores_range: it sends the whole file, whatever part is asked for.
        wrong_part: so many parts begin at another byte than was asked for.
        requests: path and Range of every request.
    """

    files: dict[str, bytes]
    fails: int = 0
    status: int = 503
    breaks: int = 0
    damaged: int = 0
    ignores_range: bool = False
    wrong_part: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "Web":
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        # It looks every 10 ms whether it is to end; by default, every half second.
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def entry(self, path: str, content: bytes | None = None) -> dict[str, str]:
        """What `url` says of a file; `content` is what is expected, if that is not what it has."""
        expected = self.files[path] if content is None else content
        checksum = hashlib.sha256(expected).hexdigest()
        return {"address": f"{self.address}/{path}", "sha256": checksum}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        web, path, asked = self.web, self.path.strip("/"), self.headers.get("Range")
        web.requests.append((path, asked))
        if web.fails:
            web.fails -= 1
            self._send(web.status, b"", web.headers)
            return
        if path not in web.files:
            self._send(404, b"<html>not found</html>", {})
            return
        content = web.files[path]
        status, headers, start = 200, dict(web.headers), 0
        if asked and not web.ignores_range:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self._send(416, b"", {})
                return
            if web.wrong_part:
                web.wrong_part -= 1
                start += 1
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if web.damaged:
            web.damaged -= 1
            content = content[:-1] + bytes([content[-1] ^ 1])
        breaks = web.breaks > 0
        web.breaks -= breaks
        self._send(status, content[start:], headers, broken=breaks)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, broken: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if broken else body)
        if broken:
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
