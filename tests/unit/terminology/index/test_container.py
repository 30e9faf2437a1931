"""What is kept in an index comes back, and what was damaged is told from it."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.index import container
from terminology.index.container import BadIndex, Container, arena_sections, pack, texts, write

SMALL = pack(
    "code-system", b"about", {"one": b"abc", "two": array("I", [1, 2]).tobytes(), **texts("some", ["x", "", "ä"])}
)


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=40), max_size=6), st.lists(st.text(max_size=9)))
def test_sections_come_back(sections: dict[str, bytes], some: list[str]) -> None:
    sections = {f"_{name}": section for name, section in sections.items()}
    read = Container(pack("kind", b"{}", sections | texts("texts", some)))
    assert (read.kind, read.about) == ("kind", b"{}")
    assert {name: bytes(read.blob(name)) for name in sections} == sections
    assert [*read.texts("texts")] == some
    assert [bytes(read.texts("texts").raw(at)).decode() for at in range(len(some))] == some


def test_numbers_are_read_in_place() -> None:
    numbers = Container(SMALL).array("two", "I")
    assert numbers.tolist() == [1, 2]
    assert numbers.obj is SMALL


def test_an_arena_beyond_four_gigabytes_has_wide_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "NARROW", 4)
    sections = arena_sections("some", b"abcdef", array("Q", [0, 2, 6]))
    assert [*Container(pack("x", b"", sections)).texts("some")] == ["ab", "cdef"]
    assert "some.starts.wide" in sections


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_tx143_any_damaged_byte_is_told(at: int, change: int) -> None:
    damaged = bytearray(SMALL)
    damaged[at] ^= change
    with pytest.raises(BadIndex):
        Container(damaged)


@given(st.integers(0, len(SMALL) - 1))
def test_tx143_what_was_cut_off_is_told(length: int) -> None:
    with pytest.raises(BadIndex):
        Container(SMALL[:length])


def test_a_large_one_is_read_whole_only_when_asked() -> None:
    damaged = bytearray(pack("x", b"", {"large": bytes(container.SMALL)}))
    damaged[5000] = 1
    with pytest.raises(BadIndex, match="damaged"):
        Container(damaged).verify()


def test_what_is_foreign_or_missing_is_told() -> None:
    for other in (b"", b"PK" + bytes(100), SMALL + b"x"):
        with pytest.raises(BadIndex):
            Container(other)
    with pytest.raises(BadIndex, match="no section three"):
        Container(SMALL).blob("three")
    with pytest.raises(BadIndex, match="whole number"):
        Container(SMALL).array("one", "I")


def test_another_format_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "FORMAT", container.FORMAT + 1)
    newer = pack("x", b"", {})
    monkeypatch.undo()
    with pytest.raises(BadIndex, match=f"format {container.FORMAT + 1}"):
        Container(newer)


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    write(path, "x", b"", {"one": b"first"})
    with pytest.raises(TypeError):
        write(path, "x", b"", {"one": "no bytes"})  # type: ignore[dict-item]
    assert bytes(Container(path.read_bytes()).blob("one")) == b"first"
    assert [*tmp_path.iterdir()] == [path]
