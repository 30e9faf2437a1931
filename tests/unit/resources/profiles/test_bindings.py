"""Bindings of profiles, and the extensible bindings of R4 itself."""

from __future__ import annotations

from typing import Any

import pytest

from resources import exact
from resources.fhirpath import Node
from resources.profiles import reading
from resources.profiles.bindings import binding_check, check_base_bindings
from resources.profiles.definition import Binding
from resources.profiles.run import Run
from tests.examples import examples, package

from .stand_in import DEFINITIONS, Known, at, nodes, rule, run_of, said

URL = "http://example.org/profile"
SET = "http://example.org/colours"
LARGER = "http://example.org/shades"
SYSTEM = "http://example.org/paint"
RED, BLUE, TEAL, GREY = ({"system": SYSTEM, "code": code} for code in ("red", "blue", "teal", "grey"))
COLOURS = [(SYSTEM, "red"), (SYSTEM, "blue")]
KNOWN = Known({SET: COLOURS, LARGER: [*COLOURS, (SYSTEM, "teal")]})
NO_CODE = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def judged(tree: dict[str, Any], path: str, binding: Binding, of: str | None = None) -> Run:
    run = run_of(tree, KNOWN)
    node = at(run, path)
    check = binding_check(DEFINITIONS, rule(of or path, binding=binding), URL)
    assert check is not None
    check(node, run)
    return run


