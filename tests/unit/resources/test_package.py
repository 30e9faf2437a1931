"""Packages as they are read: what they say of themselves, and what is refused, naming the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.definitions import load
from resources.outcome import FhirError
from resources.package import is_definitional, read

from ...packages import BASE, IPS, US_CORE, definition, manifest, packed, tgz

COLOURS = definition("CodeSystem", "colours")


def test_a_package_is_its_manifest_and_its_definitions() -> None:
    example = b'{"resourceType":"Patient","id":"x"}'
    files: dict[str, bytes | None] = {
        "package/example/Patient-x.json": example,
        "package/other/y.json": b"no json",
        "package/.index.json": b"no json",
        "package/z.xml": b"<x/>",
        "package/loose.json": b'{"no":"resource"}',
        "package/Patient-x.json": example,
        "package/example": None,
    }
    found = read(load(), packed(COLOURS, files=files, dependencies={"hl7.fhir.r4.core": "4.0.1"}))
    assert found.label == "org.example.guide#1.0.0"
    assert found.dependencies == {"hl7.fhir.r4.core": "4.0.1"}
    [one] = found.resources
    assert (one.file, one.resource_type, one.logical_id) == ("package/CodeSystem-colours.json", "CodeSystem", "colours")
    assert one.canonical == f"{BASE}CodeSystem/colours|1.0.0"
    assert one.tree() == COLOURS
    assert found.passed_over == ("package/Patient-x.json", "package/loose.json")


def test_trees_are_exact() -> None:
    text = b'{"resourceType":"Questionnaire","id":"q","url":"http://q","extension":[{"url":"x","valueDecimal":1.50}]}'
    [one] = read(load(), packed(files={"package/q.json": text})).resources
    value = one.tree()["extension"][0]["valueDecimal"]
    assert (type(value), str(value)) == (Decimal, "1.50")


def test_the_same_content_has_the_same_digest() -> None:
    other = definition("ValueSet", "other")
    files: dict[str, bytes | None] = {"package/example/x.json": b"{}"}
    assert read(load(), packed(COLOURS, other)).digest == read(load(), packed(other, COLOURS, files=files)).digest
    assert read(load(), packed(COLOURS)).digest != read(load(), packed(COLOURS, title="Other")).digest
    assert read(load(), packed(COLOURS)).digest != read(load(), packed({**COLOURS, "title": "Other"})).digest


@pytest.mark.parametrize("version", [["4.0.1"], ["4.0.0"], ["4.0"], ["3.0.2", "4.0.1"], None])
def test_packages_for_r4_are_read(version: Any) -> None:
    assert read(load(), packed(fhirVersions=version)).version == "1.0.0"


def test_an_old_package_says_its_release_by_its_dependencies() -> None:
    assert read(load(), packed(fhirVersions=None, dependencies={"hl7.fhir.r4.core": "4.0.1"})).resources == ()
    with pytest.raises(FhirError, match=r"FHIR R5\b"):
        read(load(), packed(fhirVersions=None, dependencies={"hl7.fhir.r5.core": "5.0.0"}))


@pytest.mark.parametrize(
    ("package", "status", "says"),
    [
        (tgz({"package/x.json": b"{}"}), 422, "no package/package.json"),
        (tgz({"package/package.json": b"{"}), 400, "package/package.json: The JSON cannot be read at line 1"),
        (packed(fhirVersions=["4.3.0"]), 422, "made for FHIR 4.3.0"),
        (packed(fhirVersions=["4.01"]), 422, "made for FHIR 4.01"),
        (packed(name=None), 422, "name is missing"),
        (packed(name="../x"), 422, "name cannot be"),
        (packed(version="1 0"), 422, "version cannot be"),
        (packed(dependencies={"x": 1}), 422, "dependencies is not an object"),
        (packed(files={"package/x.json": b'{"a":1,"a":2}'}), 400, "package/x.json: .*given twice"),
        (packed(files={"package/x.json": b"[" * 100_000}), 400, "package/x.json: .*64 levels"),
        (packed(files={"package/x.json": b"[]"}), 400, "package/x.json: .*this is none"),
        (packed(files={"package/x.json": b'{"resourceType":"Actor"}'}), 422, "package/x.json: 'Actor' is not a resource"),
        (packed(files={"package/x.json": b'{"resourceType":["A"]}'}), 422, "package/x.json: .* is not a resource"),
        (packed(definition("ValueSet", "x", url=None)), 422, "ValueSet-x.json: it has no url"),
        (packed({**COLOURS, "id": "a b"}), 422, "has an id; 'a b' is none"),
        (packed(COLOURS, {**COLOURS, "id": "again"}), 422, "again.json and package/CodeSystem-colours.json both define"),
        (
            packed(COLOURS, files={"package/x.json": b'{"resourceType":"CodeSystem","id":"colours","url":"y"}'}),
            422,
            "both define CodeSystem/colours",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(package: bytes, status: int, says: str) -> None:
    with pytest.raises(FhirError, match=says) as refused:
        read(load(), package)
    assert refused.value.status == status


def test_one_file_twice_is_refused() -> None:
    with pytest.raises(FhirError, match="two files package/x"):
        read(load(), tgz({"package/package.json": b"{}", "package/x.json": b"{}", "./package/x.json": b"{}"}))


def test_what_defines_something() -> None:
    kinds = {one for one in load().resource_types if is_definitional(load(), one)}
    assert {"StructureDefinition", "NamingSystem", "Questionnaire", "Library", "Measure", "TestScript"} <= kinds
    assert not {"Patient", "Contract", "Device", "Bundle", "Binary", "Parameters"} & kinds


def test_a_manifest_without_anything_else() -> None:
    assert manifest()["name"] == read(load(), packed()).name


@pytest.mark.suite("packages")
def test_published_packages() -> None:
    us_core, ips = read(load(), US_CORE.read_bytes()), read(load(), IPS.read_bytes())
    assert (us_core.label, len(us_core.resources)) == ("hl7.fhir.us.core#6.1.0", 210)
    assert (ips.label, len(ips.resources)) == ("hl7.fhir.uv.ips#1.1.0", 104)
    assert us_core.passed_over == ips.passed_over == ()
