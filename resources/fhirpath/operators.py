"""Equality, equivalence and order of items, and what tells them apart. https://hl7.org/fhirpath/N1/#operations"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from operator import ge, gt, le, lt
from typing import Any

from . import moments, quantities
from .evaluation import LONG, Collection, Evaluation, described, many, plain
from .faults import Unevaluable
from .moments import Moment
from .nodes import Node
from .quantities import Quantity

_NUMBERS = (int, Decimal)
ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def equal(env: Evaluation, left: Collection, right: Collection) -> bool | None:
    """Whether two collections are equal item by item; None if one is empty. https://hl7.org/fhirpath/N1/#equals"""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return equal_items(env, left[0], right[0])
    env.spend(len(left))
    known = True
    for a, b in zip(left, right, strict=True):
        same = equal_items(env, a, b)
        if same is False:
            return False
        known = known and same is not None
    return True if known else None


def equal_items(env: Evaluation, left: Any, right: Any) -> bool | None:
    a, b = plain(left), plain(right)
    kind = type(a)
    if kind is str or kind is bool:
        if type(b) is kind:
            return bool(_spent(env, a) == b)
    elif kind in _NUMBERS and type(b) in _NUMBERS:
        return bool(a == b)
    elif kind is Moment and type(b) is Moment:
        if (a.kind == "Time") != (b.kind == "Time"):
            return False
        order = moments.compare(a, b)
        return None if order is None else order == 0
    elif kind is Quantity or type(b) is Quantity:
        one, other = as_quantity(a), as_quantity(b)
        if one is not None and other is not None:
            order = quantities.compare(one, other, env.outside.canonical)
            return None if order is None else order == 0
    if a is None or b is None:
        if type(left) is Node and type(right) is Node:
            return bool(identity(env, left) == identity(env, right))
        if (a is None and not left.shape.is_complex) or (b is None and not right.shape.is_complex):
            return None  # a primitive with extensions only
        return False
    if type(b) is not kind and (type(b) is Moment or kind is Moment):
        return _equal_to_text(a, b)
    return bool(kind is type(b) and a == b)


def _equal_to_text(a: Any, b: Any) -> bool | None:
    """A date and a string: FHIR's own invariants never do this; a string that is a date is taken for one."""
    read = moments.read(b) if type(b) is str else moments.read(a) if type(a) is str else None
    other = a if type(a) is Moment else b
    if read is None or read.kind != other.kind:
        return False
    order = moments.compare(read, other)
    return None if order is None else order == 0


def as_quantity(value: Any) -> Quantity | None:
    """A number is a quantity of unit 1. https://hl7.org/fhirpath/N1/#conversion"""
    if type(value) is Quantity:
        return value
    return Quantity(Decimal(value), "1") if type(value) in _NUMBERS else None


def equivalent(env: Evaluation, left: Collection, right: Collection) -> bool:
    """Whether two collections say the same, in any order. https://hl7.org/fhirpath/N1/#equivalent"""
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return equivalent_items(env, left[0], right[0])
    rest = list(right)
    for a in left:
        env.spend(len(rest))
        for number, b in enumerate(rest):
            if equivalent_items(env, a, b):
                del rest[number]
                break
        else:
            return False
    return True


def equivalent_items(env: Evaluation, left: Any, right: Any) -> bool:
    a, b = plain(left), plain(right)
    if type(a) is str and type(b) is str:
        env.spend((len(a) + len(b)) >> 5)
        return " ".join(a.lower().split()) == " ".join(b.lower().split())
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return _alike(Fraction(a), Fraction(b), min(_digits(a), _digits(b)))
    if type(a) is Moment and type(b) is Moment:
        return (a.kind == "Time") == (b.kind == "Time") and moments.compare(a, b) == 0
    if type(a) is Quantity and type(b) is Quantity:
        return _alike_quantities(env, a, b)
    if a is None and b is None and type(left) is Node and type(right) is Node:
        return bool(_frozen(env, left.value, ids=False) == _frozen(env, right.value, ids=False))
    return bool(type(a) is type(b) and a == b)


