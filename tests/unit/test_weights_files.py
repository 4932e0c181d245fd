"""Headers of safetensors files: shapes without torch, and what is damaged is refused at fetch."""

import json
import shutil
import struct
import subprocess
import sys
from fnmatch import fnmatch

import numpy as np
import pytest
import torch
import transformers
from paths import ROOT
from safetensors.torch import load_file, save_file
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

from tunegrid.config.catalogue import ModelEntry
from tunegrid.errors import UserError
from tunegrid.models import PATTERNS, fetch_model
from tunegrid.weights_files import DamagedFileError, tensor_shapes

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 440449768\n"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture
def source(tiny_model, tmp_path):
    """A model folder that may be damaged."""
    return shutil.copytree(tiny_model, tmp_path / "source")


@pytest.fixture
def sharded(source):
    """A model folder whose weights are in two files."""
    weights = load_file(source / WEIGHTS)
    (source / WEIGHTS).unlink()
    shards = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
    places = {}
    for at, (name, tensor) in enumerate(weights.items()):
        shard = list(shards)[at % 2]
        shards[shard][name], places[name] = tensor, shard
    for shard, tensors in shards.items():
        save_file(tensors, source / shard)
    (source / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return source, weights


def refused(folder, tmp_path, file):
    """The line that fetching the folder is refused with; it names model, file and folder."""
    with pytest.raises(UserError) as error:
        fetch_model("m", ModelEntry(folder=str(folder)), tmp_path / "out")
    (line,) = error.value.problems
    assert line.startswith(f"model 'm': {folder}: {file} ")
    assert "\n" not in line
    assert not (tmp_path / "out/model.json").exists()
    return line


def test_shapes_are_those_of_the_tensors(source):
    weights = load_file(source / WEIGHTS)
    assert tensor_shapes(source) == {name: tuple(each.shape) for name, each in weights.items()}


def test_shapes_of_shards_are_read_from_all_and_from_no_other_file(sharded):
    source, weights = sharded
    save_file({"other": torch.zeros(2)}, source / "consolidated.safetensors")
    assert tensor_shapes(source) == {name: tuple(each.shape) for name, each in weights.items()}


@pytest.mark.parametrize("dtype", [torch.bool, torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_every_type_of_element_has_its_size(dtype, tmp_path):
    tensors = {"a": torch.zeros(3, 5).to(dtype), "none": torch.zeros(0, 4), "one": torch.tensor(1)}
    save_file(tensors, tmp_path / WEIGHTS)
    assert tensor_shapes(tmp_path) == {"a": (3, 5), "none": (0, 4), "one": ()}


def test_reading_headers_imports_no_torch(source):
    code = (
        "import sys; from pathlib import Path; from tunegrid.weights_files import tensor_shapes;"
        f"tensor_shapes(Path({str(source)!r}));"
        "assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_a_pointer_in_place_of_weights_is_refused_with_what_fetches_them(source, tmp_path):
    (source / WEIGHTS).write_text(POINTER)
    line = refused(source, tmp_path, WEIGHTS)
    assert line.endswith(
        f"is a Git LFS pointer and not the file itself; run `git lfs pull` in {source}, and fetch"
        " again"
    )


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer.json"])
def test_a_pointer_is_found_in_place_of_any_file(source, tmp_path, name):
    if name == "pytorch_model.bin":
        (source / WEIGHTS).unlink()
    (source / name).write_text(POINTER)
    assert "run `git lfs pull`" in refused(source, tmp_path, name)


def test_fetching_again_after_the_remedy_works(source, tmp_path):
    whole = (source / WEIGHTS).read_bytes()
    (source / WEIGHTS).write_text(POINTER)
    refused(source, tmp_path, WEIGHTS)
    (source / WEIGHTS).write_bytes(whole)
    card = fetch_model("m", ModelEntry(folder=str(source)), tmp_path / "out")
    assert WEIGHTS in card["files"]


def cut(content):
    return content[:-1], "ends after"


def lengthened(content):
    return content + b"\0", "its header says"


def within_the_header(content):
    return content[:100], "ends within its header"


def empty(_):
    return b"", "does not begin as a safetensors file does"


def a_web_page(_):
    return b"<!DOCTYPE html><html><body>Not found</body></html>", "does not begin as a safetensors"


def no_header(content):
    length = struct.unpack("<Q", content[:8])[0]
    return content[:8] + b"#" * length + content[8 + length :], "has a header that cannot be read"


def another_shape(content):
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    name = next(name for name in header if name != "__metadata__")
    header[name]["shape"] = [*header[name]["shape"], 2]
    text = json.dumps(header).encode()
    damaged = struct.pack("<Q", len(text)) + text + content[8 + length :]
    return damaged, "has a header that cannot be read"


@pytest.mark.parametrize(
    "damage", [cut, lengthened, within_the_header, empty, a_web_page, no_header, another_shape]
)
def test_a_damaged_file_is_refused(source, tmp_path, damage):
    content, reason = damage((source / WEIGHTS).read_bytes())
    (source / WEIGHTS).write_bytes(content)
    line = refused(source, tmp_path, WEIGHTS)
    assert reason in line
    assert line.endswith("; put the whole file there, and fetch again")


def test_a_shard_that_is_not_there_is_refused(sharded, tmp_path):
    source, _ = sharded
    (source / "model-00002-of-00002.safetensors").unlink()
    line = refused(source, tmp_path, "model-00002-of-00002.safetensors")
    assert f"is not there, and {INDEX} names it; put the whole file there" in line


def test_a_shard_without_its_tensor_and_a_damaged_index_are_refused(sharded, tmp_path):
    source, _ = sharded
    shard = source / "model-00001-of-00002.safetensors"
    tensors = load_file(shard)
    lost = min(tensors)
    del tensors[lost]
    save_file(tensors, shard)
    assert f"lacks {lost}" in refused(source, tmp_path, shard.name)
    (source / INDEX).write_text('{"weight_map": ')
    assert "no `weight_map` that can be read" in refused(source, tmp_path, INDEX)


def test_weights_under_another_name_are_refused(source, tmp_path):
    (source / WEIGHTS).rename(source / "weights.safetensors")
    assert "is not there" in refused(source, tmp_path, WEIGHTS)


def test_a_file_of_the_hub_that_is_damaged_there_needs_another_revision(tmp_path, monkeypatch):
    def download(name, entry, patterns, output):
        np.save(output / "x.npy", np.zeros(3))
        (output / "x.npy").rename(output / WEIGHTS)
        (output / "config.json").write_text("{}")
        return "c" * 40

    monkeypatch.setattr("tunegrid.models._bring", download)
    entry = ModelEntry.model_validate({"hub": {"repository": "a/b", "revision": "main"}})
    with pytest.raises(
        UserError, match=r"a/b at main: model\.safetensors .*; pin another revision"
    ):
        fetch_model("m", entry, tmp_path)


def test_a_damaged_file_is_an_error_with_attributes(tmp_path):
    (tmp_path / WEIGHTS).write_text(POINTER)
    with pytest.raises(DamagedFileError) as error:
        tensor_shapes(tmp_path)
    assert (error.value.name, error.value.is_pointer) == (WEIGHTS, True)


def tokenizer_files():
    """The names of the files of every tokenizer in transformers."""
    names = set()
    for classes in TOKENIZER_MAPPING_NAMES.values():
        for name in filter(None, classes):
            kind = getattr(transformers, name, None)
            names |= set((getattr(kind, "vocab_files_names", None) or {}).values())
    return names


#: Tokenizers of music, and pickles.
NOT_TAKEN = {"artists.json", "genres.json", "lyrics.json", "vocab.bin", "vocab.pkl"}


def is_taken(name):
    return any(fnmatch(name, pattern) for pattern in PATTERNS)


def test_the_files_of_every_tokenizer_are_taken_but_pickles():
    names = tokenizer_files()
    assert {"bpe.codes", "merges.txt", "spiece.model"} <= names
    assert {name for name in names if not is_taken(name)} == NOT_TAKEN


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer.py", "tokenization_mine.py", "vocab.py", "vocab.pkl", "tokenizer.pkl",
        "tokenizer.bin", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx",
        "model.ckpt.index", "rust_model.ot", "training_args.bin", "word2vec.model", "x.pt", "x.npz",
    ],
)  # fmt: skip
def test_no_code_no_pickle_and_no_other_weights_are_taken(name):
    assert not is_taken(name)
