"""Literal references taken apart: RF-1, RF-2, RF-6."""

from __future__ import annotations

import pytest

from search.references import Reference, parse, type_of

BASE = "http://here/fhir/t"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", Reference("Patient/1", "Patient", "1", "", True)),
        (f"{BASE}/Patient/1", Reference("Patient/1", "Patient", "1", "", True)),
        ("Patient/1/_history/2", Reference("Patient/1/_history/2", "Patient", "1", "2", True)),
        ("http://else/Patient/1", Reference("http://else/Patient/1", "Patient", "1", "", False)),
        (f"{BASE}2/Patient/1", Reference(f"{BASE}2/Patient/1", "Patient", "1", "", False)),
        (
            "https://else/x/Patient/1/_history/2",
            Reference("https://else/x/Patient/1/_history/2", "Patient", "1", "2", False),
        ),
        ("urn:uuid:1", Reference("urn:uuid:1", "", "", "", False)),
        ("#p", Reference("#p", "", "", "", False)),
        ("1", Reference("1", "", "", "", False)),
        ("http://else/some/page", Reference("http://else/some/page", "", "", "", False)),
        ("Patient/1/x", Reference("Patient/1/x", "", "", "", False)),
        ("Patient/" + "1" * 65, Reference("Patient/" + "1" * 65, "", "", "", False)),
    ],
)
def test_parse(text: str, expected: Reference) -> None:
    assert parse(text, BASE) == expected


RESOURCE = {"resourceType": "Task", "contained": [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group"}]}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/1"}, "Patient"),
        ({"reference": "http://else/Patient/1"}, "Patient"),
        ({"reference": "#p"}, "Patient"),
        ({"reference": "#q"}, ""),
        ({"reference": "#"}, "Task"),
        ({"reference": "urn:uuid:1", "type": "Patient"}, "Patient"),
        ({"reference": "urn:uuid:1"}, ""),
        ({"type": "Patient", "identifier": {"value": "1"}}, "Patient"),
        ({"display": "x"}, ""),
    ],
)
def test_the_type_is_what_the_reference_says(reference: dict[str, object], expected: str) -> None:
    assert type_of(reference, RESOURCE, BASE) == expected
