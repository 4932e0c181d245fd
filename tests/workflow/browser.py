"""A page in headless Chromium, from its file: a script looks around in it and tells what it saw."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

#: Notes whatever goes wrong from the first line on.
LISTENING = """<script>
  const complaints = [];
  console.error = (...told) => complaints.push(told.join(" "));
  window.addEventListener("error", (event) => complaints.push(String(event.message)), true);
</script>"""
LOOKING = """<script>
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const tell = (found) => {
    const told = document.createElement("pre");
    told.id = "found";
    told.textContent = JSON.stringify({found, complaints});
    document.body.append(told);
  };
  (async () => { %s })().then(tell, (error) => tell({failed: String(error)}));
</script>"""


def browse(page: Path, script: str, folder: Path) -> tuple[Any, list[str]]:
    """Open a page, run the body of an async function in it; what that returns, and all errors.

    Skips the test where there is no Chromium, but in CI, where there must be one.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        reason = "there is no Chromium; `make test-packages` installs it where it may"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    text = page.read_text(encoding="utf-8")
    copy = folder / "browsed.html"
    copy.write_text(LISTENING + text + LOOKING % script, encoding="utf-8")
    run = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000",
         f"--user-data-dir={folder / 'browser'}", "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    told = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    assert told, run.stderr
    answer = json.loads(unescape(told[1]))
    return answer["found"], answer["complaints"]
