"""$translate: every match with its relation, also that there is none; there and back; one map or all that fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest, Invalid, NotFound, TooCostly
from terminology.conceptmaps import RELATIONSHIPS
from terminology.index.maps import MapTable, build_map
from terminology.operations.translate import ROW, translate
from terminology.records import About, Row

from .asked import asked, code_system, scope, values

A, B, C = "http://a.test", "http://b.test", "http://c.test"
ELEMENTS = [
    {
        "code": "1",
        "target": [{"code": "x", "display": "X", "equivalence": "equivalent"}, {"code": "y", "equivalence": "wider"}],
    },
    {"code": "2", "target": [{"code": "y", "equivalence": "narrower"}]},
    {"code": "3", "target": [{"equivalence": "unmatched", "comment": "Threes are not mapped."}]},
    {"code": "4", "target": [{"code": "x", "equivalence": "disjoint"}]},
    {
        "code": "5",
        "target": [
            {
                "code": "m",
                "equivalence": "equal",
                "dependsOn": [{"property": "http://p.test/sex", "system": C, "value": "m"}],
            },
            {
                "code": "z",
                "equivalence": "equal",
                "product": [{"property": "http://p.test/side", "system": C, "value": "l"}],
            },
        ],
    },
]


def concept_map(url: str = "http://maps.test/ab", *elements: Any, **more: Any) -> dict[str, Any]:
    group = {"source": A, "target": B, "element": list(elements or ELEMENTS), **more.pop("group", {})}
    return {"resourceType": "ConceptMap", "url": url, "version": "1", "status": "active", "group": [group], **more}


MAP = concept_map(sourceUri="http://vs.test/a", targetUri="http://vs.test/b")


def ask(*maps: dict[str, Any], **named: Any) -> dict[str, Any]:
    return translate(scope(*(maps or [MAP])), asked(**named))


def found(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["equivalence"], one.get("concept", {}).get("code")) for one in values(answer, "match")]


def said(answer: dict[str, Any]) -> str:
    return " ".join(values(answer, "message"))


def test_tx05_all_matches_with_their_relation_and_their_map() -> None:
    answer = ask(system=A, code="1", url="http://maps.test/ab")
    assert values(answer, "result") == [True]
    assert values(answer, "match") == [
        {
            "equivalence": "equivalent",
            "concept": {"system": B, "code": "x", "display": "X"},
            "source": "http://maps.test/ab|1",
        },
        {"equivalence": "wider", "concept": {"system": B, "code": "y"}, "source": "http://maps.test/ab|1"},
    ]


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"targetsystem": B},
        {"source": "http://vs.test/a"},
        {"source": "http://vs.test/a|3", "target": "http://vs.test/b"},
        {"url": "http://maps.test/ab|1"},
        {"url": "http://maps.test/ab", "conceptMapVersion": "1"},
        {"url": "http://maps.test/ab", "source": "http://vs.test/other"},
        {"conceptMap": MAP},
    ],
)
def test_tx05_the_ways_to_find_a_map(named: dict[str, Any]) -> None:
    assert found(ask(system=A, code="2", **named)) == [("narrower", "y")]


@pytest.mark.parametrize("named", [{"targetsystem": C}, {"source": "http://vs.test/x"}, {"target": "http://vs.test/x"}])
def test_tx05_a_map_for_something_else_is_not_asked(named: dict[str, Any]) -> None:
    answer = ask(system=A, code="2", **named)
    assert values(answer, "result") == [False]
    assert found(answer) == []
    assert "no translation of http://a.test#2" in said(answer)


def test_tx155_that_there_is_no_target_is_an_answer() -> None:
    answer = ask(system=A, code="3")
    assert values(answer, "result") == [False]
    assert found(answer) == [("unmatched", None)]
    assert "Threes are not mapped." in said(answer)


def test_tx05_disjoint_is_no_translation() -> None:
    answer = ask(system=A, code="4")
    assert (values(answer, "result"), found(answer)) == ([False], [("disjoint", "x")])


def test_a_coding_and_a_concept_of_several() -> None:
    assert found(ask(coding={"system": A, "code": "2"})) == [("narrower", "y")]
    codings = [{"system": A, "code": "2"}, {"text": "no code"}, {"system": A, "code": "1"}]
    answer = ask(codeableConcept={"coding": codings})
    assert found(answer) == [("narrower", "y"), ("equivalent", "x"), ("wider", "y")]


def test_dependencies_have_to_be_met() -> None:
    without = ask(system=A, code="5")
    assert found(without) == [("equal", "z")]
    assert "where http://p.test/sex is http://c.test#m" in said(without)
    concept = {"coding": [{"system": C, "code": "m"}]}
    given = ask(system=A, code="5", dependency=asked(element="http://p.test/sex", concept=concept))
    assert found(given) == [("equal", "m"), ("equal", "z")]
    other = {"coding": [{"system": A, "code": "m"}]}
    assert found(ask(system=A, code="5", dependency=asked(element="http://p.test/sex", concept=other))) == [
        ("equal", "z")
    ]


def test_products() -> None:
    [match] = values(ask(system=A, code="5"), "match")
    assert match["product"] == {"element": "http://p.test/side", "concept": {"system": C, "code": "l"}}


def test_tx163_the_way_back_gives_all_with_the_relation_inverted() -> None:
    answer = ask(system=B, code="y", reverse=True, url="http://maps.test/ab")
    assert values(answer, "match") == [
        {"equivalence": "narrower", "concept": {"system": A, "code": "1"}, "source": "http://maps.test/ab|1"},
        {"equivalence": "wider", "concept": {"system": A, "code": "2"}, "source": "http://maps.test/ab|1"},
    ]
    assert found(ask(system=B, code="y", reverse=True, targetsystem=A, source="http://vs.test/b")) == found(answer)
    assert found(ask(system=B, code="y", reverse=True, target="http://vs.test/other")) == []


codes = st.sampled_from("abcdef")


@given(
    st.lists(
        st.tuples(codes, codes, st.sampled_from(["equal", "wider", "narrower", "subsumes", "inexact"])), max_size=20
    )
)
def test_tx163_the_way_back_of_the_way_back_has_the_source(pairs: list[tuple[str, str, str]]) -> None:
    rows = [Row(A, source, B, target, relation) for source, target, relation in pairs]
    here = scope(tables=[MapTable(build_map(About("http://maps.test/t"), rows))])
    inverse = {
        "wider": "narrower",
        "narrower": "wider",
        "subsumes": "specializes",
        "equal": "equal",
        "inexact": "inexact",
    }
    for source, target, relation in pairs:
        assert (relation, target) in found(translate(here, asked(system=A, code=source)))
        assert (inverse[relation], source) in found(translate(here, asked(system=B, code=target, reverse=True)))


def test_tx163_the_best_candidates_first_and_the_concept_that_covers_all() -> None:
    tree = code_system(
        A, {"code": "top", "concept": [{"code": "mid", "display": "Mid", "concept": [{"code": "p"}, {"code": "q"}]}]}
    )
    rows = [
        Row(A, "p", B, "t", rule="IFA 248152002", priority=1),
        Row(A, "q", B, "t", rule="TRUE", priority=2),
        Row(A, "p", B, "u", priority=1, rule="TRUE", category="447638001"),
        Row(A, "q", B, "u", priority=1, rule="TRUE", category="447637006"),
        Row(A, "p", B, "v"),
        Row(A, "mid", B, "v"),
    ]
    here = scope(tree, tables=[MapTable(build_map(About("http://maps.test/t"), rows))])

    def back(code: str) -> dict[str, Any]:
        return translate(here, asked(system=B, code=code, reverse=True))

    assert [code for _, code in found(back("t"))] == ["q", "p"]
    assert [code for _, code in found(back("u"))] == ["q", "p"]
    assert [code for _, code in found(back("v"))] == ["mid", "p"]
    assert "All 2 candidates are covered by mid |Mid|." in said(back("t"))


def test_names_of_r5_and_what_their_users_get() -> None:
    answer = ask(sourceSystem=A, sourceCode="1", targetSystem=B)
    assert values(answer, "match")[1] == {
        "equivalence": "wider",
        "relationship": "source-is-narrower-than-target",
        "concept": {"system": B, "code": "y"},
        "originMap": "http://maps.test/ab|1",
    }
    assert found(ask(sourceCoding={"system": A, "code": "1"}, targetScope="http://vs.test/b")) == found(answer)
    assert found(ask(sourceCodeableConcept={"coding": [{"system": A, "code": "1"}]})) == found(answer)


def test_the_way_back_in_r5_names_both_ends() -> None:
    """https://hl7.org/fhir/R5/conceptmap-operation-translate.html: targetCode asks what maps to a code."""
    answer = ask(sourceSystem=A, targetSystem=B, targetCode="y")
    assert values(answer, "match") == [
        {
            "equivalence": relation,
            "relationship": RELATIONSHIPS[relation],
            "concept": {"system": B, "code": "y"},
            "source": {"system": A, "code": code},
            "originMap": "http://maps.test/ab|1",
        }
        for relation, code in (("wider", "1"), ("narrower", "2"))
    ]
    assert found(ask(sourceSystem=C, targetSystem=B, targetCode="y")) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"mode": "provided"}, [("relatedto", "9")]),
        ({"mode": "fixed", "code": "other", "display": "Other"}, [("relatedto", "other")]),
        ({"mode": "fixed", "code": "other", "relationship": "equivalent"}, [("equivalent", "other")]),
        ({"mode": "other-map", "url": "http://maps.test/more"}, [("equal", "nine")]),
    ],
)
def test_codes_that_a_group_does_not_map(rule: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    first = concept_map("http://maps.test/ab", group={"unmapped": rule})
    more = concept_map("http://maps.test/more", {"code": "9", "target": [{"code": "nine", "equivalence": "equal"}]})
    assert found(ask(first, more, system=A, code="9", url="http://maps.test/ab")) == expected
    assert found(ask(first, more, system=A, code="3", url="http://maps.test/ab")) == [("unmatched", None)]
    assert found(ask(first, more, system=B, code="9", reverse=True, url="http://maps.test/ab")) == []


def test_maps_that_refer_to_each_other_come_to_an_end() -> None:
    one = concept_map("http://maps.test/1", group={"unmapped": {"mode": "other-map", "url": "http://maps.test/2"}})
    two = concept_map("http://maps.test/2", group={"unmapped": {"mode": "other-map", "url": "http://maps.test/1"}})
    answer = ask(one, two, system=A, code="9", url="http://maps.test/1")
    assert values(answer, "result") == [False]
    assert "http://maps.test/1 for other codes, which leads back to itself" in said(answer)
    long = [
        concept_map(
            f"http://maps.test/{n}", group={"unmapped": {"mode": "other-map", "url": f"http://maps.test/{n + 1}"}}
        )
        for n in range(1, 9)
    ]
    assert "http://maps.test/6 for other codes, which would be the one after 5 others" in said(
        ask(*long, system=A, code="9", url="http://maps.test/1")
    )
    lost = concept_map("http://maps.test/1", group={"unmapped": {"mode": "other-map", "url": "http://no.test"}})
    assert "http://no.test for other codes, which is not known here" in said(ask(lost, system=A, code="9"))


def test_where_a_chain_of_maps_began_and_what_is_said_of_either_end() -> None:
    """originMap is the start of the chain; in the words of R4 `source` is the map that the row is of."""
    comment = {
        "url": "http://hl7.org/fhir/6.0/StructureDefinition/extension-ConceptMap.group.element.comment",
        "valueString": "Of nines.",
    }
    target = {"code": "nine", "equivalence": "equal", "comment": "Of words."}
    first = concept_map(group={"unmapped": {"mode": "other-map", "url": "http://maps.test/more"}})
    more = concept_map("http://maps.test/more", {"code": "9", "extension": [comment], "target": [target]})
    answer = ask(first, more, sourceSystem=A, sourceCode="9", url="http://maps.test/ab")
    [match] = values(answer, "match")
    assert (match["originMap"], match["used-conceptmap"]) == ("http://maps.test/ab|1", "http://maps.test/more|1")
    assert (match["sourceComment"], match["targetComment"]) == ("Of nines.", "Of words.")
    [match] = values(ask(first, more, system=A, code="9", url="http://maps.test/ab"), "match")
    assert match["source"] == "http://maps.test/more|1"


def test_tx150_what_else_a_row_says_goes_with_the_match() -> None:
    row = Row(
        A,
        "1",
        B,
        "x",
        "equal",
        group=1,
        priority=2,
        rule="IFA 1",
        advice="IF ONE",
        correlation="4",
        category="5",
        id="6",
    )
    [match] = [
        one
        for one in translate(
            scope(tables=[MapTable(build_map(About("http://m.test"), [row]))]), asked(system=A, code="1")
        )["parameter"]
        if one["name"] == "match"
    ]
    [extension] = match["extension"]
    assert extension["url"] == ROW
    assert {one["url"]: next(v for k, v in one.items() if k != "url") for one in extension["extension"]} == {
        "group": 1, "priority": 2, "rule": "IFA 1", "advice": "IF ONE", "correlation": "4", "category": "5", "id": "6",
    }  # fmt: skip


def test_a_loaded_map_without_target_keeps_its_advice() -> None:
    row = Row(A, "1", B, None, "unmatched", advice="CANNOT BE CLASSIFIED")
    answer = translate(scope(tables=[MapTable(build_map(About("http://m.test"), [row]))]), asked(system=A, code="1"))
    assert found(answer) == [("unmatched", None)]
    assert "CANNOT BE CLASSIFIED" in said(answer)


def test_of_a_map_without_url_only_the_version_that_counts_is_asked() -> None:
    new, old = concept_map("http://maps.test/ab", version="2"), concept_map("http://maps.test/ab")
    retired = concept_map("http://maps.test/old", status="retired")
    assert len(found(ask(new, old, retired, system=A, code="2"))) == 1
    assert found(ask(retired, system=A, code="2", url="http://maps.test/old")) == [("narrower", "y")]


def test_a_row_of_another_version_of_the_code_system_is_left_out() -> None:
    tree = concept_map(group={"sourceVersion": "2020"})
    assert found(ask(tree, system=A, code="2", version="2020")) == [("narrower", "y")]
    answer = ask(tree, system=A, code="2", version="2024")
    assert found(answer) == []
    assert "2020, not 2024" in said(answer)


@pytest.mark.parametrize(
    ("named", "error", "text"),
    [
        ({"code": "1"}, Invalid, "needs the system"),
        ({}, BadRequest, "Exactly one of code, coding"),
        ({"system": A, "code": "1", "coding": {"system": A, "code": "1"}}, BadRequest, "code and coding"),
        ({"system": A, "code": "1", "targetCode": "x"}, BadRequest, "code and targetCode"),
        ({"coding": {"code": "1"}}, Invalid, "no system"),
        ({"codeableConcept": {"text": "one"}}, Invalid, "no coding with a system"),
        ({"codeableConcept": {"coding": [{"system": A, "code": "1"}] * 101}}, TooCostly, "101 codings; 100"),
        ({"system": A, "code": "1", "target": "http://v", "targetsystem": B}, BadRequest, "exclude each other"),
        ({"system": A, "sourceSystem": A, "code": "1"}, Invalid, "are the same parameter"),
        ({"targetSystem": B, "targetCode": "1", "reverse": True}, BadRequest, "way back already"),
        ({"system": A, "code": "1", "url": "http://no.test"}, NotFound, "'http://no.test' is not known here"),
        ({"system": A, "code": "1", "url": "http://maps.test/ab", "conceptMapVersion": "9"}, NotFound, "Known versions: 1"),
        ({"system": A, "code": "1", "url": "http://no.test", "conceptMap": MAP}, BadRequest, "not http://no.test"),
        ({"system": A, "code": "1", "source": "ValueSet/1"}, BadRequest, "canonical URLs"),
    ],
)  # fmt: skip
def test_tx05_what_cannot_be_asked(named: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ask(**named)
