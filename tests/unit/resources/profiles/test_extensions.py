"""Extensions by their definitions: content, context, what is asked of the context, modifiers."""

from __future__ import annotations

import tarfile
from typing import Any

import pytest

from resources import exact
from resources.outcome import TooCostly
from resources.profiles import reading
from resources.profiles.definition import Context, Profile
from resources.profiles.extensions import check_extension
from resources.profiles.run import Run
from tests.examples import ARCHIVE, examples
from tests.suites import DATA

from .stand_in import DEFINITIONS, Known, nodes, profile, refusing, run_of, said

CORE = "http://hl7.org/fhir/StructureDefinition/"
URL = "http://example.org/extension"
OTHER = "http://example.org/other"
VALUE = {"url": URL, "valueString": "x"}


def judged(tree: dict[str, Any], *known: Profile, refused: tuple[str, ...] = ()) -> Run:
    run = run_of(tree, Known(profiles=known))
    for node in nodes(run):
        if node.type_name == "Extension":
            check_extension(node, run, refusing(*refused))
    return run


def context(expression: str, type_name: str = "element") -> Profile:
    return profile(URL, "Extension", Context(type_name, expression))


def patient(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **members}


# context: where the extension stands, the contexts that allow it, some that do not

ROOT = patient(extension=[VALUE])
CONTACT = patient(contact=[{"extension": [VALUE]}])
NAME = patient(contact=[{"name": {"extension": [VALUE]}}])
FAMILY = patient(name=[{"_family": {"extension": [VALUE]}}])
GENDER = patient(gender="male", _gender={"extension": [VALUE]})
GIVEN = patient(name=[{"given": ["a", "b"], "_given": [None, {"extension": [VALUE]}]}])
ITEM = {"resourceType": "Questionnaire", "item": [{"item": [{"item": [{"extension": [VALUE]}]}]}]}
CHOICE = {"resourceType": "Observation", "valueQuantity": {"extension": [VALUE]}}
CONTAINED = patient(contained=[{"resourceType": "Group", "extension": [VALUE]}])
ENTRY = {"resourceType": "Bundle", "entry": [{"resource": patient(extension=[VALUE])}]}
INSIDE = patient(extension=[{"url": OTHER, "extension": [VALUE]}])
DEEPER = patient(extension=[{"url": OTHER, "extension": [{"url": "part", "extension": [VALUE]}]}])
ELEMENTS = [
    (ROOT, "Patient DomainResource Resource Element *", "Group Patient.contact Extension Patient.extension string"),
    (CONTACT, "Patient.contact BackboneElement Element", "Patient Person.contact Patient.link"),
    (NAME, "Patient.contact.name HumanName Element", "Patient.name Patient.contact BackboneElement Resource"),
    (FAMILY, "Patient.name.family HumanName.family string Element", "HumanName Patient.name HumanName.given code"),
    (GENDER, "Patient.gender code string", "Patient markdown Person.gender"),
    (GIVEN, "HumanName.given Patient.name.given", "HumanName.family"),
    (ITEM, "Questionnaire.item Questionnaire.item.item", "Questionnaire Questionnaire.item.answerOption"),
    (CHOICE, "Observation.value[x] Observation.value Observation.valueQuantity Quantity", "Observation.valueString"),
    (CONTAINED, "Group DomainResource", "Patient Patient.contained"),
    (ENTRY, "Patient", "Bundle Bundle.entry Bundle.entry.resource"),
    (INSIDE, "Extension Patient.extension", "Patient Group"),
    (ROOT, f"{CORE}Patient {CORE}Patient#Patient", f"{CORE}Group {CORE}Patient#Patient.contact"),
    (NAME, f"{CORE}Patient#Patient.contact.name HumanName:official", f"{CORE}HumanName#HumanName.family"),
]
CASES = [
    (tree, expression, allowed)
    for tree, those, others in ELEMENTS
    for expressions, allowed in ((those, True), (others, False))
    for expression in expressions.split()
]


@pytest.mark.parametrize(("tree", "expression", "allowed"), CASES)
def test_the_context_is_an_element(tree: dict[str, Any], expression: str, allowed: bool) -> None:
    run = judged(tree, context(expression))
    assert [(issue.severity, issue.code) for issue in run.issues] == ([] if allowed else [("error", "extension")])
    assert all(issue.rule == f"{URL}#Extension" for issue in run.issues)


