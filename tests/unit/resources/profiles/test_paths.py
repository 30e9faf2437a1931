from __future__ import annotations

import pytest

from resources.fhirpath.nodes import model
from resources.profiles.paths import Step, is_plain, nodes_at, read_path, resolved, rules_at, urls_of, values_at
from tests.unit.resources.profiles.made import Tree, element, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import DEFINITIONS, Known, at, run_of

NAME, URL = "name", "http://example.org/x.y"
TREE: Tree = {
    "resourceType": "Observation",
    "contained": [{"resourceType": "Patient", "id": "p", "gender": "other"}],
    "code": {"coding": [{"code": "a"}, {"code": "b"}], "extension": [{"url": URL, "valueCode": "x"}]},
    "subject": {"reference": "#p"},
    "performer": [{"reference": "Practitioner/1"}, {"reference": "#p"}],
    "valueQuantity": {"code": "kg", "system": "urn:u"},
}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$this", ()),
        ("code.coding", (Step(NAME, "code"), Step(NAME, "coding"))),
        ("$this.code", (Step(NAME, "code"),)),
        ("`code`", (Step(NAME, "code"),)),
        ("value[x]", (Step(NAME, "value"),)),
        ("resolve()", (Step("resolve"),)),
        ("resolve().code", (Step("resolve"), Step(NAME, "code"))),
        (f"extension('{URL}').value", (Step("extension", URL), Step(NAME, "value"))),
        ("value.ofType(Quantity).code", (Step(NAME, "value"), Step("type", "Quantity"), Step(NAME, "code"))),
        ("value.as(FHIR.Quantity)", (Step(NAME, "value"), Step("type", "Quantity"))),
        ("code.where(a=b)", None),
        ("code coding", None),
        ("code..coding", None),
        (".code", None),
        (".".join(["a"] * 17), None),
    ],
)
def test_paths_are_read(text: str, steps: tuple[Step, ...] | None) -> None:
    assert read_path(text) == steps


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("$this", ["Observation"]),
        ("code.coding.code", ["Observation.code.coding[0].code", "Observation.code.coding[1].code"]),
        ("value.code", ["Observation.value.code"]),
        ("valueQuantity.code", ["Observation.value.code"]),
        ("value.ofType(Quantity)", ["Observation.value"]),
        ("value.ofType(string)", []),
        (f"code.extension('{URL}').value", ["Observation.code.extension[0].value"]),
        ("code.extension('urn:other')", []),
        ("subject.resolve().gender", ["Observation.contained[0].gender"]),
        ("nothing.of.it", []),
    ],
)
def test_paths_are_followed_in_instances(path: str, places: list[str]) -> None:
    run = run_of(TREE)
    found, left = nodes_at(run.root, read_path(path) or (), run)
    assert [node.path for node in found] == places
    assert left == []


def test_references_that_lead_nowhere_are_left() -> None:
    run = run_of(TREE)
    found, left = nodes_at(run.root, read_path("performer.resolve()") or (), run)
    assert [node.path for node in found] == ["Observation.contained[0]"]
    assert [node.path for node in left] == ["Observation.performer[0]"]
    known = run_of(TREE, Known(resources={"Practitioner/1": {"resourceType": "Practitioner"}}))
    target = resolved(at(known, "Observation.performer[0]"), known)
    assert target is not None
    assert target.type_name == "Practitioner"
    assert resolved(at(run, "Observation.value"), run) is None


OTHER = "http://example.org/StructureDefinition/other"
CODED = profile_of("CodeableConcept", element("CodeableConcept.text", fixedString="own"), url=OTHER)
PATIENT = profile_of("Patient", element("Patient.gender", fixedCode="other"), url=OTHER + "2")
RULES = profile_of(
    "Observation",
    element("Observation.code", type=types("CodeableConcept", profile=[OTHER])),
    element("Observation.code.text", maxLength=3),
    element("Observation.code.extension", slicing=slicing(("value", "url"))),
    element("Observation.code.extension:one", type=types("Extension", profile=[URL])),
    element("Observation.code.extension:two", type=types("Extension")),
    element("Observation.code.extension:two.url", fixedUri="urn:two"),
    element("Observation.subject", type=types("Reference", targets=[OTHER + "2"])),
    element("Observation.bodySite", max="0"),
    element("Observation.value[x]", type=types("Quantity", "string"), slicing=slicing(("type", "$this"))),
    element("Observation.value[x]:valueQuantity", type=types("Quantity")),
    element("Observation.value[x]:valueString", type=types("string"), max="0"),
).root
PROFILES = {one.url: one for one in (CODED, PATIENT)}


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("$this", ["Observation"]),
        ("code.text", ["Observation.code.text", "CodeableConcept.text"]),
        (f"code.extension('{URL}')", ["Observation.code.extension:one"]),
        ("code.extension('urn:two')", ["Observation.code.extension:two"]),
        ("code.extension('urn:three')", []),
        ("subject.resolve().gender", ["Patient.gender"]),
        ("bodySite", ["Observation.bodySite"]),
        ("bodySite.coding.code", ["Observation.bodySite"]),
        ("value", ["Observation.value[x]", "Observation.value[x]:valueQuantity"]),
        ("valueQuantity", ["Observation.value[x]:valueQuantity"]),
        ("value.ofType(Quantity)", ["Observation.value[x]:valueQuantity"]),
        ("note", []),
    ],
)
def test_paths_are_followed_in_rules(path: str, ids: list[str]) -> None:
    found = rules_at(RULES, read_path(path) or (), PROFILES.get)
    assert [one.id for one in found] == ids


def test_what_profiles_say_is_absent_where_they_are_not_known() -> None:
    asked: list[str] = []
    assert [one.id for one in rules_at(RULES, read_path("code.text") or (), asked.append)] == ["Observation.code.text"]
    assert asked == [OTHER]


def test_a_path_that_branches_again_and_again_ends() -> None:
    profiles = {
        f"urn:{number}": profile_of(
            "Extension",
            element("Extension.extension", type=types("Extension", profile=[f"urn:{other}" for other in range(30)])),
            url=f"urn:{number}",
        )
        for number in range(30)
    }
    path = read_path(".".join(["extension"] * 16))
    assert path is not None
    assert len(rules_at(profiles["urn:0"].root, path, profiles.get)) == 30


def test_urls_of_extensions() -> None:
    code = next(child for child in RULES.children if child.name == "code")
    slices = next(child for child in code.children if child.name == "extension").slices
    assert [urls_of(one) for one in slices] == [[URL], ["urn:two"]]


def test_plain_paths_are_taken_by_name() -> None:
    shape = model(DEFINITIONS).shape("Observation")
    assert is_plain(shape, read_path("code.coding.code") or ())
    assert is_plain(shape, ())
    assert not is_plain(shape, read_path("value.code") or ())
    assert not is_plain(shape, read_path("subject.resolve()") or ())
    assert not is_plain(None, read_path("code") or ())
    assert values_at(TREE, ("code", "coding", "code")) == ["a", "b"]
    assert values_at(TREE, ()) == [TREE]
    assert values_at("text", ("code",)) == []