def observation(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", **members}


# values, by type

VALUES = [
    ("CodeableConcept, in", {"valueCodeableConcept": {"coding": [RED]}}, True),
    ("CodeableConcept, any suffices", {"valueCodeableConcept": {"coding": [GREY, BLUE]}}, True),
    ("CodeableConcept, out", {"valueCodeableConcept": {"coding": [GREY]}}, False),
    ("CodeableConcept, other system", {"valueCodeableConcept": {"coding": [{**RED, "system": "urn:x"}]}}, False),
    ("CodeableConcept, no system", {"valueCodeableConcept": {"coding": [{"code": "red"}]}}, False),
    ("CodeableConcept, text only", {"valueCodeableConcept": {"text": "red"}}, False),
    ("CodeableConcept, extensions only", {"valueCodeableConcept": NO_CODE}, True),
    (
        "CodeableConcept, code absent",
        {"valueCodeableConcept": {"coding": [{"system": SYSTEM, "_code": NO_CODE}]}},
        True,
    ),
    ("string, in", {"valueString": "red"}, True),
    ("string, out", {"valueString": "Red"}, False),
    ("string, extensions only", {"_valueString": NO_CODE}, True),
    ("Quantity, in", {"valueQuantity": {"value": 1, **RED}}, True),
    ("Quantity, out", {"valueQuantity": {"value": 1, **GREY}}, False),
    ("Quantity, no system", {"valueQuantity": {"value": 1, "code": "red"}}, False),
    ("Quantity, no code", {"valueQuantity": {"value": 1, "unit": "red"}}, False),
    ("Quantity, extensions only", {"valueQuantity": NO_CODE}, True),
    ("no codes by its type", {"valueInteger": 5}, True),
]


@pytest.mark.parametrize(("value", "fits"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_a_required_binding(value: dict[str, Any], fits: bool) -> None:
    run = judged(observation(**value), "Observation.value", Binding("required", SET), "Observation.value[x]")
    assert said(run) == ([] if fits else [("error", "code-invalid", "Observation.value")])
    assert all(issue.rule == f"{URL}#Observation.value[x]" for issue in run.issues)


@pytest.mark.parametrize(("coding", "fits"), [(RED, True), (GREY, False), ({"system": SYSTEM}, False)])
def test_a_required_binding_of_a_coding(coding: dict[str, str], fits: bool) -> None:
    run = judged(observation(meta={"tag": [coding]}), "Observation.meta.tag[0]", Binding("required", SET), "Meta.tag")
    assert bool(run.issues) is not fits


def test_a_required_binding_of_a_uri() -> None:
    for uri, issues in (("red", 0), ("http://example.org/red", 1)):
        run = judged(observation(implicitRules=uri), "Observation.implicitRules", Binding("required", SET))
        assert len(run.issues) == issues


def test_what_is_allowed_is_told_where_it_is_little_and_what_was_meant() -> None:
    run = judged(observation(valueString="bleu"), "Observation.value", Binding("required", SET), "Observation.value[x]")
    assert run.issues[0].diagnostics == (
        "Observation.value is 'bleu', which is not in the value set http://example.org/colours; did you mean blue?"
        " Allowed: blue, red."
    )
    run = judged(
        observation(code={"coding": [{"system": "urn:x", "code": "red"}]}), "Observation.code", Binding("required", SET)
    )
    text = run.issues[0].diagnostics
    assert "has the code 'urn:x|red', which is not in the value set" in text
    assert f"under the system {SYSTEM}" in text
    assert f"Allowed: blue, red of {SYSTEM}." in text


def test_a_large_value_set_is_not_listed() -> None:
    many = Known({SET: [(SYSTEM, f"c{number}") for number in range(21)]})
    run = run_of(observation(valueString="x"), many)
    check = binding_check(DEFINITIONS, rule("Observation.value[x]", binding=Binding("required", SET)), URL)
    assert check is not None
    check(at(run, "Observation.value"), run)
    assert "Allowed" not in run.issues[0].diagnostics
    assert len(run.issues) == 1


def test_of_many_codings_some_are_named() -> None:
    codings = [{"system": SYSTEM, "code": f"c{number}"} for number in range(8)]
    run = judged(observation(code={"coding": codings}), "Observation.code", Binding("required", SET))
    text = run.issues[0].diagnostics
    assert f"'{SYSTEM}|c4' and 3 more, none of which" in text
    assert "c5" not in text


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ({"coding": [RED]}, []),
        ({"coding": [GREY, RED]}, []),
        ({"coding": [GREY]}, [("warning", "code-invalid", "Observation.code")]),
        ({"text": "like a dove"}, [("information", "informational", "Observation.code")]),
        (NO_CODE, []),
    ],
)
def test_an_extensible_binding(concept: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    run = judged(observation(code=concept), "Observation.code", Binding("extensible", SET))
    assert said(run) == expected
    assert all(
        SET in issue.diagnostics and "unless none of its codes fits" in issue.diagnostics for issue in run.issues
    )


@pytest.mark.parametrize("strength", ["required", "extensible"])
def test_what_is_not_known_is_one_warning_with_the_reason(strength: str) -> None:
    unheard = "http://example.org/unheard-of|2"
    run = judged(observation(code={"coding": [RED, GREY]}), "Observation.code", Binding(strength, unheard))
    assert said(run) == [("warning", "not-found", "Observation.code")]
    assert run.issues[0].diagnostics == (
        f"Observation.code was not checked against the value set {unheard}: the value set is not known here."
    )


@pytest.mark.parametrize("strength", ["extensible", "preferred", "example"])
def test_no_code_may_be_outside_of_the_largest_value_set(strength: str) -> None:
    binding = Binding(strength, SET, LARGER)
    for coding, severity in ((RED, None), (TEAL, "warning" if strength == "extensible" else None), (GREY, "error")):
        run = judged(observation(code={"coding": [coding]}), "Observation.code", binding)
        assert [issue.severity for issue in run.issues] == ([severity] if severity else [])
    run = judged(observation(code={"text": "a"}), "Observation.code", binding)
    assert [issue.severity for issue in run.issues] == (["error"] if strength == "extensible" else [])


@pytest.mark.parametrize(
    ("path", "binding", "checks"),
    [
        ("Observation.status", None, False),
        ("Observation.code", Binding("preferred", SET), False),
        ("Observation.code", Binding("example", SET), False),
        ("Observation.code", Binding("required", SET), True),
        ("Observation.code", Binding("required", ""), False),
        # R4's own, which are judged with the base
        ("Observation.status", Binding("required", "http://hl7.org/fhir/ValueSet/observation-status|4.0.1"), False),
        ("Observation.status", Binding("required", "http://hl7.org/fhir/ValueSet/observation-status"), False),
        ("Observation.status", Binding("required", "http://hl7.org/fhir/ValueSet/observation-status|5.0.0"), True),
        ("Observation.status", Binding("required", SET), True),
        ("Patient.name.use", Binding("required", "http://hl7.org/fhir/ValueSet/name-use|4.0.1"), False),
        ("Patient.contact.telecom.use", Binding("required", "http://hl7.org/fhir/ValueSet/contact-point-use"), False),
        ("Questionnaire.item.item.type", Binding("required", "http://hl7.org/fhir/ValueSet/item-type"), False),
        ("Observation.interpretation", Binding("extensible", "http://hl7.org/fhir/ValueSet/observation-interpretation"), False),
        ("Observation.interpretation", Binding("required", "http://hl7.org/fhir/ValueSet/observation-interpretation"), True),
        ("Observation.value[x].code", Binding("required", SET), True),
        ("Nothing.of.R4", Binding("required", SET), True),
    ],
)  # fmt: skip
def test_only_what_the_profile_adds_is_checked(path: str, binding: Binding | None, checks: bool) -> None:
    assert (binding_check(DEFINITIONS, rule(path, binding=binding), URL) is not None) is checks


def test_the_largest_value_set_is_read_from_a_profile() -> None:
    largest = {"url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet", "valueCanonical": LARGER}
    element = {
        "path": "Observation.code",
        "binding": {"strength": "preferred", "valueSet": SET, "extension": [largest]},
    }
    tree = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "name": "Painted",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Observation",
        "derivation": "constraint",
        "snapshot": {"element": [{"path": "Observation"}, element]},
    }
    assert reading.read(tree).root.children[0].binding == Binding("preferred", SET, LARGER)


# R4's own

INTERPRETATION = "http://hl7.org/fhir/ValueSet/observation-interpretation"
IDENTIFIER_TYPE = "http://hl7.org/fhir/ValueSet/identifier-type"
ODD = {"coding": [{"system": "urn:x", "code": "odd"}]}


def base(tree: dict[str, Any], **codes: list[tuple[str, str]]) -> Run:
    known = Known({INTERPRETATION: [("urn:i", "H")], IDENTIFIER_TYPE: [("urn:t", "MR")], **codes})
    run = run_of(tree, known)
    check_base_bindings(run.root, run)
    return run


def test_extensible_bindings_of_r4_are_judged_everywhere_in_a_resource() -> None:
    wrong = observation(interpretation=[{"coding": [{"system": "urn:i", "code": "H"}]}, ODD])
    identified = {"resourceType": "Patient", "identifier": [{"type": ODD}]}
    warned = ("warning", "code-invalid")
    assert said(base(wrong)) == [(*warned, "Observation.interpretation[1]")]
    assert said(base({**wrong, "contained": [identified]})) == [
        (*warned, "Observation.interpretation[1]"),
        (*warned, "Observation.contained[0].identifier[0].type"),
    ]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}, {"resource": identified}]}
    assert said(base(bundle)) == [(*warned, "Bundle.entry[1].resource.identifier[0].type")]
    beside = {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "urn:e", "valueIdentifier": {"type": ODD}}]},
    }
    assert said(base(beside)) == [(*warned, "Patient.birthDate.extension[0].value.type")]
    nested = {"resourceType": "Observation", "component": [{"interpretation": [ODD]}]}
    assert said(base(nested)) == [(*warned, "Observation.component[0].interpretation[0]")]
    rules = {issue.rule for issue in base(identified).issues}
    assert rules == {"http://hl7.org/fhir/StructureDefinition/Identifier#Identifier.type"}


