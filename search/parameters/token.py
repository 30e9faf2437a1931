"""Token parameters: a code, perhaps with its system.

Codes, ids, uris and booleans are compared as they are; everything else without regard to case, since to leave a
resource out is worse than to give one too many. https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import Condition, Ids, Keys, Nothing
from ..escapes import split, unescape
from ..parameter import ANY, NONE, Index, Key, Parameter, Rows
from ..trie import Place

MODIFIERS: Final[frozenset[str]] = frozenset()
_AS_IT_IS: Final = frozenset({"code", "id", "uri", "boolean"})
_WITH_SYSTEM: Final = frozenset({"Coding", "CodeableConcept", "Identifier"})


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a token parameter does not."""
    return _INDEX.get(place.type)


def _put(parameter: Parameter, rows: Rows, system: Any, code: Any) -> None:
    keys = rows.keys
    if code:
        h = parameter.key(code.casefold())
        keys[h, ANY] = None
        keys[h, parameter.system(system)] = None
    if system:
        keys[parameter.key(""), parameter.system(system)] = None


def _coding(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, value.get("system"), value.get("code"))
    rows.keys[parameter.present] = None


def _codeable_concept(parameter: Parameter, rows: Rows, value: Any) -> None:
    for coding in value.get("coding", ()):
        _put(parameter, rows, coding.get("system"), coding.get("code"))
    rows.keys[parameter.present] = None


def _identifier(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, value.get("system"), value.get("value"))
    rows.keys[parameter.present] = None


def _contact_point(parameter: Parameter, rows: Rows, value: Any) -> None:
    if number := value.get("value"):
        _text(parameter, rows, number)


def _text(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.keys[parameter.key(value.casefold()), ANY] = None
    rows.keys[parameter.present] = None


def _boolean(parameter: Parameter, rows: Rows, value: Any) -> None:
    _as_it_is(parameter, rows, "true" if value else "false")


def _as_it_is(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.keys[parameter.key(value), ANY] = None
    rows.keys[parameter.present] = None


def _code(parameter: Parameter, rows: Rows, value: Any) -> None:
    # Where all values are codes of known value sets, the system follows from the code and needs no posting.
    if not parameter.types.isdisjoint(_WITH_SYSTEM):
        for system in parameter.systems.get(value, ()):
            rows.keys[parameter.key(value), parameter.system(system)] = None
            rows.keys[parameter.key(""), parameter.system(system)] = None
    _as_it_is(parameter, rows, value)


_INDEX: Final[dict[str, Index]] = {
    "Coding": _coding,
    "CodeableConcept": _codeable_concept,
    "Identifier": _identifier,
    "ContactPoint": _contact_point,
    "code": _code,
    "boolean": _boolean,
    "string": _text,
    "uri": _as_it_is,
    "id": _as_it_is,
}


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """TK-1, TK-2, TK-9: `code`, `system|code`, `|code`, `system|`."""
    if parameter.code == "_id":
        for value in values:
            _refuse_system(parameter, value, split(value, "|"), most=1)
        ids = dict.fromkeys(unescape(value) for value in values)
        return Ids(parameter.type_number, tuple((parameter.hash(parameter.resource_type, one), one) for one in ids))
    keys = tuple(dict.fromkeys(key for value in values for key in _keys(parameter, value)))
    if not keys:
        return Nothing()
    types = parameter.types
    return Keys(keys, 0 if "Identifier" in types else 2 if types & {"Coding", "CodeableConcept"} else 3)


def _keys(parameter: Parameter, value: str) -> Iterator[Key]:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) == 1:
        return ((h, ANY) for h in _hashes(parameter, parts[0]))
    _refuse_system(parameter, value, parts, most=1 if parameter.types.isdisjoint(_WITH_SYSTEM | {"code"}) else 2)
    system, code = parts
    if parameter.types.isdisjoint(_WITH_SYSTEM):
        return ((parameter.key(found), ANY) for found in _codes(parameter, system, code))
    q = parameter.system(system) if system else NONE
    return ((h, q) for h in _hashes(parameter, code)) if code else iter([(parameter.key(""), q)])


def _refuse_system(parameter: Parameter, value: str, parts: list[str], most: int) -> None:
    """Refuses a value of more parts than its parameter has."""
    if len(parts) > most:
        wrong = "a value of this parameter has no system" if most == 1 else "a value has one | at most"
        raise BadRequest(f"{parameter.code}={value}: {wrong}.", code="value")


def _hashes(parameter: Parameter, code: str) -> Iterator[int]:
    """The keys a code has in this parameter: as it is and without case, as far as there are such values."""
    if not parameter.types.isdisjoint(_AS_IT_IS):
        yield parameter.key(code)
    if not parameter.types <= _AS_IT_IS:
        yield parameter.key(code.casefold())


def _codes(parameter: Parameter, system: str, code: str) -> Iterator[str]:
    """The codes meant, where the system of a code is known from its value set."""
    if not code:
        return (known for known, systems in parameter.systems.items() if system in systems)
    systems = parameter.systems.get(code, ())
    return iter([code] if (system in systems if system else not systems) else [])
