"""Looking at a page in headless Chromium: a script runs in it and returns what it saw."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

#: Stands before the page: it collects every error from the first line on.
COLLECT_ERRORS = """<script>
  const complaints = [];
  console.error = (...words) => complaints.push(words.join(" "));
  window.addEventListener("error", (event) => complaints.push(String(event.message)), true);
</script>"""
#: Stands behind the page: it runs the script (%s) and writes what it returns into the page.
RUN_SCRIPT = """<script>
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const write = (found) => {
    const element = document.createElement("pre");
    element.id = "found";
    element.textContent = JSON.stringify({found, complaints});
    document.body.append(element);
  };
  (async () => { %s })().then(write, (error) => write({failed: String(error)}));
</script>"""
#: Width and height of the window, in pixels.
WINDOW = (1000, 800)


def browse(
    page: Path, script: str, folder: Path, window: tuple[int, int] = WINDOW
) -> tuple[Any, list[str]]:
    """Open a page and run a script in it.

    Skips the test if there is no Chromium; in CI, where there must be one, it fails.

    Args:
        page: an HTML file.
        script: the body of an asynchronous JavaScript function; `await wait(ms)` waits.
        folder: an empty folder for the browser's files.
        window: its width and height, in pixels; the page has less, as in a window on a screen.

    Returns:
        What the script returns, and all errors of the page.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        reason = "there is no Chromium; `make test-packages` installs it where it may"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    copy = folder / "browsed.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(COLLECT_ERRORS + text + RUN_SCRIPT % script, encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=60000",
        f"--window-size={window[0]},{window[1]}",
        f"--user-data-dir={folder / 'browser'}",
        "--dump-dom",
        copy.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    written = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    assert written, run.stderr
    answer = json.loads(unescape(written[1]))
    return answer["found"], answer["complaints"]
