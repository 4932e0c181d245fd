"""The hub, as it answers on good and bad days: a result or one clear line."""

import hashlib
import json
import os
import random
import subprocess

import forked
import numpy as np
import pytest
import tiny
import torch
from hub import Hub, Repository
from paths import ROOT
from safetensors.numpy import save
from safetensors.torch import load_file

SECRET = "hf_abcdefghijklmnopqrstuvwxyz"
WEIGHTS = "model.safetensors"


@pytest.fixture
def fetch(tiny_model, tmp_path):
    """Fetch a model by the program: fetch(what is wrong with the hub, …) → (process, hub)."""

    def go(
        revision="main", environment=None, repository="owner/tiny", more=None, without=(), **wrong
    ):
        entry = {"hub": {"repository": repository, "revision": revision}}
        with Hub() as hub:
            there = Repository.of(tiny_model, **wrong)
            there.files |= more or {}
            for name in without:
                del there.files[name]
            hub.repositories["models/owner/tiny"] = there
            run = subprocess.run(
                [
                    forked.interpreter(),
                    ROOT / "tests/impatient.py",
                    ROOT / "scripts/fetch_model.py",
                    "--name",
                    "m",
                    "--entry",
                    json.dumps(entry),
                    "--output",
                    tmp_path / "models/m",
                ],
                env=os.environ
                | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")}
                | (environment or {}),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        assert "Traceback" not in run.stderr, run.stderr
        return run, hub

    return go


def assert_whole(run, tiny_model, tmp_path):
    assert run.returncode == 0, run.stderr
    card = json.loads((tmp_path / "models/m/model.json").read_text())
    assert card["commit"] == "c" * 40
    for name, digest in card["files"].items():
        assert hashlib.sha256((tiny_model / name).read_bytes()).hexdigest() == digest
        assert not (tmp_path / "models/m" / name).is_symlink()
    assert WEIGHTS in card["files"]
    assert not list((tmp_path / "models/.downloads").iterdir())


def assert_refused(run, *parts):
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: model 'm': ")
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"pause": 0.02},
        {"breaks": 1},
        {"fails": 2, "status": 429},
        {"fails": 1, "status": 503},
        {"damaged": 1},
    ],
    ids=["good", "slow", "broken half-way", "429", "503", "damaged on the way"],
)
def test_what_passes_ends_in_the_model(fetch, wrong, tiny_model, tmp_path):
    run, _ = fetch(**wrong)
    assert_whole(run, tiny_model, tmp_path)


def test_a_broken_download_goes_on_in_a_later_start(fetch, tiny_model, tmp_path):
    # The library writes 10 MB at a time.
    content = np.frombuffer(random.Random(1).randbytes(25_000_000), dtype=np.uint8)
    large = save({"weights": content})
    run, _ = fetch(breaks=100, more={WEIGHTS: large})
    assert_refused(run, "owner/tiny at main: the download broke off")
    assert not (tmp_path / "models/m" / WEIGHTS).exists()
    run, hub = fetch(more={WEIGHTS: large})
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "models/m" / WEIGHTS).read_bytes() == large
    (asked,) = [
        range_
        for method, path, range_ in hub.requests
        if method == "GET" and path.endswith(WEIGHTS)
    ]
    assert asked == "bytes=10485760-"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"repository": "owner/none"}, "no such repository, or a private one"),
        ({"token": SECRET}, "set HF_TOKEN to a token that may read it"),
        ({"token": SECRET, "gated": True}, "is gated; accept its terms on its page"),
        ({"revision": "0" * 40}, "has no such revision; pin a commit"),
        ({"fails": 1000, "status": 429}, "so many requests (HTTP 429); try again later"),
        ({"fails": 1000, "status": 403}, "the hub refuses (HTTP 403); set HF_TOKEN"),
        ({"damaged": 1000}, f"{WEIGHTS} came with checksum"),
        ({"environment": {"HF_HUB_OFFLINE": "1"}}, "HF_HUB_OFFLINE is set; unset it"),
    ],
    ids=["404", "401", "gated", "revision", "429", "403", "checksum", "offline"],
)
def test_what_does_not_pass_is_one_line(fetch, wrong, line, tmp_path):
    run, _ = fetch(**wrong)
    assert_refused(run, line)
    assert not (tmp_path / "models/m" / WEIGHTS).exists()


