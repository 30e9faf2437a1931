"""What the text of a reference says about its target."""

from __future__ import annotations

import time

import pytest

from resources import definitions
from resources.references import stated_type, target_type

KNOWN = definitions.load().is_resource_type


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/1", "Patient"),
        ("Patient/A-b.1/_history/2", "Patient"),
        ("http://example.org/Patient/1", "Patient"),
        ("https://example.org/fhir/default/Patient/1/_history/2", "Patient"),
        ("Patient?identifier=http://example.org|1", "Patient"),
        ("NutritionProduct/1", "NutritionProduct"),  # relative, so it must be a type, and is none of R4
        ("http://example.org/NutritionProduct/1", None),
        ("http://example.org/About/1", None),
        ("http://example.org/Patient/1/details", None),
        ("#a", None),
        ("#", None),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", None),
        ("urn:oid:1.2.3", None),
        ("Patient/a b", None),
        ("Patient/" + "x" * 65, None),
        ("Patient/1#a", None),
        ("Patient", None),
        ("Patient/", None),
        ("/Patient/1", None),
        ("patient/1", None),
        ("fhir/Patient/1", None),
        ("Patient/1\n", None),
        ("", None),
    ],
)
def test_target_type(reference: str, expected: str | None) -> None:
    assert target_type(reference, KNOWN) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("Patient", "Patient"),
        ("http://hl7.org/fhir/StructureDefinition/Patient", "Patient"),
        ("http://example.org/StructureDefinition/Dog", None),
        ("Dog", None),
        ("", None),
    ],
)
def test_stated_type(uri: str, expected: str | None) -> None:
    assert stated_type(uri, KNOWN) == expected


@pytest.mark.parametrize("unit", ["http://a/", "A/", "Patient/1/", "?", "/_history/", "A"])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    start = time.perf_counter()
    target_type("http://" + unit * (1_000_000 // len(unit)) + "\n", KNOWN)
    target_type(unit * (1_000_000 // len(unit)) + "\n", KNOWN)
    assert time.perf_counter() - start < 0.5
