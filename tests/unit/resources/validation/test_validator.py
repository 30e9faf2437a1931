"""The two forms together: invalid resources are refused with every issue, valid ones accepted, R4's own all but a list."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from resources import definitions, exact, fhirpath
from resources.outcome import Invalid
from resources.validation.validator import Validator

from .... import examples
from .mutations import mutated
from .samples import ABSENT, VALID, changed
from .validation_cases import ACCEPTED, REFUSED, Refused

DEFINITIONS = definitions.load()
VALIDATOR = Validator(DEFINITIONS)

NOTHING_TO_READ = "the narrative has neither text nor image (txt-2)"
NO_BASE = "SearchParameter.base is required"
NO_NAME = "ImplementationGuide.name and status are required"
# The official resources that break the rules of R4, with the reason and the number of issues.
BROKEN = {
    "ActivityDefinition-blood-tubes-supply.json": (NOTHING_TO_READ, 1),
    "ActivityDefinition-heart-valve-replacement.json": (NOTHING_TO_READ, 1),
    "EventDefinition-example.json": (NOTHING_TO_READ, 1),
    "Questionnaire-zika-virus-exposure-assessment.json": (NOTHING_TO_READ, 1),
    "DeviceMetric-example.json": ("parent points to a DeviceDefinition, not to a Device", 1),
    "DeviceUseStatement-example.json": ("reasonReference points to a Procedure, which it may not", 1),
    "MedicationRequest-medrx0301.json": ("dispenseRequest.performer points to a Practitioner, not an Organization", 1),
    "Observation-clinical-gender.json": ("performer points to an Encounter, which it may not", 1),
    "ImplementationGuide-fhir.json": (NO_NAME, 2),
    "ig-r4.json": (NO_NAME, 2),
    "Questionnaire-qs1.json": ("items without linkId", 32),
    "SearchParameter-codesystem-extensions-CodeSystem-author.json": (NO_BASE, 1),
    "SearchParameter-codesystem-extensions-CodeSystem-effective.json": (NO_BASE, 1),
    "SearchParameter-codesystem-extensions-CodeSystem-end.json": (NO_BASE, 1),
    "SearchParameter-codesystem-extensions-CodeSystem-keyword.json": (NO_BASE, 1),
    "SearchParameter-codesystem-extensions-CodeSystem-workflow.json": (NO_BASE, 1),
    "SearchParameter-valueset-extensions-ValueSet-author.json": (NO_BASE, 1),
    "SearchParameter-valueset-extensions-ValueSet-effective.json": (NO_BASE, 1),
    "SearchParameter-valueset-extensions-ValueSet-end.json": (NO_BASE, 1),
    "SearchParameter-valueset-extensions-ValueSet-keyword.json": (NO_BASE, 1),
    "SearchParameter-valueset-extensions-ValueSet-workflow.json": (NO_BASE, 1),
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json": (
        "id of 67 characters",
        1,
    ),
}


def test_every_official_resource_is_accepted_but_the_broken() -> None:
    """With the resources inside them: the Bundles of the definitions hold most of R4 once more."""
    refused, count = {}, 0
    for name, text in examples.package():
        count += 1
        tree = exact.decode(text)
        try:
            assert VALIDATOR.check(tree["resourceType"], tree) == ()
        except Invalid as invalid:
            refused[name] = len(invalid.issues)
    assert count == 5306
    assert refused == {name: number for name, (_, number) in BROKEN.items()}


def test_every_type_has_its_checks() -> None:
    """Also the five types without an example: an unknown element is found in each."""
    for resource_type in DEFINITIONS.resource_types:
        issues = VALIDATOR.issues(resource_type, {"resourceType": resource_type, "foo": 1})
        assert (f"{resource_type}.foo",) in [issue.expression for issue in issues]
        assert {issue.code for issue in issues} <= {"structure", "required"}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_st_2_invalid_is_refused_with_the_expression_of_the_element(case: Refused) -> None:
    expression = f"{case.on}.{case.expression}"
    with pytest.raises(Invalid) as refusal:
        VALIDATOR.check(case.on, changed(case.on, case.change))
    [issue] = refusal.value.issues
    assert (issue.severity, issue.code, issue.expression) == ("error", case.code, (expression,))
    assert issue.diagnostics.startswith(f"{expression} ")
    assert issue.diagnostics.endswith((".", "?"))
    assert len(issue.diagnostics) < 700
    assert refusal.value.status == 400


def test_there_are_enough_cases() -> None:
    assert len(REFUSED) > 150
    assert len({case.title for case in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize("tree", [*VALID.values(), *ACCEPTED.values()], ids=[*VALID, *ACCEPTED])
def test_valid_is_accepted(tree: dict[str, Any]) -> None:
    assert VALIDATOR.check(tree["resourceType"], tree) == ()


def test_st_2_all_issues_at_once() -> None:
    tree = {"resourceType": "Observation", "statuss": "final", "subject": {"reference": "Device/1/"}, "issued": "2020"}
    issues = VALIDATOR.issues("Observation", tree)
    assert [(issue.code, *issue.expression) for issue in issues] == [
        ("structure", "Observation.statuss"),
        ("value", "Observation.issued"),
        ("required", "Observation.status"),
        ("required", "Observation.code"),
    ]
    assert issues[2].diagnostics == "Observation.status is required (1..1)."


def test_a_type_that_is_not_expected() -> None:
    [issue] = VALIDATOR.issues("Patient", {"resourceType": "Group"})
    assert (issue.code, issue.expression) == ("value", ("Group",))  # what FHIRPath finds there
    assert issue.diagnostics == "Patient is expected, but resourceType is 'Group'."
    with pytest.raises(Invalid):
        VALIDATOR.check("Patient", {"resourceType": "Basic", "code": {"text": "valid, but no Patient"}})
    [issue] = VALIDATOR.issues("Patient", {"resourceType": ["Patient"]})
    assert (issue.diagnostics, issue.expression) == (
        "Patient is expected, but resourceType is an array.",
        ("Patient",),
    )
    [issue] = VALIDATOR.issues("Patient", {})
    assert issue.code == "required"
    [issue] = VALIDATOR.issues("SubscriptionTopic", {"resourceType": "SubscriptionTopic"})
    assert issue.code == "value"


def test_a_valid_resource_never_meets_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cost several times as much."""
    validator = Validator(DEFINITIONS)
    monkeypatch.delattr(validator, "_checks")
    assert validator.check("Patient", VALID["Patient"]) == ()
    with pytest.raises(AttributeError):
        validator.check("Patient", {"resourceType": "Patient", "name": [{"_given": [ABSENT]}]})


