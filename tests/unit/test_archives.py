"""Archives: the members that a path means, and nothing that an archive could do to a machine."""

import contextlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from archiving import ENDINGS, pack

from tunegrid import archives
from tunegrid.archives import unpack
from tunegrid.errors import UserError
from tunegrid.path_patterns import PathPattern, split_archive

FILES = {
    "README.md": b"read me",
    "train/neg/2.txt": b"bad",
    "train/neg/10.txt": b"worse",
    "train/pos/1.txt": b"good",
    "train/.hidden": b"hidden",
    "__MACOSX/train/neg/2.txt": b"Mac",
    "test.csv": b"text,label\n",
}


def refused(archive, path, tmp_path):
    with pytest.raises(UserError) as error:
        unpack(archive, path, tmp_path / "out")
    (line,) = error.value.problems
    assert line.startswith(f"{archive}: ")
    assert "\n" not in line
    return line.removeprefix(f"{archive}: ")


@pytest.mark.parametrize("ending", [*ENDINGS, ".ZIP", ".Tar.Gz"])
def test_the_members_that_a_path_means_are_unpacked_and_no_others(ending, tmp_path):
    archive = pack(tmp_path / f"corpus{ending}", FILES)
    out = tmp_path / "out"
    assert unpack(archive, "train/neg/*.txt", out) == ["train/neg/10.txt", "train/neg/2.txt"]
    assert (out / "train/neg/2.txt").read_bytes() == b"bad"
    assert len([path for path in out.rglob("*") if path.is_file()]) == 2
    assert unpack(archive, "train", out) == [
        "train/neg/10.txt",
        "train/neg/2.txt",
        "train/pos/1.txt",
    ]
    assert unpack(archive, "test.csv", out) == ["test.csv"]
    assert unpack(archive, "train/*.txt", out) == []
    assert unpack(archive, "**/*.txt", out) == unpack(archive, "train/{label}/*.txt", out)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_alone_stands_for_its_only_file(ending, tmp_path):
    beside = {"./README.txt": b"x", "__MACOSX/._a.csv": b"x", ".DS_Store": b"x", "LICENSE": b"x"}
    archive = pack(tmp_path / f"one{ending}", beside | {"./deep/a.csv": b"text\n"})
    assert unpack(archive, "", tmp_path / "out") == ["deep/a.csv"]
    several = pack(tmp_path / f"several{ending}", {f"{at}.csv": b"x" for at in range(8)})
    line = refused(several, "", tmp_path)
    assert line.startswith("holds 8 files, 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 3 more; name")
    assert f"`several{ending}/0.csv`" in line
    assert refused(pack(tmp_path / f"none{ending}", {"README": b""}), "", tmp_path) == (
        "holds no file; name an archive that does"
    )


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "a\\..\\out.txt"])
@pytest.mark.parametrize("ending", [".zip", ".tar"])
@pytest.mark.parametrize("path", ["**", "**/*", "*", "*/*", "../out.txt", "/out.txt"])
def test_no_member_leaves_the_folder(name, ending, path, tmp_path):
    """It is refused where the path means it; no path means what lies above the archive's folder."""
    archive = pack(tmp_path / f"x{ending}", {name: b"evil", "good.txt": b"good"})
    with contextlib.suppress(UserError):
        assert set(unpack(archive, path, tmp_path / "deep/out")) <= {"good.txt"}
    assert {path.name for path in tmp_path.rglob("*.txt")} <= {"good.txt"}
    assert not Path("/out.txt").exists()
    if name in (path, "/out.txt", "a\\..\\out.txt") and path in ("**", name):
        refused(archive, path, tmp_path)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (tarfile.SYMTYPE, "x.txt is a link and no file"),
        (tarfile.LNKTYPE, "x.txt is a link and no file"),
        (tarfile.CHRTYPE, "x.txt is no file but a device"),
        (tarfile.FIFOTYPE, "x.txt is no file but a device"),
    ],
)
def test_links_and_devices_are_refused(kind, line, tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("x.txt")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert refused(tmp_path / "x.tar", "*.txt", tmp_path).startswith(line)


def test_a_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("x.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert refused(tmp_path / "x.zip", "*.txt", tmp_path).startswith("x.txt is a link")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_damaged_archive_is_one_line(ending, share, tmp_path):
    content = {f"{at}.txt": os.urandom(5000) for at in range(20)}
    archive = pack(tmp_path / f"x{ending}", content)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * share)])
    assert refused(archive, "*.txt", tmp_path).startswith("is damaged or cut short, or no archive")


