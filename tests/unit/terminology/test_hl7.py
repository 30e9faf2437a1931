"""HL7's terminology as it comes with the server."""

from __future__ import annotations

import pytest

from resources import definitions
from resources.validation.validator import Validator
from terminology import hl7
from terminology.data import build


def test_tx_125_it_has_what_the_package_has() -> None:
    assert sum(1 for _ in hl7.entries("CodeSystem")) == 897
    assert sum(1 for _ in hl7.entries("ValueSet")) == 2499


@pytest.mark.parametrize("resource_type", ["CodeSystem", "ValueSet"])
def test_every_entry_is_the_resource_that_it_says(resource_type: str) -> None:
    validator = Validator(definitions.load())
    for number, entry in enumerate(hl7.entries(resource_type)):
        tree = hl7.read(entry)
        assert (tree["resourceType"], tree["url"], tree["version"]) == (resource_type, entry.url, entry.version)
        if number % 25 == 0:
            validator.check(resource_type, tree)


def test_a_value_set_of_all_codes_leads_to_its_code_system() -> None:
    found = hl7.system_of("http://terminology.hl7.org/ValueSet/surface")
    assert found is not None
    assert found.url == "http://terminology.hl7.org/CodeSystem/FDI-surface"
    assert hl7.find("ValueSet", "http://example.org/none") is None


def test_no_code_system_of_others_is_passed_on() -> None:
    """SNOMED CT, LOINC and the ICDs are their owners' to give."""
    theirs = [one for one in hl7.entries("CodeSystem") if one.url.startswith(build.ELSEWHERE)]
    assert all("concept" not in hl7.read(one) for one in theirs)
