"""Number parameters: a number without unit. https://hl7.org/fhir/R4/search.html#number"""

from __future__ import annotations

from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import Condition, Numbers
from ..escapes import unescape
from ..parameter import Index, Parameter, Rows
from ..trie import Place
from .decimals import Box, Number, after, read, searched, text
from .quantity import ends

MODIFIERS: Final[frozenset[str]] = frozenset()


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a number parameter does not."""
    return _INDEX.get(place.type)


def _put(parameter: Parameter, rows: Rows, lo: str, hi: str) -> None:
    rows.qty[parameter.number, 0, 0, lo, hi, 0, 0, 0, 0, lo, hi] = None
    rows.keys[parameter.present] = None


def _number(parameter: Parameter, rows: Rows, value: Number) -> None:
    lo = text(value)
    _put(parameter, rows, lo, after(lo))


def _range(parameter: Parameter, rows: Rows, value: Any) -> None:
    low, high = (value.get(end, {}).get("value") for end in ("low", "high"))
    if low is not None or high is not None:
        _put(parameter, rows, *ends(low, high, "", None))


_INDEX: Final[dict[str, Index]] = {
    "decimal": _number,
    "integer": _number,
    "positiveInt": _number,
    "unsignedInt": _number,
    "Range": _range,
}


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Numbers in the range that one of the values and its prefix stand for."""
    kind, number = parameter.type_number, parameter.number
    nothing = (None,) * 7
    found = [(kind, number, 0, *box, *nothing) for value in values for box in ranges(parameter, value)]
    return Numbers(tuple(dict.fromkeys(found)))


def ranges(parameter: Parameter, value: str) -> tuple[Box, ...]:
    """Where the ends of a stored range must lie for one value."""
    try:
        return searched(*read(unescape(value)))
    except ValueError:
        raise BadRequest(f"{parameter.code}={value}: this is not a number.", code="value") from None
