"""$lookup tells all that is known of a concept: names, texts, place in the hierarchy, properties."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import BadRequest, Invalid, NotFound, Unprocessable
from terminology.operations.lookup import lookup

from .asked import asked, code_system, scope, values

URL = "http://shapes.test/cs"
USE = {"system": "http://shapes.test/uses", "code": "short"}
SHAPES = code_system(
    URL,
    {
        "code": "shape",
        "display": "Shape",
        "property": [{"code": "notSelectable", "valueBoolean": True}],
        "concept": [
            {
                "code": "square",
                "display": "Square",
                "definition": "Four equal sides",
                "designation": [
                    {"language": "de", "value": "Quadrat"},
                    {"language": "de", "use": USE, "value": "Qu."},
                    {"language": "nl", "value": "Vierkant"},
                ],
                "property": [
                    {"code": "sides", "valueInteger": 4},
                    {"code": "ratio", "valueDecimal": Decimal("1.50")},
                    {"code": "regular", "valueBoolean": True},
                    {"code": "since", "valueDateTime": "2020-01-01"},
                    {"code": "colour", "valueCoding": {"system": "http://c.test", "code": "r", "display": "red"}},
                    {"code": "kin", "valueCode": "other"},
                    {"code": "note", "valueString": "flat"},
                    {"code": "status", "valueCode": "retired"},
                ],
                "concept": [{"code": "small"}],
            },
        ],
    },
    version="2",
    language="en",
    date="2024-05-01",
    property=[{"code": "sides", "type": "integer"}],
)
OLD = code_system(URL, {"code": "square", "display": "Old square"}, version="1", date="2020-01-01")
SQUARE = {"system": URL, "code": "square"}


def look(*pairs: tuple[str, Any], **named: Any) -> dict[str, Any]:
    return lookup(scope(SHAPES, OLD), asked(*pairs, **named))


def properties(answer: dict[str, Any]) -> dict[str, Any]:
    return {one["code"]: one.get("value") for one in values(answer, "property")}


def test_tx02_the_concept_and_its_code_system() -> None:
    answer = look(**SQUARE)
    found = {
        name: values(answer, name)
        for name in ("name", "version", "display", "system", "code", "abstract", "definition")
    }
    assert found == {
        "name": ["Shapes"],
        "version": ["2"],
        "display": ["Square"],
        "system": [URL],
        "code": ["square"],
        "abstract": [False],
        "definition": ["Four equal sides"],
    }
    assert values(look(system=URL, code="shape"), "abstract") == [True]


def test_tx02_a_coding_is_the_same_as_system_code_and_version() -> None:
    assert look(coding={**SQUARE, "version": "1"}) == look(**SQUARE, version="1") != look(**SQUARE)


def test_tx02_every_type_of_property() -> None:
    assert properties(look(**SQUARE, property="*")) == {
        "inactive": True,
        "parent": "shape",
        "child": "small",
        "sides": 4,
        "ratio": Decimal("1.50"),
        "regular": True,
        "since": "2020-01-01",
        "colour": {"system": "http://c.test", "code": "r", "display": "red"},
        "kin": "other",
        "note": "flat",
        "status": "retired",
    }


def test_tx02_only_the_properties_that_are_asked_for() -> None:
    answer = look(("property", "sides"), ("property", "child"), ("property", "url"), **SQUARE)
    assert properties(answer) == {"sides": 4, "child": "small", "url": URL}
    assert values(answer, "designation") == values(answer, "definition") == []
    assert values(answer, "display") == ["Square"]


def test_children_are_given_when_asked_for_or_all() -> None:
    assert "child" not in properties(look(**SQUARE))
    assert properties(look(**SQUARE, property="child")) == {"child": "small"}
    assert [one["description"] for one in values(look(**SQUARE, property="parent"), "property")] == ["Shape"]


def test_tx02_designations_of_a_language() -> None:
    def texts(*names: str) -> list[str]:
        return [one["value"] for one in values(look(*(("property", name) for name in names), **SQUARE), "designation")]

    assert texts("lang.de") == ["Quadrat", "Qu."]
    assert texts("lang.nl", "lang.DE") == ["Quadrat", "Qu.", "Vierkant"]
    assert texts("lang.en") == ["Square"]
    assert texts("designation") == texts("*") == texts() == ["Square", "Quadrat", "Qu.", "Vierkant"]
    assert values(look(**SQUARE, property="lang.de"), "designation")[1]["use"] == USE


@pytest.mark.parametrize(
    ("language", "display"), [("de", "Quadrat"), ("nl-BE", "Vierkant"), ("fr", "Square"), ("en", "Square")]
)
def test_tx40_the_display_in_the_language_that_is_read(language: str, display: str) -> None:
    assert values(look(**SQUARE, displayLanguage=language), "display") == [display]
    assert values(lookup(scope(SHAPES), asked(**SQUARE), language), "display") == [display]


def test_the_parameter_comes_before_the_header() -> None:
    assert values(lookup(scope(SHAPES), asked(**SQUARE, displayLanguage="de"), "nl"), "display") == ["Quadrat"]


def test_a_concept_without_display_is_shown_by_its_code() -> None:
    assert values(look(system=URL, code="small"), "display") == ["small"]


@pytest.mark.parametrize(
    ("date", "display"),
    [("2026-01-01", "Square"), ("2024-04", "Old square"), ("2021-06-01T10:00:00Z", "Old square"), ("2019", "Square")],
)
def test_the_version_of_a_date(date: str, display: str) -> None:
    assert values(look(**SQUARE, date=date), "display") == [display]


@pytest.mark.parametrize(
    ("named", "error", "text"),
    [
        ({"system": URL, "code": "circle"}, NotFound, "Unknown code 'circle' in the CodeSystem '.*' version '2'"),
        ({"system": "http://no.test", "code": "a"}, NotFound, "'http://no.test' is not known"),
        ({**SQUARE, "version": "9"}, NotFound, "version '9'. Known versions: 2, 1"),
        ({"code": "square"}, Invalid, "needs the system"),
        ({"coding": {"code": "square"}}, Invalid, "coding needs a system"),
        ({**SQUARE, "coding": SQUARE}, BadRequest, "code and coding were sent"),
        ({}, BadRequest, "Exactly one of code, coding"),
        ({**SQUARE, "useSupplement": "http://no.test/s"}, NotFound, "Required supplement not found: http://no.test/s"),
        ({**SQUARE, "displayLanguage": "de;q=x"}, BadRequest, "displayLanguage"),
    ],
)  # fmt: skip
def test_tx02_what_cannot_be_answered(named: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        look(**named)


def test_tx34_of_a_system_that_is_not_present_nothing_can_be_said() -> None:
    with pytest.raises(Unprocessable, match="not-present"):
        lookup(scope(code_system(URL, content="not-present")), asked(**SQUARE))


def test_tx41_a_supplement_is_named_and_its_designations_say_where_they_are_from() -> None:
    supplement = {
        "resourceType": "CodeSystem", "url": "http://shapes.test/sv", "version": "7", "status": "active",
        "content": "supplement", "supplements": URL,
        "concept": [{"code": "square", "designation": [{"language": "sv", "value": "Kvadrat"}]}],
    }  # fmt: skip
    parameters = asked(**SQUARE, useSupplement="http://shapes.test/sv")
    answer = lookup(scope(SHAPES, supplement), parameters)
    assert values(answer, "used-supplement") == ["http://shapes.test/sv|7"]
    assert {"language": "sv", "value": "Kvadrat", "source": "http://shapes.test/sv|7"} in values(answer, "designation")


def test_a_unit_is_its_own_display_and_explained() -> None:
    answer = lookup(scope(), asked(system="http://unitsofmeasure.org", code="mg/dL"))
    assert values(answer, "display") == ["mg/dL"]
    assert "(milligram) / (deciliter)" in [one["value"] for one in values(answer, "designation")]
    assert properties(answer) == {"inactive": False}
    everything = lookup(scope(), asked(system="http://unitsofmeasure.org", code="mg/dL", property="*"))
    assert properties(everything) == {"inactive": False, "canonical": "g.m-3", "property": "mass concentration"}


def test_names_of_codes_that_properties_have() -> None:
    tree = code_system(
        URL, {"code": "a", "display": "A", "property": [{"code": "next", "valueCode": "b"}]}, {"code": "b"}
    )
    assert values(lookup(scope(tree), asked(system=URL, code="a", property="next")), "property") == [
        {"code": "next", "value": "b"}
    ]
