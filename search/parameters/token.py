"""Token parameters: a code, perhaps with its system.

Codes, ids, uris and booleans are compared as they are; everything else without regard to case, since to leave a
resource out is worse than to give one too many. https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import Codes, Condition, Ids, Keys, Not, Nothing, Or, Texts
from ..escapes import split, unescape
from ..parameter import ANY, EARLIER, LATER, NONE, TEXT, Index, Key, Parameter, Rows
from ..trie import Place
from . import media_type
from .string import LONGEST, after, normalise

MODIFIERS: Final = frozenset({"above", "below", "in", "not", "not-in", "of-type", "ofType", "text"})
_AS_IT_IS: Final = frozenset({"code", "id", "uri", "boolean"})
_WITH_SYSTEM: Final = frozenset({"Coding", "CodeableConcept", "Identifier"})
_FOUND_BY: Final = frozenset({"code", "system", "display"})  # of a Coding


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a token parameter does not."""
    if place.type == "code" and place.element and place.element.binding == media_type.VALUE_SET:
        return _media_type
    return _INDEX.get(place.type)


def _put_coding(parameter: Parameter, rows: Rows, value: dict[str, Any]) -> None:
    keys, code, system = rows.keys, value.get("code"), value.get("system")
    if code:
        folded = code.casefold()
        h, q = parameter.key(folded), parameter.system(system)
        keys[h, ANY] = keys[h, q] = None
        known = folded if len(folded) <= LONGEST else folded[:LONGEST]
        rows.codes[parameter.number, ANY, h] = ("", known)
        rows.codes[parameter.number, q, h] = (system or "", known)
    if system:
        keys[parameter.key(""), parameter.system(system)] = None
    if display := value.get("display"):
        _put_text(parameter, rows, display)


def _put_text(parameter: Parameter, rows: Rows, text: str) -> None:
    if value := normalise(text)[:LONGEST]:
        h = parameter.key(value)
        rows.keys[h, TEXT] = None
        rows.codes[parameter.number, TEXT, h] = ("", value)


def _put_value(parameter: Parameter, rows: Rows, system: str | None, value: str) -> None:
    """A value that is one of very many: it is sorted by, but no dictionary knows it."""
    folded = value.casefold()
    h = parameter.key(folded)
    rows.keys[h, ANY] = None
    if system is not None:
        rows.keys[h, parameter.system(system)] = None
    rows.str[parameter.number, folded[:LONGEST]] = None