def test_what_nobody_can_check_is_a_warning() -> None:
    estimate = {"unitOfMeasure": {"coding": [{"system": "http://unitsofmeasure.org", "code": "mg"}]}}
    tree = changed("EffectEvidenceSynthesis", {"effectEstimate": [estimate]})
    [warning] = VALIDATOR.check("EffectEvidenceSynthesis", tree)
    assert (warning.severity, warning.code) == ("warning", "not-supported")
    assert warning.expression == ("EffectEvidenceSynthesis.effectEstimate[0].unitOfMeasure",)


@pytest.mark.parametrize(("answer", "codes"), [("yes", []), ("unknown", ["not-supported"]), ("no", ["code-invalid"])])
def test_a_binding_is_asked_where_codes_are_not_listed(answer: str, codes: list[str]) -> None:
    asked = []

    def binding(value_set: str, coding: Any) -> str:
        asked.append((value_set, coding["code"]))
        return answer

    estimate = {"unitOfMeasure": {"coding": [{"system": "http://unitsofmeasure.org", "code": "mg"}]}}
    tree = changed("EffectEvidenceSynthesis", {"effectEstimate": [estimate]})
    issues = Validator(DEFINITIONS, binding).issues("EffectEvidenceSynthesis", tree)
    assert [issue.code for issue in issues] == codes
    assert asked == [("http://hl7.org/fhir/ValueSet/ucum-units", "mg")]


def test_an_answer_is_never_larger_than_one_can_read() -> None:
    tree = {"resourceType": "Patient", "name": [None] * 100_000, "x" * 100_000: 1}
    issues = VALIDATOR.issues("Patient", tree)
    assert len(issues) == 501
    assert issues[-1].code == "too-costly"
    [issue] = VALIDATOR.issues("Patient", {"resourceType": "Patient", "x" * 100_000: 1})
    assert len(str(issue)) < 500


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_check_and_issues_agree_on_any_tree(tree: dict[str, Any]) -> None:
    """Whatever the tree, the answer is Invalid with the very issues, or acceptance; never another error."""
    issues = VALIDATOR.issues(tree["resourceType"], tree)
    if any(issue.severity == "error" for issue in issues):
        with pytest.raises(Invalid) as refusal:
            VALIDATOR.check(tree["resourceType"], tree)
        assert refusal.value.issues == issues
    else:
        assert VALIDATOR.check(tree["resourceType"], tree) == issues


