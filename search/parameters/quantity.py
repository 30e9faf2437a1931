"""Quantity parameters: a number and its unit, indexed as given.

A comparator makes an open range: `<5` is everything below 5. The bounds are binary floats, for finding only; what is
exact stands in the resource. https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any, Final

from ..parameter import Index, Parameter, Rows
from ..trie import Place

MODIFIERS: Final[frozenset[str]] = frozenset()
CURRENCIES: Final = "urn:iso:std:iso:4217"

condition: Final = None  # searching by value is not offered yet


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a quantity parameter does not."""
    return _INDEX.get(place.type)


def put(parameter: Parameter, rows: Rows, low: Any, high: Any, unit: dict[str, Any]) -> None:
    """A row for the range from low to high, both included; None is open."""
    if low is None and high is None:
        return
    system = unit.get("system")
    codes = [parameter.system(unit.get(name)) for name in ("code", "unit")]
    rows.qty[parameter.number, _float(low, -inf), _float(high, inf), parameter.system(system), codes[0], codes[1]] = (
        None
    )
    rows.keys[parameter.present] = None


def _float(number: Decimal | int | None, otherwise: float) -> float:
    if number is None:
        return otherwise
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def _quantity(parameter: Parameter, rows: Rows, value: Any) -> None:
    number, comparator = value.get("value"), value.get("comparator", "")
    low = None if comparator.startswith("<") else number
    high = None if comparator.startswith(">") else number
    put(parameter, rows, low, high, value)


def _range(parameter: Parameter, rows: Rows, value: Any) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    put(parameter, rows, low.get("value"), high.get("value"), low or high)


def _money(parameter: Parameter, rows: Rows, value: Any) -> None:
    number, currency = value.get("value"), value.get("currency")
    put(parameter, rows, number, number, {"system": CURRENCIES, "code": currency} if currency else {})


def _sampled_data(parameter: Parameter, rows: Rows, value: Any) -> None:
    put(parameter, rows, value.get("lowerLimit"), value.get("upperLimit"), value.get("origin", {}))


_INDEX: Final[dict[str, Index]] = {
    "Quantity": _quantity,
    "Age": _quantity,
    "Count": _quantity,
    "Distance": _quantity,
    "Duration": _quantity,
    "Money": _money,
    "Range": _range,
    "SampledData": _sampled_data,
}