def test_pickled_weights_of_a_repository_are_converted(fetch, tiny_model, tmp_path):
    weights = load_file(tiny_model / WEIGHTS)
    torch.save(weights, tmp_path / "pytorch_model.bin")
    content = (tmp_path / "pytorch_model.bin").read_bytes()
    run, hub = fetch(more={"pytorch_model.bin": content})
    assert not any(path.endswith("pytorch_model.bin") for _, path, _ in hub.requests)
    (tmp_path / "models/m" / WEIGHTS).unlink()
    run, _ = fetch(more={"pytorch_model.bin": content}, without={WEIGHTS})
    assert run.returncode == 0, run.stderr
    found = load_file(tmp_path / "models/m" / WEIGHTS)
    assert all(torch.equal(found[key], weights[key]) for key in weights)


def fetch_task(tmp_path, files, paths=None, **wrong):
    """Fetch the tiny task from a data set repository by the program."""
    entry = tiny.TASK | {"hub": {"repository": "owner/tiny", "revision": "v1"}}
    entry["files"] = paths or {split: f"data/{split}.jsonl" for split in tiny.COUNTS}
    with Hub() as hub:
        hub.repositories["datasets/owner/tiny"] = Repository(files, revisions=("v1",), **wrong)
        return subprocess.run(
            [
                forked.interpreter(),
                ROOT / "tests/impatient.py",
                ROOT / "scripts/fetch_task.py",
                "--name",
                "tiny",
                "--entry",
                json.dumps(entry),
                "--output",
                tmp_path / "tasks/tiny",
            ],
            env=os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def test_a_task_comes_from_a_data_set_repository(tmp_path):
    there = tiny.write_data(tmp_path / "there") / "tiny"
    files = {f"data/{path.name}": path.read_bytes() for path in there.iterdir()}
    run = fetch_task(tmp_path, files | {"README.md": b"not asked for"})
    assert run.returncode == 0, run.stderr
    card = json.loads((tmp_path / "tasks/tiny/task.json").read_text())
    assert card["commit"] == "c" * 40
    assert {split: sum(counts.values()) for split, counts in card["splits"].items()} == tiny.COUNTS
    checksum = hashlib.sha256(files["data/dev.jsonl"]).hexdigest()
    assert card["files"]["dev"] == {"data/dev.jsonl": checksum}
    assert not (tmp_path / "tasks/.sources/tiny").exists()


def test_a_split_in_several_files_of_a_repository_is_one_split(tmp_path):
    there = tiny.write_data(tmp_path / "there") / "tiny"
    lines = (there / "train.jsonl").read_bytes().splitlines(keepends=True)
    files = {f"data/train-{at}-of-2.jsonl": b"".join(lines[at::2]) for at in range(2)}
    files |= {
        f"{split}/0.jsonl": (there / f"{split}.jsonl").read_bytes() for split in ("dev", "test")
    }
    paths = {"train": "data/train-*.jsonl", "dev": "dev", "test": "test"}
    run = fetch_task(tmp_path, files | {"data/README.md": b"not asked for"}, paths)
    assert run.returncode == 0, run.stderr
    card = json.loads((tmp_path / "tasks/tiny/task.json").read_text())
    assert list(card["files"]["train"]) == ["data/train-0-of-2.jsonl", "data/train-1-of-2.jsonl"]
    assert sum(card["splits"]["train"].values()) == tiny.COUNTS["train"]


def test_a_data_set_repository_without_a_file_is_one_line(tmp_path):
    run = fetch_task(tmp_path, {"data/train.jsonl": b"{}"})
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        "error: task 'tiny': owner/tiny at v1 lacks data/dev.jsonl, data/test.jsonl;"
        " correct `files`"
    )
    assert not (tmp_path / "tasks/tiny").exists()


def test_a_token_opens_a_private_repository_and_is_written_nowhere(fetch, tiny_model, tmp_path):
    run, _ = fetch(token=SECRET, environment={"HF_TOKEN": SECRET})
    assert_whole(run, tiny_model, tmp_path)
    refused, _ = fetch(token="hf_other", environment={"HF_TOKEN": SECRET})
    assert_refused(refused, "HF_TOKEN")
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    written += [text.encode() for text in (run.stderr, run.stdout, refused.stderr)]
    assert not any(SECRET.encode() in content for content in written)