def _counts_otherwise(value: Any) -> bool:
    """Whether an array has an item that FHIRPath does not count: null, or a contained resource of no type of R4."""
    if isinstance(value, dict):
        contained = value.get("contained")
        inside = contained if isinstance(contained, list) else ()
        types = [one.get("resourceType") if isinstance(one, dict) else None for one in inside]
        if not all(isinstance(one, str) and DEFINITIONS.is_resource_type(one) for one in types):
            return True
        return any(map(_counts_otherwise, value.values()))
    return isinstance(value, list) and any(one is None or _counts_otherwise(one) for one in value)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_every_expression_selects_an_element_or_what_should_have_it(tree: dict[str, Any]) -> None:
    """By our own FHIRPath, but for trees in which its indexes are others than JSON's."""
    assume(not _counts_otherwise(tree))
    for issue in VALIDATOR.issues(tree["resourceType"], tree):
        for expression in issue.expression:
            selected = fhirpath.compile(expression).nodes(DEFINITIONS, tree)
            if selected:
                assert len(selected) == 1 or not expression.endswith("]")
            else:
                parent = re.sub(r"\.(\w+|`([^`\\]|\\.)*`)(\[\d+\])?$", "", expression, flags=re.DOTALL)
                assert parent != expression
                assert fhirpath.compile(parent).nodes(DEFINITIONS, tree), expression


@pytest.mark.parametrize(
    ("on", "change", "said"),
    [
        ("Patient", {"nmae": []}, "Patient.nmae is not an element of R4; did you mean name?"),
        ("Patient", {"contact": [{"adress": {}}]}, "contact[0].adress is not an element of R4; did you mean address?"),
        ("Observation", {"valueQuantty": {}}, "Observation.valueQuantty is not an element of R4; did you mean valueQuantity?"),
        (
            "Patient",
            {"gender": "Male"},
            "is 'Male', which is not in the value set http://hl7.org/fhir/ValueSet/administrative-gender; "
            "did you mean male? Allowed: female, male, other, unknown.",
        ),
        ("Patient", {"contained": [{"resourceType": "Medicaton", "id": "a"}]}, "not a type of R4; did you mean Medication?"),
        (
            "Condition",
            {"clinicalStatus": {"coding": [{"system": "http://x", "code": "active"}]}},
            "; the code 'active' is in it under the system http://terminology.hl7.org/CodeSystem/condition-clinical, "
            "not under 'http://x'. Allowed: active, inactive, recurrence, relapse, remission, resolved of http://",
        ),
    ],
)  # fmt: skip
def test_st_7_senders_are_told_what_they_may_have_meant(on: str, change: dict[str, Any], said: str) -> None:
    assert said in " ".join(issue.diagnostics for issue in VALIDATOR.issues(on, changed(on, change)))


def test_no_message_quotes_more_than_one_can_read() -> None:
    """Whatever is wrong with them, of names and values that a sender made up 80 characters are shown."""
    long = "zyx" * 100
    concept = {"coding": [{"system": long, "code": "active"}, {"code": long}]}
    trees: list[dict[str, Any]] = [
        {"resourceType": "Patient", long: 1, "_" + long: 1, "gender": long, "birthDate": long, "active": long},
        {"resourceType": "Patient", "contained": [{"resourceType": long}], "managingOrganization": {"reference": f"#{long}"}},
        {"resourceType": "Patient", "managingOrganization": {"reference": f"Patient/{long[:50]}", "type": long}},
        {"resourceType": "Condition", "clinicalStatus": concept, "id": long},
    ]  # fmt: skip
    texts = [str(issue) for tree in trees for issue in VALIDATOR.issues(tree["resourceType"], tree)]
    texts += map(str, VALIDATOR.issues("Patient", {"resourceType": long}))
    assert len(texts) > 10
    assert not [text for text in texts if long[:81] in text]
