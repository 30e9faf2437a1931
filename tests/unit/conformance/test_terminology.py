"""The TerminologyCapabilities of some code systems."""

from __future__ import annotations

from datetime import date
from typing import Any

from conformance.terminology import Version, terminology_capabilities
from resources.definitions import load
from resources.validation.validator import Validator


def stated(**systems: Any) -> dict[str, Any]:
    urls = {f"http://example.org/{name}": versions for name, versions in systems.items()}
    return terminology_capabilities(
        urls,
        parameters=[("count", "How many"), ("activeOnly", "")],
        base="http://fhir.example/fhir/t",
        software=("a server", "1.2"),
        date=date(2025, 1, 1),
    )


def test_it_is_valid() -> None:
    full = Version("1", True, True, ("en",), (("concept", ("is-a", "=")), ("none", ())), ("wave",), "is-a", "complete")
    tree = stated(b=[full, Version("2")], a=[Version("")])
    Validator(load()).check("TerminologyCapabilities", tree)
    assert [one["uri"] for one in tree["codeSystem"]] == ["http://example.org/a", "http://example.org/b"]
    assert tree["codeSystem"][1]["version"][0] == {
        "code": "1", "isDefault": True, "compositional": True, "language": ["en"],
        "filter": [{"code": "concept", "op": ["is-a", "="]}], "property": ["wave"],
    }  # fmt: skip


def test_a_code_system_without_versions_has_none() -> None:
    [one] = stated(a=[Version("")])["codeSystem"]
    assert "version" not in one
    [one] = stated(a=[Version("", properties=("wave",))])["codeSystem"]
    assert one["version"] == [{"isDefault": False, "compositional": False, "property": ["wave"]}]


def test_subsumption_is_of_hierarchies_that_are_of_kinds() -> None:
    for meaning, subsumes in (("is-a", True), ("", True), ("part-of", False), ("grouped-by", False)):
        [one] = stated(a=[Version("1", hierarchy_meaning=meaning)])["codeSystem"]
        assert one["subsumption"] is subsumes


def test_parameters_stand_by_name_with_what_is_said_of_them() -> None:
    assert stated()["expansion"]["parameter"] == [
        {"name": "activeOnly"},
        {"name": "count", "documentation": "How many"},
    ]
