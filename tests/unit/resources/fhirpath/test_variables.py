"""https://hl7.org/fhir/R4/fhirpath.html#variables"""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import compile, root

from .asking import DEFINITIONS, PATIENT, ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("%ucum", ["http://unitsofmeasure.org"]), ("%sct", ["http://snomed.info/sct"]),
        ("%loinc", ["http://loinc.org"]),
        ("%`vs-a-b`", ["http://hl7.org/fhir/ValueSet/a-b"]), ("%vs-a-b", ["http://hl7.org/fhir/ValueSet/a-b"]),
        ("%'ext-a'", ["http://hl7.org/fhir/StructureDefinition/a"]), ("name.select(%resource.id).first()", ["p"]),
        ("contained.select(%context.id)", ["p"]), ("%own", [7]), ("%many.count()", [2]), ("%none", []),
    ],
)  # fmt: skip
def test_variables(text: str, values: list[Any]) -> None:
    assert ask(text, own=7, many=[1, 2], none=None) == values


def test_of_an_element_the_resource_is_the_one_around_it() -> None:
    (inside,) = compile("contained.code.coding").nodes(DEFINITIONS, PATIENT)
    text = "%resource.id & %rootResource.id & %context.code"
    assert compile(text).values(DEFINITIONS, inside) == ["opc"]


def test_the_root_resource_may_be_named() -> None:
    contained = PATIENT["contained"][0]
    assert compile("%rootResource.id").values(DEFINITIONS, contained) == ["o"]
    assert compile("%rootResource.id").values(DEFINITIONS, contained, root=PATIENT) == ["p"]
    assert compile("%rootResource.id").values(DEFINITIONS, contained, root=root(DEFINITIONS, PATIENT)) == ["p"]
