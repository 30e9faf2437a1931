"""$find-matches: complete matches first, then those that leave the least unmatched; against trying every concept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.operation import Parameters, Value
from resources.outcome import BadRequest, Invalid, NotFound, TooCostly
from terminology.budget import Budget
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.operations.find_matches import MOST, find_matches
from terminology.records import About, Concept, Parent, Property, Record
from terminology.scope import CODE_SYSTEM, Candidate, Scope

from .asked import asked, code_system, scope, values

URL = "http://snomed.info/sct"
# Sites 20 with 21 below; shapes 30 with 31 below; findings 1 to 4 have them, in groups.
RECORDS: list[Record] = [
    *(Concept(code, text) for code, text in {
        "1": "Round thing", "2": "Round thing of the left", "3": "Mixed thing", "4": "Fine thing", "20": "Side",
        "21": "Left side", "30": "Shape", "31": "Round", "70": "has site", "80": "has shape",
    }.items()),
    Parent("2", "1"), Parent("21", "20"), Parent("31", "30"),
    Property("1", "80", "31", "concept", group=1),
    Property("2", "80", "31", "concept", group=1), Property("2", "70", "21", "concept", group=1),
    Property("3", "80", "31", "concept", group=1), Property("3", "70", "21", "concept", group=2),
    Property("4", "70", "20", "concept", group=1),
]  # fmt: skip
SYSTEM = Indexed(build(About(URL, "1", kind="snomed", compositional=True), RECORDS))


class Only:
    def find(self, resource_type: str, url: str) -> list[Candidate]:
        return [Candidate(CODE_SYSTEM, URL, "1", "active", None, lambda: SYSTEM)] if url == URL else []

    def all(self, resource_type: str) -> list[Candidate]:
        return []


HERE = Scope([Only()], supplement=lambda system, trees: system)


def prop(code: str, value: Any = None, *parts: tuple[str, str], kind: str = "code") -> tuple[str, Parameters]:
    inside = [Value("code", code, "code")]
    if value is not None:
        inside.append(Value("value", value, kind))
    inside += (Value("subproperty", part=prop(*part)[1]) for part in parts)
    return "property", Parameters(tuple(inside))


def match(*properties: tuple[str, Parameters], **named: Any) -> list[dict[str, Any]]:
    return values(find_matches(HERE, asked(("system", URL), *properties, **{"exact": True, **named})), "match")


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [one["code"]["code"] for one in found]


def test_tx04_complete_matches_the_least_surplus_first() -> None:
    found = match(prop("80", "31"))
    assert codes(found) == ["1", "2", "3"]
    assert found[0] == {"code": {"system": URL, "version": "1", "code": "1", "display": "Round thing"}}


def test_tx04_partial_matches_say_what_is_left() -> None:
    found = match(prop("80", "31"), prop("70", "20"))
    assert codes(found) == ["1", "4", "2", "3"]
    assert found[0]["unmatched"] == {"code": "70", "value": "20"}
    assert found[1]["unmatched"] == {"code": "80", "value": "31"}


def test_tx04_a_group_has_to_be_matched_in_one_group() -> None:
    group = prop("609096000", None, ("80", "31"), ("70", "21"))
    assert codes(match(group)) == ["2"]
    found = match(group, prop("code", "3"))
    assert [(code, one.get("unmatched", {}).get("code")) for code, one in zip(codes(found), found, strict=True)] == [
        ("2", "code"), ("3", "609096000"),
    ]  # fmt: skip
    assert found[1]["unmatched"]["property"] == [{"code": "80", "value": "31"}, {"code": "70", "value": "21"}]


def test_tx04_for_people_those_that_are_more_or_less_precise_with_a_comment() -> None:
    found = match(prop("70", "21"), exact=False)
    assert codes(found) == ["2", "3", "4"]
    assert found[0]["comment"].startswith("A complete match.")
    assert found[2]["comment"] == "A possible match: more or less precise in 70."
    assert codes(match(prop("70", "21"))) == ["2", "3"]


def test_tx04_by_text() -> None:
    assert codes(match(prop("display", "round thing", kind="string"))) == ["1"]
    assert codes(match(prop("display", "thing round", kind="string"), exact=False)) == ["1", "2"]


def test_tx04_by_place_in_the_hierarchy() -> None:
    assert codes(match(prop("parent", "1"), prop("70", "21"))) == ["2", "3"]
    assert codes(match(prop("116680003", "20"))) == ["21"]
    assert codes(match(prop("child", "2"))) == ["1"]
    assert codes(match(prop("code", {"system": URL, "code": "4"}, kind="Coding"))) == ["4"]


def test_tx04_a_composition_says_all_of_it() -> None:
    found = match(
        prop("70", "20"), prop("80", "31"), prop("609096000", None, ("70", "21"), ("80", "30")), compositional=True
    )
    assert found[0]["code"] == {"system": URL, "version": "1", "code": "1:70=20,{70=21,80=30}"}
    assert "unmatched" not in found[0]
    assert codes(match(prop("80", "31"), compositional=True))[0] == "1"


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.sampled_from("pqr"), st.sampled_from("xyz")), max_size=8), st.data())
def test_tx04_as_trying_every_concept(concepts: list[dict[str, str]], data: st.DataObject) -> None:
    asks = data.draw(st.dictionaries(st.sampled_from("pqr"), st.sampled_from("xyz"), min_size=1))
    tree = code_system(
        "http://own.test",
        *({"code": str(n), "property": [{"code": name, "valueCode": value} for name, value in one.items()]}
          for n, one in enumerate(concepts)),
        property=[{"code": name, "type": "code"} for name in "pqr"],
    )  # fmt: skip
    parameters = asked(("codeSystem", tree), *(prop(name, value) for name, value in asks.items()), exact=True)
    found = values(find_matches(scope(), parameters), "match")
    numbers = [sum(one.get(name) == value for name, value in asks.items()) for one in concepts]
    expected = sorted(
        (len(asks) - number, len(one) - number, str(n))
        for n, (number, one) in enumerate(zip(numbers, concepts, strict=True))
        if number
    )
    assert [one["code"]["code"] for one in found] == [code for *_, code in expected]
    for one in found:
        left = one.get("unmatched", [])
        mine = concepts[int(one["code"]["code"])]
        assert {each["code"] for each in ([left] if isinstance(left, dict) else left)} == {
            name for name, value in asks.items() if mine.get(name) != value
        }


def test_no_more_than_the_best_are_given() -> None:
    tree = code_system(
        "http://own.test", *({"code": str(n), "property": [{"code": "p", "valueCode": "x"}]} for n in range(50))
    )
    assert len(values(find_matches(scope(), asked(("codeSystem", tree), prop("p", "x"), exact=True)), "match")) == MOST


@pytest.mark.parametrize(
    ("properties", "named", "error", "text"),
    [
        ([prop("nose", "1")], {"system": URL}, Invalid, "no property 'nose'"),
        ([prop("80")], {"system": URL}, Invalid, r"property\[0\] needs a value"),
        ([], {"system": URL}, Invalid, "from one to 100"),
        ([prop("80", "1")] * 101, {"system": URL}, Invalid, "from one to 100"),
        ([prop("80", "1")], {}, Invalid, "system is needed"),
        ([prop("80", "1")], {"system": "http://no.test"}, NotFound, "not known"),
    ],
)
def test_what_cannot_be_asked(properties: Any, named: dict[str, str], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        find_matches(HERE, asked(*properties, **named, exact=True))


def test_tx71_what_would_look_at_too_many_concepts_is_too_costly() -> None:
    here = Scope([Only()], supplement=lambda system, trees: system)
    here.budget = Budget(30)
    with pytest.raises(TooCostly):
        find_matches(here, asked(prop("80", "31"), system=URL, exact=True))


def test_a_grammar_cannot_be_searched() -> None:
    with pytest.raises(BadRequest, match="grammar"):
        find_matches(scope(), asked(prop("canonical", "g"), system="http://unitsofmeasure.org", exact=True))
