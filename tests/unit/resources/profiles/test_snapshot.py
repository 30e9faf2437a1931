"""Snapshots are generated from differentials."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from resources.outcome import Unprocessable
from resources.profiles.nesting import MOST_ELEMENTS
from resources.profiles.reading import read
from resources.profiles.snapshot import Unresolved, with_snapshot

from .published import Tree, made, structure_of_r4

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
URL = "http://example.org/StructureDefinition/made"


def derived(base: str, *elements: dict[str, Any], **other: Any) -> Tree:
    """A profile of a type of R4 by its differential; paths are below the type."""
    placed = [{**one, "path": f"{base}.{one['path']}".removesuffix(".")} for one in elements]
    return {
        "resourceType": "StructureDefinition",
        "url": URL,
        "kind": "resource",
        "type": base,
        "derivation": "constraint",
        "baseDefinition": CANONICAL + base,
        "differential": {"element": [{"path": base}, *placed]},
        **other,
    }


def test_a_snapshot_that_is_there_stays() -> None:
    tree = {"snapshot": {"element": [{"path": "Patient"}]}, "differential": {"element": []}}
    assert with_snapshot(tree, structure_of_r4) is tree


def test_an_element_is_changed_and_all_others_stay() -> None:
    base = made(derived("Patient", {"path": ""} | {"id": None}) | {"differential": {"element": [{"path": "Patient"}]}})
    found = made(derived("Patient", {"path": "birthDate", "min": 1, "mustSupport": True}))
    assert list(found) == list(base)
    assert {name for name in found if found[name] != base[name]} == {
        "Patient",
        "Patient.birthDate",
    }  # the root holds all
    assert (found["Patient.birthDate"].minimum, found["Patient.birthDate"].maximum) == (1, 1)


def test_a_path_goes_into_a_data_type() -> None:
    found = made(derived("Patient", {"path": "name.family", "min": 1}, {"path": "name.period.start", "min": 1}))
    assert found["Patient.name.family"].minimum == 1
    assert found["Patient.name.given"].maximum is None
    assert found["Patient.name.period.start"].minimum == 1
    assert found["Patient.name.period.end"].minimum == 0
    assert "Patient.address.line" not in found


def test_a_path_goes_where_a_reference_to_content_leads() -> None:
    found = made(derived("Bundle", {"path": "entry.link.relation", "max": "1", "fixedString": "self"}))
    link = found["Bundle.entry.link"]
    assert [one.code for one in link.types] == ["BackboneElement"]
    assert found["Bundle.entry.link.relation"].fixed is not None
    assert found["Bundle.entry.link.url"].minimum == 1
    assert found["Bundle.link.relation"].fixed is None


def test_slices_have_what_is_below_the_sliced_element() -> None:
    slicing = {"discriminator": [{"type": "pattern", "path": "code"}], "rules": "open"}
    found = made(
        derived(
            "Observation",
            {"path": "component", "slicing": slicing, "min": 2},
            {"path": "component", "sliceName": "one", "min": 1, "max": "1"},
            {"path": "component.code", "patternCodeableConcept": {"text": "1"}},
            {"path": "component", "sliceName": "other"},
        )
    )
    component, one, other = (found[f"Observation.component{name}"] for name in ("", ":one", ":other"))
    assert (component.minimum, one.minimum, one.maximum, other.minimum, other.maximum) == (2, 1, 1, 0, None)
    assert [rule.name for rule in one.children] == [rule.name for rule in other.children]
    assert component.slicing is not None
    assert one.slicing is None
    assert found["Observation.component:one.code"].pattern is not None
    assert found["Observation.component:other.code"].pattern is None
    assert found["Observation.component.code"].pattern is None


def test_a_slice_can_be_sliced_again() -> None:
    slicing = {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}
    found = made(
        derived(
            "Patient",
            {"path": "identifier", "slicing": slicing},
            {"path": "identifier", "sliceName": "a", "max": "2", "slicing": slicing},
            {"path": "identifier", "sliceName": "a/b", "max": "1"},
            {"path": "identifier.system", "min": 1},
        )
    )
    assert [one.slice_name for one in found["Patient.identifier"].slices] == ["a"]
    (again,) = found["Patient.identifier:a"].slices
    assert (again.id, again.maximum) == ("Patient.identifier:a/b", 1)
    assert found["Patient.identifier:a/b.system"].minimum == 1


def test_slices_of_the_base_are_changed_by_name() -> None:
    base = derived(
        "Patient",
        {"path": "identifier", "slicing": {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}},
        {"path": "identifier", "sliceName": "a", "max": "2"},
        url="http://base",
    )
    whole = with_snapshot(base, structure_of_r4)
    change = derived(
        "Patient",
        {"path": "identifier", "sliceName": "a", "min": 1},
        {"path": "identifier.value", "min": 1},
        baseDefinition="http://base",
    )
    found = made(change, lambda url: whole if url == "http://base" else structure_of_r4(url))
    assert (found["Patient.identifier:a"].minimum, found["Patient.identifier:a"].maximum) == (1, 2)
    assert found["Patient.identifier:a.value"].minimum == 1


def test_a_closed_slicing_of_the_base_takes_no_more_slices() -> None:
    base = derived(
        "Patient",
        {"path": "identifier", "slicing": {"discriminator": [{"type": "value", "path": "use"}], "rules": "closed"}},
        {"path": "identifier", "sliceName": "a", "max": "2"},
    )
    whole = with_snapshot(base, structure_of_r4)
    change = derived("Patient", {"path": "identifier", "sliceName": "b"}, baseDefinition=URL)
    with pytest.raises(Unprocessable, match="takes no more slices"):
        made(change, lambda url: whole if url == URL else structure_of_r4(url))


def test_extensions_take_what_their_definition_says() -> None:
    profile = CANONICAL + "patient-birthTime"
    found = made(
        derived(
            "Patient", {"path": "extension", "sliceName": "time", "type": [{"code": "Extension", "profile": [profile]}]}
        )
    )
    extension = found["Patient.extension"]
    assert extension.slicing is not None
    assert [one.path for one in extension.slicing.discriminators] == ["url"]
    assert found["Patient.extension:time"].maximum == 1  # of the extension's own definition
    assert found["Patient.extension:time"].types[0].profiles == (profile,)


def test_below_an_extension_lies_what_its_definition_has() -> None:
    profile = CANONICAL + "patient-birthTime"
    found = made(
        derived(
            "Patient",
            {"path": "birthDate.extension", "sliceName": "time", "type": [{"code": "Extension", "profile": [profile]}]},
            {"path": "birthDate.extension.value[x]", "min": 1},
        )
    )
    assert found["Patient.birthDate.extension:time.url"].fixed is not None
    value = found["Patient.birthDate.extension:time.value[x]"]
    assert (value.minimum, [one.code for one in value.types]) == (1, ["dateTime"])


def test_a_type_in_the_path_slices_the_choice() -> None:
    found = made(derived("Observation", {"path": "valueQuantity.unit", "min": 1}))
    value = found["Observation.value[x]"]
    assert value.slicing is not None
    assert (value.slicing.rules, value.slicing.discriminators[0].type, len(value.types)) == ("open", "type", 11)
    (quantity,) = value.slices
    assert (quantity.id, quantity.slice_name) == ("Observation.value[x]:valueQuantity", "valueQuantity")
    assert [one.code for one in quantity.types] == ["Quantity"]
    assert found["Observation.value[x]:valueQuantity.unit"].minimum == 1


def test_a_required_type_is_the_only_one() -> None:
    value = made(derived("Observation", {"path": "valueQuantity", "min": 1}))["Observation.value[x]"]
    assert value.slicing is not None
    assert (value.minimum, [one.code for one in value.types], value.slicing.rules) == (1, ["Quantity"], "closed")


def test_a_type_in_a_path_inside_a_slice_narrows_the_choice() -> None:
    slicing = {"discriminator": [{"type": "pattern", "path": "code"}], "rules": "open"}
    found = made(
        derived(
            "Observation",
            {"path": "component", "slicing": slicing},
            {"path": "component", "sliceName": "a"},
            {"path": "component.valueQuantity.unit", "min": 1},
        )
    )
    value = found["Observation.component:a.value[x]"]
    assert ([one.code for one in value.types], value.slices) == (["Quantity"], ())
    assert found["Observation.component:a.value[x].unit"].minimum == 1


def test_a_short_path_may_name_its_slice_as_well() -> None:
    quantity = {"path": "valueQuantity", "sliceName": "valueQuantity", "max": "0"}
    found = made(derived("Observation", quantity))
    assert found["Observation.value[x]:valueQuantity"].maximum == 0
    assert found["Observation.value[x]:valueQuantity"].slices == ()


def test_what_is_only_named_is_no_slice() -> None:
    found = made(derived("Patient", {"path": "birthDate", "sliceName": "Born", "min": 1}))
    assert (found["Patient.birthDate:Born"].minimum, found["Patient.birthDate:Born"].slices) == (1, ())
    assert "Patient.birthDate" not in found


def test_a_profile_of_a_profile() -> None:
    first = with_snapshot(derived("Patient", {"path": "name.family", "min": 1}, url="http://one"), structure_of_r4)
    second = derived("Patient", {"path": "name.given", "min": 1}, baseDefinition="http://one|1.0")
    found = made(second, lambda url: first if url == "http://one|1.0" else structure_of_r4(url))
    assert (found["Patient.name.family"].minimum, found["Patient.name.given"].minimum) == (1, 1)


def test_nothing_that_is_given_is_changed() -> None:
    base = structure_of_r4(CANONICAL + "Observation")
    before = repr(base)
    made(derived("Observation", {"path": "valueQuantity.unit", "min": 1}, {"path": "component.code.text", "min": 1}))
    assert repr(base) == before


def test_an_element_can_be_taken_away() -> None:
    assert made(derived("Patient", {"path": "photo", "max": "0"}))["Patient.photo"].maximum == 0


def test_constraints_accumulate_and_are_the_profiles_own() -> None:
    own = {"key": "x-1", "severity": "error", "human": "x", "expression": "true"}
    constraints = made(derived("Patient", {"path": "contact", "constraint": [own]}))["Patient.contact"].constraints
    assert {one.key: one.source for one in constraints}["x-1"] == URL
    assert {one.key: one.source for one in constraints}["pat-1"] == CANONICAL + "Patient"


def test_a_type_of_its_own_adds_elements() -> None:
    tree = derived("Made", {"path": "part", "max": "*", "type": [{"code": "BackboneElement"}]}, {"path": "part.size"})
    found = made({**tree, "derivation": "specialization", "baseDefinition": CANONICAL + "DomainResource"})
    assert {"Made.id", "Made.text", "Made.part", "Made.part.size", "Made.part.modifierExtension"} <= set(found)


@pytest.mark.parametrize(
    ("elements", "index", "text"),
    [
        ([{"path": "nothing"}], 1, "'Patient.nothing' matches nothing"),
        ([{"path": "birthDate"}, {"path": "name.nothing"}], 1, "order"),
        ([{"path": "name.nothing"}], 1, "'Patient.name.nothing' matches nothing"),
        ([{"path": "deceasedQuantity"}], 1, "matches nothing"),
        ([{"path": "birthDate"}, {"path": "identifier"}], 1, "'Patient.birthDate' stands before 'Patient.identifier'"),
        ([{"path": "name"}, {"path": "photo"}, {"path": "contact.name"}, {"path": "contact.relationship"}], 3, "order"),
        ([{"path": "active", "type": [{"code": "string"}]}], 1, "has the type string, where its base has boolean"),
        ([{"path": "contact", "max": "0"}, {"path": "link.other", "max": "0"}], 2, "asks for 1 of at most 0"),
        ([{"path": "name", "type": "HumanName"}], 1, "cannot be used"),
        ([{"path": "name", "constraint": [{"key": 1}]}], 1, "cannot be used"),
        ([{"path": "name", "slicing": {"discriminator": ["url"]}}], 1, "cannot be used"),
        ([{"path": "name"}, {"path": "name"}], 2, "twice"),
    ],
)
def test_what_cannot_be_is_refused_by_its_element(elements: list[dict[str, Any]], index: int, text: str) -> None:
    with pytest.raises(Unprocessable, match=text) as refused:
        made(derived("Patient", *elements))
    assert refused.value.issues[0].expression == (f"StructureDefinition.differential.element[{index}]",)


@pytest.mark.parametrize(
    "differential", [{}, {"differential": {}}, {"differential": {"element": []}}, {"differential": 3}]
)
def test_there_must_be_a_differential(differential: Any) -> None:
    tree = derived("Patient")
    del tree["differential"]
    with pytest.raises(Unprocessable):
        with_snapshot({**tree, **differential}, structure_of_r4)


def test_a_differential_is_about_the_type_of_its_base() -> None:
    with pytest.raises(Unprocessable, match=r"its base .* about Group"):
        made(derived("Patient", baseDefinition=CANONICAL + "Group"))


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(Unresolved) as error:
        made(derived("Patient", baseDefinition="http://base|2"))
    assert error.value.canonical == "http://base|2"
    assert error.value.issues[0].code == "not-found"
    typed = [{"code": "Extension", "profile": ["http://extension"]}]
    sliced = {"path": "extension", "sliceName": "a", "type": typed}
    assert made(derived("Patient", sliced))["Patient.extension:a"].types[0].profiles == ("http://extension",)
    with pytest.raises(Unresolved) as error:
        made(derived("Patient", sliced, {"path": "extension.value[x]", "min": 1}))
    assert error.value.canonical == "http://extension"


def test_a_base_that_makes_no_sense_is_named() -> None:
    base = {"snapshot": {"element": [{"path": "Patient"}, {"path": "Group.name"}]}}
    with pytest.raises(Unprocessable, match=r"http://base, which .* cannot be used"):
        made(derived("Patient", baseDefinition="http://base"), {"http://base": base}.get)


# Hostile definitions: each ends with a 4xx, or a snapshot, in bounded time.


def sliced_base() -> Tree:
    """A type with 5,000 elements below one."""
    below = [{"path": f"Patient.a.b{number}", "min": 0, "max": "1"} for number in range(5000)]
    return {"snapshot": {"element": [{"path": "Patient"}, {"path": "Patient.a", "max": "*"}, *below]}}


def choices() -> Tree:
    types = [{"code": f"T{number}"} for number in range(1000)]
    below = [{"path": f"Patient.a{number}[x]", "type": types} for number in range(100)]
    return {"snapshot": {"element": [{"path": "Patient"}, *below]}}


HOSTILE: list[tuple[Tree | None, list[dict[str, Any]]]] = [
    (sliced_base(), [{"path": "a", "sliceName": f"s{number}"} for number in range(10_000)]),
    (sliced_base(), [{"path": "a", "sliceName": "/".join(["a"] * number)} for number in range(1, 30)]),
    (choices(), [{"path": f"a{number % 100}T{number}"} for number in range(1000)]),
    (None, [{"path": f"photo{number}"} for number in range(100_000)]),
    (None, [{"path": "identifier", "sliceName": f"s{number}"} for number in range(MOST_ELEMENTS - 1)]),
    (None, [{"path": "extension" + ".extension" * 30}]),
    (None, [{"path": "extension" + ".extension" * 300}]),
    (None, [{"path": "name", "sliceName": "/" * 1_000_000}]),
    (None, [{"path": "name", "type": [{"code": f"T{number}"} for number in range(100_000)]}]),
    (None, [{"path": "name", "type": [{"code": "HumanName", "profile": ["x"] * 1_000_000}]}]),
    (
        None,
        [{"path": "name", "constraint": [{"key": f"k{number}", "expression": "true"} for number in range(100_000)]}],
    ),
    (
        None,
        [{"path": "name", "slicing": {"discriminator": [{"type": "value", "path": f"p{n}"} for n in range(100_000)]}}],
    ),
]


@pytest.mark.parametrize(("base", "elements"), HOSTILE)
def test_hostile_differentials_end(base: Tree | None, elements: list[dict[str, Any]]) -> None:
    tree = derived("Patient", *elements, baseDefinition="http://base" if base else CANONICAL + "Patient")
    start = time.perf_counter()
    with contextlib.suppress(Unprocessable):  # all else would fail here
        read(with_snapshot(tree, lambda url: base if url == "http://base" else structure_of_r4(url)))
    assert time.perf_counter() - start < 20


def test_a_profile_that_is_its_own_base_is_unresolved() -> None:
    tree = derived("Patient", baseDefinition=URL)
    with pytest.raises(Unresolved):
        with_snapshot(tree, {URL: tree}.get)
