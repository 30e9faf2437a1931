"""Composites: CP-1 … CP-4, and the traps of the official data."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import BadRequest, NotSupported
from search.expression import Unsupported
from search.parameters import composite

from ..parameter_of import BASE, INDEXER, R4, condition_of, finds, index_of, parameter_of

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"


def code(*codes: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": one} for one in codes]}


def mmol(value: str) -> dict[str, Any]:
    return {"value": Decimal(value), "system": UCUM, "code": "mmol/L", "unit": "mmol"}


LAB = {"code": code("A", "B"), "valueQuantity": mmol("5.5")}
PRESSURE = {
    "code": code("P"),
    "component": [
        {"code": code("S"), "valueQuantity": mmol("120")},
        {"code": code("D"), "valueQuantity": mmol("80")},
        {"code": code("C"), "valueCodeableConcept": code("X", system="s")},
        {"code": code("N")},
    ],
}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (f"{LOINC}|A$gt5.4|{UCUM}|mmol/L", True), ("a$gt5.4", True), (f"{LOINC}|B$5.5", True), (f"{LOINC}|$5.5", True),
        ("|A$5.5", False), ("C$5.5", False), (f"{LOINC}|A$lt5.4", False), (f"s|A$5.5|{UCUM}|mmol/L", False),
        (f"A$5500|{UCUM}|umol/L", True), ("A$5.5||mmol", True), (f"A$5.5|{UCUM}|", True), (f"s|$5.5|{UCUM}|mmol/L", False),
        (f"{LOINC}|$5.5|{UCUM}|mmol/L", True), ("A$ne5.5", False),
    ],
)  # fmt: skip
def test_cp2_each_part_has_the_forms_of_its_type(value: str, found: bool) -> None:
    assert finds("Observation", LAB, f"code-value-quantity={value}") is found
    assert finds("Observation", LAB, f"combo-code-value-quantity={value}") is found
    assert not finds("Observation", LAB, f"component-code-value-quantity={value}")


@pytest.mark.parametrize(
    ("value", "found"),
    [("S$120", True), ("D$80", True), ("S$80", False), ("D$gt100", False), ("P$120", False), ("N$ne1", False)],
)
def test_cp1_cp3_in_the_same_component(value: str, found: bool) -> None:
    assert finds("Observation", PRESSURE, f"component-code-value-quantity={value}") is found
    assert finds("Observation", PRESSURE, f"combo-code-value-quantity={value}") is found
    assert not finds("Observation", PRESSURE, f"code-value-quantity={value}")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("C$X", True),
        (f"{LOINC}|C$s|x", True),
        (f"{LOINC}|$s|", True),
        ("|C$X", False),
        ("S$X", False),
        ("C$t|X", False),
    ],
)
def test_cp1_concepts(value: str, found: bool) -> None:
    assert finds("Observation", PRESSURE, f"component-code-value-concept={value}") is found
    assert finds("Observation", PRESSURE, f"combo-code-value-concept={value}") is found
    whole = {"code": code("C"), "valueCodeableConcept": code("X", system="s")}
    assert finds("Observation", whole, f"code-value-concept={value}") is found


@pytest.mark.parametrize(
    ("content", "value", "found"),
    [
        ({"valueString": "Größe 5"}, "A$grosse", True),
        ({"valueString": "Größe 5"}, f"{LOINC}|A$GRÖSSE", True),
        ({"valueString": "Größe 5"}, f"{LOINC}|$gr", True),
        ({"valueString": "Größe 5"}, "A$5", False),
        ({"valueString": "Größe 5"}, "B$grosse", False),
        ({"valueString": "Größe 5"}, "A$%", False),
        ({"valueString": r"a$b"}, r"A$a\$b", True),
        ({"valueString": "x" * 2_000}, "A$" + "x" * 500, True),
    ],
)
def test_code_and_string(content: dict[str, Any], value: str, found: bool) -> None:
    assert finds("Observation", {"code": code("A")} | content, f"code-value-string={value}") is found


@pytest.mark.parametrize(
    ("content", "value", "found"),
    [
        ({"valueDateTime": "2020-05-01T10:00:00Z"}, "A$2020-05", True),
        ({"valueDateTime": "2020-05-01T10:00:00Z"}, "A$gt2020-05", False),
        ({"valueDateTime": "2020-05-01T10:00:00Z"}, "A$lt2020-06", True),
        ({"valueDateTime": "2020-05-01T10:00:00Z"}, "B$2020", False),
        ({"valuePeriod": {"start": "2020"}}, "A$sa2019", True),
        ({"valuePeriod": {"start": "2020"}}, "A$2020", False),
        ({"valuePeriod": {"end": "1969-12-31"}}, "A$eb1970", True),
        ({"valuePeriod": {"end": "1969-12-31"}}, "A$ge1970", False),
        ({"valuePeriod": {"end": "1969"}}, "A$lt1900", True),
    ],
)
def test_code_and_date(content: dict[str, Any], value: str, found: bool) -> None:
    """The definition says DateTime; the type is dateTime."""
    assert finds("Observation", {"code": code("A")} | content, f"code-value-date={value}") is found


@pytest.mark.parametrize(
    ("value", "found"),
    [("Patient/1$b", None), ("DocumentReference/1$replaces", True), ("1$replaces", True), ("1$appends", False),
     ("2$replaces", False), ("2$appends", True), (f"{BASE}/DocumentReference/1$replaces", True)],
)  # fmt: skip
def test_a_reference_and_a_code_the_wrong_way_round(value: str, found: bool | None) -> None:
    """The component expressions of DocumentReference.relationship are swapped; a value is reference$token."""
    content = {
        "relatesTo": [
            {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
            {"code": "appends", "target": {"reference": "DocumentReference/2"}},
        ]
    }
    assert finds("DocumentReference", content, f"relationship={value}") is bool(found)


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("chromosome-variant-coordinate=1$5$7", True), ("chromosome-variant-coordinate=1$lt6$gt6", True),
        ("chromosome-variant-coordinate=1$5$17", False), ("chromosome-variant-coordinate=1$15$17", True),
        ("chromosome-variant-coordinate=2$5$7", False), ("chromosome-window-coordinate=1$100$200", True),
        ("chromosome-window-coordinate=s|1$100$lt200", False), ("referenceseqid-window-coordinate=q|NC$100$200", True),
        ("referenceseqid-variant-coordinate=NC$ge15$le17", True),
    ],
)  # fmt: skip
def test_percent_resource_reaches_out_of_the_base(criterion: str, found: bool) -> None:
    content = {
        "referenceSeq": {
            "chromosome": code("1", system="s"), "referenceSeqId": code("NC", system="q"), "windowStart": 100, "windowEnd": 200,
        },
        "variant": [{"start": 5, "end": 7}, {"start": 15, "end": 17}, {"start": 25}],
    }  # fmt: skip
    assert finds("MolecularSequence", content, criterion) is found


def test_contexts_and_characteristics() -> None:
    contexts = {
        "useContext": [
            {"code": {"system": "u", "code": "age"}, "valueRange": {"low": {"value": 10}, "high": {"value": 20}}},
            {"code": {"system": "u", "code": "focus"}, "valueCodeableConcept": code("D")},
        ]
    }
    for resource_type in ("ValueSet", "Questionnaire", "PlanDefinition"):
        assert finds(resource_type, contexts, "context-type-quantity=age$gt15")
        assert not finds(resource_type, contexts, "context-type-quantity=focus$gt15")
        assert finds(resource_type, contexts, f"context-type-value=u|focus${LOINC}|D")
        assert not finds(resource_type, contexts, "context-type-value=age$D")
    group = {"characteristic": [{"code": code("G"), "valueBoolean": True}, {"code": code("H"), "valueBoolean": False}]}
    assert finds("Group", group, "characteristic-value=G$true")
    assert not finds("Group", group, "characteristic-value=G$false")


def test_cp3_all_official_composites_are_indexed() -> None:
    seen = set()
    for resource_type in R4.resource_types:
        for parameter in INDEXER.parameters(resource_type).values():
            if parameter.definition.type == "composite":
                seen.add(parameter.definition.url)
                bases = (parameter.definition.expression or "").count(" | ") if "combo" in parameter.code else 0
                assert len(composite.ends(R4, resource_type, parameter)) == bases + 1, parameter.definition.url
                assert len(parameter.components) == len(parameter.definition.components)
    assert len(seen) == 46


@pytest.mark.parametrize("value", ["A", "A$1$2", "$1", "A$", "A$x", "A|B|C$1", "A$1|mg"])
def test_cp2_what_is_no_value(value: str) -> None:
    with pytest.raises(BadRequest, match=r"code-value-quantity="):
        condition_of("Observation", f"code-value-quantity={value}")


def test_cp4_the_parameter_of_a_package_is_used_instead() -> None:
    """Components are named by URL; one whose code a package took is the package's."""
    official = parameter_of("Observation", "code")
    own = replace(official, definition=replace_url(official.definition, "http://package/code"))
    known = {**INDEXER.parameters("Observation"), "code": own}
    [first, _] = composite.components(R4, known, parameter_of("Observation", "code-value-quantity").definition)
    assert first is own


