"""The rows of contained resources."""

from __future__ import annotations

from typing import Any

from resources.store import NO_DATE
from search import contained as inside_of
from search.parameter import ANY

from .parameter_of import BASE, INDEXER, R4, parameter_of

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "deceasedBoolean": True}


def test_a_contained_resource_has_rows_of_its_own() -> None:
    """CN-1: under the name and the number of its type where it is contained, and not under its container's."""
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": "http://x.org", "code": "A"}]},
        "ingredient": [{"itemReference": {"reference": "#m2"}}],
    }
    request = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "medicationReference": {"reference": "#m1"},
        "contained": [medication, {"resourceType": "Medication", "id": "m2"}],
    }
    indexed = INDEXER.index("MedicationRequest", "r", request, BASE)
    code = INDEXER.parameters("Medication", contained=True)["code"]
    number = R4.type_number("Medication")
    assert (code.resource_type, code.type_number, code.contained) == ("#Medication", -number, True)
    first, second = indexed.rows["contained"]
    h1, h2 = (INDEXER.hash("#", "MedicationRequest", "r", one) for one in ("m1", "m2"))
    assert first[:4] == (-number, h1, "m1", NO_DATE)
    assert second[:3] == (-number, h2, "m2")
    keys, rows = first[4:]
    assert keys == "{" + ",".join(f"{h},{q}" for h, q in rows["posting"]) + "}"
    assert (code.key("a"), code.system("http://x.org")) in rows["posting"]
    assert (h2, INDEXER.parameters("Medication", contained=True)["ingredient"].pointing) in rows["posting"]
    assert {row[0] for row in rows["code"]} == {-number}
    assert (h1, parameter_of("MedicationRequest", "medication").pointing) in indexed.rows["posting"]
    assert (parameter_of("Medication", "code").key("a"), code.system("http://x.org")) not in rows["posting"]
    assert not set(rows["posting"]) & set(indexed.rows["posting"])


def test_a_contained_resource_is_found_by_its_id_but_is_in_no_compartment() -> None:
    contained = [PATIENT, {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}]
    indexed = INDEXER.index("Basic", "b", {"resourceType": "Basic", "contained": contained}, BASE)
    [first, second] = [row[-1] for row in indexed.rows["contained"]]
    by_id = INDEXER.parameters("Patient", contained=True)["_id"]
    assert (by_id.key("p"), ANY) in first["posting"]
    assert "compartment" not in {*first, *second, *indexed.rows}


def test_an_expression_is_judged_on_the_contained_resource() -> None:
    """`Patient.deceased.exists() and Patient.deceased != false`: of the one inside, whatever its container says."""
    inside = {"resourceType": "Patient", "id": "c", "active": True}
    rows = INDEXER.index("Patient", "p", {**PATIENT, "contained": [inside]}, BASE).rows
    deceased, contained = (INDEXER.parameters("Patient", contained=one)["deceased"] for one in (False, True))
    assert (deceased.key("true"), ANY) in rows["posting"]
    [within] = [row[-1] for row in rows["contained"]]
    assert (contained.key("false"), ANY) in within["posting"]


def test_an_id_given_by_the_server_is_the_containers() -> None:
    tree = {"resourceType": "Basic", "id": "as sent", "subject": {"reference": "#p"}, "contained": [PATIENT]}
    indexed = INDEXER.index("Basic", "given", tree, BASE)
    assert indexed == INDEXER.index("Basic", "given", {**tree, "id": "given"}, BASE)
    assert indexed.rows["contained"][0][1] == INDEXER.hash("#", "Basic", "given", "p")
    assert tree["id"] == "as sent"


def test_the_key_is_of_the_container_and_the_id() -> None:
    """The same id in another container, or another type's container of the same id, is another resource."""
    places = [("Basic", "1", "a"), ("Basic", "1", "b"), ("Basic", "2", "a"), ("Claim", "1", "a")]
    keys = [inside_of.key(INDEXER.hash, {"resourceType": t, "id": i}, inner) for t, i, inner in places]
    assert len(set(keys)) == len(places)
    assert inside_of.type_name("Basic") == "#Basic"
