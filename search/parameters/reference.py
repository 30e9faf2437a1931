"""Reference parameters: resources that point to another one, by its id, its type and id, or its URL.

A reference is indexed for what it is: to a resource here (a version of it, too), to a URL elsewhere, to a contained
resource, or by identifier only. https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from resources.outcome import BadRequest

from ..conditions import Condition, Keys
from ..escapes import unescape
from ..parameter import ANY, Index, Key, Parameter, Rows
from ..references import parse
from ..trie import Place

MODIFIERS: Final[frozenset[str]] = frozenset({"[type]"})
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
        target = parse(text, rows.base_url)
        if target.local:
            keys[parameter.hash(target.resource_type, target.logical_id), parameter.pointing] = None
            if target.version_id:
                versioned = parameter.hash(target.resource_type, target.logical_id, target.version_id)
                keys[versioned, parameter.pointing] = None
        else:
            keys[_url(parameter, target.text)] = None
        keys[parameter.present] = None
    if identifier:
        _identifier(parameter, rows, identifier)


def _identifier(parameter: Parameter, rows: Rows, identifier: Any) -> None:
    """As a token of its own, `[code]:identifier`; nothing is resolved by it."""
    name = f"{parameter.code}:identifier"
    if value := identifier.get("value"):
        h = parameter.hash(parameter.resource_type, name, value.casefold())
        rows.keys[h, ANY] = None
        rows.keys[h, parameter.system(identifier.get("system"))] = None
    if system := identifier.get("system"):
        rows.keys[parameter.hash(parameter.resource_type, name, ""), parameter.system(system)] = None
    rows.keys[parameter.present] = None


def _canonical(parameter: Parameter, rows: Rows, value: Any) -> None:
    rows.keys[_url(parameter, value)] = None
    if "|" in value:  # found without its version, too
        rows.keys[_url(parameter, value.partition("|")[0])] = None
    rows.keys[parameter.present] = None


def _resource(parameter: Parameter, rows: Rows, value: Any) -> None:
    """A resource inside a Bundle, as if it were pointed to."""
    resource_type, logical_id = value.get("resourceType"), value.get("id")
    if resource_type in parameter.resource_types:
        if logical_id:
            rows.keys[parameter.hash(resource_type, logical_id), parameter.pointing] = None
        rows.keys[parameter.present] = None


_INDEX: Final[dict[str, Index]] = {
    "Reference": _reference,
    "canonical": _canonical,
    "uri": _canonical,
    "Resource": _resource,
}


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """RF-1, RF-2, RF-6. base_url: a URL below it is one of our own resources."""
    if modifier and modifier not in parameter.resource_types:
        raise BadRequest(f"{parameter.code}:{modifier}: the parameter does not point to {modifier}.", code="value")
    keys = (key for value in values for key in _keys(parameter, modifier, unescape(value), base_url))
    return Keys(tuple(dict.fromkeys(keys)), 1)


def _keys(parameter: Parameter, modifier: str | None, text: str, base_url: str) -> Iterator[Key]:
    target = parse(text, base_url)
    by_id = _ID.fullmatch(text) is not None
    if by_id:
        for resource_type in (modifier,) if modifier else parameter.resource_types:
            yield parameter.hash(resource_type, text), parameter.pointing
    elif target.local:
        if modifier not in (None, target.resource_type):
            raise BadRequest(f"{parameter.code}:{modifier}={text}: the value names another type.", code="value")
        version = (target.version_id,) if target.version_id else ()
        yield parameter.hash(target.resource_type, target.logical_id, *version), parameter.pointing
    if not (by_id or target.local) or not parameter.types.isdisjoint(_URLS):
        yield _url(parameter, target.text)
