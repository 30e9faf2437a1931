"""One concept as it is shown. TX-11, TX-25, TX-26."""

from __future__ import annotations

from typing import Any

import pytest
from pyroaring import BitMap

from terminology.languages import Languages
from terminology.resources import code_system
from terminology.valuesets.parts import Part
from terminology.valuesets.rows import PROPERTY, STANDARDS_STATUS, Rows

Tree = dict[str, Any]
CORE = "http://hl7.org/fhir/StructureDefinition/"
ANY = Languages.of("", None)


def note(name: str, **value: Any) -> Tree:
    return {"url": CORE + name, **value}


def part(**concept: Any) -> Part:
    tree = {"resourceType": "CodeSystem", "url": "urn:s", "version": "1", "status": "active", "content": "complete"}
    system = code_system({**tree, "language": "en", "concept": [{"code": "a", **concept}]})
    return Part("urn:s", "1", system, system.all)


def property_of(name: str, **value: Any) -> Tree:
    return {"url": PROPERTY, "extension": [{"url": "code", "valueCode": name}, {"url": "value", **value}]}


def test_the_plainest_row() -> None:
    assert Rows(ANY).of(part(display="A"))(0) == {"system": "urn:s", "code": "a", "display": "A"}
    assert Rows(ANY).of(part())(0) == {"system": "urn:s", "code": "a"}
    assert Rows(ANY, versions=True).of(part())(0) == {"system": "urn:s", "version": "1", "code": "a"}


@pytest.mark.parametrize(
    ("extension", "shown"),
    [
        (note("rendering-style", valueString="bold"), note("rendering-style", valueString="bold")),
        (note("rendering-xhtml", valueString="<b>A</b>"), note("rendering-xhtml", valueString="<b>A</b>")),
        (note("itemWeight", valueDecimal=2), property_of("weight", valueDecimal=2)),
        (note("codesystem-label", valueString="a)"), property_of("label", valueString="a)")),
        (note("codesystem-conceptOrder", valueInteger=4), property_of("order", valueDecimal=4)),
        (
            note(
                "codesystem-alternate",
                extension=[{"url": "use", "valueCoding": {}}, {"url": "code", "valueCode": "A1"}],
            ),
            property_of("alternateCode", valueCode="A1"),
        ),
        (
            note("structuredefinition-standards-status", valueCode="deprecated"),
            property_of("status", valueCode="deprecated"),
        ),
        (note("unknown", valueBoolean=True), None),
    ],
)
def test_tx_26_extensions_of_a_concept(extension: Tree, shown: Tree | None) -> None:
    rows = Rows(ANY)
    found = rows.of(part(extension=[extension]))(0)
    assert found.get("extension", []) == ([shown] if shown else [])
    names = [shown["extension"][0]["valueCode"]] if shown and shown["url"] == PROPERTY else []
    assert list(rows.properties) == names
    assert all(uri.startswith("http://hl7.org/fhir/concept-properties#") for uri in rows.properties.values())


def test_tx_26_what_the_value_set_says_comes_first() -> None:
    here = part(extension=[note("codesystem-label", valueString="old"), note("rendering-style", valueString="bold")])
    said = {
        "code": "a",
        "extension": [note("valueset-label", valueString="new"), note("rendering-style", valueString="red")],
    }
    found = Rows(ANY).of(here._replace(given={0: said}))(0)
    assert found["extension"] == [note("rendering-style", valueString="red"), property_of("label", valueString="new")]


def test_tx_26_designations_keep_what_is_said_of_them() -> None:
    known = [note("coding-sctdescid", valueId="12"), {"url": STANDARDS_STATUS, "valueCode": "withdrawn"}]
    terms = [{"language": "de", "value": "A!", "extension": [*known, note("unknown", valueBoolean=True)]}]
    [found] = Rows(ANY, designations=True).of(part(designation=terms))(0)["designation"]
    assert found == {"extension": known, "language": "de", "value": "A!"}


def test_the_same_designation_is_shown_once() -> None:
    term = {"language": "de", "value": "A!"}
    here = part(designation=[term])._replace(given={0: {"code": "a", "designation": [term]}})
    assert Rows(ANY, designations=True).of(here)(0)["designation"] == [term]


def test_a_display_of_the_value_set_is_in_its_language() -> None:
    here = part(display="A")._replace(given={0: {"code": "a", "display": "Á"}})
    assert Rows(Languages.parse("hu, *;q=0"), language="hu").of(here)(0)["display"] == "Á"
    assert Rows(Languages.parse("en, *;q=0"), language="hu").of(here)(0)["display"] == "A"


def test_codes_of_a_system_that_is_not_here() -> None:
    said = {"code": "x", "display": "X", "extension": [note("valueset-deprecated", valueBoolean=True)]}
    found = Rows(ANY).of(Part("urn:none", "", None, BitMap(), ("x",), {}, {"x": said}))("x")
    assert found == {"system": "urn:none", **said}
