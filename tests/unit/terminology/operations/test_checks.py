"""What is said of a code's system, version and status beside whether it is in a value set."""

from __future__ import annotations

import pytest

from .asked import code_system, scope
from .judged import (
    COLOURS,
    SETS,
    SHAPES,
    STATUS,
    all_of,
    here,
    in_code_system,
    in_value_set,
    shapes,
    these,
    under,
    value_set,
)

ROUND = value_set("round", under("round"))


def test_a_coding_needs_a_system() -> None:
    found = in_value_set(here(ROUND), url=ROUND["url"], coding={"code": "circle"})
    assert not found.result
    assert found.kinds == ["warning invalid-data", "error not-in-vs"]
    assert found.places == ["Coding", "Coding.code"]
    assert "'#circle'" in found.values["message"]
    found = in_code_system(here(), coding={"code": "circle"})
    assert not found.result
    assert found.values.keys() == {"code", "message"}


@pytest.mark.parametrize(
    ("system", "ids"),
    [
        ("Shapes", ["Terminology_TX_System_Relative", "UNKNOWN_CODESYSTEM"]),
        ("urn:oid:1.2.3", ["UNKNOWN_CODESYSTEM"]),
        (ROUND["url"], ["Terminology_TX_System_ValueSet2"]),
        ("http://example.org/more", ["CODESYSTEM_CS_NO_SUPPLEMENT"]),
    ],
)
def test_systems_that_are_none(system: str, ids: list[str]) -> None:
    more = code_system("http://example.org/more", content="supplement", supplements=SHAPES)
    found = in_value_set(here(ROUND, more), url=ROUND["url"], coding={"system": system, "code": "circle"})
    assert not found.result
    assert found.ids[:-1] == ids
    assert all(place == "Coding.system" for place in found.places[:-1])
    assert found.values["message"] == "; ".join(sorted(one["details"]["text"] for one in found.issues))


def test_a_code_system_that_needs_a_version() -> None:
    """TX-34: versionNeeded."""
    some = scope(code_system(COLOURS, {"code": "red"}, versionNeeded=True, version="1"))
    assert in_code_system(some, url=COLOURS, code="red").ids == ["CODESYSTEM_VERSION_NEEDED"]
    assert in_code_system(some, url=COLOURS, code="red", version="1").result


def test_a_grammar_that_is_not_known_is_told() -> None:
    """TX-34: compositional."""
    some = scope(code_system(COLOURS, {"code": "red"}, compositional=True))
    found = in_code_system(some, url=COLOURS, code="red+blue")
    assert not found.result
    assert found.kinds == ["error invalid-code", "information process-note"]


def test_codes_of_a_grammar() -> None:
    """TX-34: units have no list, and are validated all the same."""
    units = "http://unitsofmeasure.org"
    some = value_set("units", {"system": units, "filter": [{"property": "canonical", "op": "=", "value": "g"}]})
    assert in_value_set(here(some), url=some["url"], system=units, code="kg").result
    assert not in_value_set(here(some), url=some["url"], system=units, code="m").result
    assert not in_value_set(here(some), url=some["url"], system=units, code="kgXX").result
    listed = value_set("listed", these("m/s", system=units))
    assert in_value_set(here(listed), url=listed["url"], system=units, code="m/s").result
    assert not in_value_set(here(listed), url=listed["url"], system=units, code="m").result


@pytest.mark.parametrize(
    ("about", "ids"),
    [
        ({}, []),
        ({"status": "draft"}, ["MSG_DRAFT"]),
        ({"experimental": True}, ["MSG_EXPERIMENTAL"]),
        ({"status": "retired"}, ["MSG_RETIRED"]),
        ({"extension": [{"url": STATUS, "valueCode": "deprecated"}]}, ["MSG_DEPRECATED"]),
        ({"extension": [{"url": STATUS, "valueCode": "withdrawn"}], "status": "draft"}, ["MSG_WITHDRAWN"]),
    ],
)
def test_the_status_of_a_code_system_is_told_and_no_more(about: dict[str, object], ids: list[str]) -> None:
    """TX-91: status-check."""
    some = scope(shapes(**about), value_set("all", all_of()))
    for found in (
        in_code_system(some, url=SHAPES, code="circle"),
        in_value_set(some, url=f"{SETS}all", system=SHAPES, code="circle"),
    ):
        assert found.result
        assert found.ids == ids
        assert all(one == "information status-check" for one in found.kinds)
        assert "message" not in found.values


def test_the_status_of_value_sets_is_told() -> None:
    """TX-91: of the value set, and of one that it imports."""
    inner = value_set("inner", all_of(), status="draft")
    outer = value_set("outer", {"valueSet": [inner["url"]]}, extension=[{"url": STATUS, "valueCode": "withdrawn"}])
    found = in_value_set(here(inner, outer), url=outer["url"], system=SHAPES, code="circle")
    assert found.ids == ["MSG_WITHDRAWN", "MSG_DRAFT"]
    assert inner["url"] in found.text("MSG_DRAFT")
    found = in_value_set(here(inner), url=inner["url"], system=SHAPES, code="circle")
    assert not found.issues  # a draft may rest on drafts
