"""The CapabilityStatement follows the tables it is computed from (CA-2)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from conformance.capability import capability_statement
from conformance.searchable import Searchable
from fhir_server.operations import Operation
from fhir_server.router import ROUTES, Route
from resources.definitions import load

DEFINITIONS = load()


def searchable(resource_type: str) -> list[Searchable]:
    """Dates and references of the definitions, with something to say of one of them."""
    known = sorted(DEFINITIONS.parameters_of(resource_type).values(), key=lambda one: one.code)
    return [
        Searchable(one.code, one.url, one.type, ("missing",), ("eq", "gt"), one.targets)
        for one in known
        if one.type in ("date", "reference")
    ]


HL7 = "http://hl7.org/fhir"
UNNAMED = {"capabilities", "search-compartment"}  # R4 has no code for them among those of a statement
TABLES: dict[str, Any] = {
    "routes": ROUTES,
    "operations": (),
    "definitions": DEFINITIONS,
    "searchable": searchable,
    "common": ("_lastUpdated",),
    "controls": {"_include", "_revinclude", "_count"},
    "preconditions": {"read": {"if-none-match"}, "create": set(), "update": {"if-match"}, "delete": set()},
    "formats": ("json",),
    "update_create": True,
    "base": "http://a.example/fhir/default",
    "software": ("fhir-server", "1.2.3"),
    "date": date(2026, 3, 1),
}


def statement(**changed: Any) -> dict[str, Any]:
    return capability_statement(**{**TABLES, **changed})


def of_patient(**changed: Any) -> dict[str, Any]:
    [patient] = [resource for resource in statement(**changed)["rest"][0]["resource"] if resource["type"] == "Patient"]
    return patient


def test_it_names_every_resource_type_once() -> None:
    types = [resource["type"] for resource in statement()["rest"][0]["resource"]]
    assert types == list(DEFINITIONS.resource_types)


def test_it_says_whose_statement_it_is() -> None:
    said = statement()
    assert (said["fhirVersion"], said["kind"], said["date"], said["format"]) == (
        "4.0.1",
        "instance",
        "2026-03-01",
        ["json"],
    )
    assert said["software"] == {"name": "fhir-server", "version": "1.2.3"}
    assert said["implementation"]["url"] == "http://a.example/fhir/default"


@pytest.mark.parametrize("left_out", sorted({route.interaction for route in ROUTES} - UNNAMED))
def test_a_route_that_is_taken_away_is_no_longer_stated(left_out: str) -> None:
    def stated(routes: Any) -> set[str]:
        said = statement(routes=routes)["rest"][0]
        return {one["code"] for one in said["interaction"] + said["resource"][0]["interaction"]}

    routes = [route for route in ROUTES if route.interaction != left_out]
    assert stated(ROUTES) - stated(routes) == {left_out}


def test_only_searchable_parameters_are_stated_with_what_works_for_them() -> None:
    stated = {parameter["name"]: parameter for parameter in of_patient()["searchParam"]}
    dates = {"_lastUpdated", "birthdate", "death-date"}
    assert set(stated) == dates | {"general-practitioner", "link", "organization"}
    assert stated["birthdate"]["documentation"] == "Modifiers: :missing; Comparators: eq gt"
    assert of_patient(searchable=lambda resource_type: [])["searchParam"] == []
    silent = of_patient(searchable=lambda resource_type: [Searchable("x", "http://a.example/x", "token")])
    assert silent["searchParam"] == [{"name": "x", "definition": "http://a.example/x", "type": "token"}]


def test_in_1_includes_are_those_of_the_reference_parameters() -> None:
    patient = of_patient()
    assert patient["searchInclude"] == [
        "*", "Patient:general-practitioner", "Patient:link", "Patient:organization",
    ]  # fmt: skip
    pointing = {one for one in patient["searchRevInclude"] if one.startswith("Observation:")}
    assert pointing == {"Observation:focus", "Observation:patient", "Observation:performer", "Observation:subject"}
    assert patient["searchRevInclude"][0] == "*"
    without = of_patient(controls={"_revinclude"}), of_patient(controls={"_include"})
    assert "searchInclude" not in without[0]
    assert "searchRevInclude" not in without[1]


def test_se_2_what_is_searched_over_all_types_and_by_compartment_follows_the_routes() -> None:
    rest = statement()["rest"][0]
    named = [(one["name"], one["type"]) for one in rest["searchParam"]]
    assert named == [
        ("_lastUpdated", "date"), ("_count", "special"), ("_include", "special"), ("_revinclude", "special"),
    ]  # fmt: skip
    assert f"{HL7}/CompartmentDefinition/relatedPerson" in rest["compartment"]
    assert len(rest["compartment"]) == 5
    without = [route for route in ROUTES if route.interaction not in ("search-system", "search-compartment")]
    rest = statement(routes=without)["rest"][0]
    assert "searchParam" not in rest
    assert "compartment" not in rest


@pytest.mark.parametrize(
    ("heeded", "said"),
    [
        ((), "not-supported"),
        (("if-none-match",), "not-match"),
        (("if-modified-since",), "modified-since"),
        (("if-modified-since", "if-none-match"), "full-support"),
    ],
)
def test_rd_4_conditional_read_follows_the_headers_heeded(heeded: tuple[str, ...], said: str) -> None:
    assert of_patient(preconditions={**TABLES["preconditions"], "read": heeded})["conditionalRead"] == said


def test_versioning_and_conditional_writes_follow_the_tables() -> None:
    assert of_patient()["versioning"] == "versioned-update"
    assert of_patient(preconditions={**TABLES["preconditions"], "update": ()})["versioning"] == "versioned"
    plain = of_patient()
    assert (plain["conditionalCreate"], plain["conditionalUpdate"], plain["conditionalDelete"]) == (
        False,
        False,
        "not-supported",
    )
    routes = (*ROUTES, Route("PUT", "[type]", "update"), Route("DELETE", "[type]", "delete"))
    preconditions = {**TABLES["preconditions"], "create": {"if-none-exist"}}
    conditional = of_patient(routes=routes, preconditions=preconditions)
    assert (conditional["conditionalCreate"], conditional["conditionalUpdate"]) == (True, True)
    assert conditional["conditionalDelete"] == "single"


def test_up_3_update_create_follows_the_tenant() -> None:
    assert of_patient()["updateCreate"] is True
    assert of_patient(update_create=False)["updateCreate"] is False


def test_operations_are_named_with_their_definitions() -> None:
    assert "operation" not in statement()["rest"][0]
    said = statement(operations=(Operation("validate", "http://x.org/validate"),))["rest"][0]
    assert said["operation"] == [{"name": "validate", "definition": "http://x.org/validate"}]
