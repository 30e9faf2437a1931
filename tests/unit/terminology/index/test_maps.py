"""The index of a map: rows come back whole, from both ends, as going through them one by one finds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.index.container import BadIndex, pack
from terminology.index.maps import MapTable, Unmapped, build_map
from terminology.records import About, Row

ABOUT = About("http://maps.test/m", "3", source="http://maps.test/from")
texts = st.text("ab|é\0 1", max_size=4)
systems = st.sampled_from(["http://a.test", "http://b.test", "http://a.test/"])
rows = st.builds(
    Row,
    source_system=systems,
    source=st.text("ab|é1", min_size=1, max_size=3),
    target_system=systems,
    target=st.none() | st.text("ab|é1", min_size=1, max_size=3),
    equivalence=st.sampled_from(["equal", "wider", "unmatched"]),
    group=st.integers(0, 3),
    priority=st.integers(0, 3),
    rule=texts,
    advice=texts,
    depends_on=st.lists(st.tuples(texts, texts, texts, texts), max_size=2).map(tuple),
    fields=st.dictionaries(texts, texts, max_size=2),
)


@given(st.lists(rows, max_size=30))
def test_tx163_every_row_is_found_from_both_ends(some: list[Row]) -> None:
    table = MapTable(build_map(ABOUT, some))
    assert table.about == ABOUT
    assert len(table) == len(some)
    assert sorted(map(repr, table)) == sorted(map(repr, some))
    for row in [*some, Row("http://a.test", "none", "http://b.test", "none")]:
        source = (row.source_system, row.source)
        assert table.rows_from(*source) == [one for one in some if (one.source_system, one.source) == source]
        if row.target is not None:
            target = (row.target_system, row.target)
            found = [one for one in some if one.target is not None and (one.target_system, one.target) == target]
            assert sorted(map(repr, table.rows_to(*target))) == sorted(map(repr, found))
            assert not found or row in table.rows_from(*source)
    assert table.source_systems == tuple(sorted({row.source_system for row in some}))
    assert table.target_systems == tuple(sorted({row.target_system for row in some if row.target is not None}))


@given(st.lists(rows, max_size=10))
def test_the_bytes_follow_from_the_rows(some: list[Row]) -> None:
    assert build_map(ABOUT, some) == build_map(ABOUT, iter(some))


def test_a_source_and_its_code_are_not_mixed_up() -> None:
    table = MapTable(build_map(ABOUT, [Row("http://a.test/b", "c", "t", "1"), Row("http://a.test", "/bc", "t", "2")]))
    assert [row.target for row in table.rows_from("http://a.test", "/bc")] == ["2"]
    assert table.rows_from("http://a.test/b", "/bc") == []


def test_what_holds_for_codes_that_are_not_mapped() -> None:
    said = [Unmapped("a", "b", {"mode": "provided"}), Unmapped("a", "c", {"mode": "fixed", "code": "x"})]
    table = MapTable(build_map(ABOUT, [], said))
    assert table.unmapped("a", "c") == {"mode": "fixed", "code": "x"}
    assert table.unmapped("a") == {"mode": "provided"}
    assert table.unmapped("a", "d") is None
    assert table.unmapped("b") is None
    assert table.unmapped_groups == tuple(said)


def test_another_index_is_refused() -> None:
    with pytest.raises(BadIndex, match="code-system"):
        MapTable(pack("code-system", b"{}", {}))
    with pytest.raises(BadIndex):
        MapTable(build_map(ABOUT, [Row("a", "b")])[:-1])


def test_the_size_is_that_of_the_index() -> None:
    index = build_map(ABOUT, [Row("a", "b")])
    assert MapTable(index).size == MapTable(memoryview(index)).size == len(index)
