"""Values that are compared with numbers, texts, dates and truth values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from .syntax import Number, Terms, Times, Truth
from .texts import Match, matching

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_TRUTH: Final = {"1": True, "true": True, "0": False, "false": False}


def compares(comparison: str, value: Number | Terms | Times | Truth, *, exact: bool) -> Match:
    """Whether a value, as it is written in the release, meets a comparison. What is of another kind meets none."""
    match value:
        case Number(text):
            return _number(comparison, Decimal(text))
        case Terms():
            wanted = matching(value, exact=exact)
            return wanted if comparison == "=" else lambda text: not wanted(text)
        case Times(any_of):
            return times(comparison, any_of)
        case Truth(truth):
            expected = truth if comparison == "=" else not truth
            return lambda text: _TRUTH.get(text.lower()) is expected


def _number(comparison: str, wanted: Decimal) -> Match:
    compare = _COMPARE[comparison]

    def holds(text: str) -> bool:
        try:
            value = Decimal(text.removeprefix("#"))
        except InvalidOperation:
            return False
        return value.is_finite() and compare(value, wanted)

    return holds


def times(comparison: str, any_of: tuple[str, ...]) -> Match:
    """Whether a date (YYYYMMDD, a time behind it does not count) meets a comparison with one of these; with != with all.

    Only = and != know of dates that are not there."""
    if comparison in ("=", "!="):
        days = frozenset(any_of)
        return lambda text: (text[:8] in days) == (comparison == "=")
    compare = _COMPARE[comparison]
    dates = [one for one in any_of if one]
    if not dates:
        return lambda text: False
    bound = max(dates) if comparison in ("<", "<=") else min(dates)
    return lambda text: bool(text) and compare(text[:8], bound)
