"""JSON → XML → JSON is the identity (CT-9), for everything official and for everything that can be made up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from resources import exact, fhir_xml
from resources.outcome import Malformed
from resources.validation.validator import Validator
from tests import examples, suites

from . import trees
from .trees import R4, exactly

SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def again(tree: dict[str, Any], *, pretty: bool = False) -> dict[str, Any]:
    return fhir_xml.decode(R4, fhir_xml.encode(R4, tree, pretty=pretty))


def test_ct_9_json_xml_json_is_the_identity_on_every_example() -> None:
    seen = 0
    for name, text in examples.examples():
        tree = exact.decode(text)
        assert exactly(again(tree)) == exactly(tree), name
        seen += 1
    assert seen == 825


def test_ct_9_it_is_the_identity_on_the_definitions_too() -> None:
    """4,481 resources more; every twentieth will do."""
    for number, (name, text) in enumerate(examples.package()):
        if number % 20 == 0 and len(text) < 500_000:
            tree = exact.decode(text)
            assert exactly(again(tree, pretty=True)) == exactly(tree), name


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(trees.resources())
def test_ct_9_it_is_the_identity_on_whatever_there_can_be(tree: dict[str, Any]) -> None:
    assert exactly(again(tree)) == exactly(tree)
    assert exactly(again(tree, pretty=True)) == exactly(tree)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(trees.resources())
def test_another_parser_reads_the_same_values(tree: dict[str, Any]) -> None:
    """lxml knows nothing of FHIR: what it finds in the attributes is what was in the tree, in number and text."""
    root = etree.fromstring(fhir_xml.encode(R4, tree))
    assert root.tag == f"{{http://hl7.org/fhir}}{tree['resourceType']}"
    outside = (one for one in root.iter("{http://hl7.org/fhir}*"))
    found = sorted(value for one in outside for value in one.attrib.values())
    assert found == sorted(map(shown, leaves(tree)))


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if "E-" in str(value) and not isinstance(value, str) else str(value)


def leaves(tree: Any) -> Iterator[Any]:
    for key, value in tree.items():
        if key in ("resourceType", "div"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from leaves(one)
            elif one is not None:
                yield one


OFFICIAL = ("fhirpath/input", "graphql/resources")


def xml_files() -> list[Path]:
    return sorted(path for folder in OFFICIAL for path in (suites.DATA / folder).glob("*.xml"))


@pytest.mark.suite("fhirpath")
@pytest.mark.suite("graphql")
def test_ct_9_official_xml_is_decoded_valid_and_encoded_as_it_was() -> None:
    """The XML of others: an oracle that we did not write. In one file, which is in both suites, an element stands where
    the definitions do not have it."""
    validator, files = Validator(R4), xml_files()
    assert len(files) == 15
    for path in files:
        text = path.read_bytes()
        if path.name == "observation-example.xml":
            with pytest.raises(Malformed, match="<extension> stands after <status>"):
                fhir_xml.decode(R4, text)
            continue
        tree = fhir_xml.decode(R4, text)
        validator.check(tree["resourceType"], tree)
        assert canonical(fhir_xml.encode(R4, tree)) == canonical(text), path.name


@pytest.mark.suite("fhirpath")
@pytest.mark.suite("graphql")
def test_ct_9_official_xml_is_the_tree_of_its_official_json() -> None:
    """Resources that exist in both formats, each written by the publisher and not by us."""
    official = dict(examples.examples())
    same = []
    for path in xml_files():
        if path.name == "observation-example.xml":
            continue
        tree = fhir_xml.decode(R4, path.read_bytes())
        written = exact.decode(official.get(f"{tree['resourceType']}-{tree.get('id')}.json", b"{}"))
        same.append(exactly({**tree, "text": None, "meta": None}) == exactly({**written, "text": None, "meta": None}))
    assert same.count(True) == 9  # three have no JSON, and one was changed by the authors of the suite


@pytest.mark.suite("patch")
def test_ct_9_resources_inside_the_patch_cases_are_encoded_as_they_were() -> None:
    cases = etree.parse(suites.DATA / "patch/fhir-patch-tests.xml").getroot()
    found = [part[0] for case in cases for part in case if len(part)]
    assert len(found) == 51
    for element in found:
        text = etree.tostring(element, with_tail=False)
        assert canonical(fhir_xml.encode(R4, fhir_xml.decode(R4, text))) == canonical(text)


def canonical(text: bytes) -> bytes:
    """Canonical XML without what FHIR ignores: comments, processing instructions, white space between elements."""
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False)
    root = etree.fromstring(text, parser)
    root.attrib.pop(SCHEMA_LOCATION, "")
    for element in root.iter("{http://hl7.org/fhir}*"):
        element.text = None
        for child in element:
            child.tail = None
    root.tail = None
    return etree.tostring(root, method="c14n", exclusive=True)
