"""Which patch a request carries, and that it is decoded as strictly as a resource."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from resources import exact
from resources.definitions import load
from resources.outcome import BadRequest, Malformed, UnsupportedMediaType
from resources.patch import read, read_entry

PARAMETERS = b'{"resourceType":"Parameters","parameter":[{"name":"operation"}]}'
XML = b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/></parameter></Parameters>'
OPERATIONS = b'[{"op":"add","path":"/a","value":1.50}]'


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        ("application/json-patch+json", OPERATIONS, "json"),
        ("Application/JSON-Patch+JSON; charset=utf-8", b" [] ", "json"),
        ("application/merge-patch+json", b'{"a":null}', "merge"),
        ("application/fhir+json; fhirVersion=4.0", PARAMETERS, "fhirpath"),
        ("application/json", PARAMETERS, "fhirpath"),
        ("application/json", OPERATIONS, "json"),
        ("text/json", b'{"gender":"male"}', "merge"),
        ("application/fhir+xml", XML, "fhirpath"),
        ("text/xml", XML, "fhirpath"),
    ],
)
def test_pa_1_the_media_type_tells_the_kind(content_type: str, body: bytes, kind: str) -> None:
    found, patch = read(load(), content_type, body)
    assert found == kind
    expected = exact.decode(PARAMETERS) if kind == "fhirpath" else exact.decode_any(body)
    assert patch == expected


def test_pa_5_numbers_are_exact() -> None:
    _, [operation] = read(load(), "application/json-patch+json", OPERATIONS)
    assert operation["value"].as_tuple() == Decimal("1.50").as_tuple()


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml-patch+xml", "application/json-patch"])
def test_pa_1_other_media_types_are_not_taken(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read(load(), content_type, OPERATIONS)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json-patch+json", b""),
        ("application/json-patch+json", b"[{"),
        ("application/json-patch+json", b'[{"op":"remove","op":"test","path":"/a"}]'),
        ("application/json-patch+json", b'[{"op":"add","path":"/a","value":1e999999}]'),
        ("application/json-patch+json", b"[" * 65 + b"]" * 65),
        ("application/json-patch+json", b'{"op":"remove","path":"/a"}'),
        ("application/merge-patch+json", b"[]"),
        ("application/merge-patch+json", b'{"a":1,"a":2}'),
        ("application/fhir+json", OPERATIONS),
        ("application/fhir+json", b'{"resourceType":"Patient"}'),
        ("application/fhir+json", b'{"resourceType":5}'),
        ("application/fhir+json", b"{}"),
        ("application/fhir+xml", b'<Patient xmlns="http://hl7.org/fhir"/>'),
        ("application/fhir+xml", b"<Parameters>"),
    ],
)
def test_pa_3_malformed(content_type: str, body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read(load(), content_type, body)
    assert caught.value.status == 400


def test_pa_5_a_json_patch_says_where_it_cannot_be_read() -> None:
    with pytest.raises(Malformed) as caught:
        read(load(), "application/json-patch+json", b'[\n {"op":"add" "path":""}]')
    assert caught.value.issues[0].location == ("line 2, column 14",)


def binary(content_type: Any, data: Any) -> dict[str, Any]:
    return {"resourceType": "Binary", "contentType": content_type, "data": data}


def test_pa_1_a_bundle_entry_carries_a_binary_or_parameters() -> None:
    data = base64.b64encode(OPERATIONS).decode()
    assert read_entry(binary("application/json-patch+json", data))[0] == "json"
    assert read_entry(binary("application/json-patch+json", data[:8] + "\n" + data[8:]))[0] == "json"
    assert read_entry(exact.decode(PARAMETERS)) == ("fhirpath", exact.decode(PARAMETERS))
    xml = base64.b64encode(XML).decode()
    assert read_entry(binary("application/fhir+xml", xml)) == ("fhirpath", exact.decode(PARAMETERS))


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        (binary("application/json-patch+json", "***"), 400),
        (binary("application/json-patch+json", "é"), 400),
        (binary("application/json-patch+json", 5), 400),
        (binary(None, "W10="), 400),
        (binary("text/plain", "W10="), 415),
        ({"resourceType": "Patient"}, 400),
        ({}, 400),
    ],
)
def test_pa_3_other_entries(resource: dict[str, Any], status: int) -> None:
    with pytest.raises((BadRequest, UnsupportedMediaType)) as caught:
        read_entry(resource)
    assert caught.value.status == status