def test_one_context_suffices_and_none_allows_everything() -> None:
    both = profile(URL, "Extension", Context("element", "Group"), Context("element", "Patient"))
    assert judged(ROOT, both).issues == []
    assert judged(ROOT, profile(URL, "Extension")).issues == []
    neither = profile(URL, "Extension", Context("element", "Group"), Context("element", "Patient.contact"))
    run = judged(ROOT, neither)
    assert said(run) == [("error", "extension", "Patient.extension[0]")]
    assert run.issues[0].diagnostics == (
        "Patient.extension[0] ('http://example.org/extension') may not stand in Patient; its place is Group, "
        "Patient.contact."
    )


@pytest.mark.parametrize(
    ("tree", "expression", "allowed"),
    [
        (INSIDE, OTHER, True),
        (INSIDE, URL, False),
        (ROOT, OTHER, False),
        (DEEPER, f"{OTHER}#part", True),
        (DEEPER, f"{OTHER}#else", False),
        (DEEPER, OTHER, False),
    ],
)
def test_the_context_is_an_extension(tree: dict[str, Any], expression: str, allowed: bool) -> None:
    assert bool(judged(tree, context(expression, "extension")).issues) is not allowed


@pytest.mark.parametrize(
    ("tree", "expression", "allowed"),
    [
        (ROOT, "Patient", True),
        (ROOT, "Patient.where(active)", False),
        (patient(active=True, extension=[VALUE]), "Patient.where(active)", True),
        (CONTACT, "Patient.contact[0]", True),
        (CONTACT, "Patient.contact[1]", False),
        (GIVEN, "Patient.name.given[1]", True),
        (GIVEN, "Patient.name.given[0]", False),
        (GENDER, "gender", True),
        (CONTAINED, "Group", True),
        (CONTAINED, "Patient.contained", True),
        (ENTRY, "Patient", True),
        (CHOICE, "Observation.value.ofType(Quantity)", True),
    ],
)
def test_the_context_is_selected_by_fhirpath(tree: dict[str, Any], expression: str, allowed: bool) -> None:
    run = judged(tree, context(expression, "fhirpath"))
    assert [issue.severity for issue in run.issues] == ([] if allowed else ["error"])


def test_the_context_is_an_element_of_a_profile() -> None:
    own = profile(OTHER, "Patient")
    within = context(f"{OTHER}|1#Patient.contact:mother.name")
    assert judged(NAME, within, own).issues == []
    assert judged(FAMILY, within, own).issues[0].severity == "error"
    assert judged(NAME, within, own, refused=(OTHER,)).issues[0].severity == "error"
    assert judged(ROOT, context(OTHER), own).issues == []
    assert said(judged(NAME, within)) == [("warning", "not-found", "Patient.contact[0].name.extension[0]")]


@pytest.mark.parametrize("expression", ["Patient.(", "undefined()", "name.toInteger() + %nothing"])
def test_a_context_that_cannot_be_judged_is_a_warning(expression: str) -> None:
    run = judged(ROOT, context(expression, "fhirpath"))
    assert said(run) == [("warning", "not-found", "Patient.extension[0]")]


@pytest.mark.parametrize("asked", ["context", "invariant"])
def test_expressions_of_definitions_have_one_budget(asked: str) -> None:
    """Each is below what one evaluation may take, and a Bundle of many is not to take many times as long."""
    costly = "(1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select($this))).count() > 0"
    by_context = profile(URL, "Extension", Context("fhirpath", f"iif({costly}, %resource, {{}})"))
    by_invariant = profile(URL, "Extension", Context("element", "Patient"), invariants=(costly,))
    made = by_context if asked == "context" else by_invariant
    entries = [{"resource": patient(extension=[VALUE])} for _ in range(5000)]
    judged({"resourceType": "Bundle", "entry": entries[:10]}, made)
    with pytest.raises(TooCostly):
        judged({"resourceType": "Bundle", "entry": entries}, made)


@pytest.mark.parametrize("expression", ["CanonicalResource", "MetadataResource", "Patients.contact"])
def test_so_is_one_of_a_type_that_r4_does_not_have(expression: str) -> None:
    run = judged(ROOT, context(expression))
    assert said(run) == [("warning", "not-found", "Patient.extension[0]")]


