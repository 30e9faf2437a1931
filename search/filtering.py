"""Comparisons of a filter as conditions: what each operator means for each type of search parameter.

Values are compared without case wherever the index can. `ne` is met by one unequal value, of tokens only by having values,
none of which is equal. https://hl7.org/fhir/R4/search_filter.html#ops
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resources.outcome import BadRequest

from .conditions import And, Condition, Endings, Keys, Not, Nothing, Numbers, Strings, UriRanges
from .escapes import escape, is_well_formed
from .filter import Comparison, Step, fault, with_systems
from .intervals import EARLIEST, LATEST
from .parameter import Parameter
from .parameters import date, decimals, module_of, string

_MODIFIERS: Final = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}
_PREFIXED: Final = frozenset({"number", "date", "quantity"})
_STRUCTURED: Final = frozenset({"token", "quantity", "composite", "special"})  # whose values have | or $ in them
_NUMERIC: Final = re.compile(r"[0-9+.-]")
_END: Final = "\x01"  # after a text: the least one that is greater, since NUL is in none


def condition(parameter: Parameter, compared: Comparison, base_url: str) -> Condition:
    """What a comparison that is not `pr` asks for. Raises BadRequest with the position for a value that cannot be read."""
    return located(compared, lambda: _condition(parameter, compared.operator, compared.value, base_url))


def located(at: Comparison | Step, make: Callable[[], Condition]) -> Condition:
    """What is made, or the position where it failed."""
    try:
        return make()
    except BadRequest as error:
        raise fault(str(error).rstrip("."), at.position) from None


def _condition(parameter: Parameter, operator: str, value: str, base_url: str) -> Condition:
    kind = parameter.definition.type

    def searched(text: str, modifier: str | None = None) -> Condition:
        found: Condition = module_of(parameter.definition).condition(
            parameter, modifier, _spelled(parameter, text), base_url
        )
        return found

    if operator == "ne" and kind == "token":
        return And((Keys((parameter.present,), 3), Not(_condition(parameter, "eq", value, base_url))))
    if kind == "string" and parameter.definition.expression:
        return _string(parameter, operator, value)
    if kind in _STRUCTURED and operator not in ("in", "ni"):
        if not is_well_formed(value):
            raise BadRequest(f"{value}: a backslash stands only before \\ , $ or |", code="value")
        value = with_systems(value)
    elif kind == "uri":  # a bar comes before the version
        if operator != "eq":
            return UriRanges(_ranges(parameter, operator, value))
        value = escape(value).replace(r"\|", "|")
    else:
        value = escape(value)
    if kind not in _PREFIXED:
        return searched(value, _MODIFIERS.get(operator))
    if not _NUMERIC.match(value):
        raise BadRequest(f"{value}: this is no {'date' if kind == 'date' else 'number'}", code="value")
    if operator in ("co", "po"):
        return _within(parameter, operator, value)
    return searched(operator + value)


def _spelled(parameter: Parameter, value: str) -> tuple[str, ...]:
    """A code in all the spellings of case that its value set has."""
    if not parameter.systems:
        return (value.lower(),) if parameter.types == {"boolean"} else (value,)
    system, bar, code = value.rpartition("|")
    spelled = (known for known in parameter.systems if known.casefold() == code.casefold())
    return tuple(dict.fromkeys((value, *(f"{system}{bar}{escape(known)}" for known in spelled))))


def _string(parameter: Parameter, operator: str, value: str) -> Condition:
    kind, number, text = parameter.type_number, parameter.number, string.normalise(value)
    if not text:
        return Nothing()
    if operator == "co":
        return string.containing(parameter, text)
    if operator == "ew":
        # What contains it may end with it.
        found = string.containing(parameter, text[-string.FRAGMENT :])
        parts = found.conditions[:-1] if isinstance(found, And) else ()
        return And((*parts, Endings(((kind, number, text), (kind, -number, text)))))  # of a long text its last piece
    return Strings(_ranges(parameter, operator, string.cut(text, parameter)))


def _ranges(parameter: Parameter, operator: str, text: str) -> tuple[tuple[int, int, str, str], ...]:
    """Rows of Strings or UriRanges: where a whole value must lie."""
    end, last = text + _END, string.after("")
    ranges = {
        "eq": ((text, end),),
        "ne": (("", text), (end, last)),
        "sw": ((text, string.after(text)),),
        "ge": ((text, last),),
        "gt": ((end, last),),
        "lt": (("", text),),
        "le": (("", end),),
    }
    return tuple((parameter.type_number, parameter.number, *one) for one in ranges[operator])


def _within(parameter: Parameter, operator: str, value: str) -> Condition:
    """Of stored ranges: `co` those that contain the value, `po` those that overlap it."""
    try:
        if parameter.definition.type == "date":
            first, following = date.bounds(value)
            if operator == "co":
                return date.within(parameter, ((EARLIEST, first, following, LATEST),))
            return date.within(parameter, ((EARLIEST, following - 1, first + 1, LATEST),))
        low = decimals.text(decimals.read(value)[1])
    except ValueError:
        raise BadRequest(f"{value}: this is no {parameter.definition.type}", code="value") from None
    box = decimals.overlap(low, decimals.after(low))
    return Numbers(((parameter.type_number, parameter.number, 0, *box, *(None,) * 7),))
