from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from resources.definitions import load
from resources.profiles.definition import Profile
from resources.profiles.official import official, official_tree
from resources.profiles.reading import read
from resources.profiles.snapshot import with_snapshot
from resources.profiles.world import NO, YES, Coding, Membership, Tree
from resources.validation.rules import Rules
from terminology.grammars.ucum import to_canonical

DEFINED = load()
RULES = Rules(DEFINED, to_canonical)
BASE = "http://hl7.org/fhir/StructureDefinition/"
PROFILE = "http://example.org/StructureDefinition/one"


class World:
    """A world of some profiles and of one value set."""

    def __init__(self, *profiles: Profile, resources: dict[str, Tree] | None = None) -> None:
        self._profiles = {one.url: one for one in profiles}
        self._resources = resources or {}

    def profile(self, canonical: str) -> Profile | None:
        return self._profiles.get(canonical) or official(DEFINED, canonical)

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        if value_set != "http://example.org/ValueSet/a":
            return Membership("unknown", f"{value_set} is not known here")
        return YES if coding.get("code") == "a" else NO

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        return None

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        return None

    def resource(self, reference: str) -> Tree | None:
        return self._resources.get(reference)


def profile(type_: str, *elements: dict[str, Any], url: str = PROFILE) -> Profile:
    """A profile of the type, from a differential."""
    tree = {
        "resourceType": "StructureDefinition", "url": url, "name": "One", "status": "active", "kind": "resource",
        "abstract": False, "type": type_, "derivation": "constraint", "baseDefinition": BASE + type_,
        "differential": {"element": [{"id": one["path"], **one} for one in elements]},
    }  # fmt: skip
    return read(with_snapshot(tree, lambda canonical: official_tree(DEFINED, canonical)))


def errors(tree: dict[str, Any], *profiles: str, world: World | None = None) -> list[tuple[str, ...]]:
    """(code, constraint or element, FHIRPath) of each error."""
    found = RULES.issues(tree, world or World(), profiles)
    return [(one.code, one.rule.rpartition("#")[2], *one.expression) for one in found if one.severity == "error"]


NAMED = profile("Patient", {"path": "Patient.name", "min": 1})


def test_invariants_of_the_base_are_judged() -> None:
    tree = {"resourceType": "Patient", "contact": [{"gender": "female"}]}
    assert errors(tree) == [("invariant", "pat-1", "Patient.contact[0]")]


def test_a_profile_is_judged_where_it_is_asked_and_where_it_is_claimed() -> None:
    world = World(NAMED)
    assert errors({"resourceType": "Patient"}, world=world) == []
    [(_, rule, path)] = errors({"resourceType": "Patient"}, PROFILE, world=world)
    assert (rule, path) == ("Patient.name", "Patient.name")
    claiming = {"resourceType": "Patient", "meta": {"profile": [PROFILE]}}
    assert len(errors(claiming, world=world)) == 1
    assert len(errors(claiming, PROFILE, world=world)) == 1  # said once
    assert errors({**claiming, "name": [{"text": "a"}]}, PROFILE, world=world) == []


URN = "urn:uuid:9ae0b9a1-7d85-4a3c-8a1c-4c8ffdbd8b5b"


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": URN}]}, "Bundle.entry[0].resource.name"),
        ({"resourceType": "Parameters", "parameter": [{"name": "x"}]}, "Parameters.parameter[0].resource.name"),
    ],
)  # fmt: skip
def test_resources_inside_are_judged_by_what_they_claim(tree: dict[str, Any], path: str) -> None:
    [inside] = tree.get("entry") or tree["parameter"]
    inside["resource"] = {"resourceType": "Patient", "meta": {"profile": [PROFILE]}}
    assert (
        errors(tree, world=World(NAMED)) == [("required", "Patient.name", path)]
        or errors(tree, world=World(NAMED))[0][2] == path
    )


def test_a_profile_of_another_type() -> None:
    tree = {"resourceType": "Basic", "code": {"text": "a"}, "meta": {"profile": [PROFILE]}}
    [(code, _, path)] = errors(tree, world=World(NAMED))
    assert (code, path) == ("structure", "Basic")


def test_what_is_asked_and_not_known_is_an_error_and_what_is_claimed_a_warning() -> None:
    tree = {"resourceType": "Patient", "meta": {"profile": [PROFILE]}}
    assert [(one.severity, one.code) for one in RULES.issues(tree, World()) if one.code == "not-found"] == [
        ("warning", "not-found")
    ]
    assert [one[0] for one in errors({"resourceType": "Patient"}, PROFILE)] == ["not-found"]


def test_of_very_many_issues_the_first_are_told() -> None:
    tree = {"resourceType": "Patient", "contact": [{"gender": "female"}] * 2_000}
    found = RULES.issues(tree, World())
    assert len(found) <= 502
    assert found[-1].code == "too-costly"


def test_constraints_ask_the_world() -> None:
    expressions = {
        "in": "maritalStatus.memberOf('http://example.org/ValueSet/a')",
        "conforms": f"conformsTo('{PROFILE}')",
        "there": "generalPractitioner.resolve().active",
    }
    tree: dict[str, Any] = {
        "resourceType": "Patient",
        "maritalStatus": {"coding": [{"code": "a"}]},
        "name": [{"text": "a"}],
        "generalPractitioner": [{"reference": "Practitioner/1"}],
    }
    asking = profile(
        "Patient",
        {
            "path": "Patient",
            "constraint": [
                {"key": key, "severity": "error", "human": key, "expression": expression}
                for key, expression in expressions.items()
            ],
        },
        url="http://example.org/asking",
    )
    good = World(NAMED, asking, resources={"Practitioner/1": {"resourceType": "Practitioner", "active": True}})
    assert errors(tree, asking.url, world=good) == []
    bad = World(NAMED, asking, resources={"Practitioner/1": {"resourceType": "Practitioner", "active": False}})
    broken = {**tree, "maritalStatus": {"coding": [{"code": "b"}]}}
    del broken["name"]
    assert {rule for _, rule, _ in errors(broken, asking.url, world=bad)} == set(expressions)


def test_each_claim_has_its_place_and_none_is_asked_where_claims_do_not_count() -> None:
    other = f"{PROFILE}-other"
    tree = {"resourceType": "Patient", "meta": {"profile": [PROFILE, other, PROFILE]}}
    places = [one.expression for one in RULES.issues(tree, World()) if one.code == "not-found"]
    assert places == [("Patient.meta.profile[0]",), ("Patient.meta.profile[1]",)]
    assert not [one for one in RULES.issues(tree, World(), claimed=False) if one.code == "not-found"]
    asked = RULES.issues(tree, World(), (PROFILE,), claimed=False)
    assert [one.expression for one in asked if one.code == "not-found"] == [("Patient",)]
