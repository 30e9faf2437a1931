"""Archives: the same files however they are packed, and nothing unpacked that nobody should unpack."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from terminology.loaders import archive
from terminology.loaders.archive import Archive, BadFile

FILES = {"release/a.txt": b"alpha", "release/Sub/B.csv": b"beta\n" * 50_000, "release/Sub/c.xml": b""}


def _folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "in" / name).write_bytes(content)
    return path / "in"


def _zip(path: Path) -> Path:
    with zipfile.ZipFile(path / "in.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("release/", b"")
        for name, content in reversed(FILES.items()):
            packed.writestr(name, content)
    return path / "in.zip"


def _tgz(path: Path) -> Path:
    with tarfile.open(path / "in.tgz", "w:gz") as packed:
        for name, content in FILES.items():
            info = tarfile.TarInfo("./" + name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path / "in.tgz"


@pytest.mark.parametrize("pack", [_folder, _zip, _tgz])
def test_the_same_files_are_there_however_they_are_packed(pack: Callable[[Path], Path], tmp_path: Path) -> None:
    with Archive(pack(tmp_path)) as found:
        assert found.names == sorted(FILES)
        for name, content in FILES.items():
            assert found.size(name) == len(content)
            for _ in range(2):
                with found.open(name) as stream:
                    assert stream.read() == content


def test_zips_in_a_folder_are_folders(tmp_path: Path) -> None:
    _zip(_folder(tmp_path))
    _tgz(tmp_path / "in")
    (tmp_path / "in" / "__MACOSX").mkdir()
    (tmp_path / "in" / "__MACOSX" / "x.txt").write_text("x")
    (tmp_path / "in" / ".DS_Store").write_text("x")
    with Archive.open_path(tmp_path / "in") as found:
        assert found.names == sorted([*FILES, *(f"in.zip/{one}" for one in FILES), *(f"in.tgz/{one}" for one in FILES)])


def test_a_gzipped_file_is_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "codes.txt.gz").write_bytes(gzip.compress(b"A00\n" * 1000))
    (tmp_path / "both.txt").write_text("plain")
    (tmp_path / "both.txt.gz").write_bytes(gzip.compress(b"packed"))
    with Archive(tmp_path / "codes.txt.gz") as found:
        assert (found.names, found.size("codes.txt")) == (["codes.txt"], 4000)
        assert found.open("codes.txt").read() == b"A00\n" * 1000
    with Archive(tmp_path) as found:
        assert found.names == ["both.txt", "both.txt.gz", "codes.txt"]
        assert found.open("both.txt.gz").read() == b"packed"


def test_files_are_found_by_the_end_of_their_path_or_by_an_expression(tmp_path: Path) -> None:
    with Archive(_zip(tmp_path)) as found:
        assert found.find("sub/b.CSV") == ["release/Sub/B.csv"]
        assert found.find("*.txt") == ["release/a.txt"]
        assert found.find(".txt") == []
        assert found.find(re.compile(r"Sub/[bB]")) == ["release/Sub/B.csv"]


@pytest.mark.parametrize("name", ["../up.txt", "/abs.txt", "a/../../b", "C:/x", "a\\..\\b"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        info = zipfile.ZipInfo("x")
        info.filename = name  # what the constructor would have mended
        packed.writestr(info, b"x")
    with pytest.raises(BadFile, match="leads out of it"):
        Archive(tmp_path / "x.zip")


def test_links_in_a_tar_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as packed:
        info = tarfile.TarInfo("passwd")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    with pytest.raises(BadFile, match="link or device"):
        Archive(tmp_path / "x.tgz")


@pytest.mark.parametrize("pack", [_folder, _zip, _tgz])
def test_what_is_larger_than_the_bound_is_refused(
    pack: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path)
    monkeypatch.setattr(archive, "MOST_UNPACKED", 100_000)
    with pytest.raises(BadFile, match="larger than 100000 bytes"):
        Archive(path)


def test_a_gzip_that_says_too_little_of_itself_ends_at_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"x" * 3_000_000) + gzip.compress(b"y"))  # its end says 1
    monkeypatch.setattr(archive, "MOST_UNPACKED", 100_000)
    with Archive(tmp_path) as found, pytest.raises(BadFile, match="larger than 100000 bytes"):
        found.open("x.txt").read()


def test_a_file_that_is_read_at_once_has_a_bound_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small zip may hold a file that no memory holds."""
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b" " * 100_000))
    with Archive(tmp_path) as found:
        assert found.read("x.json") == b" " * 100_000
        monkeypatch.setattr(archive, "MOST_WHOLE", 99_999)
        with pytest.raises(BadFile, match=r"x\.json: it is larger than 99999 bytes"):
            found.read("x.json")


def test_the_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path)
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    with pytest.raises(BadFile, match="more than 2 files"):
        Archive(path)


def test_what_is_damaged_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"this is no zip")
    with pytest.raises(BadFile, match=r"no\.zip: it cannot be read"):
        Archive(tmp_path / "no.zip")
    path = _zip(tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(b"B.csv") + 20] ^= 0xFF  # within the compressed bytes of B.csv
    path.write_bytes(content)
    with Archive(path) as found, pytest.raises(BadFile, match=r"release/Sub/B\.csv: it"):
        found.open("release/Sub/B.csv").read()
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"x" * 1000)[:-10])
    with Archive(tmp_path / "cut.txt.gz") as found, pytest.raises(BadFile, match=r"cut\.txt: it is damaged"):
        found.open("cut.txt").read()
    with pytest.raises(BadFile, match="no such file"):
        Archive(tmp_path / "absent.zip")


def test_an_encrypted_file_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = _zip(tmp_path)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(content)
    with Archive(path) as found, pytest.raises(BadFile, match="cannot be opened"):
        found.open("release/a.txt")


def test_a_bad_file_says_where() -> None:
    assert str(BadFile("a.txt", 3, 2, "it is empty")) == "a.txt, line 3, column 2: it is empty"
    assert str(BadFile("a.txt", 0, 0, "it is empty")) == "a.txt: it is empty"
