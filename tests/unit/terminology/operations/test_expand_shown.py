"""How `$expand` shows a concept: its display, designations and properties. TX-10, TX-11, TX-23, TX-40."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources import exact
from resources.outcome import BadRequest

from ..valuesets.test_compose import BIRDS, SYSTEM, listed, value_set
from .test_expand import DUCKS, GERMAN, R5, Tree, expansion, properties, said


def shown(*pairs: tuple[str, Any], tree: Tree = DUCKS, languages: str = "", **named: Any) -> Tree:
    found: Tree = expansion(tree, *pairs, others=(GERMAN,), languages=languages, **named)["contains"][0]
    return found


def test_tx_40_the_display_is_in_the_language_of_the_reader() -> None:
    assert shown()["display"] == "duck"
    assert shown(displayLanguage="de")["display"] == "Ente"
    assert shown(languages="de-CH")["display"] == "Änte"
    assert shown(displayLanguage="es")["display"] == "duck"
    assert "display" not in shown(displayLanguage="es, *;q=0")
    assert said(expansion(DUCKS, others=(GERMAN,), languages="de"), "displayLanguage") == ["de"]
    with pytest.raises(BadRequest, match="Invalid displayLanguage"):
        shown(displayLanguage="!")


def test_tx_10_designations_all_or_some_of_them() -> None:
    assert "designation" not in shown()
    assert [one["value"] for one in shown(includeDesignations=True)["designation"]] == ["Ente", "Änte", "quacker"]
    for token, values in (
        ("urn:ietf:bcp:47|de", ["Ente"]),
        ("de-ch", ["Änte"]),
        ("urn:use|slang", ["quacker"]),
        ("slang", ["quacker"]),
    ):
        assert [one["value"] for one in shown(("designation", token))["designation"]] == values
    assert "designation" not in shown(("designation", "urn:other|slang"))
    assert "designation" not in shown(("designation", "slang"), includeDesignations=False)


def test_tx_40_what_is_not_shown_as_the_display_is_a_designation() -> None:
    found = shown(displayLanguage="de", includeDesignations=True)
    assert found["display"] == "Ente"
    assert [one["value"] for one in found["designation"]] == ["duck", "Änte", "quacker"]
    assert found["designation"][0]["language"] == "en"


def test_tx_23_what_a_value_set_says_of_a_concept_is_shown() -> None:
    own = {
        "code": "duck",
        "display": "mallard",
        "designation": [{"language": "fr", "value": "canard"}],
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/valueset-deprecated", "valueBoolean": True},
            {"url": "http://hl7.org/fhir/StructureDefinition/valueset-label", "valueString": "a."},
            {"url": "http://hl7.org/fhir/StructureDefinition/valueset-conceptOrder", "valueInteger": 3},
            {"url": "urn:unknown", "valueBoolean": True},
        ],
    }
    tree = value_set("x", {"system": "urn:german", "concept": [own]})
    found = shown(tree=tree)
    assert found["display"] == "mallard"
    assert [one for one in found["extension"] if not one["url"].startswith(R5)] == own["extension"][:1]
    assert properties(found) == {"label": "a.", "order": 3}
    assert shown(tree=tree, displayLanguage="fr")["display"] == "canard"
    values = [one["value"] for one in shown(tree=tree, includeDesignations=True)["designation"]]
    assert values == ["duck", "Ente", "Änte", "quacker", "canard"]


def test_tx_11_properties_that_are_asked_for() -> None:
    found = expansion(value_set("x", listed("duck")), ("property", "legs"), ("property", "parent"))
    assert properties(found["contains"][0]) == {"legs": "2", "parent": "bird"}
    assert properties(shown(("property", "definition"))) == {"definition": "It quacks."}
    assert properties(expansion(BIRDS, ("property", "child"), excludeNested=True)["contains"][2]) == {
        "status": "retired"
    }
    assert properties(expansion(value_set("x", listed("duck")), ("property", "*"))["contains"][0])["legs"] == "2"


def test_tx_11_properties_have_the_type_of_their_value() -> None:
    values = {
        "i": ("integer", "valueInteger", 7),
        "b": ("boolean", "valueBoolean", False),
        "d": ("decimal", "valueDecimal", Decimal("1.50")),
        "t": ("dateTime", "valueDateTime", "2020-01"),
        "c": ("Coding", "valueCoding", {"system": "urn:s", "code": "k", "display": "K"}),
    }
    typed = {
        **SYSTEM,
        "url": "urn:typed",
        "property": [{"code": name, "type": kind} for name, (kind, _, _) in values.items()],
        "concept": [
            {"code": "x", "property": [{"code": name, key: value} for name, (_, key, value) in values.items()]}
        ],
    }
    found = expansion(value_set("x", {"system": "urn:typed"}), ("property", "*"), others=(typed,))["contains"][0]
    assert properties(found) == {name: value for name, (_, _, value) in values.items()}
    assert b"1.50" in exact.encode(found)
