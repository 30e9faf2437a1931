"""Sets of concepts combine as sets of (system, code) do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.budget import Budget
from terminology.resources import code_system
from terminology.system import System
from terminology.valuesets.parts import Part, active, difference, intersection, union

CODES = "abcdef"


def system_of(url: str, version: str, codes: str) -> System:
    concepts = [{"code": code, "display": f"Concept {code}"} for code in codes]
    retired = {"code": "status", "valueCode": "retired"}
    concepts[0]["property"] = [retired]  # type: ignore[assignment]
    tree = {"resourceType": "CodeSystem", "url": url, "version": version, "status": "active", "content": "complete"}
    return code_system({**tree, "concept": concepts})


FIRST = system_of("urn:one", "1", CODES)
SECOND = system_of("urn:one", "2", CODES[::-1])  # the same codes by other ordinals
OTHER = system_of("urn:two", "1", CODES)


def part(system: System | None, codes: str, listed: bool = False, url: str = "urn:one") -> Part:
    if system is None:
        loose = {code: {"code": code} for code in codes}
        return Part(url, "", None, BitMap(), tuple(loose), {}, loose)
    found = [ordinal for code in codes if (ordinal := system.find(code)) is not None]
    order = tuple(dict.fromkeys(found)) if listed else None
    return Part(system.about.url, system.about.version, system, BitMap(found), order)


PARTS = st.lists(
    st.builds(part, st.sampled_from([FIRST, SECOND, OTHER, None]), st.text(CODES, max_size=6), st.booleans()),
    max_size=4,
)


def codes(parts: list[Part]) -> list[tuple[str, str]]:
    return [(one.url, one.code(each)) for one in parts for each in one.listed()]


@given(PARTS, PARTS)
def test_parts_combine_as_sets_do(some: list[Part], others: list[Part]) -> None:
    budget = Budget()
    mine, theirs = union(some, budget), union(others, budget)
    assert len(codes(mine)) == len(set(codes(mine)))
    assert set(codes(mine)) == set(codes(some))
    assert set(codes(union([*mine, *theirs], budget))) == set(codes(mine)) | set(codes(theirs))
    assert set(codes(intersection(mine, theirs, budget))) == set(codes(mine)) & set(codes(theirs))
    assert set(codes(difference(mine, theirs, budget))) == set(codes(mine)) - set(codes(theirs))


@given(PARTS, st.integers(0, 8), st.integers(0, 8))
def test_a_page_is_a_slice(some: list[Part], offset: int, most: int) -> None:
    for one in some:
        assert one.page(offset, most) == list(one.listed())[offset : offset + most]
        assert one.size == len(list(one.listed()))


def test_a_list_keeps_its_order_when_some_go() -> None:
    listed = part(FIRST, "dbca", listed=True)
    [left] = difference([listed], [part(FIRST, "b")], Budget())
    assert [left.code(one) for one in left.listed()] == ["d", "c", "a"]
    assert left.page(1, 1) == [FIRST.find("c")]


def test_sets_of_an_index_are_not_changed() -> None:
    before = BitMap(FIRST.all)
    whole = Part("urn:one", "1", FIRST, FIRST.all)
    union([whole, part(FIRST, "ab")], Budget())
    difference([whole], [part(FIRST, "ab")], Budget())
    active(whole)
    assert FIRST.all == before


def test_tx_25_what_is_inactive_goes() -> None:
    assert codes([active(part(FIRST, "abc"))]) == [("urn:one", "b"), ("urn:one", "c")]
    loose = Part(
        "urn:x", "", None, BitMap(), ("a", "b"), {}, {"a": {"code": "a", "inactive": True}, "b": {"code": "b"}}
    )
    assert codes([active(loose)]) == [("urn:x", "b")]
