"""References by their targets: what the text says, and what is at hand."""

from __future__ import annotations

from typing import Any

import pytest

from resources.profiles import compiler
from resources.profiles.definition import Profile, Type
from resources.profiles.official import official_tree
from resources.profiles.reading import read
from resources.profiles.references import reference_check, resolve
from resources.profiles.run import Run

from .stand_in import DEFINITIONS, Known, at, profile, refusing, rule, run_of, said

CORE = "http://hl7.org/fhir/StructureDefinition/"
URL = "http://example.org/profile"
OWN = profile("http://example.org/own-patient", "Patient")
OTHER = profile("http://example.org/other-patient", "Patient")
GROUP = profile("http://example.org/own-group", "Group")
ROOT = "http://example.org/fhir/"


@pytest.fixture(autouse=True)
def _no_patient_is_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "check_of", refusing(OTHER.url, GROUP.url))


def judged(tree: dict[str, Any], path: str, *types: Type, known: Known | None = None) -> Run:
    run = run_of(tree, known or Known(profiles=[OWN, OTHER, GROUP]))
    check = reference_check(rule("Observation.subject", *types), URL)
    assert check is not None
    check(at(run, path), run)
    return run


def observation(reference: str | None = None, **members: Any) -> dict[str, Any]:
    subject = {"reference": reference} if reference else {"display": "somebody"}
    return {"resourceType": "Observation", "subject": subject, **members}


def to(*targets: str, aggregation: tuple[str, ...] = ()) -> Type:
    return Type("Reference", (), targets, aggregation)


ERROR = [("error", "value", "Observation.subject.reference")]


@pytest.mark.parametrize(
    ("reference", "targets", "fits"),
    [
        ("Patient/1", (CORE + "Patient",), True),
        ("Patient/1", (CORE + "Patient|4.0.1",), True),
        ("Patient/1/_history/2", (CORE + "Patient",), True),
        ("http://example.org/fhir/Patient/1", (CORE + "Group", CORE + "Patient"), True),
        ("Patient?identifier=x", (CORE + "Patient",), True),
        ("Patient/1", (CORE + "DomainResource",), True),
        ("Group/1", (CORE + "Patient",), False),
        ("http://example.org/fhir/Group/1", (CORE + "Patient",), False),
        ("Group?identifier=x", (CORE + "Patient",), False),
        ("Group/1", (OWN.url,), False),
        ("Patient/1", (OWN.url,), True),  # which is not at hand
        ("Patient/1", (GROUP.url, OTHER.url), True),
        ("Group/1", (OWN.url, "http://example.org/unheard-of"), True),
        ("urn:uuid:e4b1a1f4-11c0-4a0c-8c0b-7c1d7d8f6d10", (CORE + "Patient",), True),
        ("http://example.org/about", (CORE + "Patient",), True),
    ],
)
def test_the_type_is_judged_by_the_text(reference: str, targets: tuple[str, ...], fits: bool) -> None:
    run = judged(observation(reference), "Observation.subject", to(*targets))
    assert said(run) == ([] if fits else ERROR)
    assert all(issue.rule == f"{URL}#Observation.subject" for issue in run.issues)


def test_the_message_names_what_is_allowed() -> None:
    run = judged(observation("Group/1"), "Observation.subject", to(CORE + "Patient", OWN.url, CORE + "Device"))
    assert run.issues[0].diagnostics == ("Observation.subject.reference points to Group; allowed is Patient or Device.")


def test_a_reference_without_text_is_judged_by_the_type_it_states() -> None:
    tree = observation()
    assert judged(tree, "Observation.subject", to(CORE + "Patient")).issues == []
    tree["subject"] |= {"type": "Group"}
    assert said(judged(tree, "Observation.subject", to(CORE + "Patient"))) == ERROR


def test_other_types_of_a_choice_are_left_alone() -> None:
    run = judged({"resourceType": "Observation", "valueString": "x"}, "Observation.value", to(CORE + "Patient"))
    assert run.issues == []


@pytest.mark.parametrize(
    "types",
    [(), (Type("string"),), (to(),), (to(CORE + "Resource"),), (to(OWN.url), to())],
)
def test_there_is_nothing_to_check_where_anything_may_be_the_target(types: tuple[Type, ...]) -> None:
    assert reference_check(rule("Observation.subject", *types), URL) is None


