"""The safetensors files of a model folder: whether they are whole, and the shapes of their tensors.

Only the files' headers are read, and no library for tensors is imported. A file begins with the
length of its header in eight bytes, little-endian; the header is JSON that gives each tensor's
type, shape and place, and the tensors end where the file ends
(https://github.com/huggingface/safetensors#format).
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

#: What the file begins with that stands for a large file where Git LFS has not fetched it
#: (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
POINTER = b"version https://git-lfs"
#: What transformers reads from a folder: this file, or the shards that the index names.
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
#: Bytes of a header, at most; the library itself reads no longer one.
LONGEST_HEADER = 100_000_000
#: Bits of an element of each type (`Dtype` in safetensors/src/tensor.rs of that repository).
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


class DamagedFileError(Exception):
    """A file of a model that is not what its name says.

    Attributes:
        name: the file's.
        damage: what is wrong with it, as `ends after 100 of 200 bytes`.
        is_pointer: whether it is a Git LFS pointer in place of the file itself.
        is_missing: whether there is no such file.
    """

    def __init__(
        self, name: str, damage: str, *, is_pointer: bool = False, is_missing: bool = False
    ) -> None:
        super().__init__(f"{name} {damage}")
        self.name = name
        self.damage = damage
        self.is_pointer = is_pointer
        self.is_missing = is_missing


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of all tensors that transformers reads from a model folder.

    Args:
        folder: holds model.safetensors, or model.safetensors.index.json and the shards that it
            names. Other *.safetensors beside them are not read, as transformers does not
            (`PreTrainedModel.from_pretrained`).

    Returns:
        By the tensor's name, its shape; a number's is (). Names as in the files: with the prefix
        of the model that they were saved from.

    Raises:
        DamagedFileError: a file is missing, damaged or a Git LFS pointer, or holds no tensor that
            the index says.
    """
    if not _is_in_shards(folder):
        return _shapes_in(folder / WEIGHTS)
    shards = _shards(folder / INDEX)
    shapes: dict[str, tuple[int, ...]] = {}
    for shard, names in shards.items():
        found = _shapes_in(folder / shard)
        if lacking := sorted(set(names) - set(found)):
            raise DamagedFileError(shard, f"lacks {lacking[0]}, which {INDEX} says is in it")
        shapes |= found
    return shapes


def weights_files(folder: Path) -> list[Path]:
    """The files of those tensors.

    Raises:
        DamagedFileError: the index cannot be read, or names a file that is not there.
    """
    if not _is_in_shards(folder):
        return [folder / WEIGHTS]
    return [folder / shard for shard in _shards(folder / INDEX)]


def _is_in_shards(folder: Path) -> bool:
    """Whether transformers would read the files that an index names."""
    return (folder / INDEX).exists() and not (folder / WEIGHTS).exists()


def refuse_pointer(path: Path) -> None:
    """Refuse a Git LFS pointer in place of a file.

    Raises:
        DamagedFileError: it is one.
    """
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise DamagedFileError(
                path.name, "is a Git LFS pointer and not the file itself", is_pointer=True
            )


def _shards(index: Path) -> dict[str, list[str]]:
    """The tensors' names by the file that an index says they are in."""
    refuse_pointer(index)
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"].items()
        shards: dict[str, list[str]] = {}
        for name, shard in places:
            shards.setdefault(str(shard), []).append(name)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedFileError(index.name, "has no `weight_map` that can be read") from None
    for shard in sorted(shards):
        if not (index.parent / shard).exists():
            raise DamagedFileError(shard, f"is not there, and {INDEX} names it", is_missing=True)
    return shards


def _shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """The tensors' names and shapes by the header of one file."""
    if not path.exists():
        raise DamagedFileError(path.name, "is not there", is_missing=True)
    refuse_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else LONGEST_HEADER + 1
        if length > LONGEST_HEADER:
            raise DamagedFileError(path.name, "does not begin as a safetensors file does")
        text = file.read(length)
    if len(text) < length:
        raise DamagedFileError(path.name, f"ends within its header, after {size:,} bytes")
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        ends = _ends(header)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedFileError(path.name, "has a header that cannot be read") from None
    expected = 8 + length + ends
    if size < expected:
        raise DamagedFileError(path.name, f"ends after {size:,} of {expected:,} bytes")
    if size > expected:
        raise DamagedFileError(path.name, f"has {size:,} bytes, its header says {expected:,}")
    return shapes


def _ends(header: dict[str, Any]) -> int:
    """The byte behind the header at which the last tensor ends.

    Raises:
        ValueError: the tensors do not stand one behind the other, or one has not as many bytes as
            its shape.
    """
    end = 0
    for entry in sorted(header.values(), key=lambda entry: tuple(entry["data_offsets"])):
        first, last = entry["data_offsets"]
        bits = BITS.get(entry["dtype"])
        if first != end or last < first:
            raise ValueError("the tensors do not stand one behind the other")
        if bits is not None and math.prod(entry["shape"]) * bits != 8 * (last - first):
            raise ValueError("a tensor has not as many bytes as its shape")
        end = last
    return end
