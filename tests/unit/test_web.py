"""Addresses, as servers answer on good and bad days: the file or one clear line."""

import hashlib
import json
import logging
import os
import random
import subprocess

import forked
import pytest
import tiny
from paths import ROOT
from pydantic import ValidationError
from web import Web

from tunegrid import requesting
from tunegrid.config.entries import UrlFile
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.planning.loading import load_tasks
from tunegrid.settings import CellSettings
from tunegrid.web import bring

CONTENT = random.Random(0).randbytes(3_000_000)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(requesting, "WAIT", 0.01)
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)


def entry_of(web, path="file.bin", content=CONTENT):
    return UrlFile.model_validate(web.entry(path, content))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"fails": 2, "status": 503},
        {"fails": 1, "status": 429, "headers": {"Retry-After": "0"}},
        {"breaks": 1},
        {"breaks": 2},
        {"breaks": 1, "ignores_range": True},
        {"breaks": 1, "wrong_part": 1},
        {"damaged": 1},
        # The file is what is packed: its checksum is that of the packed bytes.
        {"headers": {"Content-Encoding": "gzip"}},
    ],
    ids=[
        "good", "503", "429", "broken", "broken twice", "broken, Range ignored",
        "broken, another part sent", "damaged on the way", "said to be packed",
    ],
)  # fmt: skip
def test_what_passes_ends_in_the_file(wrong, tmp_path):
    with Web({"file.bin": CONTENT}, **wrong) as web:
        kept = bring(entry_of(web), tmp_path)
    assert kept.read_bytes() == CONTENT
    assert {path.suffix for path in tmp_path.iterdir()} <= {"", ".lock"}


def test_a_download_that_broke_off_goes_on_in_a_later_start(tmp_path):
    broken = pytest.raises(UserError, match="the download broke off; what has come is kept")
    with Web({"file.bin": CONTENT}, breaks=100) as web, broken:
        bring(entry_of(web), tmp_path)
    (partial,) = tmp_path.glob("*.partial")
    have = partial.stat().st_size
    assert 0 < have < len(CONTENT)
    with Web({"file.bin": CONTENT}) as web:
        assert bring(entry_of(web), tmp_path).read_bytes() == CONTENT
    assert web.requests == [("file.bin", f"bytes={have}-")]


@pytest.mark.parametrize("rest", [b"", b"more than there is"], ids=["whole", "too long"])
def test_what_is_complete_or_too_long_already_ends_in_the_file(rest, tmp_path):
    with Web({"file.bin": CONTENT}) as web:
        (tmp_path / entry_of(web).sha256).with_suffix(".partial").write_bytes(CONTENT + rest)
        assert bring(entry_of(web), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"files": {}}, "is not there (HTTP 404); correct the address"),
        ({"fails": 1, "status": 401}, "is not open to you (HTTP 401); put your login"),
        ({"fails": 1, "status": 403}, "is not open to you (HTTP 403); put your login"),
        ({"fails": 1, "status": 451}, "the server refuses (HTTP 451); correct it"),
        ({"fails": 100, "status": 503}, "the server refuses (HTTP 503); try again later"),
        ({"fails": 100, "status": 302, "headers": {"Location": "/again"}}, "leads in a circle"),
        (
            {"fails": 1, "status": 302, "headers": {"Location": "ftp://x/y"}},
            "neither http nor https; correct the address",
        ),
        ({"damaged": 100}, "came with SHA-256 "),
        ({"files": {"file.bin": b"\n<!DOCTYPE html>\n<p>Sign in"}}, "an HTML page came and not"),
        ({"files": {"file.bin": b"version https://git-lfs.github.com"}}, "a Git LFS pointer came"),
    ],
)
def test_what_does_not_pass_is_one_line(wrong, line, tmp_path):
    there = {"files": {"file.bin": CONTENT}} | wrong
    with Web(**there) as web, pytest.raises(UserError) as refused:
        bring(entry_of(web), tmp_path)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{web.address}/file.bin: ")
    assert line in problem
    assert "\n" not in problem
    assert not (tmp_path / entry_of(web).sha256).exists()