@pytest.mark.parametrize("ending", ENDINGS)
def test_another_kind_of_file_by_the_name_of_an_archive_is_one_line(ending, tmp_path):
    archive = tmp_path / f"x{ending}"
    archive.write_bytes(b"text,label\na,b\n" * 100)
    assert refused(archive, "", tmp_path).startswith("is damaged or cut short, or no archive")


@pytest.mark.parametrize("blocks", range(2, 9, 2))
def test_an_archive_that_ends_between_two_members_is_one_line(blocks, tmp_path):
    archive = pack(tmp_path / "x.tar", {f"{at}.txt": b"text" for at in range(4)})
    archive.write_bytes(archive.read_bytes()[: blocks * 512])
    assert refused(archive, "*.txt", tmp_path).startswith("is damaged or cut short")


def test_a_changed_byte_in_a_zip_is_found(tmp_path):
    archive = pack(tmp_path / "x.zip", {"x.txt": os.urandom(5000)})
    content = bytearray(archive.read_bytes())
    content[2000] ^= 1
    archive.write_bytes(bytes(content))
    assert refused(archive, "x.txt", tmp_path).startswith("is damaged or cut short")


def test_an_encrypted_member_is_one_line(tmp_path):
    archive = pack(tmp_path / "x.zip", {"x.txt": b"secret"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(bytes(content))
    assert refused(archive, "x.txt", tmp_path) == (
        "x.txt is encrypted; unpack it with its password, and name the files"
    )


def test_a_method_of_packing_that_python_lacks_is_one_line(tmp_path):
    archive = pack(tmp_path / "x.zip", {"x.txt": b"x" * 100})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + offset] = 9  # Deflate64
    archive.write_bytes(bytes(content))
    assert refused(archive, "x.txt", tmp_path).startswith("is packed in a way that Python cannot")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in ("x.txt", "./x.txt"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert refused(tmp_path / "x.tar", "x.txt", tmp_path).startswith("holds x.txt twice")


@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_an_archive_that_would_fill_the_disk_is_refused(ending, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "HARMLESS", 1_000_000)
    archive = pack(tmp_path / f"x{ending}", {f"{at}.txt": b"\0" * 2_000_000 for at in range(5)})
    assert refused(archive, "*", tmp_path).startswith("unpacks to 10 MB, more than 200 times its")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a/b.csv", ("a/b.csv", None)),
        ("a/b.csv.gz", ("a/b.csv.gz", None)),
        ("a/b.xlsx", ("a/b.xlsx", None)),
        ("a/b.zip", ("a/b.zip", "")),
        ("a/b.ZIP/c/*.txt", ("a/b.ZIP", "c/*.txt")),
        ("part-*.tar.gz/x.csv", ("part-*.tar.gz", "x.csv")),
        ("{label}.tgz/*", ("{label}.tgz", "*")),
    ],
)
def test_a_path_is_cut_at_the_archive_that_it_enters(path, parts):
    assert split_archive(path) == parts


@pytest.mark.parametrize(
    ("pattern", "path", "label"),
    [
        ("train/{label}/*.txt", "train/neg/1.txt", "neg"),
        ("train/{label}/*.txt", "train/neg/more/1.txt", False),
        ("train/{label}", "train/neg/more/1.txt", "neg"),
        ("rt-polarity.{label}", "rt-polarity.pos", "pos"),
        ("{label}_*.txt", "not_spam_7.txt", "not_spam"),
        ("{label}/{label}-*.txt", "neg/neg-1.txt", "neg"),
        ("{label}/{label}-*.txt", "neg/pos-1.txt", False),
        ("corpus.zip/{label}.csv", "corpus.zip/neg.csv", "neg"),
        ("a/**/{label}.csv", "a/b/c/neg.csv", "neg"),
        ("a/**/{label}.csv", "a/neg.csv", "neg"),
        ("[!a]?.c+v", "bb.c+v", None),
        ("[!a]?.c+v", "ab.c+v", False),
        ("x[1].csv", "x[1].csv", None),
        ("x[1].csv", "x1.csv", None),
        ("*.csv", ".hidden.csv", False),
        ("train", "train/a/b.csv", None),
        ("train", "train/.git/b.csv", False),
        ("*", "train/a.csv", False),
    ],
)
def test_a_pattern_stands_for_paths_and_their_labels(pattern, path, label):
    found = PathPattern(pattern)
    assert found.matches(path) == (label is not False)
    if label is not False:
        assert found.label_in(path) == label