def test_no_language_may_be_outside_of_all_languages() -> None:
    """Of R4's own bindings, too: "preferred, but limited to AllLanguages"."""
    languages = {"http://hl7.org/fhir/ValueSet/all-languages": [("urn:ietf:bcp:47", "de")]}
    error = ("error", "code-invalid")
    german, unheard = ({"coding": [{"system": "urn:ietf:bcp:47", "code": code}]} for code in ("de", "german"))
    for concept, found in (
        (german, []),
        ({"text": "German"}, []),
        (unheard, [(*error, "Patient.communication[0].language")]),
    ):
        assert said(base({"resourceType": "Patient", "communication": [{"language": concept}]}, **languages)) == found
    assert said(base({"resourceType": "Patient", "language": "de"}, **languages)) == []
    assert said(base({"resourceType": "Patient", "language": "german"}, **languages)) == [(*error, "Patient.language")]
    own = Binding("preferred", "http://hl7.org/fhir/ValueSet/languages", "http://hl7.org/fhir/ValueSet/all-languages")
    assert binding_check(DEFINITIONS, rule("Patient.language", binding=own), URL) is None
    assert binding_check(DEFINITIONS, rule("Patient.maritalStatus", binding=own), URL) is not None


def test_the_limits_are_those_of_the_definitions() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
    seen = 0
    for name, text in package():
        if not name.startswith("StructureDefinition-") or url.encode() not in text:
            continue
        tree = exact.decode(text)
        structure = DEFINITIONS.structures.get(tree["type"])
        if tree.get("derivation") != "specialization" or structure is None:
            continue
        for element in tree["snapshot"]["element"]:
            largest = [
                one["valueCanonical"] for one in element.get("binding", {}).get("extension", ()) if one["url"] == url
            ]
            if element["path"] == "Expression.language":
                assert largest == ["http://www.rfc-editor.org/bcp/bcp13.txt"]
                largest = []
            assert [structure.elements[element["path"]].limit] == (largest or [None])
            seen += len(largest)
    assert seen > 150


