"""The OpenAPI document follows the tables it is computed from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

from conformance.capability import Operation
from conformance.openapi import Tables, openapi
from conformance.searchable import Searchable
from fhir_server.router import ROUTES, Route
from resources.definitions import load
from resources.operation import OperationDefinition, Parameter

DEFINITIONS = load()
TYPES = DEFINITIONS.resource_types
JSON, XML = "application/fhir+json", "application/fhir+xml"
METHODS = {"get", "post", "put", "patch", "delete"}


def searchable(resource_type: str) -> list[Searchable]:
    known = DEFINITIONS.parameters_of(resource_type)
    return [
        Searchable(one.code, one.url, one.type, ("missing",), ("eq",)) for one in known.values() if one.type == "date"
    ]


EVERYTHING = OperationDefinition(
    "http://x.org/everything", "everything", False, True, True, ("Patient",),
    (Parameter("start", "in", 0, "1", "date", documentation="From when."), Parameter("return", "out", 1, "1", "Bundle")),
)  # fmt: skip
CHANGE = OperationDefinition(
    "http://x.org/change", "change", True, False, False, (), (Parameter("meta", "in", 1, "1", "Meta"),), True
)
TABLES = Tables(
    routes=ROUTES,
    operations=(
        Operation(EVERYTHING, EVERYTHING.url, frozenset({"type", "instance", "version"})),
        Operation(CHANGE, CHANGE.url, frozenset({"system"}), ("POST",), open=True),
    ),
    definitions=DEFINITIONS,
    searchable=searchable,
    controls={"_include", "_count", "_unheard"},
    queries={"read": ("_summary", "_format"), "history-type": ("_since", "_new")},
    preconditions={"read": {"if-none-match"}, "create": {"if-none-exist"}, "update": {"if-match"}},
    formats=("json", "xml", JSON, XML),
    patch_formats=("application/json-patch+json", JSON, XML, "application/merge-patch+json"),
)


def made(**changed: Any) -> dict[str, Any]:
    return openapi(TABLES._replace(**changed), base="http://a.example/fhir/default", software=("fhir-server", "1.2.3"))


DOCUMENT = made()


def operations(document: dict[str, Any] = DOCUMENT) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def names(path: str, method: str, place: str) -> set[str]:
    item = DOCUMENT["paths"][path]
    parameters = [resolved(one) for one in item[method]["parameters"] + item["parameters"]]
    return {one["name"] for one in parameters if one["in"] == place}


def test_it_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_reference_leads_to_something() -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = set(references(DOCUMENT))
    assert len(found) > 300
    for reference in found:
        assert resolved({"$ref": reference})


def test_operation_ids_are_of_one_operation_each() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids)) > 1_500


def test_every_variable_of_a_path_is_described() -> None:
    for path, method, _ in operations():
        assert names(path, method, "path") == set(re.findall(r"\{(\w+)\}", path)), path


@pytest.mark.parametrize("route", [one for one in ROUTES if one.interaction != "operation"], ids=str)
def test_every_route_is_there(route: Route) -> None:
    shape = "/" + route.shape.replace("[compartment]", "Patient").replace("[type]", "Observation", 1)
    shape = shape.replace("/Patient/[id]/Observation", "/Patient/[id]/{type}")
    path = shape.replace("[", "{").replace("]", "}")
    assert route.method.lower() in DOCUMENT["paths"][path]


def test_a_route_that_is_taken_away_is_no_longer_there() -> None:
    document = made(routes=[one for one in ROUTES if one.interaction != "patch"])
    assert {operation["operationId"] for _, _, operation in operations()} - {
        operation["operationId"] for _, _, operation in operations(document)
    } == {f"patch.{name}{more}" for name in TYPES for more in ("", ".conditional")}


def test_every_resource_type_is_a_tag_with_its_page() -> None:
    assert [tag["name"] for tag in DOCUMENT["tags"]] == ["System", *TYPES]
    assert DOCUMENT["tags"][1]["externalDocs"] == {"url": "https://hl7.org/fhir/R4/account.html"}


def test_a_search_has_the_parameters_that_work_and_no_other() -> None:
    query = names("/Patient", "get", "query")
    assert query == {"_lastUpdated", "birthdate", "death-date", "_include", "_count", "_unheard", "_format", "_pretty"}
    assert names("/Patient/{id}", "get", "query") == {"_summary", "_format", "_pretty"}
    assert names("/Patient/_history", "get", "query") == {"_since", "_new", "_format", "_pretty"}
    [birthdate] = [
        one for one in map(resolved, DOCUMENT["paths"]["/Patient"]["get"]["parameters"]) if one["name"] == "birthdate"
    ]
    assert (
        birthdate["description"] == "The patient's date of birth (date)"
    )  # of several types, what is said of this one
    assert birthdate["x-fhir-modifiers"] == ["missing"]


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/Patient/{id}", "get", {"If-None-Match"}),
        ("/Patient", "post", {"If-None-Exist", "Idempotency-Key"}),
        ("/Patient/{id}", "put", {"If-Match"}),
        ("/Patient", "put", {"If-Match"}),
        ("/Patient/{id}", "delete", set()),
        ("/", "post", {"Idempotency-Key"}),
    ],
)
def test_headers_follow_what_the_interaction_heeds(path: str, method: str, headers: set[str]) -> None:
    assert names(path, method, "header") == headers | {"Prefer", "X-Request-Id"}


def test_bodies_and_answers_are_in_every_format() -> None:
    create = DOCUMENT["paths"]["/Patient"]["post"]
    assert set(resolved(create["requestBody"])["content"]) == {JSON, XML}
    for status in ("200", "201", "default"):
        assert set(resolved(create["responses"][status])["content"]) == {JSON, XML}
    assert resolved(create["requestBody"])["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Patient"}
    patch = resolved(DOCUMENT["paths"]["/Patient/{id}"]["patch"]["requestBody"])
    assert set(patch["content"]) == set(TABLES.patch_formats)
    assert "*/*" in resolved(DOCUMENT["paths"]["/Binary"]["post"]["requestBody"])["content"]


def test_operations_are_where_they_can_be_asked_and_how() -> None:
    paths = DOCUMENT["paths"]
    assert METHODS & set(paths["/Patient/$everything"]) == {"get", "post"}
    assert METHODS & set(paths["/Patient/{id}/$everything"]) == {"get", "post"}
    assert METHODS & set(paths["/$change"]) == {"post"}
    assert not {"/$everything", "/Observation/$everything", "/Patient/$change"} & set(paths)
    assert names("/Patient/{id}/$everything", "get", "query") == {"start", "_format", "_pretty"}
    assert names("/$change", "post", "query") == {"criteria", "_format", "_pretty"}  # it takes more than is defined
    assert METHODS & set(paths["/Patient/{id}/_history/{vid}/$everything"]) == {"get", "post"}
    answer = resolved(paths["/Patient/$everything"]["get"]["responses"]["200"])
    assert answer["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Bundle"}
    assert made(routes=[one for one in ROUTES if one.interaction != "operation"])["paths"].keys() == {
        path for path in paths if "$" not in path
    }


def test_a_compartment_is_searched_by_its_types() -> None:
    [type_] = [
        one for one in DOCUMENT["paths"]["/Patient/{id}/{type}"]["get"]["parameters"] if one.get("name") == "type"
    ]
    assert set(type_["schema"]["enum"]) == set(DEFINITIONS.compartments["Patient"])
    assert "/Observation/{id}/{type}" not in DOCUMENT["paths"]
