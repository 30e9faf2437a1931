"""resolve(). https://hl7.org/fhir/R4/fhirpath.html#functions, https://hl7.org/fhir/R4/bundle.html#references"""

from __future__ import annotations

import time
from typing import Any

from resources.fhirpath import Outside, compile

from ..asking import DEFINITIONS, PATIENT, ask

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "entry": [
        {
            "fullUrl": "http://a/Patient/1",
            "resource": {"resourceType": "Patient", "id": "1", "managingOrganization": {"reference": "Organization/2"}},
        },
        {"fullUrl": "http://a/Organization/2", "resource": {"resourceType": "Organization", "id": "2"}},
        {"fullUrl": "http://b/Organization/2", "resource": {"resourceType": "Organization", "id": "3"}},
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Group", "managingEntity": {"reference": "http://b/Organization/2"}}},
    ],
}  # fmt: skip


def test_many_contained_resources_are_looked_through_once() -> None:
    contained = [{"resourceType": "Patient", "id": str(n % 9_999)} for n in range(10_000)]
    tree = {"resourceType": "Patient", "contained": contained, "link": [{"other": {"reference": "#9998"}}] * 10_000}
    begun = time.thread_time()
    assert ask("link.other.resolve().id", tree) == ["9998"] * 10_000
    found = compile("'#0'.resolve()").nodes(DEFINITIONS, tree)
    assert [one.index for one in found] == [0]  # the first of two
    assert time.thread_time() - begun < 5


def test_contained_resources() -> None:
    assert ask("generalPractitioner.resolve().id") == ["o"]
    assert ask("contained.subject.resolve().id") == ["p"]
    assert ask("'#o'.resolve() is Observation") == [True]
    assert ask("'#x'.resolve()") == []
    contained = PATIENT["contained"][0]
    assert compile("subject.resolve().id").values(DEFINITIONS, contained, root=PATIENT) == ["p"]


def test_within_a_bundle_by_the_base_of_the_entry() -> None:
    assert ask("entry[0].resource.managingOrganization.resolve().id", BUNDLE) == ["2"]
    assert ask("entry.resource.managingEntity.resolve().id", BUNDLE) == ["3"]
    assert ask("'urn:uuid:1'.resolve() is Group", BUNDLE) == [True]
    found = compile("entry[0].resource.managingOrganization.resolve()").nodes(DEFINITIONS, BUNDLE)
    assert [node.path for node in found] == ["Bundle.entry[1].resource"]


def test_outside_who_is_asked_last() -> None:
    asked: list[str] = []

    def resolve(reference: str) -> dict[str, Any] | None:
        asked.append(reference)
        return {"resourceType": "Practitioner", "id": "q"} if reference == "Practitioner/1" else None

    assert ask("generalPractitioner.resolve().id", outside=Outside(resolve=resolve)) == ["o", "q"]
    assert ask("'Nobody/1'.resolve()", outside=Outside(resolve=resolve)) == []
    assert asked == ["Practitioner/1", "Nobody/1"]
