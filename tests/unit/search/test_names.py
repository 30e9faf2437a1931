"""Names of search parameters: chains and their types (CH-1 … CH-3), reverse chains (HA-1 … HA-3), parts of composites."""

from __future__ import annotations

import pytest

from resources import definitions
from resources.outcome import BadRequest, NotSupported, TooCostly
from search.criteria import Chain, Clause, Criterion, Has, read
from search.filter import Step
from search.filter import parse as parse_filter
from search.names import Names, Unknown
from search.query import parse

R4 = definitions.load()


def parsed(query: str, *resource_types: str, strict: bool = True) -> tuple[Criterion, ...]:
    return parse(R4, resource_types or ("Observation",), query, strict).criteria


def test_ch1_chains() -> None:
    name = Clause("name", "exact", ("a", "b"))
    assert parsed("subject.name:exact=a,b") == (Chain("subject", None, name),)
    assert parsed("subject:Patient.organization.name:exact=a,b") == (
        Chain("subject", "Patient", Chain("organization", None, name)),
    )
    deep = "result.subject:Patient.organization.partof.name:exact=a,b"
    assert parsed(deep, "DiagnosticReport")[0].name == deep.split("=")[0]
    composite = parsed("result.code-value-quantity=a$gt1", "DiagnosticReport")[0]
    assert composite == Chain("result", None, Clause("code-value-quantity", None, ("a$gt1",)))


def test_ch2_an_untyped_chain_must_mean_one_type_of_parameter() -> None:
    """`context` is a token or a reference, depending on the type."""
    with pytest.raises(NotSupported, match="Name the type"):
        parsed("target.context=x", "Provenance", strict=False)
    assert parsed("target:Observation.code=x", "Provenance")


def test_ha2_reverse_chains_nested_and_mixed_with_chains() -> None:
    code = Clause("agent", None, ("x",))
    nested = parsed("_has:Observation:patient:_has:AuditEvent:entity:agent=x", "Patient")
    assert nested == (Has("Observation", "patient", Has("AuditEvent", "entity", code)),)
    inside = parsed("_has:PractitionerRole:practitioner:service.service-type=CHIRO", "Practitioner")
    assert inside[0].name == "_has:PractitionerRole:practitioner:service.service-type"
    assert isinstance(inside[0], Has)
    assert inside[0].criterion == Chain("service", None, Clause("service-type", None, ("CHIRO",)))
    beyond = parsed("subject:Patient._has:Encounter:patient:status=planned")
    assert beyond == (Chain("subject", "Patient", Has("Encounter", "patient", Clause("status", None, ("planned",)))),)


def test_untyped_chains_to_very_many_types_are_too_costly() -> None:
    with pytest.raises(TooCostly, match=r"focus\.focus\.focus"):
        parsed("focus.focus.focus.focus.focus._id=x")
    assert parsed("focus._id=x")


def test_where_a_chain_leads() -> None:
    """CH-2: to all types that have the whole rest."""
    names = Names(R4)

    def targets(resource_type: str, name: str) -> set[str]:
        chain = read(name, "x")
        assert isinstance(chain, Chain)
        return set(names.targets(resource_type, chain))

    assert targets("Observation", "subject.name") == {"Location", "Patient"}
    assert targets("Observation", "subject.gender") == {"Patient"}
    assert targets("Observation", "subject.organization.name") == {"Device", "Location", "Patient"}
    assert targets("Observation", "subject:Location.name") == {"Location"}
    with pytest.raises(Unknown, match="None of Group, Device, Patient, Location"):
        targets("Observation", "subject.nonsense")
    with pytest.raises(Unknown, match="only references lead further"):
        targets("Observation", "code.text")


def test_breadth_counts_every_type_alone_and_contained() -> None:
    names = Names(R4)
    assert names.breadth("Observation", read("code", "x")) == 1
    assert names.breadth("Observation", read("subject:Patient.name", "x")) == 4
    assert names.breadth("Observation", read("subject.name", "x")) == 8
    assert names.breadth("Patient", read("_has:Observation:patient:code", "x")) == 2
    assert names.breadth("Observation", read("_filter", "subject:Patient[name eq a].name co x and code eq a")) == 9


def step(text: str) -> Step:
    found = parse_filter(text)
    assert isinstance(found, Step)
    return found


COMPOSITES = {
    ("Observation", "code-value-quantity[code eq loinc|1-2].value-quantity gt 5"): (
        "code-value-quantity",
        "http://loinc.org|1-2$gt5",
    ),
    ("Observation", 'code-value-string[code eq a].value-string sw "x,y$z"'): ("code-value-string", r"a$x\,y\$z"),
    ("Observation", "code-value-date[value-date le 2020].code eq a"): ("code-value-date", "a$le2020"),
    ("Group", "characteristic[code eq a].value eq b"): ("characteristic-value", "a$b"),
    ("DocumentReference", "relatesTo[code eq replaces].target re DocumentReference/1"): (
        "relationship",
        "DocumentReference/1$replaces",
    ),
}


@pytest.mark.parametrize(("resource_type", "text"), COMPOSITES)
def test_fi1_brackets_say_what_is_in_the_same_repetition_of_a_composite(resource_type: str, text: str) -> None:
    code, value = COMPOSITES[resource_type, text]
    assert Names(R4).composite(resource_type, step(text)) == Clause(code, None, (value,))


WRONG = {
    "code-value-quantity.value-quantity gt 5": "one comparison in brackets",
    "code-value-quantity[code eq a or code eq b].value-quantity gt 5": "one comparison in brackets",
    "code-value-quantity[code in http://x].value-quantity gt 5": "at character 21: .*only eq",
    "code-value-quantity[code eq a].value-quantity pr true": "at character 32: .*only ap, eb",
    "code-value-quantity[code eq a].code eq b": "a value for each of its parts",
    "code-value-quantity[status eq a].value-quantity gt 5": "no part status; it has code, value-quantity",
}


@pytest.mark.parametrize("text", WRONG)
def test_fi4_what_a_composite_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=WRONG[text]):
        Names(R4).composite("Observation", step(text))


def test_a_reference_is_no_composite() -> None:
    assert Names(R4).composite("Observation", step("subject[gender eq male].name eq x")) is None
