"""What the database keeps: nothing of a record is lost, however it is cut, and digests tell contents apart."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.records import About, Concept, Member, Parent, Property, PropertyDefinition, Record, Row, Term
from terminology.releases import chunks

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
extension = st.builds(
    lambda url, value: ({"url": url, "valueDecimal": value, "extension": [{"url": "x", "valueInteger": 3}]},),
    text,
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda one: one.normalize() + Decimal("0.500")),
)
names = st.dictionaries(text, text, max_size=3)
record: st.SearchStrategy[Record] = st.one_of(
    st.builds(Concept, text, text, text, st.booleans(), st.booleans(), text, extension),
    st.builds(Term, text, text, text, st.tuples(text, text, text), st.lists(text).map(tuple), fields=names),
    st.builds(Parent, text, text),
    st.builds(Property, text, text, text, group=st.integers(0, 9), extension=extension),
    st.builds(Member, text, text, names),
    st.builds(
        Row, text, text, text, st.none() | text, depends_on=st.lists(st.tuples(text, text, text, text)).map(tuple)
    ),
)


@given(st.lists(record, max_size=30), st.integers(1, 7), st.integers(1, 7))
def test_records_come_back_as_they_were(records: list[Record], together: int, most: int) -> None:
    """In their order, decimals with their digits; the digest is that of the content and not of how it was cut."""
    digests = []
    for sizes in ((together, most), (1000, 20_000)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chunks, "_TOGETHER", sizes[0])
            patch.setattr(chunks, "_RECORDS", sizes[1])
            digest = hashlib.sha256()
            cut = list(chunks.chunks(records, digest))
        back = [one for chunk in cut for one in chunks.records(chunk.body)]
        assert back == records
        assert repr(back) == repr(records)
        assert sum(chunk.records for chunk in cut) == len(records)
        assert sum(chunk.concepts for chunk in cut) == sum(isinstance(one, Concept | Row) for one in records)
        digests.append(digest.digest())
    assert digests[0] == digests[1]


def test_chunks_are_bounded_in_records_and_bytes() -> None:
    """So that memory is, whatever the size of a part."""
    digest = hashlib.sha256()
    many = (Concept(str(n)) for n in range(45_000))
    assert [chunk.records for chunk in chunks.chunks(many, digest)] == [20_000, 20_000, 5_000]
    large = (Concept(str(n), definition="d" * 10_000) for n in range(4_000))
    assert [chunk.records for chunk in chunks.chunks(large, digest)] == [1_000] * 4
    assert list(chunks.chunks((), digest)) == []


def test_about_comes_back_as_it_was() -> None:
    about = About(
        "http://a", "1", properties=(PropertyDefinition("x", "code"),), extension=({"valueDecimal": Decimal("1.50")},)
    )
    assert repr(chunks.read_about(chunks.about_text(about))) == repr(about)


@pytest.mark.parametrize("size", [0, 1, chunks.PIECE, chunks.PIECE + 1, 3 * chunks.PIECE])
def test_a_file_comes_back_from_its_pieces(tmp_path: Path, size: int) -> None:
    content = bytes(n * n % 251 for n in range(1000)) * (size // 1000 + 1)
    (tmp_path / "x").write_bytes(content[:size])
    pieces = list(chunks.pieces(tmp_path / "x"))
    assert len(pieces) == chunks.count_of_pieces(size)
    assert b"".join(map(chunks.piece, pieces)) == content[:size]
    assert chunks.checksum(tmp_path / "x") == hashlib.sha256(content[:size]).digest()


def test_digests_of_sources_tell_contents_and_ways_to_read_them_apart(tmp_path: Path) -> None:
    """The name of the file or folder itself does not count: who has moved it has the same release."""

    def folder(name: str, **files: str) -> Path:
        for file, content in files.items():
            (tmp_path / name / file).parent.mkdir(exist_ok=True)
            (tmp_path / name / file).write_text(content)
        return tmp_path / name

    same = [chunks.source_digest(folder(name, a="1", b="2"), "x", "y") for name in ("p", "q")]
    others = [
        chunks.source_digest(folder("p"), "x", "z"),
        chunks.source_digest(folder("p"), "xy", ""),
        chunks.source_digest(folder("r", a="2", b="1"), "x", "y"),
        chunks.source_digest(folder("s", a="1", c="2"), "x", "y"),
        chunks.source_digest(folder("t", a="1"), "x", "y"),
        chunks.source_digest(folder("t", a="1") / "a", "x", "y"),
    ]
    assert same[0] == same[1]
    assert len({*same, *others}) == 7
