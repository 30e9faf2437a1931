"""Reference parameters: resources that point to another one, by its id, its type and id, or its URL.

A reference is indexed for what it is: to a resource here (a version of it, too), to a URL elsewhere, to a contained
resource, or by identifier only. https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

from resources.definitions import Definitions, SearchParameter
from resources.outcome import BadRequest

from ..conditions import Condition, Hierarchy, Keys, Or
from ..contained import ENTRY
from ..contained import key as contained_key
from ..escapes import split, unescape
from ..parameter import ANY, NONE, Index, Key, Parameter, Rows, parameter_numbers, pointing
from ..references import parse
from ..trie import Place

MODIFIERS: Final[frozenset[str]] = frozenset({"[type]", "above", "below", "identifier"})
PARENTS: Final = ("part-of", "partof", "parent")  # codes of parameters that make a hierarchy of a type
_URLS: Final = frozenset({"canonical", "uri"})  # types whose value is a URL, whatever it looks like
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a reference parameter does not."""
    return _INDEX.get(place.type)


def _url(parameter: Parameter, text: str) -> Key:
    return parameter.hash("url", text), parameter.pointing


def _reference(parameter: Parameter, rows: Rows, value: Any) -> None:
    keys, text, identifier = rows.keys, value.get("reference"), value.get("identifier")
    if text:
        by = parameter.pointing
        target = parse(text, rows.base_url)
        if target.local:
            h = parameter.hash(target.resource_type, target.logical_id)
            keys[h, by] = None
            if target.version_id:
                keys[_versioned(parameter, f"{target.resource_type}/{target.logical_id}|{target.version_id}")] = None
            if target.resource_type in parameter.compartments:
                rows.compartments[h] = None
        elif text.startswith("#"):
            keys[_inside(parameter, rows.resource, text[1:]), by] = None
        else:
            keys[_url(parameter, target.text)] = None
        keys[parameter.present] = None
    if identifier:
        _identifier(parameter, rows, identifier)
        if not text:
            rows.unordered[parameter] = None


def _inside(parameter: Parameter, container: dict[str, Any], logical_id: str) -> int:
    """The h of a resource that the container has inside; "#" alone is the container itself."""
    if logical_id:
        return contained_key(parameter.hash, container, logical_id)
    return parameter.hash(container["resourceType"], container["id"])


def _identifier(parameter: Parameter, rows: Rows, identifier: Any) -> None:
    """As a token of its own, `[code]:identifier`; nothing is resolved by it."""
    system = identifier.get("system")
    if value := identifier.get("value"):
        h = _token(parameter, value)
        rows.keys[h, ANY] = None
        rows.keys[h, parameter.system(system)] = None
    if system:
        rows.keys[_token(parameter, ""), parameter.system(system)] = None
    if value or system:
        rows.keys[parameter.present] = None


def _token(parameter: Parameter, value: str) -> int:
    return parameter.hash(parameter.resource_type, f"{parameter.code}:identifier", value.casefold())


def _canonical(parameter: Parameter, rows: Rows, value: Any) -> None:
    url, _, version = value.partition("|")
    rows.keys[_url(parameter, url)] = None
    if version:  # found with it, and by the beginning of it, too
        rows.keys[_versioned(parameter, value)] = None
        for beginning in accumulate(version.split("."), "{}.{}".format):
            rows.keys[_version(parameter, f"{url}|{beginning}")] = None
    rows.keys[parameter.present] = None


def _versioned(parameter: Parameter, version: str) -> Key:
    """The posting of one version. It is no forward reference, of which there is one for each target."""
    return parameter.hash(parameter.resource_type, f"{parameter.code}:version", version), ANY


def _version(parameter: Parameter, canonical: str) -> Key:
    """The posting of every version that begins so: |1 of 1, 1.0 and 1.1."""
    return parameter.hash(parameter.resource_type, f"{parameter.code}:below", canonical), ANY


def _resource(parameter: Parameter, rows: Rows, value: Any) -> None:
    """A resource inside a Bundle, as if it were pointed to: by its own id, and as what is inside."""
    resource_type, logical_id = value.get("resourceType"), value.get("id")
    if resource_type in parameter.resource_types:
        if logical_id:
            rows.keys[parameter.hash(resource_type, logical_id), parameter.pointing] = None
        else:
            rows.unordered[parameter] = None
        rows.keys[_inside(parameter, rows.resource, ENTRY), parameter.pointing] = None
        rows.keys[parameter.present] = None
        rows.entry = value


