"""Archives that nobody vouches for: what is read of them, and what is refused, in bounded memory."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import tarball
from resources.outcome import BadRequest, TooLarge

from ...packages import tgz


def read(packed: bytes) -> dict[str, bytes]:
    return dict(tarball.files(packed, lambda name: name.endswith(".json")))


def member(name: str = "a.json", content: bytes = b"{}", **changes: Any) -> bytes:
    return tgz({"first.json": b"1", name: content}, **changes)


@pytest.mark.parametrize("style", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("name", ["package/a.json", "./package/a.json", "x" * 60 + "/" + "y" * 60 + ".json"])
def test_every_style_of_tar_is_read(style: int, name: str) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=style) as archive:
        for one, content in ((name, b"x" * 1500), ("left.txt", b"y" * 700), ("b.json", b"")):
            info = tarfile.TarInfo(one)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    expected = {name.removeprefix("./"): b"x" * 1500, "b.json": b""}
    assert read(gzip.compress(made.getvalue())) == expected
    assert read(made.getvalue()) == expected


def test_a_name_in_an_extended_header_counts() -> None:
    name = "ä" * 130 + ".json"
    assert read(member(name)) == {"first.json": b"1", name: b"{}"}


@pytest.mark.parametrize("name", ["../a.json", "a/../../b.json", "/etc/a.json", "a\\b.json", "x" * 600 + ".json"])
def test_a_name_that_leads_out_of_it_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="leads out"):
        read(member(name))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"S"])
def test_links_and_devices_are_refused_whatever_their_name(kind: bytes) -> None:
    with pytest.raises(BadRequest, match="neither a file nor a folder"):
        read(member("harmless.txt", b"", type=kind, linkname="/etc/passwd"))


def test_a_sparse_file_is_refused() -> None:
    with pytest.raises(BadRequest, match="sparse"):
        read(member(pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": "9999999999"}))


def bomb(size: int) -> bytes:
    """A gzipped tar whose one file has so many zeros."""
    header = tarfile.TarInfo("a.json")
    header.size = size
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=9) as packing:
        packing.write(header.tobuf())
        for _ in range(0, size, 1 << 20):
            packing.write(bytes(1 << 20))
    return made.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_bomb_is_stopped_in_bounded_memory(wanted: bool) -> None:
    packed = bomb(700_000_000)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        list(tarball.files(packed, lambda _: wanted))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_header_as_large_as_a_file_is_refused() -> None:
    with pytest.raises(TooLarge, match="larger than any name"):
        read(member(pax_headers={"comment": "x" * 100_000}))


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "MOST_FILES", 1)
    with pytest.raises(TooLarge, match="more than 1 files"):
        read(member())


def test_a_header_that_no_file_follows_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    monkeypatch.setattr(tarball, "MOST_FILES", 99)
    with pytest.raises(TooLarge, match="more than 99 files"):
        read(header.tobuf(tarfile.USTAR_FORMAT) * 100)


def test_a_bare_tar_takes_no_longer_than_it_is_long() -> None:
    header = tarfile.TarInfo("a.txt").tobuf()
    large = tarfile.TarInfo("b.txt")
    large.size = 40_000_000
    began = time.process_time()
    assert read(header * 10_000 + large.tobuf() + bytes(large.size)) == {}
    assert time.process_time() - began < 5  # copied for each header it would be 400 GB


def test_all_files_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "MOST_READ", 2)
    with pytest.raises(TooLarge, match=r"a\.json is larger"):
        read(member())


@pytest.mark.parametrize(
    "packed",
    [
        b"\x1f\x8b",
        b"no archive at all" * 100,
        member()[:-20],
        member()[:-5] + b"wrong",
        gzip.compress(b"\1" * 100),
        gzip.compress(b"x" * 512),
        member(pax_headers={"size": "x"}),
        member(pax_headers={"size": "9" * 5000}),
        member(pax_headers={"size": "999999"}),
    ],
    ids=range(9),
)
def test_what_is_no_archive_is_refused(packed: bytes) -> None:
    with pytest.raises(BadRequest, match="no gzipped tar, or it is damaged"):
        read(packed)


@pytest.mark.parametrize("packed", [b"", gzip.compress(b""), gzip.compress(bytes(1024))], ids=range(3))
def test_an_archive_of_nothing_is_one(packed: bytes) -> None:
    assert read(packed) == {}


@given(st.data())
def test_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    whole = gzip.decompress(member(pax_headers={"comment": "x"}))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=20)) + whole[place + 1 :]
    with contextlib.suppress(BadRequest, TooLarge):
        assert sum(map(len, read(damaged).values())) <= len(damaged)
