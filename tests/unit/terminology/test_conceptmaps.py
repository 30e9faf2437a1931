"""ConceptMap resources and rows: nothing is lost on the way, in words of R4 and of R5."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.validation.validator import Validator
from terminology.conceptmaps import (
    EQUIVALENCES,
    RELATIONSHIPS,
    about_of,
    concept_map,
    map_table,
    rows_of,
    unmapped_of,
)
from terminology.index.maps import Unmapped
from terminology.records import About, Row

A, B = "http://a.test", "http://b.test"
TREE: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "url": "http://maps.test/m",
    "version": "1",
    "name": "M",
    "status": "active",
    "experimental": True,
    "sourceUri": "http://vs.test/a",
    "targetCanonical": "http://vs.test/b|2",
    "group": [
        {
            "source": A,
            "sourceVersion": "5",
            "target": B,
            "element": [
                {
                    "code": "1",
                    "display": "One",
                    "target": [
                        {
                            "code": "x",
                            "display": "X",
                            "equivalence": "wider",
                            "comment": "so so",
                            "dependsOn": [{"property": "http://p.test/age", "system": "http://s.test", "value": "old"}],
                            "product": [{"property": "http://p.test/side", "value": "left", "display": "Left"}],
                        },
                        {"code": "y", "equivalence": "inexact"},
                    ],
                },
                {"code": "2"},
                {"code": "3", "target": [{"equivalence": "unmatched", "comment": "there is none"}]},
            ],
            "unmapped": {"mode": "other-map", "url": "http://maps.test/other"},
        }
    ],
}


def test_tx150_a_resource_as_rows() -> None:
    about, rows = about_of(TREE), list(rows_of(TREE))
    assert (about.url, about.version, about.source, about.target) == (
        "http://maps.test/m",
        "1",
        "http://vs.test/a",
        "http://vs.test/b|2",
    )
    assert rows[0] == Row(
        A, "1", B, "x", "wider", "One", "X", comment="so so",
        depends_on=(("http://p.test/age", "http://s.test", "old", ""),),
        products=(("http://p.test/side", "", "left", "Left"),), fields={"sourceVersion": "5"},
    )  # fmt: skip
    assert [(row.source, row.target, row.equivalence, row.comment) for row in rows[1:]] == [
        ("1", "y", "inexact", ""),
        ("2", None, "unmatched", ""),
        ("3", None, "unmatched", "there is none"),
    ]
    assert list(unmapped_of(TREE)) == [Unmapped(A, B, {"mode": "other-map", "url": "http://maps.test/other"})]


def test_names_of_r5_mean_the_same() -> None:
    modern = {
        "url": "http://maps.test/m",
        "sourceScopeUri": "http://vs.test/a",
        "targetScopeCanonical": "http://vs.test/b",
        "group": [
            {
                "source": f"{A}|5",
                "target": B,
                "element": [
                    {"code": "1", "target": [{"code": "x", "relationship": "source-is-narrower-than-target",
                        "dependsOn": [{"attribute": "age", "valueCoding": {"system": "s", "code": "old"}}],
                        "product": [{"attribute": "side", "valueBoolean": True}]}]},
                    {"code": "2", "noMap": True},
                ],
                "unmapped": {"mode": "use-source-code", "relationship": "related-to"},
            }
        ],
    }  # fmt: skip
    rows = list(rows_of(modern))
    assert rows[0] == Row(
        A, "1", B, "x", "wider", depends_on=(("age", "s", "old", ""),), products=(("side", "", "true", ""),),
        fields={"sourceVersion": "5"},
    )  # fmt: skip
    assert (rows[1].target, rows[1].equivalence) == (None, "unmatched")
    assert about_of(modern).source == "http://vs.test/a"
    assert about_of(modern).target == "http://vs.test/b"
    assert list(unmapped_of(modern)) == [Unmapped(A, B, {"mode": "provided", "equivalence": "relatedto"})]


def test_tx156_relations_of_r5_are_turned_to_the_target() -> None:
    assert EQUIVALENCES["source-is-narrower-than-target"] == "wider"
    assert EQUIVALENCES["source-is-broader-than-target"] == "narrower"
    assert {RELATIONSHIPS[old]: old for old in EQUIVALENCES.values()} == EQUIVALENCES


texts = st.text("abc ", max_size=3)
codes = st.sampled_from(["1", "2", "3"])
others = st.lists(st.tuples(st.just("http://p.test"), texts, codes, texts), max_size=2).map(tuple)


@st.composite
def maps(draw: st.DrawFn) -> list[Row]:
    """Rows as a resource can say them: of one source together, its display the same."""
    found = []
    for system in (A, B):
        for code in draw(st.lists(codes, unique=True, max_size=3)):
            display = draw(texts)
            found += [
                Row(
                    system, code, "http://t.test", target, draw(st.sampled_from(["equal", "wider", "unmatched"])),
                    display, draw(texts), comment=draw(texts), depends_on=draw(others), products=draw(others),
                )
                for target in draw(st.lists(st.none() | codes, min_size=1, max_size=3))
            ]  # fmt: skip
    return found


@given(maps())
def test_rows_become_a_resource_and_the_same_rows(some: list[Row]) -> None:
    about = About("http://maps.test/m", "1", "M", "T", source="http://vs.test/a")
    said = (
        [Unmapped(A, "http://t.test", {"mode": "fixed", "code": "none"})] if some and some[0].source_system == A else []
    )
    tree = concept_map(about, some, said)
    assert list(rows_of(tree)) == some
    assert about_of(tree) == about
    assert list(unmapped_of(tree)) == said


def test_a_resource_becomes_rows_and_the_same_resource() -> None:
    table = map_table(TREE)
    again = concept_map(table.about, table, table.unmapped_groups)
    assert again["group"] == [
        {**TREE["group"][0], "element": [*TREE["group"][0]["element"][:1], {"code": "2", "target": [{"equivalence": "unmatched"}]},
                                         TREE["group"][0]["element"][2]]}
    ]  # fmt: skip
    assert {**again, "targetCanonical": again["targetUri"]}.items() >= {
        name: value for name, value in TREE.items() if name != "group"
    }.items()
    Validator(definitions.load()).check("ConceptMap", again)


def test_what_r4_has_no_element_for_is_kept_as_a_comment() -> None:
    tree = concept_map(About("http://m.test"), [Row(A, "1", B, "x", advice="ALWAYS x")])
    assert tree["group"][0]["element"][0]["target"] == [
        {"code": "x", "equivalence": "relatedto", "comment": "ALWAYS x"}
    ]


@pytest.mark.parametrize(
    "tree", [{}, {"url": "http://m.test"}, {"group": [{"element": [{"target": [{"code": "x"}]}]}]}]
)
def test_a_map_without_content_has_no_rows(tree: dict[str, Any]) -> None:
    table = map_table(tree)
    assert len(table) == 0
    assert table.rows_from(A, "1") == table.rows_to(B, "x") == []