@pytest.mark.parametrize(
    ("invariant", "severity"),
    [
        ("active", None),
        ("active.not()", "error"),
        ("gender = 'male'", None),  # gives nothing
        ("%extension.value = 'x'", None),
        ("%extension.value != 'x'", "error"),
        ("%extension.url", None),
        ("active = (", "warning"),
        ("%unheard", "warning"),
    ],
)
def test_the_context_meets_its_invariants(invariant: str, severity: str | None) -> None:
    known = profile(URL, "Extension", Context("element", "Patient"), invariants=("true", invariant))
    run = judged(patient(active=True, extension=[VALUE]), known)
    assert [issue.severity for issue in run.issues] == ([severity] if severity else [])


# modifiers


@pytest.mark.parametrize(
    ("name", "is_modifier", "fits"),
    [
        ("extension", False, True),
        ("extension", True, False),
        ("modifierExtension", True, True),
        ("modifierExtension", False, False),
    ],
)
def test_a_modifier_stands_in_modifier_extension_and_no_other_does(name: str, is_modifier: bool, fits: bool) -> None:
    known = profile(URL, "Extension", is_modifier=is_modifier)
    run = judged(patient(**{name: [VALUE]}), known)
    assert said(run) == ([] if fits else [("error", "extension", f"Patient.{name}[0]")])


def test_only_unknown_modifiers_are_reported() -> None:
    assert judged(ROOT).issues == []
    run = judged(patient(modifierExtension=[VALUE]))
    assert said(run) == [("warning", "extension", "Patient.modifierExtension[0]")]


# content


def test_an_extension_conforms_to_its_definition() -> None:
    known = profile(URL, "Extension")
    assert said(judged(ROOT, known, refused=(URL,))) == [("error", "invariant", "Patient.extension[0]")]
    assert judged(ROOT, known).issues == []


def test_parts_with_relative_urls_are_left_to_the_definition_of_the_whole() -> None:
    part = profile("part", "Extension", Context("element", "Group"))
    tree = patient(extension=[{"url": OTHER, "extension": [{"url": "part", "valueString": "x"}]}])
    assert judged(tree, part, refused=("part",)).issues == []
    assert said(judged(patient(extension=[{"url": "part", "valueString": "x"}]), part)) == [
        ("warning", "extension", "Patient.extension[0].url")
    ]


def test_the_url_is_that_of_an_extension() -> None:
    run = judged(ROOT, profile(URL, "Patient"))
    assert said(run) == [("error", "extension", "Patient.extension[0]")]


# what others publish


def published() -> list[Profile]:
    """R4's own definitions of extensions."""
    return [
        reading.read(tree)
        for tree in official_definitions()
        if tree["type"] == "Extension" and tree["derivation"] == "constraint"
    ]


def official_definitions() -> list[dict[str, Any]]:
    with tarfile.open(ARCHIVE) as tar:
        for member in tar:
            if member.name.endswith("/Bundle-extensions.json") and (content := tar.extractfile(member)):
                bundle = exact.decode(content.read())
                return [
                    e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "StructureDefinition"
                ]
    raise LookupError


def unfit(trees: list[tuple[str, bytes]], known: list[Profile]) -> list[tuple[str, str, str]]:
    """The place and text of all that is said about the extensions of some resources."""
    world = Known(profiles=known)
    found = []
    for name, text in trees:
        tree = exact.decode(text)
        run = Run(DEFINITIONS, world, tree, run_of({"resourceType": "Patient"}).outside)
        for node in nodes(run) if b'xtension"' in text else ():
            if node.type_name == "Extension" and len(run.issues) < 100:
                check_extension(node, run, refusing())
        found += [(name, issue.severity, issue.diagnostics) for issue in run.issues]
    return found


def test_the_extensions_of_the_official_examples_stand_where_they_may() -> None:
    known = published()
    assert len(known) > 380
    found = unfit(list(examples()), known)
    assert [(name, severity) for name, severity, _ in found] == [("Basic-referral.json", "warning")] * 3


@pytest.mark.suite("packages")
def test_the_extensions_of_the_examples_of_packages_stand_where_they_may() -> None:
    known, resources = published(), []
    for archive in sorted((DATA / "packages").glob("*.tgz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name.endswith(".json") else None
                text = content.read() if content else b""
                if member.name.startswith("package/StructureDefinition-"):
                    tree = exact.decode(text)
                    known += [reading.read(tree)] if tree["type"] == "Extension" else []
                if b'"resourceType"' in text and member.name.startswith("package/example/"):
                    resources.append((member.name, text))
    assert len(resources) > 100
    assert unfit(resources, known) == []
