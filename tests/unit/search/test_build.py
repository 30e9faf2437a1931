"""From queries to conditions: what is asked for of each type, and what of several types together."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest, NotSupported
from search import build, contained
from search.conditions import (
    And,
    Condition,
    Ids,
    Inside,
    Keys,
    Listed,
    Not,
    Nothing,
    Or,
    Referred,
    Refers,
    Strings,
    Updated,
)
from search.criteria import Chain, Clause, Has, read
from search.query import Query, parse
from search.simplify import simplified

from .parameter_of import BASE, INDEXER, R4, condition_for, index_of, meets, parameter_of


def built(query: str, *resource_types: str, inside: bool = False, **scope: Any) -> tuple[Condition, ...]:
    asked = parse(R4, resource_types, query, base_url=BASE, **scope)
    return tuple(simplified(one) for one in build.conditions(INDEXER, asked, contained=inside))


def of(resource_type: str, name: str, value: str, inside: bool = False) -> Condition:
    clause = read(name, value)
    assert isinstance(clause, Clause)
    return simplified(build.of_clause(INDEXER, resource_type, clause, BASE, inside))


def number(resource_type: str) -> int:
    return R4.type_number(resource_type)


def test_each_criterion_is_a_condition() -> None:
    found = built("code=a,b&status=final&_id=x", "Observation")
    assert found == (
        of("Observation", "code", "a,b"),
        of("Observation", "status", "final"),
        of("Observation", "_id", "x"),
    )
    assert meets(found[0], index_of("Observation", {"code": {"coding": [{"code": "B"}]}}))
    assert built("", "Observation") == ()


def test_values_that_cannot_be_read_are_refused() -> None:
    """SE-11: with the parameter and the value."""
    for text in ("birthdate=23 May 2009", "birthdate=2009-13", "link.birthdate=x", "_has:Observation:patient:date=x"):
        with pytest.raises(BadRequest, match=r"(birth)?date=(23 May 2009|2009-13|x)"):
            built(text, "Patient")


def test_mi1_missing() -> None:
    present = Keys((parameter_of("Patient", "gender").present,), 3)
    assert built("gender:missing=true", "Patient") == (Not(present),)
    assert built("gender:missing=false", "Patient") == (present,)
    for column in ("_id", "_lastUpdated"):
        assert built(f"{column}:missing=true", "Patient") == (Nothing(),)
        assert built(f"{column}:missing=false", "Patient") == (And(()),)
    with pytest.raises(BadRequest, match="words of Patient are not indexed"):
        built("_content:missing=true", "Patient")


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # (criterion, what meets it of the first type, what does not, and of the second)
    "code=a": ({"code": {"coding": [{"code": "a"}]}}, {"code": {"coding": [{"code": "b"}]}}),
    "code:not=b": ({"code": {"coding": [{"code": "a"}]}}, {"code": {"coding": [{"code": "b"}]}}),
    "code:missing=true": ({}, {"code": {"text": "b"}}),
    "_filter=code eq a or not (code pr true)": ({}, {"code": {"coding": [{"code": "b"}]}}),
    "_filter=code ne b": ({"code": {"coding": [{"code": "a"}]}}, {}),
    "identifier:not=x": ({"identifier": [{"value": "y"}]}, {"identifier": [{"value": "x"}]}),
}


@pytest.mark.parametrize("criterion", PAIRS)
def test_sy1_over_several_types_each_is_judged_as_it_is_alone(criterion: str) -> None:
    """Also where it is met by what a resource has not."""
    meeting, failing = PAIRS[criterion]
    [condition] = built(f"{criterion}&_type=Observation,Condition,Procedure")
    for resource_type in ("Observation", "Condition", "Procedure"):
        assert meets(condition, index_of(resource_type, meeting))
        assert not meets(condition, index_of(resource_type, failing))


def test_atoms_of_several_types_are_one() -> None:
    [ids] = built("_id=x&_type=Observation,Patient")
    assert isinstance(ids, Ids)
    assert [row[0] for row in ids.rows] == [number("Observation"), number("Patient")]
    [keys, updated] = built("_tag=a&_lastUpdated=ge2020")
    assert isinstance(keys, Keys)
    assert isinstance(updated, Updated)
    assert len(keys.rows) == len(R4.resource_types) == len({row[0] for row in updated.rows})


def test_conditions_of_one_criterion_are_of_one_kind_on_all_types() -> None:
    """What merging relies on: met elsewhere on all types, or on none."""
    named = {
        "code:missing": "true",
        "_filter": "not (code eq a)",
        "identifier:of-type": "a|b|c",
        "_lastUpdated": "ge2020",
    }
    for name in ("code", "code:not", "code:not-in", "subject.name", *named):
        value = named.get(name, "a")
        criterion = read(name, value)
        alone = [condition_for(one, criterion) for one in ("Observation", "Condition", "Procedure")]
        assert len({build._holds_elsewhere(one) for one in alone}) == 1, name


def test_cm1_compartments() -> None:
    key = INDEXER.hash("Patient", "1")
    found = built("code=a", "Observation", compartment=("Patient", "1"))
    assert found[1:] == (Inside(((key, number("Observation")),)),)
    [inside] = built("", compartment=("Patient", "1"))
    assert isinstance(inside, Inside)
    assert {row[1] for row in inside.rows} == {number(name) for name in R4.compartments["Patient"]}
    assert built("", "Observation", compartment=("Patient", "1"), inside=True) == (Nothing(),)


def test_li1_lists() -> None:
    assert built("_list=42", "Observation") == (Listed("42", (number("Observation"),)),)
    numbers = (number("Patient"), number("Observation"))
    assert built("_list=a,b&_type=Patient,Observation") == (Or((Listed("a", numbers), Listed("b", numbers))),)
    assert built("_list=42", "Observation", inside=True) == (Nothing(),)


def test_ch1_a_chain_is_about_what_a_reference_points_to() -> None:
    """CH-2: all types that have the parameter; CH-4: alone or contained."""
    [found] = built("subject.name=peter", "Observation")
    assert isinstance(found, Refers)
    assert found.pointing == (parameter_of("Observation", "subject").pointing,)
    names = ("Patient", "Location")
    for (types, condition), sign in zip(found.targets, (1, -1), strict=True):  # one for all types that have it alike
        assert set(types) == {sign * number(name) for name in names}
        assert isinstance(condition, Strings)
        rows = [of(name, "name", "peter", sign < 0) for name in names]
        assert set(condition.rows) == {row for one in rows if isinstance(one, Strings) for row in one.rows}
    [typed] = built("subject:Patient.name:exact=peter", "Observation")
    assert isinstance(typed, Refers)
    assert [types for types, _ in typed.targets] == [(number("Patient"),), (-number("Patient"),)]


def test_ch4_a_chain_goes_on_from_what_is_contained() -> None:
    [found] = built("medication.manufacturer.name=x", "MedicationRequest")
    assert isinstance(found, Refers)
    inner = dict(found.targets)
    for sign, inside in ((1, False), (-1, True)):
        beyond = inner[(sign * number("Medication"),)]
        assert isinstance(beyond, Refers)
        assert beyond.pointing == (INDEXER.parameters("Medication", inside)["manufacturer"].pointing,)
        assert {types for types, _ in beyond.targets} == {(number("Organization"),), (-number("Organization"),)}


def test_ch4_the_condition_of_what_is_contained_is_met_there() -> None:
    tree = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "contained": [{"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": "abc"}]}}],
        "medicationReference": {"reference": "#m"},
    }
    indexed = INDEXER.index("MedicationRequest", "r", tree, BASE)
    [found] = built("medication.code=abc", "MedicationRequest")
    assert isinstance(found, Refers)
    condition = dict(found.targets)[(-number("Medication"),)]
    assert isinstance(condition, Keys)
    [(type_number, skey, *_, rows)] = indexed.rows["contained"]
    assert type_number == -number("Medication")
    assert not set(condition.rows).isdisjoint(rows["posting"])
    assert skey == contained.key(INDEXER.hash, tree, "m")
    assert (skey, found.pointing[0]) in indexed.rows["posting"]


BUNDLE = {
    "resourceType": "Bundle",
    "id": "b",
    "type": "document",
    "entry": [
        {
            "resource": {
                "resourceType": "Composition",
                "id": "c",
                "status": "final",
                "type": {"coding": [{"code": "t"}]},
            }
        },
        {"resource": {"resourceType": "Composition", "id": "d", "status": "amended"}},
    ],
}


def test_ch5_a_chain_goes_into_the_first_entry_of_a_bundle() -> None:
    indexed = INDEXER.index("Bundle", "b", BUNDLE, BASE)
    [found] = built("composition.type=t", "Bundle")
    assert isinstance(found, Refers)
    [((target,), condition)] = found.targets
    assert target == -number("Composition")
    assert isinstance(condition, Keys)
    [(type_number, skey, logical_id, *_, rows)] = indexed.rows["contained"]
    assert (type_number, logical_id) == (target, "c")
    assert not set(condition.rows).isdisjoint(rows["posting"])
    assert (skey, found.pointing[0]) in indexed.rows["posting"]
    assert of("Bundle", "composition", "Composition/c").rows[0] in indexed.rows["posting"]  # type: ignore[union-attr]


def test_cn1_an_entry_is_not_contained() -> None:
    [*_, (_, _, _, _, _, rows)] = INDEXER.index("Bundle", "b", BUNDLE, BASE).rows["contained"]
    [_, elsewhere] = built("type=t", "Composition", inside=True)
    assert isinstance(elsewhere, Not)
    assert isinstance(elsewhere.condition, Keys)
    assert elsewhere.condition.rows[0] in rows["posting"]
    assert len(built("type=t", "Composition")) == len(built("code=t", "Medication", inside=True)) == 1


def test_chains_of_several_types_are_any_of_them() -> None:
    [found] = built("subject:Patient.name=x&_type=Observation,Condition")
    assert isinstance(found, Or)
    pointing = {one.pointing for one in found.conditions if isinstance(one, Refers)}
    assert pointing == {(parameter_of(name, "subject").pointing,) for name in ("Observation", "Condition")}


def test_nothing_is_chained_to_canonical_urls() -> None:
    with pytest.raises(NotSupported, match="canonical"):
        built("instantiates-canonical:PlanDefinition.name=x", "RequestGroup")


def test_ch3_each_chain_is_judged_alone_and_a_filter_in_brackets_together() -> None:
    apart = built("general-practitioner:Practitioner.name=a&general-practitioner:Practitioner.gender=male", "Patient")
    assert len(apart) == 2
    [found] = built("_filter=general-practitioner:Practitioner[gender eq male].name sw a", "Patient")
    assert isinstance(found, Refers)
    [one, _] = found.targets
    assert isinstance(one[1], And)
    assert len(one[1].conditions) == 2


def test_ha1_reverse_chains() -> None:
    pointing = (parameter_of("Observation", "patient").pointing,)
    has = built("_has:Observation:patient:code=1234-5", "Patient")
    assert has == (Referred(pointing, number("Observation"), of("Observation", "code", "1234-5")),)
    assert built("_has:Observation:patient:code=1234-5", "Patient", inside=True) == (Nothing(),)
    assert built("_has:Observation:patient:code=1234-5&_type=Patient,Medication") == has
    [nested] = built("_has:Observation:patient:_has:AuditEvent:entity:agent=Device/1", "Patient")
    assert isinstance(nested, Referred)
    assert isinstance(nested.condition, Referred)
    assert nested.condition.type_number == number("AuditEvent")
    [mixed] = built("_has:PractitionerRole:practitioner:service.service-type=a", "Practitioner")
    assert isinstance(mixed, Referred)
    assert isinstance(mixed.condition, Refers)


def test_cn1_contained_resources_have_conditions_of_their_own() -> None:
    [found] = built("code=abc", "Medication", inside=True)
    assert found == of("Medication", "code", "abc", True)
    assert found != of("Medication", "code", "abc")
    assert built("_lastUpdated=ge2020", "Medication", inside=True) == (Nothing(),)
    assert built("_lastUpdated:missing=true", "Medication", inside=True) == (And(()),)
    assert built("_filter=_lastUpdated ge 2020", "Medication", inside=True) == (Nothing(),)


def test_qy1_a_named_query_that_was_not_expanded_is_refused() -> None:
    with pytest.raises(NotSupported, match="_query=recent"):
        built("_query=recent", "Patient")


def test_a_query_made_by_hand() -> None:
    query = Query(
        ("Patient",),
        (
            Chain("link", "Patient", Clause("gender", None, ("male",))),
            Has("Observation", "patient", Clause("code", None, ("a",))),
        ),
    )
    assert len(build.conditions(INDEXER, query)) == 2