def test_other_bytes_are_named_by_both_checksums_and_asked_for_twice(tmp_path):
    with Web({"file.bin": b"other"}) as web, pytest.raises(UserError) as refused:
        bring(entry_of(web), tmp_path)
    for content in (b"other", CONTENT):
        assert hashlib.sha256(content).hexdigest() in str(refused.value)
    assert "correct the address, or the checksum" in str(refused.value)
    assert len(web.requests) == 2


def test_a_server_out_of_reach_is_one_line(tmp_path):
    with Web({}) as web:
        wanted = entry_of(web)
    with pytest.raises(UserError, match=r"file\.bin: does not answer; is it in reach\?$"):
        bring(wanted, tmp_path)


def test_the_environment_s_proxy_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Web({"file.bin": CONTENT}) as web:
        monkeypatch.setenv("NO_PROXY", "example.org")
        with pytest.raises(UserError, match="the proxy that the environment names"):
            bring(entry_of(web), tmp_path)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        bring(entry_of(web), tmp_path)


def test_what_is_kept_needs_no_network_and_is_checked(tmp_path):
    with Web({"file.bin": CONTENT}) as web:
        kept = bring(entry_of(web), tmp_path)
        kept.write_bytes(b"damaged")
        assert bring(entry_of(web), tmp_path).read_bytes() == CONTENT
        assert len(web.requests) == 2
        wanted = entry_of(web)
    assert bring(wanted, tmp_path) == kept
    moved = wanted.model_copy(update={"address": "http://127.0.0.1:9/moved.bin"})
    assert bring(moved, tmp_path) == kept


def test_the_size_is_logged(tmp_path, caplog):
    with caplog.at_level(logging.INFO), Web({"file.bin": CONTENT}) as web:
        bring(entry_of(web), tmp_path)
    assert f"downloading {web.address}/file.bin (3 MB)" in caplog.text


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"address": "file:///etc/passwd", "sha256": "0" * 64}, "is no address; write https"),
        ({"address": "https://me:secret@host/x", "sha256": "0" * 64}, "names a login"),
        ({"address": "https://host/x", "sha256": "d41d8cd9"}, "is no SHA-256 checksum"),
    ],
)
def test_an_address_or_a_checksum_that_is_none_is_refused(given, line):
    with pytest.raises(ValidationError, match=line):
        UrlFile.model_validate(given)


