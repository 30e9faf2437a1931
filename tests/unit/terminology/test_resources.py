"""CodeSystem resources as systems. https://hl7.org/fhir/R4/codesystem.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pyroaring import BitMap

from resources.outcome import TooCostly
from terminology.records import FilterDefinition, Parent, PropertyDefinition, Term
from terminology.resources import about_of, code_system, records_of

PROPERTIES = "http://hl7.org/fhir/concept-properties#"
STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"


def tree(*concepts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CodeSystem",
        "url": "http://example.org/cs",
        "content": "complete",
        "concept": [*concepts],
    } | more


NESTED = tree(
    {
        "code": "animal",
        "display": "Animal",
        "concept": [{"code": "cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}],
    },
    {"code": "plant"},
)


def test_tx34_what_a_code_system_says_of_itself() -> None:
    about = about_of(
        {
            "url": "http://example.org/cs",
            "version": "2",
            "name": "Name",
            "title": "Title",
            "status": "draft",
            "experimental": True,
            "date": "2024-01",
            "publisher": "Somebody",
            "description": "What it is",
            "copyright": "Nobody's",
            "caseSensitive": True,
            "valueSet": "http://example.org/vs",
            "hierarchyMeaning": "part-of",
            "compositional": True,
            "versionNeeded": True,
            "content": "fragment",
            "language": "de",
            "supplements": "http://example.org/other|1",
            "filter": [{"code": "f", "operator": ["=", "in"], "value": "a code", "description": "one"}],
            "property": [{"code": "p", "type": "Coding", "uri": "http://example.org/p", "description": "two"}],
            "extension": [{"url": "http://example.org/x", "valueDecimal": Decimal("1.0")}],
        }
    )
    assert (about.url, about.version, about.name, about.title) == ("http://example.org/cs", "2", "Name", "Title")
    assert (about.status, about.experimental, about.date, about.publisher) == ("draft", True, "2024-01", "Somebody")
    assert (about.description, about.copyright, about.language) == ("What it is", "Nobody's", "de")
    assert (about.case_sensitive, about.compositional, about.version_needed) == (True, True, True)
    assert (about.content, about.hierarchy_meaning, about.value_set) == ("fragment", "part-of", "http://example.org/vs")
    assert about.supplements == "http://example.org/other|1"
    assert about.filters == (FilterDefinition("f", ("=", "in"), "a code", "one"),)
    assert about.properties == (PropertyDefinition("p", "Coding", "http://example.org/p", "two"),)
    assert str(about.extension[0]["valueDecimal"]) == "1.0"
    assert about.kind == ""


def test_tx34_what_was_not_said() -> None:
    about = about_of({"status": "active", "content": "not-present"})
    assert (about.case_sensitive, about.hierarchy_meaning, about.url, about.filters) == (False, "", "", ())
    assert len(code_system({"status": "active", "content": "not-present"})) == 0


def test_nested_concepts_are_below() -> None:
    system = code_system(NESTED)
    assert [system.code(at) for at in range(5)] == ["animal", "cat", "lynx", "dog", "plant"]
    assert system.descendants(0) == BitMap([1, 2, 3])
    assert (system.children(0), system.parents(2)) == ([1, 3], [1])


@pytest.mark.parametrize("meaning", ["part-of", "grouped-by", "classified-with"])
def test_tx34_nesting_that_is_no_subsumption_is_for_show(meaning: str) -> None:
    system = code_system(NESTED | {"hierarchyMeaning": meaning})
    assert system.children(0) == [1, 3]
    assert system.descendants(0) == BitMap()
    assert not system.subsumes(0, 1)


@pytest.mark.parametrize(
    ("name", "uri"),
    [("parent", ""), ("subsumedBy", ""), ("parent", "http://example.org/own"), ("broader", PROPERTIES + "parent")],
)
def test_a_property_may_say_what_is_above(name: str, uri: str) -> None:
    below = {"code": "b", "property": [{"code": name, "valueCode": "a"}, {"code": name, "valueCode": "unheard"}]}
    system = code_system(tree(below, {"code": "a"}, property=[{"code": name, "uri": uri, "type": "code"}]))
    assert [system.code(at) for at in system.descendants(system.find("a") or 0)] == ["b"]
    assert system.properties(1) == []


@pytest.mark.parametrize(("name", "uri"), [("child", ""), ("narrower", PROPERTIES + "child")])
def test_a_property_may_say_what_is_below(name: str, uri: str) -> None:
    above = {"code": "a", "property": [{"code": name, "valueCode": "b"}]}
    system = code_system(tree({"code": "b"}, above, property=[{"code": name, "uri": uri, "type": "code"}]))
    assert [system.code(at) for at in system.children(0)] == ["b"]
    assert system.code(0) == "a"


def test_what_is_said_twice_is_one_parent() -> None:
    twice = {"code": "a", "concept": [{"code": "b", "property": [{"code": "parent", "valueCode": "a"}]}]}
    assert [one for one in records_of(tree(twice)) if isinstance(one, Parent)] == [Parent("b", "a")] * 2
    assert code_system(tree(twice)).parents(1) == [0]


@pytest.mark.parametrize(
    ("name", "uri"),
    [("notSelectable", ""), ("notSelectable", PROPERTIES + "notSelectableX"), ("x", PROPERTIES + "notSelectable")],
)
def test_tx24_concepts_that_are_not_to_be_selected(name: str, uri: str) -> None:
    concepts = [{"code": str(value), "property": [{"code": name, "valueBoolean": value}]} for value in (True, False)]
    system = code_system(tree(*concepts, {"code": "unsaid"}, property=[{"code": name, "uri": uri, "type": "boolean"}]))
    assert system.abstract == BitMap([0])
    assert [(one.name, one.value, one.type) for one in system.properties(0)] == [(name, "true", "boolean")]


@pytest.mark.parametrize(
    ("said", "inactive", "status"),
    [
        ({"code": "inactive", "valueBoolean": True}, True, ""),
        ({"code": "inactive", "valueBoolean": False}, False, ""),
        ({"code": "status", "valueCode": "retired"}, True, "retired"),
        ({"code": "status", "valueCode": "inactive"}, True, "inactive"),
        ({"code": "status", "valueCode": "deprecated"}, False, "deprecated"),
        ({"code": "status", "valueString": "active"}, False, "active"),
    ],
)
def test_tx25_inactive_concepts(said: dict[str, Any], inactive: bool, status: str) -> None:
    system = code_system(tree({"code": "a", "property": [said]}))
    assert (system.is_inactive(0), system.status(0)) == (inactive, status)
    assert system.having(said["code"], status or str(inactive).lower()) == BitMap([0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueCode": "x"}, ("x", "code", "", "")),
        ({"valueCoding": {"system": "s", "code": "x", "display": "X"}}, ("x", "Coding", "s", "X")),
        ({"valueCoding": {"display": "X"}}, ("", "Coding", "", "X")),
        ({"valueString": "two words"}, ("two words", "string", "", "")),
        ({"valueInteger": 7}, ("7", "integer", "", "")),
        ({"valueBoolean": False}, ("false", "boolean", "", "")),
        ({"valueDateTime": "2024-05"}, ("2024-05", "dateTime", "", "")),
        ({"valueDecimal": Decimal("1.50")}, ("1.50", "decimal", "", "")),
        ({"_valueString": {"extension": []}, "valueString": "x"}, ("x", "string", "", "")),
    ],
)
def test_values_of_properties(value: dict[str, Any], expected: tuple[str, ...]) -> None:
    extension = [{"url": "http://example.org/x"}]
    system = code_system(tree({"code": "a", "property": [{"code": "p", "extension": extension, **value}]}))
    (found,) = system.properties(0)
    assert (found.value, found.type, found.system, found.display) == expected
    assert [*found.extension] == extension
    assert system.having("p", expected[0]) == system.with_property("p") == BitMap([0])


def test_designations() -> None:
    use = {"system": "http://example.org/use", "code": "syn", "display": "Synonym"}
    withdrawn = {"value": "Katze (alt)", "extension": [{"url": STATUS, "valueCode": "withdrawn"}]}
    system = code_system(
        tree({"code": "a", "designation": [{"value": "Katze", "language": "de", "use": use}, withdrawn]})
    )
    one, other = system.designations(0)
    assert (one.value, one.language, one.use, one.inactive) == (
        "Katze",
        "de",
        ("http://example.org/use", "syn", "Synonym"),
        False,
    )
    assert (other.value, other.language, other.use, other.inactive) == ("Katze (alt)", "", ("", "", ""), True)
    assert [*other.extension] == withdrawn["extension"]
    assert (system.search("katze").total, system.search("alt").total) == (1, 0)


def test_extensions_and_definitions_of_concepts() -> None:
    extension = [{"url": "http://example.org/x", "valueDecimal": Decimal("2.0")}]
    system = code_system(tree({"code": "a", "definition": "What it is", "extension": extension}, {"code": "b"}))
    assert (system.definition(0), [*system.extension(0)], [*system.extension(1)]) == ("What it is", extension, [])
    assert str(system.extension(0)[0]["valueDecimal"]) == "2.0"


def test_a_deeply_nested_code_system_is_read_without_recursion() -> None:
    inner: dict[str, Any] = {"code": "0"}
    for at in range(1, 1500):
        inner = {"code": str(at), "concept": [inner]}
    assert len(code_system(tree(inner)).descendants(0)) == 1499


def test_a_chain_of_parents_that_would_fill_the_memory_is_refused() -> None:
    concepts = [{"code": str(at), "property": [{"code": "parent", "valueCode": str(at + 1)}]} for at in range(4000)]
    with pytest.raises(TooCostly, match="too deep"):
        code_system(tree(*concepts))


def test_supplements_are_read_as_records() -> None:
    records = [*records_of(tree({"code": "a", "designation": [{"value": "x"}]}, content="supplement"))]
    assert Term("a", "x") in records