def replace_url(definition: Any, url: str) -> Any:
    return type(definition)(**{name: getattr(definition, name) for name in definition.__struct_fields__} | {"url": url})


@pytest.mark.parametrize("codes", [("value-quantity",), ("code", "value-string", "value-date"), ("code", "_profile")])
def test_what_cannot_be_searched_together(codes: tuple[str, ...]) -> None:
    definition = parameter_of("Observation", "code-value-quantity").definition
    components = tuple((parameter_of("Observation", one).definition.url, "code") for one in codes)
    given = type(definition)(
        **{name: getattr(definition, name) for name in definition.__struct_fields__} | {"components": components}
    )
    with pytest.raises(Unsupported, match="cannot be searched together"):
        composite.components(R4, INDEXER.parameters("Observation"), given)


def test_a_type_without_the_components() -> None:
    definition = parameter_of("Observation", "code-value-quantity").definition
    assert composite.components(R4, {}, definition) == ()
    without = replace(parameter_of("Observation", "code-value-quantity"), components=())
    with pytest.raises(NotSupported, match="code-value-quantity"):
        composite.condition(without, None, ("a$1",), BASE)


def test_nothing_is_indexed_without_both_parts() -> None:
    number = parameter_of("Observation", "code-value-quantity").number
    for content in (
        {"code": code("A")},
        {"valueQuantity": mmol("1")},
        {"code": {"text": "x"}, "valueQuantity": mmol("1")},
    ):
        assert not any(row[0] == number for row in index_of("Observation", content).qty)