def test_the_units_of_ages_are_judged() -> None:
    time = [("http://unitsofmeasure.org", code) for code in ("a", "s")]
    units = {"http://hl7.org/fhir/ValueSet/age-units": time[:1], "http://hl7.org/fhir/ValueSet/all-time-units": time}
    aged = {"resourceType": "Condition", "onsetAge": {"value": 3, "system": "http://unitsofmeasure.org", "code": "a"}}
    assert said(base(aged, **units)) == []
    for code, severity in (("s", "warning"), ("kg", "error")):
        aged["onsetAge"] = {"value": 3, "system": "http://unitsofmeasure.org", "code": code}
        assert said(base(aged, **units)) == [(severity, "code-invalid", "Condition.onset")]


def test_required_bindings_are_not_judged_once_more() -> None:
    run = base(observation(status="final", interpretation=[{"coding": [{"system": "urn:i", "code": "H"}]}]))
    assert run.world.asked == [INTERPRETATION]  # type: ignore[attr-defined]


def test_of_the_official_examples_exactly_the_bound_elements_are_judged() -> None:
    """Beside a search through all nodes by the definitions of their parents."""
    judged = 0
    for _, text in examples():
        tree = exact.decode(text)
        run = run_of(tree)
        bound = [node.path for node in nodes(run) if is_bound(node)]
        check_base_bindings(run.root, run)
        found = [issue.expression[0] for issue in run.issues if issue.code in ("not-found", "informational")]
        assert sorted(found) == sorted(bound) or (run.omitted and set(found) < set(bound))
        judged += len(bound)
    assert judged > 2000


def is_bound(node: Node) -> bool:
    if node.parent is None or node.field is None:
        return False
    structures, place = DEFINITIONS.structures, f"{node.parent.shape.path}.{node.field.name}"
    elements = structures[place.partition(".")[0]].elements
    of_type = structures[node.type_name].elements.get(node.type_name) if node.type_name in structures else None
    element = elements.get(place) or elements.get(f"{place}[x]")
    bindings = [one for one in (element, of_type) if one]
    bound = any(one.extensible or one.limit for one in bindings)
    coded = {"CodeableConcept", "Coding", "Quantity"} & node.shape.lineage
    if coded and bound and not any(one.extensible for one in bindings):
        return any("code" in one for one in node.value.get("coding", ()))  # a language in words is outside of nothing
    says = node.value is not None and (not coded or node.value.keys() - {"id", "extension"})
    return bound and bool(says) and bool(coded or not node.shape.is_complex)
