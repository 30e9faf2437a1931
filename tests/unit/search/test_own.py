"""A tenant's own search parameters: what is refused, and where; what passes is found by the indexer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from resources import definitions
from resources.definitions import Definitions, SearchParameter, read_parameter
from resources.hashing import Hash
from resources.outcome import Unprocessable
from search import own
from search.indexer import Indexer
from search.parameter import ANY, WORD
from search.trie import Node

R4 = definitions.load()
BASE = "http://fhir.example/fhir/t"
COLOUR: dict[str, Any] = {
    "resourceType": "SearchParameter",
    "url": "http://example.org/SearchParameter/colour",
    "name": "Colour",
    "status": "active",
    "description": "The colour",
    "code": "colour",
    "base": ["Patient"],
    "type": "token",
    "expression": "Patient.extension('http://example.org/colour').value.as(code)",
}
PAIR: dict[str, Any] = {
    "type": "composite",
    "expression": "Observation",
    "base": ["Observation"],
    "code": "colour-date",
    "component": [
        {"definition": "http://hl7.org/fhir/SearchParameter/clinical-code|4.0.1", "expression": "code"},
        {"definition": "http://hl7.org/fhir/SearchParameter/clinical-date", "expression": "effective"},
    ],
}


def parameter(**changes: Any) -> SearchParameter:
    return read_parameter({**COLOUR, **changes})


def faults(known: Definitions = R4, **changes: Any) -> list[tuple[str, str]]:
    """(element, issue code) of all that is refused."""
    try:
        own.row_of(known, 1, {**COLOUR, **changes}, BASE)
    except Unprocessable as error:
        return [(issue.expression[0].removeprefix("SearchParameter."), issue.code) for issue in error.issues]
    return []


def test_xp_1_what_can_be_indexed_passes() -> None:
    number = R4.type_number("Patient")
    under, url, code, rtypes, definition, base = own.row_of(R4, 7, COLOUR, BASE)
    assert (under, url, code, rtypes, base) == (7, COLOUR["url"], "colour", f"{{{number}}}", BASE)
    assert read_parameter(msgspec.json.decode(definition)).expression == COLOUR["expression"]


@pytest.mark.parametrize(
    "changes",
    [
        {"expression": "Patient.name.family", "type": "string"},
        {"expression": "Patient.name", "type": "string", "code": "-name"},
        {"expression": "Patient.birthDate.extension('http://e/t').value.as(dateTime)", "type": "date"},
        {"expression": "Patient.deceased.exists()"},
        {"expression": "Patient.active | Practitioner.active"},
        {"expression": "Patient.generalPractitioner.where(resolve() is Organization)", "type": "reference"},
        {"expression": "Patient.link.other", "type": "reference", "target": ["Patient", "RelatedPerson"]},
        {"expression": "Resource.meta.lastUpdated", "base": ["Resource"], "type": "date"},
        {"expression": "DomainResource.extension('http://e/x').value.as(Coding)", "base": ["DomainResource"]},
        {"expression": "Patient.gender | Group.code", "base": ["Patient", "Group"]},
        PAIR,
    ],
)
def test_xp_1_accepted(changes: dict[str, Any]) -> None:
    assert faults(**changes) == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"expression": "Patient.colour"}, [("expression", "value"), ("base[0]", "value")]),
        ({"expression": "Patient.name."}, [("expression", "value")]),
        ({"expression": "Patient.name.first()"}, [("expression", "value")]),
        ({"expression": "Patient.gender | Patient.nonsense"}, [("expression", "value")]),
        ({"expression": "Patient.birthDate"}, [("expression", "value")]),
        ({"expression": "Patient.name", "type": "date"}, [("expression", "value")]),
        ({"expression": "Patient.deceased.exists()", "type": "string"}, [("expression", "value")]),
        ({"expression": "Patient.colour.exists()"}, [("expression", "value")]),
        ({"expression": "(" * 4000 + "Patient" + ")" * 3999}, [("expression", "value")]),
        ({"expression": "Patient.a" + ".a" * 5000}, [("expression", "too-long")]),
        ({"expression": ""}, [("expression", "required")]),
        ({"expression": "Patient.link.other.where(resolve() is Human)", "type": "reference"}, [("expression", "value")]),
        ({"base": ["Patient", "Group"], "expression": "Patient.gender"}, [("base[1]", "value")]),
        ({"base": ["Human"]}, [("base", "value")]),
        ({"base": ["HumanName", "Patient"]}, [("base", "value")]),
        ({"type": "special"}, [("type", "value")]),
        ({"xpathUsage": "phonetic"}, [("xpathUsage", "value")]),
        ({"target": ["Patient"]}, [("target", "value")]),
        ({"expression": "Patient.link.other", "type": "reference", "target": ["Human"]}, [("target[0]", "value")]),
        ({"code": "a.b"}, [("code", "value")]),
        ({"code": "a:b"}, [("code", "value")]),
        ({"code": "a b"}, [("code", "value")]),
        ({"code": "x" * 65}, [("code", "value")]),
        ({"code": "_colour"}, [("code", "value")]),
        ({"code": "name"}, [("code", "duplicate")]),
        ({"component": PAIR["component"]}, [("component", "value")]),
        ({**PAIR, "component": []}, [("component", "required")]),
        (
            {**PAIR, "component": [{**PAIR["component"][0], "definition": "http://e/none"}, PAIR["component"][1]]},
            [("component[0].definition", "not-found")],
        ),
        (
            {**PAIR, "component": [{**PAIR["component"][0], "expression": "effective"}, PAIR["component"][1]]},
            [("component[0].expression", "value")],
        ),
        (
            {**PAIR, "component": [{**PAIR["component"][0], "expression": "code."}, PAIR["component"][1]]},
            [("component[0].expression", "value")],
        ),
        (
            {
                **PAIR,
                "component": [
                    {"definition": "http://hl7.org/fhir/SearchParameter/Observation-code-value-date", "expression": "code"},
                    PAIR["component"][1],
                ],
            },
            [("component[0].definition", "value")],
        ),
    ],
)  # fmt: skip
def test_xp_1_what_cannot_be_compiled_is_refused_at_its_part(
    changes: dict[str, Any], refused: list[tuple[str, str]]
) -> None:
    assert faults(**changes) == refused


def test_xp_2_only_active_ones_are_used() -> None:
    for status in ("draft", "retired", "unknown"):
        assert own.row_of(R4, 3, {**COLOUR, "status": status, "expression": "nonsense"}, BASE) == own.withdrawn(3, BASE)


def test_xp_2_those_of_r4_are_there_already() -> None:
    """A server is often given all the official definitions: they change nothing, but none may be changed."""
    [official] = [one for one in R4.search_parameters if one.url.endswith("/individual-gender")]
    tree = COLOUR | {
        "url": official.url, "code": official.code, "type": official.type, "base": list(official.bases),
        "expression": official.expression,
    }  # fmt: skip
    assert own.row_of(R4, 3, tree, BASE) == own.withdrawn(3, BASE)
    assert faults(**{**tree, "expression": "Patient.gender"})[0] == ("url", "duplicate")


def test_xp_2_a_code_is_taken_once_on_a_type_and_the_same_url_replaces() -> None:
    known = R4.with_parameters([parameter()])
    assert faults(known, expression="Patient.gender") == []
    assert faults(known, url="http://example.org/SearchParameter/name") == [("code", "duplicate")]
    assert faults(known, url="http://example.org/SearchParameter/name", base=["Resource"],
                  expression="Resource.language") == [("code", "duplicate")]  # fmt: skip
    group: dict[str, Any] = {
        "url": "http://example.org/SearchParameter/name",
        "base": ["Group"],
        "expression": "Group.code",
    }
    assert faults(known, **group) == []


def test_a_composite_without_its_component_is_left_out() -> None:
    url = "http://example.org/SearchParameter/colour"
    component = parameter(base=["Observation"], expression="Observation.category")
    component = msgspec.structs.replace(component, number=10_001)
    pair = msgspec.structs.replace(read_parameter(
        {**COLOUR, **PAIR, "url": url + "-date",
         "component": [{"definition": url, "expression": "category"}, PAIR["component"][1]]}
    ), number=10_002)  # fmt: skip
    assert own.in_force(R4, [pair, component]).own_parameters == (component, pair)
    assert own.in_force(R4, [pair]).own_parameters == ()


def test_xp_3_the_indexer_knows_them_and_shares_all_other_types() -> None:
    shared = Indexer(R4, Hash(b"k" * 32))
    known = R4.with_parameters([msgspec.structs.replace(parameter(), number=10_007)])
    indexer = shared.extended(known)
    tree = {"resourceType": "Patient", "extension": [{"url": "http://example.org/colour", "valueCode": "red"}]}
    colour = indexer.parameters("Patient")["colour"]
    assert colour.number == 10_007
    found = indexer.index("Patient", "p", tree, BASE).rows["posting"]
    assert (colour.key("red"), ANY) in found
    assert colour.present in found
    assert colour.present not in shared.index("Patient", "p", tree, BASE).rows["posting"]
    assert indexer.trie("Group") is shared.trie("Group")
    assert isinstance(indexer.trie("Patient"), Node)
    assert indexer.trie("Patient") is not shared.trie("Patient")
    assert "colour" in indexer.parameters("Patient", contained=True)
    assert known.parameters_of("Group") is R4.parameters_of("Group")


def test_a_tenants_words_are_those_of_its_types() -> None:
    shared = Indexer(R4, Hash(b"k" * 32))
    indexer = shared.extended(R4, {"Patient"})
    assert indexer.trie("Patient") is not shared.trie("Patient")
    assert indexer.trie("Composition") is not shared.trie("Composition")
    assert indexer.trie("Observation") is shared.trie("Observation")
    tree = {"resourceType": "Patient", "text": {"status": "generated", "div": "<div>Ash</div>"}}
    rows = [one.index("Patient", "p", tree, BASE).rows["posting"] for one in (shared, indexer)]
    assert any(q == WORD for _, q in rows[1])
    assert all(q != WORD for _, q in rows[0])
    assert indexer.extended(R4.with_parameters([])).trie("Patient") is indexer.trie("Patient")


REPEATS: list[dict[str, Any]] = [
    {"code": "birthdate", "type": "date", "expression": "Patient.birthDate"},
    {"code": "death-date", "type": "date", "expression": "Patient.deceased.ofType(dateTime)"},
    {"code": "patient", "type": "reference", "base": ["Goal"], "target": ["Patient"],
     "expression": "Goal.subject.where(resolve() is Patient)"},
    {"code": "_id", "expression": "Patient.id"},
]  # fmt: skip


@pytest.mark.parametrize("changes", REPEATS, ids=lambda changes: changes["code"])
def test_what_r4_says_already_is_kept_and_not_used(changes: dict[str, Any]) -> None:
    assert own.row_of(R4, 1, {**COLOUR, **changes}, BASE) == own.withdrawn(1, BASE)
    assert own.repeats(R4, parameter(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {
            "code": "birthdate",
            "type": "date",
            "expression": "Patient.deceased.ofType(dateTime)",
        },  # selects other elements
        {"code": "birthdate", "type": "token", "expression": "Patient.birthDate"},
        {"code": "birthdate", "type": "date", "expression": "Patient.birthDate", "base": ["Patient", "Person"]},
        {"code": "patient", "type": "reference", "base": ["Goal"], "expression": "Goal.subject"},
        {"code": "_text", "type": "string", "expression": "Patient.nowhere"},
    ],
)
def test_what_r4_says_otherwise_is_refused(changes: dict[str, Any]) -> None:
    assert not own.repeats(R4, parameter(**changes))
    assert any(element == "code" for element, _ in faults(**changes)), faults(**changes)


def test_only_r4_is_repeated() -> None:
    """Two parameters of a tenant's own with one code and one meaning are still two."""
    known = R4.with_parameters([msgspec.structs.replace(parameter(), number=10001)])
    again = {**COLOUR, "url": "http://example.org/again"}
    assert not own.repeats(known, read_parameter(again))
    with pytest.raises(Unprocessable, match="has a search parameter colour already"):
        own.row_of(known, 1, again, BASE)


def test_a_composite_is_tried_with_its_components_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package may have hundreds of both, and each would be compiled for each."""
    many = [
        parameter(url=f"http://example.org/{n}", code=f"c{n}", expression="Patient.contact.relationship")
        for n in range(50)
    ]
    known = R4.with_parameters([msgspec.structs.replace(one, number=10000 + n) for n, one in enumerate(many)])
    compiled = []

    def spied(definitions: Definitions, hash_: Hash) -> Indexer:
        compiled.append(len(definitions.own_parameters))
        return Indexer(definitions, hash_)

    monkeypatch.setattr(own, "Indexer", spied)
    components = [{"definition": f"http://example.org/{n}", "expression": "relationship"} for n in (3, 4)]
    pair = parameter(code="pair", type="composite", expression="Patient.contact", component=components)
    own.check(known, pair)
    assert compiled == [3]
