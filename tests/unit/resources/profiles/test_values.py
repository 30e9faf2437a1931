from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.exact import decode
from resources.fhirpath import Node, Outside
from resources.fhirpath.nodes import add_named, root
from resources.outcome import TooCostly
from resources.profiles.definition import Value
from resources.profiles.values import OPEN, fits, is_fixed, order, same, shown
from tests.unit.resources.profiles.stand_in import DEFINITIONS

scalars = st.one_of(st.booleans(), st.integers(-9, 9), st.decimals(-9, 9, places=2), st.text(max_size=3))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
    ),
    max_leaves=8,
)


def spend(_: int) -> None:
    pass


def node_of(name: str, value: Any, resource: str = "Observation") -> Node:
    found: list[Node] = []
    add_named(root(DEFINITIONS, {"resourceType": resource, name: value}), name, found)
    if not found:
        add_named(root(DEFINITIONS, {"resourceType": resource, name: value}), "value", found)
    return found[0]


@pytest.mark.parametrize(
    ("value", "fixed", "expected"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (1, 1, True),
        (1, True, False),
        (True, True, True),
        (1, Decimal("1"), True),
        (Decimal("1.0"), Decimal("1.00"), False),
        (Decimal("1E+2"), 100, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1, "id": "x"}, {"a": 1}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [1, 2], True),
        ([2, 1], [1, 2], False),
        ([1], [1, 2], False),
        ({"a": [{"b": "c"}]}, {"a": [{"b": "c"}]}, True),
        ("a", {"a": 1}, False),
        (None, "a", False),
    ],
)
def test_what_is_the_same(value: Any, fixed: Any, expected: bool) -> None:
    assert same(value, fixed) is expected


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ({"a": "x", "b": "y"}, {"a": "x"}, True),
        ({"b": "y"}, {"a": "x"}, False),
        ({"a": [{"s": 1, "c": 2}, {"s": 3}]}, {"a": [{"s": 3}]}, True),
        ({"a": [{"s": 1}, {"c": 2}]}, {"a": [{"s": 1, "c": 2}]}, False),
        ({"a": [{"s": 1}, {"s": 2}]}, {"a": [{"s": 2}, {"s": 1}]}, True),
        ({"a": [{"s": 1}]}, {"a": [{"s": 1}, {"s": 2}]}, False),
        ({"a": {"s": 1}}, {"a": [{"s": 1}]}, False),
        ("x", "x", True),
        ("xy", "x", False),
        (Decimal("2.50"), Decimal("2.5"), False),
    ],
)
def test_what_fits_a_pattern(value: Any, pattern: Any, expected: bool) -> None:
    assert fits(value, pattern, spend) is expected


@given(trees)
def test_a_tree_is_itself_and_fits_itself(tree: Any) -> None:
    assert same(tree, tree)
    assert fits(tree, tree, spend)


@given(st.dictionaries(st.sampled_from("abcd"), trees, min_size=2), st.data())
def test_less_is_a_pattern_but_not_the_same(tree: dict[str, Any], data: st.DataObject) -> None:
    left_out = data.draw(st.sampled_from(sorted(tree)))
    pattern = {key: value for key, value in tree.items() if key != left_out}
    assert fits(tree, pattern, spend)
    assert not same(tree, pattern)
    assert not fits(pattern, tree, spend)


def test_patterns_of_many_in_many_are_paid_for() -> None:
    def give_up(steps: int) -> None:
        raise TooCostly(f"{steps}")

    with pytest.raises(TooCostly, match="10000"):
        fits([{"a": 1}] * 100, [{"b": 1}] * 100, give_up)


def test_a_fixed_primitive_has_neither_id_nor_extensions() -> None:
    plain = node_of("status", "final")
    extended = Node("final", {"id": "x"}, plain.shape, plain.owner, plain.field)
    assert is_fixed(plain, "final")
    assert not is_fixed(extended, "final")


def canonical(value: Fraction, code: str) -> tuple[Fraction, str] | None:
    return {"mg": (value / 1000, "g"), "g": (value, "g")}.get(code)


NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("name", "value", "bound", "expected"),
    [
        ("valueInteger", 3, 4, -1),
        ("valueInteger", 4, 4, 0),
        ("valueDateTime", "2024-02-03", "2024-02-03", 0),
        ("valueDateTime", "2024", "2024-02-03", OPEN),
        ("valueDateTime", "2023", "2024-02-03", -1),
        ("valueDateTime", "2024-02-03T10:00:00+02:00", "2024-02-03T08:00:00Z", 0),
        ("valueTime", "10:00:00", "09:59:59", 1),
        ("effectiveInstant", "2024-02-03T10:00:00.5Z", "2024-02-03T10:00:00Z", 1),
        ("valueQuantity", {"value": 1500, "system": UCUM, "code": "mg"}, {"value": 1, "code": "g"}, 1),
        ("valueQuantity", {"value": 1000, "system": UCUM, "code": "mg"}, {"value": 1, "code": "g"}, 0),
        ("valueQuantity", {"value": 1, "system": UCUM, "code": "m"}, {"value": 1, "code": "g"}, OPEN),
        ("valueQuantity", {"code": "g", "system": UCUM}, {"value": 1, "code": "g"}, None),
        ("valueDateTime", "not a date", "2024", None),
    ],
)
def test_order(name: str, value: Any, bound: Any, expected: Any) -> None:
    node = node_of(name.replace("effectiveInstant", "issued"), value)
    assert order(node, Value("", bound), Outside(canonical=canonical), -1) == expected


@pytest.mark.parametrize(
    ("value", "sign", "code", "expected"),
    [
        ("2024-05-10", -1, "wk", OPEN),
        ("2024-05-09", -1, "wk", -1),
        ("2024-05-11", -1, "wk", 1),
        ("2025-05-18", 1, "a", 1),
        ("2025-05-16", 1, "a", -1),
        ("2024-05-16", -1, "parsec", OPEN),
    ],
)
def test_a_quantity_bounds_a_date_from_now(value: str, sign: int, code: str, expected: Any) -> None:
    bound = Value("Quantity", {"value": 1, "system": UCUM, "code": code})
    assert order(node_of("valueDateTime", value), bound, Outside(now=NOW), sign) == expected


def test_decimals_are_compared_exactly() -> None:
    held = decode(b'{"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": 0.30000000000000000001}]}')
    predictions: list[Node] = []
    add_named(root(DEFINITIONS, held), "prediction", predictions)
    found: list[Node] = []
    add_named(predictions[0], "probability", found)
    assert order(found[0], Value("decimal", Decimal("0.3")), Outside(), 1) == 1


def test_a_value_is_shown_in_short() -> None:
    assert shown({"a": Decimal("1.0")}) == '{"a":1.0}'
    assert len(shown("x" * 500)) == 120