_INDEX: Final[dict[str, Index]] = {
    "Reference": _reference,
    "canonical": _canonical,
    "uri": _canonical,
    "Resource": _resource,
}


def parents(definitions: Definitions, definition: SearchParameter) -> dict[str, int]:
    """Of the types a parameter may point to those that have a parent of their own type, and the q of references to it."""
    found: dict[str, int] = {}
    if definition.type == "reference":
        for target in definition.targets or definitions.resource_types:
            known = definitions.parameters_of(target) if definitions.is_resource_type(target) else {}
            parent = next((known[code] for code in PARENTS if code in known and target in known[code].targets), None)
            if parent is not None:
                number = parent.number or parameter_numbers()[parent.code]
                found[target] = pointing(definitions.type_number(target), number)
    return found


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """What points to one of the values. base_url: a URL below it is one of our own resources."""
    if modifier == "identifier":
        found = [key for value in values for key in _tokens(parameter, value)]
        return Keys(tuple(dict.fromkeys(found)), 0)
    if modifier in ("above", "below"):
        return Or(tuple(_hierarchy(parameter, modifier, value, base_url) for value in values))
    if modifier and modifier not in parameter.resource_types:
        raise BadRequest(f"{parameter.code}:{modifier}: the parameter does not point to {modifier}.", code="value")
    found = [key for value in values for key in keys(parameter, modifier, unescape(value), base_url)]
    return Keys(tuple(dict.fromkeys(found)), 1)


def keys(parameter: Parameter, modifier: str | None, text: str, base_url: str) -> Iterator[Key]:
    """The postings of which a resource has one if it points to that; an id alone has one of each possible type."""
    target = parse(text, base_url)
    by_id = _ID.fullmatch(text) is not None
    if by_id:
        for resource_type in (modifier,) if modifier else parameter.resource_types:
            yield parameter.hash(resource_type, text), parameter.pointing
    elif target.local:
        if modifier not in (None, target.resource_type):
            raise BadRequest(f"{parameter.code}:{modifier}={text}: the value names another type.", code="value")
        if target.version_id:
            yield _versioned(parameter, f"{target.resource_type}/{target.logical_id}|{target.version_id}")
        else:
            yield parameter.hash(target.resource_type, target.logical_id), parameter.pointing
    if not parameter.types.isdisjoint(_URLS) and "|" in target.text:
        yield _versioned(parameter, target.text)
    elif not (by_id or target.local) or not parameter.types.isdisjoint(_URLS):
        yield _url(parameter, target.text)


def _tokens(parameter: Parameter, value: str) -> Iterator[Key]:
    """The postings of an identifier, as of a token: `value`, `system|value`, `|value`, `system|`."""
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) > 2 or "Reference" not in parameter.types:
        wrong = "a value has one | at most" if len(parts) > 2 else "the parameter has no identifiers"
        raise BadRequest(f"{parameter.code}:identifier={value}: {wrong}.", code="value")
    q = ANY if len(parts) == 1 else parameter.system(parts[0]) if parts[0] else NONE
    yield _token(parameter, parts[-1]), q


def _hierarchy(parameter: Parameter, relation: str, value: str, base_url: str) -> Condition:
    """What points to a resource or to one above or below it; of a canonical URL, to a version that begins so."""
    name, text = f"{parameter.code}:{relation}", unescape(value)
    target = parse(text, base_url)
    if not parameter.types.isdisjoint(_URLS) and not target.local:
        if relation == "above":
            raise BadRequest(f"{name}={value}: there is nothing above a version.", code="not-supported")
        url, _, version = text.partition("|")
        return Keys((_version(parameter, text) if version else _url(parameter, url),), 1)
    if _ID.fullmatch(text):
        ways = [(resource_type, text) for resource_type in parameter.parents]
    else:
        ways = [(target.resource_type, target.logical_id)] if target.resource_type in parameter.parents else []
    if not ways or not (target.local or _ID.fullmatch(text)):
        known = ", ".join(parameter.parents) or "no type"
        raise BadRequest(f"{name}={value}: of what it may point to, {known} has a hierarchy.", code="value")
    return Or(tuple(Hierarchy(relation, *way, parameter.parents[way[0]], (parameter.pointing,)) for way in ways))
