"""The trie finds what a plain reading of the expressions finds, in every official example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from resources import definitions, exact
from resources.outcome import FhirError
from search.expression import At, Equals, HasExtension, Name, OfType, Path, Resolves, parse
from search.parameter import Rows
from search.references import type_of
from search.trie import Node, routes, truth

from ...examples import examples

R4 = definitions.load()
Found = list[tuple[str, str, str]]  # (parameter, FHIR type, JSON of the value)


def tries() -> Iterator[tuple[str, str, definitions.SearchParameter]]:
    for resource_type in R4.resource_types:
        for code, parameter in R4.parameters_of(resource_type).items():
            yield resource_type, code, parameter


def test_no_expression_but_of_composites_is_unsupported() -> None:
    """2,510 count once more the nine parameters of the abstract types Resource and DomainResource, which stand here once
    for each concrete type (_text, _content and _query have no expression)."""
    pairs: Counter[str] = Counter()
    for resource_type, _, parameter in tries():
        expression = parse(parameter.expression) if parameter.expression else None
        if parameter.type == "composite" or expression is None:
            pairs["composite" if expression else "no expression"] += 1
        elif isinstance(expression, tuple):
            pairs["paths" if routes(R4, resource_type, expression) else "leads nowhere"] += 1
        else:
            pairs["boolean"] += 1
    assert pairs == {"paths": 2_500, "boolean": 1, "composite": 72, "no expression": 146 + 146 + 143}
    abstract = [p for p in R4.search_parameters if {"Resource", "DomainResource"} & set(p.bases)]
    assert pairs["paths"] + pairs["boolean"] + len(abstract) == 2_510


def trie_of(resource_type: str) -> Node:
    trie = Node()
    for code, parameter in R4.parameters_of(resource_type).items():
        expression = parse(parameter.expression) if parameter.expression and parameter.type != "composite" else ()
        if isinstance(expression, tuple):
            for route in routes(R4, resource_type, expression):
                trie.add(route.steps, partial(_keep, code, route.place.type))
    return trie


def _keep(code: str, kind: str, rows: Any, value: Any) -> None:
    rows.found.append((code, kind, exact.encode({"value": value}).decode()))


def plainly(path: Path, resource: dict[str, Any]) -> list[Any]:
    """The nodes of one path, read without definitions: a choice is a key with the name of a type at its end."""
    plain = {e.name for e in R4.structures[resource["resourceType"]].elements.values() if not e.choice}  # subscriberId
    nodes: list[tuple[Any, str]] = [(resource, "")]
    for step in path if _is_relative(path) else path[1:]:
        further: list[tuple[Any, str]] = []
        if isinstance(step, At):
            nodes = nodes[step.position : step.position + 1]
            continue
        for node, kind in nodes:
            match step:
                case Name(name):
                    for key, value in node.items() if isinstance(node, dict) else ():
                        if key == name or (key.startswith(name) and key[len(name) :] in _KINDS and key not in plain):
                            further += [(v, key[len(name) :]) for v in (value if isinstance(value, list) else [value])]
                case OfType(name):
                    further += [(node, kind)] if kind.lower() == name.lower() else []
                case Equals(name, text):
                    further += [(node, kind)] if node.get(name) == text else []
                case HasExtension(url):
                    further += [(node, kind)] if any(e["url"] == url for e in node.get("extension", ())) else []
                case Resolves(name):
                    further += [(node, kind)] if type_of(node, resource, "") == name else []
        nodes = further
    return [node for node, _ in nodes if node is not None]


_KINDS = frozenset(name[0].upper() + name[1:] for name in R4.structures)


def test_the_walk_agrees_with_a_plain_reading_of_every_example() -> None:
    compared = 0
    known = {resource_type: trie_of(resource_type) for resource_type in R4.resource_types}
    for name, text in examples():
        try:
            resource = exact.decode(text)
        except FhirError:
            continue
        resource_type = resource["resourceType"]
        rows = Rows(resource, "")
        found: Found = []
        known[resource_type].walk(resource, _Kept(rows, found))
        for code, parameter in R4.parameters_of(resource_type).items():
            expression = parse(parameter.expression) if parameter.expression and parameter.type != "composite" else ()
            if isinstance(expression, tuple):
                paths = [p for p in expression if _begins_at(p, resource_type)]
                plain = [exact.encode({"value": value}).decode() for path in paths for value in plainly(path, resource)]
                walked = [value for found_code, _, value in found if found_code == code]
                assert sorted(walked) == sorted(plain), (name, code)
                compared += len(plain)
    assert compared > 9_000


def _begins_at(path: Path, resource_type: str) -> bool:
    return _is_relative(path) or path[0] in map(Name, (resource_type, "Resource", "DomainResource"))


def _is_relative(path: Path) -> bool:
    """InsurancePlan.name is `name | alias`, without the type."""
    return isinstance(path[0], Name) and path[0].name.islower()


class _Kept:
    def __init__(self, rows: Rows, found: Found) -> None:
        self.resource, self.base_url, self.found = rows.resource, rows.base_url, found


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
    ],
)
def test_a_boolean_expression(patient: dict[str, Any], expected: bool) -> None:
    expression = parse("Patient.deceased.exists() and Patient.deceased != false")
    assert not isinstance(expression, tuple)
    assert truth(R4, "Patient", expression)(Rows(patient, ""), patient) is expected


def test_empty_compared_is_nothing() -> None:
    expression = parse("Patient.gender = 'male'")
    assert not isinstance(expression, tuple)
    judge = truth(R4, "Patient", expression)
    assert [judge(Rows(p, ""), p) for p in ({}, {"gender": "male"}, {"gender": "female"})] == [None, True, False]


def test_types_follow_the_definitions() -> None:
    observation = {"valueQuantity": {"value": 1}, "component": [{"valueSampledData": {}}, {"valueString": "x"}]}
    found: Found = []
    trie_of("Observation").walk(observation, _Kept(Rows(observation, ""), found))
    kinds = {(code, kind) for code, kind, _ in found}
    assert ("combo-value-quantity", "Quantity") in kinds
    assert ("combo-value-quantity", "SampledData") in kinds
    assert ("component-value-quantity", "SampledData") in kinds
    assert not any(code == "value-string" for code, _ in kinds)


def test_only_the_first_entry() -> None:
    bundle = {"entry": [{"resource": {"resourceType": "Composition", "id": "1"}}, {"resource": {"id": "2"}}]}
    found: Found = []
    trie_of("Bundle").walk(bundle, _Kept(Rows(bundle, ""), found))
    assert {code for code, _, _ in found} == {"composition", "message"}
    assert all('"id":"1"' in value for _, _, value in found)
    nothing: Found = []
    for entry in ([], [None]):
        trie_of("Bundle").walk({"entry": entry}, _Kept(Rows({}, ""), nothing))
    assert nothing == []


def test_extensions_of_a_primitive_value_stand_beside_it() -> None:
    """https://hl7.org/fhir/R4/json.html#primitive"""
    tree = {
        "resourceType": "Patient",
        "birthDate": "2000-01-01",
        "_birthDate": {"extension": [{"url": "u", "valueDateTime": "2000-01-01T10:00:00Z"}]},
        "name": [{"given": ["A", "B"], "_given": [None, {"extension": [{"url": "v", "valueCode": "x"}]}]}],
    }
    found = []
    for expression in ("Patient.birthDate.extension('u').value", "Patient.name.given.extension('v').value",
                       "Patient.name.given[1].extension('v').value", "Patient.name.given[0].extension.value"):  # fmt: skip
        paths, trie = parse(expression), Node()
        assert isinstance(paths, tuple)
        for route in routes(R4, "Patient", paths):
            trie.add(route.steps, lambda rows, value: found.append(value))
        trie.walk(tree, Rows(tree, ""))
    assert found == ["2000-01-01T10:00:00Z", "x", "x"]


def test_a_choice_may_be_named_as_in_json() -> None:
    """`valueDateTime` is no FHIRPath, but published guides write it; it is `value.ofType(dateTime)`."""
    found = []
    for end in ("valueDateTime", "value.ofType(dateTime)"):
        paths = parse(f"Condition.extension.where(url = 'http://x').{end}")
        assert isinstance(paths, tuple)
        found.append(routes(R4, "Condition", paths))
    assert found[0] == found[1]
    assert [route.place.type for route in found[0]] == ["dateTime"]
    nowhere = parse("Condition.onsetNothing")
    assert isinstance(nowhere, tuple)
    assert routes(R4, "Condition", nowhere) == ()