# targets at hand


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((CORE + "Patient",), []),
        ((OWN.url,), []),
        ((OTHER.url, OWN.url), []),
        ((OTHER.url, CORE + "Patient"), []),
        ((OTHER.url,), ERROR),
        ((CORE + "Group",), ERROR),
        ((OTHER.url, GROUP.url), ERROR),
        (("http://example.org/unheard-of",), [("warning", "not-found", "Observation.subject.reference")]),
        (("http://example.org/unheard-of", OWN.url), []),
    ],
)
def test_a_target_conforms_to_one_of_the_profiles(
    targets: tuple[str, ...], expected: list[tuple[str, str, str]]
) -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    contained = judged(observation("#p", contained=[patient]), "Observation.subject", to(*targets))
    assert said(contained) == expected
    stored = Known(profiles=[OWN, OTHER, GROUP], resources={"Patient/1": patient})
    assert said(judged(observation("Patient/1"), "Observation.subject", to(*targets), known=stored)) == expected
    entries = [{"fullUrl": "urn:uuid:1", "resource": patient}, {"resource": observation("urn:uuid:1")}]
    bundle = {"resourceType": "Bundle", "entry": entries}
    bundled = judged(bundle, "Bundle.entry[1].resource.subject", to(*targets))
    assert said(bundled) == [
        (severity, code, "Bundle.entry[1].resource.subject.reference") for severity, code, _ in expected
    ]


def test_the_message_says_what_is_wrong_with_the_target() -> None:
    tree = observation("#p", contained=[{"resourceType": "Patient", "id": "p"}])
    run = judged(tree, "Observation.subject", to(OTHER.url))
    assert run.issues[0].diagnostics == (
        "Observation.subject.reference points to Patient, but to none that conforms to "
        "http://example.org/other-patient: Observation.contained[0] is refused."
    )