def fetch_task(entry, output, *more):
    """Fetch a task by the program."""
    run = subprocess.run(
        [
            forked.interpreter(),
            ROOT / "tests/impatient.py",
            ROOT / "scripts/fetch_task.py",
            "--name",
            "t",
            "--entry",
            json.dumps(entry),
            "--output",
            output,
            *more,
        ],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in run.stderr, run.stderr
    return run


def tiny_entry(web):
    url = {path: web.entry(path) for path in web.files}
    return tiny.TASK | {"url": url}


@pytest.fixture
def tiny_web(tmp_path):
    root = tiny.write_data(tmp_path / "there")
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.jsonl")}
    return lambda **wrong: Web(dict(files), **wrong)


def test_a_task_comes_from_addresses_and_again_without_the_network(tiny_web, tmp_path):
    output = tmp_path / "tasks/t"
    with tiny_web() as web:
        entry = tiny_entry(web)
        assert fetch_task(entry, output).returncode == 0
    card = json.loads((output / "task.json").read_text())
    assert {split: sum(counts.values()) for split, counts in card["splits"].items()} == tiny.COUNTS
    assert card["files"]["dev"] == {"tiny/dev.jsonl": entry["url"]["tiny/dev.jsonl"]["sha256"]}
    assert card["entry"]["url"] == entry["url"]
    assert not (tmp_path / "tasks/.sources/t").exists()
    again = fetch_task(entry | {"counts": None}, tmp_path / "tasks/other")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("taken from") == 3


def test_a_task_out_of_reach_says_that_a_data_root_would_do(tiny_web, tmp_path):
    with tiny_web(fails=100, status=404) as web:
        run = fetch_task(tiny_entry(web), tmp_path / "tasks/t")
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: task 't': {web.address}/tiny/")
    assert ".jsonl: is not there (HTTP 404); correct the address; or " in line
    assert line.endswith(
        "name the folder that holds tiny/train.jsonl, tiny/dev.jsonl, tiny/test.jsonl as data_root"
    )
    assert not (tmp_path / "tasks/t").exists()


def test_a_data_root_that_holds_all_of_a_task_is_taken_and_one_that_holds_some_is_refused(
    tiny_web, tmp_path
):
    root = tiny.write_data(tmp_path / "mine")
    with tiny_web() as web:
        entry = tiny_entry(web)
        assert fetch_task(entry, tmp_path / "tasks/t", "--data-root", root).returncode == 0
        assert web.requests == []
        (root / "tiny/dev.jsonl").unlink()
        run = fetch_task(entry, tmp_path / "tasks/t", "--data-root", root)
        assert f"error: task 't': {root} lacks tiny/dev.jsonl, and holds other files" in run.stderr
        assert web.requests == []
        for path in (root / "tiny").iterdir():
            path.unlink()
        assert fetch_task(entry, tmp_path / "tasks/u", "--data-root", root).returncode == 0
        assert len(web.requests) == 3


def test_files_without_an_address_are_refused_in_the_entry():
    url = {"tiny/train.jsonl": {"address": "https://host/x", "sha256": "0" * 64}}
    with pytest.raises(ValidationError, match=r"names no address of tiny/dev\.jsonl, tiny/test"):
        TaskEntry.model_validate(tiny.TASK | {"url": url})


def test_an_address_decides_no_result_and_its_checksum_does():
    def hash_of(address, checksum):
        url = {
            path: {"address": address, "sha256": checksum} for path in tiny.TASK["files"].values()
        }
        value = tiny.settings_json()
        value["task_source"] = tiny.TASK | {"url": url}
        settings = CellSettings.from_json(value)
        assert CellSettings.from_json(settings.to_json()).json == settings.json
        return settings.hash

    first = hash_of("https://one/x", "0" * 64)
    assert hash_of("https://another/y", "0" * 64) == first
    assert hash_of("https://one/x", "1" * 64) != first


REPORT = ["restaurant_sup", "laptop_sup", "acl_sup", "agnews_sup"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("restaurant_sup", {"breaks": 2}),
        ("laptop_sup", {"fails": 2, "status": 503}),
        ("acl_sup", {"damaged": 1}),
        ("agnews_sup", {"breaks": 1, "ignores_range": True}),
    ],
)
def test_the_report_s_tasks_are_what_their_addresses_and_checksums_say(
    name, wrong, data_root, tmp_path
):
    """The bytes are the real ones; only the host of the addresses is another."""
    entry = load_tasks()[name].model_dump(mode="json", exclude_none=True)
    files = {path: (data_root / path).read_bytes() for path in entry["url"]}
    with Web(files, **wrong) as web:
        for path, file in entry["url"].items():
            assert file["address"].startswith("https://")
            file["address"] = f"{web.address}/{path}"
        run = fetch_task(entry, tmp_path / "tasks/t")
    assert run.returncode == 0, run.stderr
    card = json.loads((tmp_path / "tasks/t/task.json").read_text())
    expected = {key: count for key, count in entry["counts"].items() if count}
    assert {split: sum(counts.values()) for split, counts in card["splits"].items()} == expected
    found = {path: checksum for files in card["files"].values() for path, checksum in files.items()}
    assert found == {path: file["sha256"] for path, file in entry["url"].items()}
