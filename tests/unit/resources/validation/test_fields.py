"""How elements stand in JSON: alone, repeated, with `_name` beside; how issues are worded and how many there may be."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import Issue
from resources.validation.fields import MOST_ISSUES, Enough, Field, Scope, complex_field, primitive_field, unknown


def said(issues: list[Issue]) -> list[str]:
    return [issue.diagnostics for issue in issues]


def run(field: Field, owner: dict[str, Any]) -> list[str]:
    """What was visited and found, with every name of the owner met once."""
    scope = Scope({}, [])
    for name in owner:
        field(owner, name, "A", scope)
    return said(scope.issues)


def visit(value: Any, at: str, scope: Scope) -> None:
    scope.add("informational", f"= {value}", at)


def extended(value: Any, at: str, scope: Scope) -> None:
    scope.add("informational", f"+ {value}", at)


@pytest.mark.parametrize(
    ("many", "owner", "expected"),
    [
        (False, {"b": {"c": 1}}, ["A.b = {'c': 1}."]),
        (True, {"b": [1, 2]}, ["A.b[0] = 1.", "A.b[1] = 2."]),
        (True, {"b": []}, ["A.b is an empty array; leave it out."]),
        (True, {"b": {}}, ["A.b may repeat, so it must be a JSON array, not an object."]),
        (True, {"b": None}, ["A.b may repeat, so it must be a JSON array, not null."]),
    ],
)
def test_complex(many: bool, owner: dict[str, Any], expected: list[str]) -> None:
    assert run(complex_field(visit, "b", many), owner) == expected


NEITHER = "has neither a value nor children (ele-1)."


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"b": 1}, ["A.b = 1."]),
        ({"_b": {"extension": 1}}, ["A.b + {'extension': 1}."]),
        ({"b": 1, "_b": {"id": "x"}}, ["A.b = 1.", "A.b + {'id': 'x'}."]),
        ({"_b": {"id": "x"}, "b": 1}, ["A.b = 1.", "A.b + {'id': 'x'}."]),
        ({"_b": {"id": "x"}}, ["A.b + {'id': 'x'}.", f"A.b {NEITHER}"]),
        ({"b": None}, ["A.b is null; leave it out."]),
        ({"b": None, "_b": {"extension": 1}}, ["A.b is null; leave it out."]),
        ({"_b": None}, ["A.b is null; leave it out."]),
    ],
)
def test_primitive(owner: dict[str, Any], expected: list[str]) -> None:
    assert run(primitive_field(visit, extended, "b", False), owner) == expected


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"b": [1, 2]}, ["A.b[0] = 1.", "A.b[1] = 2."]),
        ({"b": [1, None], "_b": [None, {"extension": 1}]}, ["A.b[0] = 1.", "A.b[1] + {'extension': 1}."]),
        ({"_b": [None, {"extension": 1}], "b": [1, None]}, ["A.b[0] = 1.", "A.b[1] + {'extension': 1}."]),
        ({"_b": [{"extension": 1}]}, ["A.b[0] + {'extension': 1}."]),
        ({"b": [1], "_b": [{"id": "x"}]}, ["A.b[0] = 1.", "A.b[0] + {'id': 'x'}."]),
        ({"b": [None], "_b": [{"id": "x"}]}, ["A.b[0] + {'id': 'x'}.", f"A.b[0] {NEITHER}"]),
        ({"b": [None]}, ["A.b[0] = None."]),
        ({"b": [None], "_b": [None]}, ["A.b[0] = None."]),
        ({"b": [1, 2], "_b": [None]}, ["A.b has 2 values, but _b has 1."]),
        ({"b": 1}, ["A.b may repeat, so it must be a JSON array, not a number."]),
        ({"b": [1], "_b": {"id": "x"}}, ["A.b may repeat, so it must be a JSON array, not an object."]),
        ({"b": [1], "_b": []}, ["A.b is an empty array; leave it out."]),
    ],
)
def test_primitive_array(owner: dict[str, Any], expected: list[str]) -> None:
    assert run(primitive_field(visit, extended, "b", True), owner) == expected


@pytest.mark.parametrize(
    ("name", "expression", "hint"),
    [
        ("foo", "A.foo", ""),
        ("_foo", "A._foo", ""),
        ("a b", "A.`a b`", ""),
        ("é", "A.`é`", ""),
        ("", "A.``", ""),
        ("a`b\\c", "A.`a\\`b\\\\c`", ""),
        ("x" * 80, "A." + "x" * 80, ""),
        ("x" * 1000, "A.`" + "x" * 80 + "`", ""),
        ("value", "A.value", "; value[x] is written valueCode, valueString"),
        ("valueFoo", "A.valueFoo", "; value[x] is written valueCode, valueString"),
        ("valuestring", "A.valuestring", "; did you mean valueString?"),
        ("nmae", "A.nmae", "; did you mean name?"),
        ("_nmae", "A._nmae", "; did you mean name?"),
        ("_name", "A._name", "; nothing may stand beside name"),
    ],
)
def test_unknown(name: str, expression: str, hint: str) -> None:
    scope = Scope({}, [])
    choices = [("value", frozenset(("valueString", "valueCode")))]
    unknown(name, "A", ["name", "valueString", "_valueString", "valueCode", "_valueCode"], choices, scope)
    diagnostics = f"{expression} is not an element of R4{hint}{'' if hint.endswith('?') else '.'}"
    assert scope.issues == [Issue("error", "structure", diagnostics, (expression,))]


def test_the_values_of_a_choice_are_where_fhirpath_finds_them() -> None:
    assert run(complex_field(visit, "bC", False, "b"), {"bC": {}}) == ["A.b = {}."]
    assert run(primitive_field(visit, extended, "bC", False, "b"), {"bC": 1, "_bC": {}}) == ["A.b = 1.", "A.b + {}."]
    assert run(primitive_field(visit, extended, "bC", False, "b"), {"bC": None}) == ["A.b is null; leave it out."]


def test_contained_resources_are_known_by_id() -> None:
    scope = Scope({"resourceType": "A", "contained": [{"id": "x", "resourceType": "B"}, {"id": 1}, 2, {"id": "y"}]}, [])
    assert (scope.resource_type, scope.contained) == ("A", {"x": "B", "y": None})
    assert Scope({"contained": "x"}, []).contained == {}


def test_there_is_a_most() -> None:
    scope = Scope({}, [])
    for _ in range(MOST_ISSUES):
        scope.add("value", "x", "A")
    with pytest.raises(Enough):
        scope.add("value", "x", "A")
