"""The CapabilityStatement follows the tables it is computed from (CA-2)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from conformance.capability import Operation, capability_statement
from conformance.searchable import Searchable
from fhir_server.router import ROUTES, Route
from resources.definitions import load
from resources.operation import OperationDefinition

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
NAMED = {  # the codes of a statement
    code
    for level in ("type", "system")
    for codes in (DEFINITIONS.codes(f"{HL7}/ValueSet/{level}-restful-interaction") or {}).values()
    for code in codes
}
TABLES: dict[str, Any] = {
    "routes": ROUTES,
    "operations": (),
    "definitions": DEFINITIONS,
    "searchable": searchable,
    "common": ("_lastUpdated",),
    "controls": {"_include", "_revinclude", "_count"},
    "preconditions": {"read": {"if-none-match"}, "create": set(), "update": {"if-match"}, "delete": set()},
    "formats": ("json",),
    "patch_formats": ("application/json-patch+json",),
    "update_create": True,
    "conditional_delete_max": 1,
    "base": "http://a.example/fhir/default",
    "software": ("fhir-server", "1.2.3"),
    "date": date(2026, 3, 1),
}


def statement(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = capability_statement(**{**TABLES, **changed})
    return made


def of_patient(**changed: Any) -> dict[str, Any]:
    patient: dict[str, Any]
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
    assert said["software"] == {"name": "fhir-server", "version": "1.2.3", "releaseDate": "2026-03-01"}
    assert said["implementation"]["url"] == "http://a.example/fhir/default"


@pytest.mark.parametrize("left_out", sorted({route.interaction for route in ROUTES} & NAMED))
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


def test_versioning_follows_the_headers_heeded() -> None:
    assert of_patient()["versioning"] == "versioned-update"
    assert of_patient(preconditions={**TABLES["preconditions"], "update": ()})["versioning"] == "versioned"


@pytest.mark.parametrize(("interaction", "method"), [("update", "PUT"), ("delete", "DELETE")])
def test_co_1_conditional_writes_follow_the_routes(interaction: str, method: str) -> None:
    said = f"conditional{interaction.capitalize()}"
    without = [route for route in ROUTES if (route.shape, route.interaction) != ("[type]", interaction)]
    assert of_patient(routes=without)[said] == (False if interaction == "update" else "not-supported")
    with_it = (*without, Route(method, "[type]", interaction))
    assert of_patient(routes=with_it)[said] == (True if interaction == "update" else "single")


def test_co_1_conditional_create_follows_the_headers_heeded() -> None:
    assert of_patient()["conditionalCreate"] is False
    assert of_patient(preconditions={**TABLES["preconditions"], "create": {"if-none-exist"}})["conditionalCreate"]


@pytest.mark.parametrize(("most", "said"), [(1, "single"), (2, "multiple"), (1000, "multiple")])
def test_co_4_conditional_delete_follows_the_tenant(most: int, said: str) -> None:
    routes = (*ROUTES, Route("DELETE", "[type]", "delete"))
    assert of_patient(routes=routes, conditional_delete_max=most)["conditionalDelete"] == said


def test_pa_1_patch_formats_are_stated_where_there_is_patch() -> None:
    without = [route for route in ROUTES if route.interaction != "patch"]
    assert "patchFormat" not in statement(routes=without)
    with_it = statement(routes=(*without, Route("PATCH", "[type]/[id]", "patch")))
    assert with_it["patchFormat"] == ["application/json-patch+json"]


def test_up_3_update_create_follows_the_tenant() -> None:
    assert of_patient()["updateCreate"] is True
    assert of_patient(update_create=False)["updateCreate"] is False


@pytest.mark.parametrize(
    ("levels", "resource_types", "system", "patient", "observation"),
    [
        (("system",), (), True, False, False),
        (("type",), ("Patient",), False, True, False),
        (("instance",), ("Patient", "Observation"), False, True, True),
        (("system", "type", "instance"), ("Resource",), True, True, True),
        (("system",), ("Patient",), True, False, False),
    ],
)
def test_operations_are_named_where_they_can_be_asked(
    levels: tuple[str, ...], resource_types: tuple[str, ...], system: bool, patient: bool, observation: bool
) -> None:
    defined = OperationDefinition("", "validate", True, True, True, resource_types)
    row = Operation(defined, "http://x.org/validate", frozenset(levels), documentation="Slowly.")
    rest = statement(routes=(*ROUTES, Route("GET", "$[code]", "operation")), operations=(row,))["rest"][0]
    said = [{"name": "validate", "definition": "http://x.org/validate", "documentation": "Slowly."}]
    of_type = {resource["type"]: resource for resource in rest["resource"]}
    assert rest.get("operation") == (said if system else None)
    assert of_type["Patient"].get("operation") == (said if patient else None)
    assert of_type["Observation"].get("operation") == (said if observation else None)
    assert "operation" not in statement()["rest"][0]