def _digits(number: int | Decimal) -> int:
    """Digits after the point, trailing zeros left out."""
    return len(f"{number:f}".partition(".")[2].rstrip("0")) if type(number) is Decimal else 0


def _alike(a: Fraction, b: Fraction, digits: int) -> bool:
    scale = Fraction(10) ** digits
    return round(a * scale) == round(b * scale)


def _alike_quantities(env: Evaluation, a: Quantity, b: Quantity) -> bool:
    if a.unit == b.unit:
        return _alike(Fraction(a.value), Fraction(b.value), min(_digits(a.value), _digits(b.value)))
    one, kind = quantities.comparable(a, env.outside.canonical, alike=True)
    other, of = quantities.comparable(b, env.outside.canonical, alike=True)
    if kind != of or not a.value or not b.value:
        return bool(kind == of and one == other)
    # In the unit of the one that is written less precisely.
    if _digits(b.value) < _digits(a.value):
        a, b, one, other = b, a, other, one
    unit = one / Fraction(a.value)
    return _alike(Fraction(a.value), other / unit, _digits(a.value))


def ordered(env: Evaluation, operator: str, left: Collection, right: Collection) -> bool | None:
    """`<`, `<=`, `>` or `>=` of two items; None where it is open. https://hl7.org/fhirpath/N1/#comparison"""
    if not left or not right:
        return None
    if len(left) > 1 or len(right) > 1:
        raise many(left if len(left) > 1 else right, operator)
    order = compare(env, plain(left[0]), plain(right[0]), operator)
    return None if order is None else ORDERS[operator](order, 0)


def compare(env: Evaluation, a: Any, b: Any, operator: str) -> int | None:
    """-1, 0 or 1; raises Unevaluable if the two are not of a kind."""
    if a is None or b is None:
        return None
    if (type(a) in _NUMBERS and type(b) in _NUMBERS) or (type(a) is str and type(b) is str):
        return int(_spent(env, a) > b) - int(a < b)
    if type(a) is str and type(b) is Moment:
        a = moments.read(a) or a
    elif type(b) is str and type(a) is Moment:
        b = moments.read(b) or b
    if type(a) is Moment and type(b) is Moment and (a.kind == "Time") == (b.kind == "Time"):
        return moments.compare(a, b)
    if type(a) is Quantity or type(b) is Quantity:
        one, other = as_quantity(a), as_quantity(b)
        if one is not None and other is not None:
            return quantities.compare(one, other, env.outside.canonical)
    raise Unevaluable(f"{operator} cannot compare {described(a)} with {described(b)}.")


def identity(env: Evaluation, item: Any) -> Any:
    """A value that is the same for equal items and for no others, to find them by."""
    value = plain(item)
    kind = type(value)
    if kind is str:
        return _spent(env, value)
    if kind is bool:
        return ("boolean", value)
    if kind is Moment:
        parts = value.in_utc if value.zone is not None else value.parts
        return ("moment", value.kind == "Time", value.zone is not None and len(parts) > 3, parts)
    if kind is Quantity:
        env.spend(8)
        return ("quantity", quantities.comparable(value, env.outside.canonical))
    if value is None:
        return ("element", _frozen(env, item.value), _frozen(env, item.element))
    return value


def _frozen(env: Evaluation, value: Any, ids: bool = True) -> Any:
    if type(value) is dict:
        env.spend(len(value))
        return frozenset([(key, _frozen(env, one, ids)) for key, one in value.items() if ids or key != "id"])
    if type(value) is list:
        env.spend(len(value))
        return tuple([_frozen(env, one, ids) for one in value])
    return ("boolean", value) if type(value) is bool else _spent(env, value)


def _spent(env: Evaluation, value: Any) -> Any:
    """The value, once it is paid for: a long string takes time to compare."""
    if type(value) is str and len(value) > LONG:
        env.spend(len(value) // LONG)
    return value


def distinct(env: Evaluation, found: Collection) -> Collection:
    """Each item once, where it first stands."""
    if len(found) < 2:
        return found
    env.spend(len(found))
    seen: dict[Any, Any] = {}
    for item in found:
        seen.setdefault(identity(env, item), item)
    return list(seen.values())
