"""Number parameters: a number without unit. https://hl7.org/fhir/R4/search.html#number"""

from __future__ import annotations

from typing import Any, Final

from ..parameter import Index, Parameter, Rows
from ..trie import Place
from . import quantity

MODIFIERS: Final[frozenset[str]] = frozenset()

condition: Final = None  # searching by value is not offered yet


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a number parameter does not."""
    return _INDEX.get(place.type)


def _number(parameter: Parameter, rows: Rows, value: Any) -> None:
    quantity.put(parameter, rows, value, value, {})


def _range(parameter: Parameter, rows: Rows, value: Any) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    quantity.put(parameter, rows, low.get("value"), high.get("value"), {})


_INDEX: Final[dict[str, Index]] = {"decimal": _number, "integer": _number, "Range": _range}