def _coding(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put_coding(parameter, rows, value)
    if "code" in value:
        rows.keys[parameter.present] = None
    elif not _FOUND_BY.isdisjoint(value):
        rows.keys[parameter.present] = rows.unordered[parameter] = None


def _codeable_concept(parameter: Parameter, rows: Rows, value: Any) -> None:
    for coding in value.get("coding", ()):
        _coding(parameter, rows, coding)
    if text := value.get("text"):
        _put_text(parameter, rows, text)
        rows.keys[parameter.present] = None
        if "coding" not in value:
            rows.unordered[parameter] = None


def _identifier(parameter: Parameter, rows: Rows, identifier: Any) -> None:
    value, system = identifier.get("value"), identifier.get("system")
    if value:
        _put_value(parameter, rows, system or "", value)
    if system:
        rows.keys[parameter.key(""), parameter.system(system)] = None
    if value or system:
        rows.keys[parameter.present] = None
    if not value:
        rows.unordered[parameter] = None
    if kind := identifier.get("type"):
        for coding in kind.get("coding", ()):
            if value and (code := coding.get("code")):
                rows.keys[_of_type(parameter, coding.get("system", ""), code, value)] = None
        if text := kind.get("text"):
            _put_text(parameter, rows, text)
            rows.keys[parameter.present] = None


def _of_type(parameter: Parameter, system: str, code: str, value: str) -> Key:
    name = f"{parameter.code}:of-type"
    return parameter.hash(parameter.resource_type, name, system, code.casefold(), value.casefold()), ANY


def _contact_point(parameter: Parameter, rows: Rows, value: Any) -> None:
    if number := value.get("value"):
        _text(parameter, rows, number)


def _text(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put_value(parameter, rows, None, value)
    rows.keys[parameter.present] = None


def _as_it_is(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.keys[parameter.key(value), ANY] = None
    rows.keys[parameter.present] = None
    if parameter.coded:
        rows.unordered[parameter] = None
    else:
        rows.str[parameter.number, value.casefold()[:LONGEST]] = None


def boolean(parameter: Parameter, rows: Rows, value: Any) -> None:
    _code(parameter, rows, "true" if value else "false")


def _code(parameter: Parameter, rows: Rows, value: Any) -> None:
    h = parameter.key(value)
    rows.keys[h, ANY] = None
    rows.keys[parameter.present] = None
    known = value.casefold()[:LONGEST]
    rows.codes[parameter.number, ANY, h] = ("", known)
    # Where all values are codes of known value sets, the system follows from the code and needs no posting.
    if not parameter.systems:
        rows.codes[parameter.number, NONE, h] = ("", known)
    elif not parameter.types.isdisjoint(_WITH_SYSTEM):
        for system in parameter.systems.get(value, ()):
            q = parameter.system(system)
            rows.codes[parameter.number, q, h] = (system, known)
            rows.keys[h, q] = rows.keys[parameter.key(""), q] = None


def _media_type(parameter: Parameter, rows: Rows, value: Any) -> None:
    _code(parameter, rows, value)
    media_type.put(parameter, rows, value)


_INDEX: Final[dict[str, Index]] = {
    "Coding": _coding,
    "CodeableConcept": _codeable_concept,
    "Identifier": _identifier,
    "ContactPoint": _contact_point,
    "code": _code,
    "boolean": boolean,
    "string": _text,
    "uri": _as_it_is,
    "id": _as_it_is,
}


def finish(rows: Rows) -> None:
    """Once a resource has been read: the postings that tell which of its codes is the first and which the last.

    And of a parameter that has values, but none that `_sort` could go by, the posting that says so."""
    codes: dict[int, list[tuple[str, int]]] = {}
    for (number, q, h), (_, code) in rows.codes.items():
        if q == ANY:
            codes.setdefault(number, []).append((code, h))
    for found in codes.values():
        if len(found) > 1:
            found.sort()
            for _, h in found[1:]:
                rows.keys[h, LATER] = None
            for _, h in found[:-1]:
                rows.keys[h, EARLIER] = None
    for parameter in rows.unordered:
        if parameter.definition.type == "reference":
            ordered = any(q == parameter.pointing for _, q in rows.keys)
        elif parameter.coded:
            ordered = parameter.number in codes
        else:
            ordered = any(number == parameter.number for number, _ in rows.str)
        if not ordered and parameter.present in rows.keys:
            rows.keys[parameter.key(""), LATER] = None


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """One of the codes, or what the modifier makes of them."""
    if parameter.code == "_id" and modifier in (None, "not") and not parameter.contained:
        for value in values:
            _refuse_system(parameter, value, split(value, "|"), most=1)
        ids = dict.fromkeys(unescape(value) for value in values)
        kind, name = parameter.type_number, parameter.resource_type
        found: Condition = Ids(tuple((kind, parameter.hash(name, one), one) for one in ids))
    elif modifier in (None, "not"):
        found = _any_of(parameter, [key for value in values for key in keys(parameter, value)])
    elif modifier == "text":
        if parameter.types.isdisjoint(_WITH_SYSTEM):
            raise BadRequest(f"{parameter.code}:text: values of this parameter have no text.", code="not-supported")
        texts = dict.fromkeys(text for value in values if (text := normalise(unescape(value))[:LONGEST]))
        kind, number = parameter.type_number, parameter.number
        return Texts(tuple((kind, number, text, after(text)) for text in texts))
    elif modifier in ("of-type", "ofType"):
        return Keys(tuple(_of_types(parameter, values)), 0)
    elif modifier in ("above", "below") and parameter.media_types:
        return media_type.condition(parameter, modifier, [unescape(value) for value in values])
    else:
        found = Or(tuple(_codes(parameter, modifier or "", value) for value in values))
    return Not(found) if modifier in ("not", "not-in") else found


def _any_of(parameter: Parameter, found: list[Key]) -> Condition:
    if not found:
        return Nothing()
    types = parameter.types
    return Keys(tuple(dict.fromkeys(found)), 0 if "Identifier" in types else 2 if types & _WITH_SYSTEM else 3)


def keys(parameter: Parameter, value: str, within: Parameter | None = None) -> Iterator[Key]:
    """The postings of which a resource has one if it has the value: `code`, `system|code`, `|code`, `system|`.

    within: the composite that the value is a part of, which an error names."""
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) == 1:
        return ((h, ANY) for h in _hashes(parameter, parts[0]) if parts[0])
    most = 1 if parameter.types.isdisjoint(_WITH_SYSTEM | {"code"}) else 2
    _refuse_system(within or parameter, value, parts, most)
    return iter(_postings(parameter, *parts))


def _postings(parameter: Parameter, system: str | None, code: str) -> tuple[Key, ...]:
    """Those of a code with its system; of any code of the system without; of a code that has no system for "".

    With None for a system, of the code whatever its system."""
    if system is None:
        return tuple((h, ANY) for h in _hashes(parameter, code))
    if parameter.types.isdisjoint(_WITH_SYSTEM):
        return tuple((parameter.key(found), ANY) for found in _of_system(parameter, system, code))
    q = parameter.system(system) if system else NONE
    return tuple((h, q) for h in _hashes(parameter, code)) if code else ((parameter.key(""), q),)


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


def _of_system(parameter: Parameter, system: str, code: str) -> Iterator[str]:
    """The codes meant, where the system of a code is known from its value set."""
    if not code:
        return (known for known, systems in parameter.systems.items() if system in systems)
    systems = parameter.systems.get(code, ())
    return iter([code] if (system in systems if system else not systems) else [])


def _of_types(parameter: Parameter, values: tuple[str, ...]) -> Iterator[Key]:
    for value in values:
        parts = [unescape(part) for part in split(value, "|")]
        if len(parts) != 3 or not all(parts) or "Identifier" not in parameter.types:
            raise BadRequest(f"{parameter.code}:of-type={value}: a value is system|code|value.", code="value")
        yield _of_type(parameter, *parts)


def _codes(parameter: Parameter, modifier: str, value: str) -> Codes:
    relation, name = modifier.removeprefix("not-"), f"{parameter.code}:{modifier}"
    if not parameter.coded:
        raise BadRequest(f"{name}: values of this parameter are not codes of a code system.", code="not-supported")

    def postings(system: str | None, code: str) -> tuple[Key, ...]:
        return _postings(parameter, system, code)

    if relation == "in":
        value = unescape(value)
    return Codes(relation, value, name, parameter.resource_type, parameter.code, postings)
