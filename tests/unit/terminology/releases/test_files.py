"""The folder of index files: whole or not there, whoever else writes."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from terminology.records import About, Concept, Row
from terminology.releases import chunks
from terminology.releases.files import OPEN, Damaged, Folder, build

CONTENT = b"index" * 1000
CHECKSUM = hashlib.sha256(CONTENT).digest()


def bodies(tmp_path: Path, content: bytes = CONTENT) -> list[bytes]:
    (tmp_path / "source").write_bytes(content)
    return list(chunks.pieces(tmp_path / "source"))


async def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")
    assert folder.find(CHECKSUM, len(CONTENT)) is None
    async with folder.arrival(CHECKSUM, len(CONTENT)) as arrival:
        assert arrival
        arrival.write(bodies(tmp_path))
        assert folder.find(CHECKSUM, len(CONTENT)) is None
        arrival.finish()
    path = folder.find(CHECKSUM, len(CONTENT))
    assert path
    assert path.read_bytes() == CONTENT
    assert [one.name for one in folder.path.iterdir()] == [CHECKSUM.hex()]
    assert folder.find(CHECKSUM, 5) is None  # cut off by whoever
    folder.remove(CHECKSUM)
    assert folder.find(CHECKSUM, len(CONTENT)) is None


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:]])
async def test_what_is_not_as_its_checksum_says_gets_no_name(tmp_path: Path, content: bytes) -> None:
    """And is no obstacle to the next attempt."""
    folder = Folder(tmp_path / "a")
    async with folder.arrival(CHECKSUM, len(CONTENT)) as arrival:
        assert arrival
        arrival.write(bodies(tmp_path, content))
        with pytest.raises(Damaged):
            arrival.finish()
    assert list(folder.path.iterdir()) == []
    async with folder.arrival(CHECKSUM, len(CONTENT)) as arrival:
        assert arrival
        arrival.write(bodies(tmp_path))
        arrival.finish()
    assert folder.find(CHECKSUM, len(CONTENT))


@pytest.mark.parametrize("fails", [False, True])
async def test_who_comes_second_waits_and_fetches_only_what_the_first_has_not(tmp_path: Path, fails: bool) -> None:
    first, second = Folder(tmp_path / "a"), Folder(tmp_path / "a")
    fetched = []

    async def fetch(folder: Folder, name: str) -> None:
        async with folder.arrival(CHECKSUM, len(CONTENT)) as arrival:
            if arrival:
                fetched.append(name)
                await asyncio.sleep(0.2)
                if fails and name == "first":
                    return
                arrival.write(bodies(tmp_path))
                arrival.finish()

    one = asyncio.create_task(fetch(first, "first"))
    await asyncio.sleep(0.05)
    await fetch(second, "second")
    await one
    assert fetched == (["first", "second"] if fails else ["first"])
    assert second.find(CHECKSUM, len(CONTENT))
    assert [one.name for one in first.path.iterdir()] == [CHECKSUM.hex()]


async def test_what_nobody_uses_is_removed_but_for_what_is_being_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a")
    folder.keep([])  # of a folder that is not there, nothing
    async with folder.arrival(CHECKSUM, len(CONTENT)) as arrival:
        assert arrival
        for name in (b"\1" * 32, b"\2" * 32):
            (folder.path / name.hex()).write_bytes(b"x")
        (folder.path / "left.tmp").write_bytes(b"x")
        folder.keep([b"\1" * 32])
        assert {one.name for one in folder.path.iterdir()} == {(b"\1" * 32).hex(), f"{CHECKSUM.hex()}.tmp"}
        arrival.write(bodies(tmp_path))
        arrival.finish()


def test_systems_and_maps_are_built_and_opened_by_their_kind(tmp_path: Path) -> None:
    """What a map says of codes that it does not map comes from its resource."""
    checksum, size = build("code-system", About("http://a", "1"), [Concept("x", "X")], tmp_path / "s")
    assert (checksum, size) == (chunks.checksum(tmp_path / "s"), (tmp_path / "s").stat().st_size)
    assert OPEN["code-system"](tmp_path / "s").display(0) == "X"
    unmapped = {"source": "http://a", "target": "http://b", "unmapped": {"mode": "fixed", "code": "none"}}
    rows = [Row("http://a", "x", "http://b", "y")]
    build("concept-map", About("http://m"), rows, tmp_path / "m", {"resourceType": "ConceptMap", "group": [unmapped]})
    table = OPEN["concept-map"](tmp_path / "m")
    assert ([one.target for one in table.rows_from("http://a", "x")], len(table)) == (["y"], 1)
    assert table.unmapped("http://a", "http://b")["code"] == "none"
