"""https://hl7.org/fhirpath/N1/#types, https://hl7.org/fhir/R4/fhirpath.html#types"""

from __future__ import annotations

from typing import Any

import pytest

from .asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Patient is DomainResource", [True]), ("$this.is(Resource)", [True]), ("id is string", [True]),
        ("id is uri", [False]),
        ("(id as string)", []), ("(id as id)", ["p"]), ("contained.ofType(Observation).id", ["o"]),
        ("contained.ofType(Patient)", []),
        ("contained.ofType(Resource).id", ["o"]), ("1 is Integer", [True]), ("1 is System.Integer", [True]),
        ("1 is FHIR.Integer", None),
        ("active is Boolean", [False]), ("active is boolean", [True]), ("{} is Patient", []),
        ("@2014 is Date", [True]), ("1 is Any", [True]),
        ("name.as(HumanName).family", ["Chalmers"]), ("1.type().name", ["Integer"]),
        ("1.type().baseType", ["System.Any"]),
        ("id.type().namespace & '.' & id.type().name", ["FHIR.id"]), ("type().baseType", ["FHIR.DomainResource"]),
        ("1.name", []),
        ("contained.component is BackboneElement", [True]), ("contained.component is Element", [True]),
        ("(4 days) is Quantity", [True]), ("Patient is System.Patient", [False]),
        ("descendants().ofType(uri).count()", [5]),
    ],
)  # fmt: skip
def test_types(text: str, values: list[Any] | None) -> None:
    if values is None:
        with pytest.raises(Exception, match="no type"):
            ask(text)
    else:
        assert ask(text) == values
