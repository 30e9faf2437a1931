"""The index answers as plain dictionaries and sets do: any release, any question. TX-143"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from pyroaring import BitMap

from terminology.index.building import build, build_file
from terminology.index.container import BadIndex, pack
from terminology.index.system import Indexed, open_file
from terminology.records import About, Concept, Parent, Property, PropertyDefinition, Record, Term
from tests.editions import Oracle

from .releases import CODES, NAMES, looked_for, releases, some_codes

ABOUT = About("http://example.org/cs", "1", properties=(PropertyDefinition("defined", "code"),))


def indexed(records: list[Record], about: About = ABOUT) -> tuple[Indexed, Oracle]:
    return Indexed(build(about, records)), Oracle(records)


def named(system: Indexed, some: object) -> set[str]:
    return {system.code(ordinal) for ordinal in some}  # type: ignore[attr-defined]


def ordinals(system: Indexed, some: set[str]) -> BitMap:
    return BitMap([at for code in some if (at := system.find(code)) is not None])


@given(releases())
def test_single_concepts(records: list[Record]) -> None:
    system, oracle = indexed(records)
    assert len(system) == len(oracle.concepts)
    assert {code for code in CODES if system.find(code) is not None} == set(oracle.concepts)
    assert (system.about, system.infinite) == (ABOUT, False)
    for code, concept in oracle.concepts.items():
        at = system.find(code)
        assert at is not None
        assert (system.code(at), system.display(at), system.definition(at)) == (
            code,
            concept.display,
            concept.definition,
        )
        assert (system.status(at), [*system.extension(at)]) == (concept.status, [*concept.extension])
        assert (system.is_inactive(at), system.is_abstract(at)) == (concept.inactive, concept.abstract)
        assert [tuple(one) for one in system.designations(at)] == [
            (one.value, one.language, one.use, one.inactive, one.preferred, one.acceptable, one.id, one.fields, ())
            for one in oracle.terms.get(code, ())
        ]
        assert [tuple(one) for one in system.properties(at)] == [
            (one.name, one.value, one.type, "", "", one.group, (), "") for one in oracle.properties.get(code, ())
        ]
    assert named(system, system.all) == set(oracle.concepts)
    assert named(system, system.inactive) == {code for code, one in oracle.concepts.items() if one.inactive}
    assert named(system, system.abstract) == {code for code, one in oracle.concepts.items() if one.abstract}


@given(releases(), some_codes)
def test_the_hierarchy(records: list[Record], some: set[str]) -> None:
    system, oracle = indexed(records)
    order = [*oracle.concepts]
    for code in order:
        at = system.find(code)
        assert at is not None
        assert [system.code(one) for one in system.parents(at)] == oracle.above_of.get(code, [])
        assert [system.code(one) for one in system.children(at)] == sorted(
            oracle.below_of.get(code, []), key=order.index
        )
        assert named(system, system.ancestors(at)) == oracle.above(code)
        assert named(system, system.descendants(at)) == oracle.below(code)
        for other in order:
            above = system.find(other)
            assert above is not None
            assert system.subsumes(above, at) is (other == code or other in oracle.above(code))
    assert named(system, system.roots) == {code for code in order if code not in oracle.above_of}
    assert named(system, system.leaves) == {code for code in order if code not in oracle.below_of}
    among = ordinals(system, some)
    assert named(system, system.ancestors_of(among)) == {
        one for code in named(system, among) for one in oracle.above(code)
    }
    assert named(system, system.descendants_of(among)) == {
        one for code in named(system, among) for one in oracle.below(code)
    }


@given(releases())
def test_ordinals_are_depth_first(records: list[Record]) -> None:
    system, _ = indexed(records)
    for at in system.all:
        if system.parents(at):
            assert any(parent < at for parent in system.parents(at))
        children = system.children(at)
        if children:  # the first child that the walk met here follows at once
            assert at + 1 in children or all(child < at or len(system.parents(child)) > 1 for child in children)


@given(releases(), some_codes)
def test_properties_and_attributes(records: list[Record], some: set[str]) -> None:
    system, oracle = indexed(records)
    said = [one for code in oracle.concepts for one in oracle.properties.get(code, ())]
    assert set(system.property_names()) >= {one.name for one in said} | {"defined"}
    targets = ordinals(system, some)
    for name in NAMES:
        values = {one.value for one in said if one.name == name}
        assert named(system, system.with_property(name)) == oracle.having(name, values)
        for value in {*values, "none such"}:
            assert named(system, system.having(name, value)) == oracle.having(name, {value})
        assert {value: named(system, having) for value, having in system.values(name) if having} == {
            value: oracle.having(name, {value}) for value in values
        }
        links = [(one.code, one.value) for one in said if one.name == name and one.type == "concept"]
        links = [(source, target) for source, target in links if target in oracle.concepts]
        assert named(system, system.sources(name, targets)) == {source for source, target in links if target in some}
        assert named(system, system.targets(name)) == {target for _, target in links}
        assert named(system, system.targets(name, targets)) == {target for source, target in links if source in some}


@given(releases())
def test_sets_of_the_release(records: list[Record]) -> None:
    system, oracle = indexed(records)
    assert set(system.sets()) == set(oracle.members)
    assert system.members("none such") is None
    assert [*system.member_rows("none such")] == []
    for code, rows in oracle.members.items():
        known = [(member, fields) for member, fields in rows if member in oracle.concepts]
        members = system.members(code)
        assert members is not None
        assert named(system, members) == {member for member, _ in known}
        assert [(system.code(at), fields) for at, fields in system.member_rows(code)] == known
        for at in system.all:
            assert [fields for _, fields in system.member_rows(code, at)] == [
                fields for member, fields in known if member == system.code(at)
            ]


@given(releases(), looked_for, some_codes)
def test_tx27_words_begin_words_in_any_order_and_the_total_is_exact(
    records: list[Record], text: str, some: set[str]
) -> None:
    system, oracle = indexed(records)
    expected = oracle.found(text)
    found = system.search(text)
    assert found.total == len(expected)
    assert [system.code(at) for at in found.ordinals] == expected[:20]
    assert [system.code(at) for at in system.search(text, most=2, offset=1).ordinals] == expected[1:3]
    among = ordinals(system, some)
    inside = system.search(text, within=among, most=3)
    expected = oracle.found(text, named(system, among))
    assert inside.total == len(expected)
    assert [system.code(at) for at in inside.ordinals] == expected[:3]


@pytest.mark.parametrize("meaning", ["part-of", "grouped-by", "classified-with"])
def test_tx34_a_hierarchy_that_is_no_subsumption_is_for_show(meaning: str) -> None:
    records: list[Record] = [Concept("a"), Concept("b"), Parent("b", "a")]
    system, _ = indexed(records, About("x", hierarchy_meaning=meaning))
    assert (system.parents(1), system.children(0)) == ([0], [1])
    assert (system.subsumes(0, 1), system.subsumes(1, 1)) == (False, True)
    nothing = BitMap()
    both = BitMap([0, 1])
    assert (
        system.ancestors(1)
        == system.descendants(0)
        == system.ancestors_of(both)
        == system.descendants_of(both)
        == nothing
    )
    assert (system.leaves, system.roots) == (BitMap([1]), BitMap([0]))


def test_tx34_where_case_does_not_count_the_very_code_is_preferred() -> None:
    records: list[Record] = [
        Concept("Ab"),
        Concept("ab"),
        Concept("Straße"),
        Property("Ab", "see", "STRASSE", "concept"),
    ]
    system, _ = indexed(records, About("x", case_sensitive=False))
    assert [system.find(code) for code in ("Ab", "ab", "AB", "aB", "STRASSE", "c")] == [0, 1, 0, 0, 2, None]
    assert system.sources("see", BitMap([2])) == BitMap([0])
    assert system.having("see", "Straße") == BitMap([0])
    assert indexed(records)[0].find("AB") is None


def test_a_circle_is_cut_where_the_walk_closes_it() -> None:
    records: list[Record] = [*map(Concept, "abcde"), *(Parent(*two) for two in ("ba", "cb", "ac", "dd", "ec"))]
    system, _ = indexed([*records])
    assert [system.code(at) for at in system.all] == ["d", "a", "b", "c", "e"]
    assert [named(system, system.ancestors(at)) for at in system.all] == [
        set(),
        set(),
        {"a"},
        {"a", "b"},
        {"a", "b", "c"},
    ]
    assert named(system, system.descendants(1)) == {"b", "c", "e"}
    assert len(system.faults) == 2
    assert any("a is above its parent c" in fault for fault in system.faults)


def test_a_code_that_is_defined_twice_is_what_was_said_last() -> None:
    system, _ = indexed([Concept("a", "First"), Concept("b"), Concept("a", "Second")])
    assert [system.display(at) for at in system.all] == ["Second", ""]
    assert system.search("first").total == 0
    assert system.faults == ["1 codes are defined more than once; the last definition counts."]


def test_decimals_of_extensions_keep_their_digits() -> None:
    from decimal import Decimal

    extension = ({"url": "http://example.org/x", "valueDecimal": Decimal("1.50")},)
    about = About("x", extension=extension)
    system, _ = indexed([Concept("a", extension=extension), Term("a", "x", extension=extension)], about)
    for found in (system.extension(0), system.designations(0)[0].extension, system.about.extension):
        assert str(found[0]["valueDecimal"]) == "1.50"


def test_a_code_without_any_text_is_found_by_itself() -> None:
    system, _ = indexed([Concept("Q-77"), Concept("Q-78", "Named"), Concept("Q-79"), Term("Q-79", "Called")])
    assert [system.code(at) for at in system.search("q 7").ordinals] == ["Q-77"]


def test_a_file_answers_like_the_bytes_and_outlives_its_name(tmp_path: Path) -> None:
    records: list[Record] = [Concept("a", "Alpha"), Concept("b", "Beta"), Parent("b", "a")]
    told: list[int] = []
    build_file(ABOUT, records * 5000, tmp_path / "x.index", told.append)
    system = open_file(tmp_path / "x.index")
    (tmp_path / "x.index").unlink()
    assert told == [10_000]
    assert [*tmp_path.iterdir()] == []
    assert (system.display(1), system.search("be").ordinals, system.subsumes(0, 1)) == ("Beta", [1], True)


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadIndex, match="not of a code-system"):
        Indexed(pack("concept-map", b"{}", {}))
    (tmp_path / "empty").touch()
    with pytest.raises(BadIndex, match="empty"):
        open_file(tmp_path / "empty")
    with pytest.raises(BadIndex, match="section"):
        Indexed(pack("code-system", b'{"url":"x"}', {}))
