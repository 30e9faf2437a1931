"""What one request may refer to: the order of sources, versions and their patterns, pins, supplements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from terminology import resources
from terminology.budget import Budget, Spent
from terminology.index.supplement import supplemented
from terminology.scope import CODE_SYSTEM, VALUE_SET, Candidate, Missing, Scope, matches, split

URL = "http://example.org/colours"


def system(version: str, *codes: str, **more: Any) -> dict[str, Any]:
    stated = {"url": URL, "version": version, "status": "active", "content": "complete", **more}
    return {"resourceType": "CodeSystem", **stated, "concept": [{"code": code} for code in codes]}


class Kept:
    """A source of resources, as they are given."""

    def __init__(self, *trees: Mapping[str, Any]) -> None:
        self.opened = 0
        self._all = [self._candidate(tree) for tree in trees]

    def _candidate(self, tree: Mapping[str, Any]) -> Candidate:
        def open() -> Any:
            self.opened += 1
            return resources.code_system(tree)

        return Candidate(tree["resourceType"], tree["url"], tree.get("version", ""), "active", tree, open)

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        return [one for one in self._all if (one.resource_type, one.url) == (resource_type, url)]

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return [one for one in self._all if one.resource_type == resource_type]


def scope(*sources: Kept, **more: Any) -> Scope:
    return Scope(sources, supplement=supplemented, **more)


def version_of(found: Any) -> str:
    assert found is not None
    return str(found.about.version)


def test_the_first_source_decides_what_counts_without_a_version() -> None:
    asked = scope(Kept(system("1", "a")), Kept(system("2", "a")))
    assert version_of(asked.code_system(URL)) == "1"
    assert asked.versions(CODE_SYSTEM, URL) == ("1", "2")


def test_a_version_is_looked_for_in_all_sources() -> None:
    asked = scope(Kept(system("1", "a")), Kept(system("2", "a")))
    assert version_of(asked.code_system(URL, "2")) == "2"
    assert asked.code_system(URL, "3") is None
    assert asked.code_system("http://example.org/other") is None


def test_a_pin_counts_where_no_version_is_asked_for() -> None:
    sources = Kept(system("2", "a")), Kept(system("1", "a"))
    assert version_of(scope(*sources, versions={URL: "1"}).code_system(URL)) == "1"
    assert version_of(scope(*sources, versions={URL: "1"}).code_system(URL, "2")) == "2"
    assert version_of(scope(*sources, versions={"http://example.org/other": "1"}).code_system(URL)) == "2"


def test_a_pin_of_what_is_not_there_is_no_other_version() -> None:
    """Whoever pins a version would rather have none than another one."""
    assert scope(Kept(system("2", "a")), versions={URL: "1"}).code_system(URL) is None


def test_pins_are_of_code_systems_only() -> None:
    value_set = {"resourceType": "ValueSet", "url": URL, "version": "5"}
    assert scope(Kept(value_set), versions={URL: "1"}).value_set(URL) == value_set


@pytest.mark.parametrize(
    ("wanted", "version", "fits"),
    [
        ("1.0.0", "1.0.0", True),
        ("1.0.0", "1.0.1", False),
        ("1.x", "1.4", True),
        ("1.x", "1.4.2", True),
        ("1.x", "2.4", False),
        ("1.X.0", "1.4.0", True),
        ("1.?.0", "1.4.0", True),
        ("1.?.0", "1.4.1", False),
        ("1.?", "1.4.1", False),
        ("1.*", "1", False),
        ("*", "anything", True),
        ("1.0", "1.0.1", False),
        ("x1.0", "x1.1", False),
        ("http://snomed.info/sct/11", "http://snomed.info/sct/11/version/20250101", True),
        ("http://snomed.info/sct/1", "http://snomed.info/sct/11/version/20250101", False),
        ("", "1", False),
    ],
)
def test_versions_and_their_patterns(wanted: str, version: str, fits: bool) -> None:
    assert matches(wanted, version) is fits


@pytest.mark.parametrize(
    ("canonical", "parts"),
    [
        ("http://example.org/v", ("http://example.org/v", "")),
        ("http://example.org/v|1.0", ("http://example.org/v", "1.0")),
        ("http://example.org/v|1|2", ("http://example.org/v", "1|2")),
        ("http://snomed.info/sct?fhir_vs=ecl/<<1 |a term|", ("http://snomed.info/sct?fhir_vs=ecl/<<1 |a term|", "")),
        (
            "http://snomed.info/sct?fhir_vs=ecl/<<1 |a term||http://snomed.info/sct/11",
            ("http://snomed.info/sct?fhir_vs=ecl/<<1 |a term|", "http://snomed.info/sct/11"),
        ),
    ],
)
def test_a_canonical_url_and_its_version(canonical: str, parts: tuple[str, str]) -> None:
    """TX-22: terms in an expression stand between bars, which many clients do not escape."""
    assert split(canonical) == parts


SUPPLEMENT = {
    "resourceType": "CodeSystem", "url": "http://example.org/s", "version": "1", "content": "supplement",
    "supplements": f"{URL}|1", "status": "active",
    "concept": [{"code": "a", "designation": [{"value": "rot", "language": "de"}]}],
}  # fmt: skip


def test_a_supplement_adds_to_its_code_system() -> None:
    asked = scope(Kept(system("1", "a"), SUPPLEMENT))
    plain, more = asked.code_system(URL), asked.code_system(URL, supplements=["http://example.org/s|1"])
    assert plain is not None
    assert more is not None
    assert [one.value for one in plain.designations(0)] == []
    assert [one.value for one in more.designations(0)] == ["rot"]


@pytest.mark.parametrize("canonical", ["http://example.org/none", "http://example.org/s|2", URL])
def test_a_supplement_that_is_none_is_named(canonical: str) -> None:
    with pytest.raises(KeyError, match=canonical.replace("|", r"\|")):
        scope(Kept(system("1", "a"), SUPPLEMENT)).code_system(URL, supplements=[canonical])


def test_a_supplement_of_another_code_system_is_none() -> None:
    other = {**SUPPLEMENT, "supplements": "http://example.org/other"}
    with pytest.raises(KeyError):
        scope(Kept(system("1", "a"), other)).code_system(URL, supplements=["http://example.org/s"])


def test_a_supplement_is_no_code_system() -> None:
    asked = scope(Kept(system("1", "a"), SUPPLEMENT))
    assert asked.code_system("http://example.org/s") is None
    assert [one.url for one in asked.code_systems()] == [URL]


def test_what_is_missing_is_told() -> None:
    class Unread(Kept):
        def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
            raise Missing

    with pytest.raises(Missing):
        scope(Kept(), Unread()).value_set("http://example.org/v")
    assert scope(Kept(system("1", "a")), Unread()).find(CODE_SYSTEM, URL), "what comes first is enough"


def test_a_code_system_is_opened_once_for_a_request() -> None:
    source = Kept(system("1", "a"))
    asked = scope(source)
    assert asked.code_system(URL) is asked.code_system(URL, "1")
    assert source.opened == 1


def test_opening_what_takes_long_costs_steps() -> None:
    """So that an index of a large resource is not built where others wait."""
    opened: list[int] = []
    large = Candidate(CODE_SYSTEM, URL, "1", "active", None, lambda: opened.append(1), steps=lambda: 1_000)
    asked = scope()
    asked.budget = Budget(10, sooner=True)
    with pytest.raises(Spent):
        asked.open(large)
    assert opened == []
    asked.budget = Budget()
    asked.open(large)
    assert opened == [1]


def test_what_knows_composed_codes_is_made_once_for_a_request() -> None:
    made: list[int] = []

    def make(known: Any) -> Any:
        made.append(1)
        return known

    tree = system("1", "a", compositional=True)
    asked = scope(Kept(tree), composed={"": make})
    assert asked.code_system(URL) is asked.code_system(URL)
    assert made == [1]
    assert scope(Kept(system("1", "a")), composed={"": make}).code_system(URL)
    assert made == [1], "only of a compositional one"


def test_value_sets_and_maps_are_none_where_they_are_not() -> None:
    asked = scope(Kept())
    assert asked.value_set("http://example.org/v") is None
    assert asked.concept_map("http://example.org/m") is None
    assert asked.find(VALUE_SET, "http://example.org/v") is None
    assert list(asked.concept_maps()) == []