def test_chains_of_references_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile Bundle of resources that each lead to the next is no deeper than the stack."""
    check = reference_check(rule("Observation.hasMember", to("http://example.org/linked")), URL)
    linked = profile("http://example.org/linked", "Observation")
    visited = []

    def check_of(_: Any, judged: Profile) -> Any:
        def follow(node: Any, run: Run) -> None:
            visited.append(node.path)
            assert check is not None
            check(at(run, f"{node.path}.hasMember[0]"), run)

        return follow

    monkeypatch.setattr(compiler, "check_of", check_of)
    entries = [
        {
            "fullUrl": f"urn:uuid:{number}",
            "resource": {"resourceType": "Observation", "hasMember": [{"reference": f"urn:uuid:{(number + 1) % 40}"}]},
        }
        for number in range(40)
    ]
    run = run_of({"resourceType": "Bundle", "entry": entries}, Known(profiles=[linked]))
    assert check is not None
    check(at(run, "Bundle.entry[0].resource.hasMember[0]"), run)
    assert len(visited) == 12
    assert run.issues == []


# canonicals


@pytest.mark.parametrize(
    ("url", "issues"),
    [("#v", 0), ("#c", 1), ("http://example.org/ValueSet/x", 0), ("http://example.org/CodeSystem/x", 0)],
)
def test_of_canonicals_only_the_type_of_contained_resources_is_known(url: str, issues: int) -> None:
    contained = [{"resourceType": "ValueSet", "id": "v"}, {"resourceType": "CodeSystem", "id": "c"}]
    tree = {"resourceType": "Questionnaire", "contained": contained, "item": [{"answerValueSet": url}]}
    run = judged(tree, "Questionnaire.item[0].answerValueSet", Type("canonical", (), (CORE + "ValueSet",)))
    assert len(run.issues) == issues
    assert [issue.expression[0] for issue in run.issues] == ["Questionnaire.item[0].answerValueSet"] * issues


# aggregation


@pytest.mark.parametrize(
    ("modes", "contained", "stored", "bundled"),
    [
        (("contained",), True, False, False),
        (("referenced",), False, True, True),
        (("bundled",), False, False, True),
        (("contained", "bundled"), True, False, True),
        (("contained", "referenced"), True, True, True),
    ],
)
def test_aggregation(modes: tuple[str, ...], contained: bool, stored: bool, bundled: bool) -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    for reference, fits in (("#p", contained), ("Patient/2", stored), ("urn:uuid:1", bundled)):
        entries = [
            {"fullUrl": "urn:uuid:1", "resource": patient},
            {"fullUrl": f"{ROOT}Observation/1", "resource": observation(reference, contained=[patient])},
        ]
        run = judged(
            {"resourceType": "Bundle", "entry": entries}, "Bundle.entry[1].resource.subject", to(aggregation=modes)
        )
        assert bool(run.issues) is not fits, reference


def test_what_stands_in_no_bundle_may_be_bundled_yet() -> None:
    assert judged(observation("Patient/1"), "Observation.subject", to(aggregation=("bundled",))).issues == []
    run = judged(observation("Patient/1"), "Observation.subject", to(aggregation=("contained",)))
    assert run.issues[0].diagnostics == "Observation.subject.reference has to lead to a contained resource."
    assert judged(observation(), "Observation.subject", to(aggregation=("contained",))).issues == []


# resolving

PLACES = [
    ("the same root", ROOT, "Patient/1", "a"),
    ("absolute", ROOT, ROOT + "Patient/1", "a"),
    ("absolute, from an entry that has no address", "urn:uuid:", ROOT + "Patient/1", "a"),
    ("another root", "http://example.com/", "Patient/1", None),
    ("relative to nothing", "urn:uuid:", "Patient/1", None),
    ("by UUID", ROOT, "urn:uuid:5", "b"),
    ("a version", ROOT, "Patient/2/_history/7", "d"),
    ("a version that is not there", ROOT, "Patient/2/_history/9", None),
    ("several that fit", ROOT, "Patient/2", None),
    ("a condition", ROOT, "Patient?identifier=x", None),
    ("of another type", ROOT, "Group/1", None),
    ("contained", ROOT, "#p", "p"),
    ("contained in another", ROOT, "#q", None),
]


@pytest.mark.parametrize(
    ("base", "reference", "expected"), [case[1:] for case in PLACES], ids=[case[0] for case in PLACES]
)
def test_references_are_resolved_in_their_bundle(base: str, reference: str, expected: str | None) -> None:
    def patient(name: str, version: str = "1") -> dict[str, Any]:
        return {"resourceType": "Patient", "id": name, "meta": {"versionId": version}}

    entries = [
        {"fullUrl": ROOT + "Patient/1", "resource": {**patient("a"), "contained": [patient("q")]}},
        {"fullUrl": "urn:uuid:5", "resource": patient("b")},
        {"fullUrl": ROOT + "Patient/2", "resource": patient("c", "6")},
        {"fullUrl": ROOT + "Patient/2", "resource": patient("d", "7")},
        {
            "fullUrl": base + ("" if base.startswith("urn") else "Observation/") + "9",
            "resource": observation(reference, contained=[patient("p"), observation(reference, id="o")]),
        },
        {"fullUrl": ROOT + "Patient/3"},
        {"resource": patient("e")},
    ]
    run = run_of({"resourceType": "Bundle", "entry": entries})
    for place in ("Bundle.entry[4].resource.subject", "Bundle.entry[4].resource.contained[1].subject"):
        found = resolve(at(run, place), reference, run)
        assert (found and found.value["id"]) == expected


def test_a_resource_refers_to_itself_and_to_what_the_world_knows_always_as_the_same_value() -> None:
    run = run_of(observation("Patient/1"), Known(resources={"Patient/1": {"resourceType": "Patient", "id": "w"}}))
    node = at(run, "Observation.subject")
    itself = resolve(node, "#", run)
    assert itself is not None
    assert itself.value is run.root.value
    first, second = resolve(node, "Patient/1", run), resolve(node, "Patient/1", run)
    assert first is not None
    assert second is not None
    assert first.value is second.value
    assert first.type_name == "Patient"
    assert resolve(node, "Patient/2", run) is None


def test_with_the_real_engine_a_target_that_lacks_something_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain: what is wrong with the last resource is wrong with what refers to it, told within bounds."""
    monkeypatch.undo()
    tree = official_tree(DEFINITIONS, CORE + "Observation")
    assert tree is not None
    linked = "http://example.org/linked"
    elements = [dict(element) for element in tree["snapshot"]["element"]]
    for element in elements:
        if element["path"] == "Observation.hasMember":
            element["type"] = [{"code": "Reference", "targetProfile": [linked]}]
        if element["path"] == "Observation.method":
            element["min"] = 1
    own = read({**tree, "url": linked, "derivation": "constraint", "snapshot": {"element": elements}})
    method = {"method": {"text": "counted"}}
    entries = [
        {
            "fullUrl": f"urn:uuid:{number}",
            "resource": {
                "resourceType": "Observation",
                "hasMember": [{"reference": f"urn:uuid:{number + 1}"}],
                **(method if number < 8 else {}),
            },
        }
        for number in range(9)
    ]
    run = run_of({"resourceType": "Bundle", "entry": entries}, Known(profiles=[own]))
    compiler.check_of(DEFINITIONS, own)(at(run, "Bundle.entry[0].resource"), run)
    assert said(run) == [("error", "value", "Bundle.entry[0].resource.hasMember[0].reference")]
    assert run.issues[0].diagnostics.endswith("….")
    entries[8]["resource"] |= method  # type: ignore[operator]
    run = run_of({"resourceType": "Bundle", "entry": entries}, Known(profiles=[own]))
    compiler.check_of(DEFINITIONS, own)(at(run, "Bundle.entry[0].resource"), run)
    assert run.issues == []
