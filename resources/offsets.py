"""Reads JSON or XML for the offsets of the elements that are asked for; everything else is skipped.

https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from xml.parsers import expat

import msgspec

from .definitions import load
from .exact import LEVELS

# How badly an offset stands for an element: a value counts before its `_name`, and that before a null.
VALUE, BESIDE, NULL = 0, 1, 2

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_BETWEEN: Final = re.compile(rb"[ \t\r\n,]*+")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_LITERAL: Final = re.compile(rb"[^ \t\r\n,\]}\[{\":]++")
# Up to the next bracket that is not in a string. Nothing is tried twice.
_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)


class Place:
    """An element that is asked for, or that is on the way to one. The root is the resource."""

    __slots__ = ("_above", "_rank", "items", "names", "offset")

    def __init__(self, above: Place | None = None) -> None:
        self._above = above
        self._rank = BESIDE + NULL
        self.offset: int | None = None  # in bytes
        self.names: dict[str, Place] = {}
        self.items: dict[int, Place] = {}

    def child(self, name: str) -> Place:
        return self.names.setdefault(name, Place(self))

    def item(self, index: int) -> Place:
        return self.items.setdefault(index, Place(self))

    def inside(self) -> Place:
        """The same children, without the element itself."""
        inner = Place()
        inner.names = self.names
        return inner

    def found(self, offset: int, rank: int) -> None:
        """Notes an offset unless a better one is known; of two that are as good the last, as decoders do."""
        if rank <= self._rank:
            self.offset, self._rank = offset, rank

    def nearest(self) -> int | None:
        """The offset of the element, or of the nearest around it that has one."""
        place: Place | None = self
        while place is not None and place.offset is None:
            place = place._above
        return None if place is None else place.offset


def _named(places: Iterable[Place], name: str) -> list[Place]:
    """The places of a member: by its name, and by that of a choice without the type (value for valueQuantity)."""
    choice = _choices().get(name)
    return [place.names[one] for one in (name, choice) if one for place in places if one in place.names]


@functools.cache
def _choices() -> Mapping[str, str]:
    """The names of choices by how they are written with each of their types. subscriberId is another element than
    subscriber, but nowhere are two of one parent called so that this would not tell them apart."""
    elements = (one for structure in load().structures.values() for one in structure.elements.values() if one.choice)
    return {element.json_name(kind): element.name for element in elements for kind in element.types}


def _numbered(places: Iterable[Place], index: int) -> list[Place]:
    return [place.items[index] for place in places if index in place.items]


def in_json(text: bytes, root: Place) -> None:
    """Notes the offsets of the values, as far as the text is JSON."""
    with suppress(_Unreadable, IndexError, ValueError):
        _Json(text).read(root)


class _Unreadable(Exception):
    """What should be there is not."""


class _Json:
    """One pass over a JSON text, with a stack of the objects and arrays that something is asked of."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._open: list[_Container] = []

    def read(self, root: Place) -> None:
        text = self._text
        at = self._value(self._end(_SPACE, 3 if text.startswith(b"\xef\xbb\xbf") else 0), [root], VALUE)
        while self._open:
            container = self._open[-1]
            at = self._end(_BETWEEN, at)
            if text[at] in b"]}":
                self._open.pop()
                at += 1
                continue
            if container.is_array:
                places, rank = _numbered(container.places, container.index), container.rank
                if not container.index:  # a name without an index goes on in the first
                    places += [place.inside() for place in container.places if place.names]
                container.index += 1
            else:
                key_end = self._end(_STRING, at)
                name, rank = _key(text[at:key_end]), container.rank
                if name.startswith("_") and not any(name in place.names for place in container.places):
                    name, rank = name[1:], max(rank, BESIDE)
                places = _named(container.places, name)
                at = self._end(_COLON, key_end)
            at = self._value(at, places, rank)

    def _value(self, at: int, places: list[Place], rank: int) -> int:
        """Notes where a value starts; returns its end, or where it goes on if it was opened."""
        text = self._text
        first = text[at : at + 1]
        if not first:
            raise _Unreadable
        if first != b"[":  # the first of one is itself
            places = places + _numbered(places, 0)
        for place in places:
            place.found(at, rank + NULL if first == b"n" else rank)
        if first == b'"':
            return self._end(_STRING, at)
        if first != b"{" and first != b"[":
            return self._end(_LITERAL, at)
        if any(place.names or place.items for place in places):
            if len(self._open) == LEVELS:
                raise _Unreadable
            self._open.append(_Container(first == b"[", places, rank))
            return at + 1
        depth = 0
        while bracket := _BRACKET.match(text, at):
            at = bracket.end()
            depth += 1 if bracket[1] in b"[{" else -1
            if not depth:
                return at
        raise _Unreadable

    def _end(self, pattern: re.Pattern[bytes], at: int) -> int:
        if found := pattern.match(self._text, at):
            return found.end()
        raise _Unreadable


class _Container:
    """An object or array that is open."""

    __slots__ = ("index", "is_array", "places", "rank")

    def __init__(self, is_array: bool, places: list[Place], rank: int) -> None:
        self.is_array = is_array
        self.places = places
        self.rank = rank
        self.index = 0


def _key(string: bytes) -> str:
    return msgspec.json.decode(string, type=str)


def in_xml(text: bytes, root: Place) -> None:
    """Notes the offsets of the start tags, as far as the text is XML without a document type declaration."""
    parser = expat.ParserCreate("utf-8", " ")
    opened: list[tuple[list[Place], dict[str, int]]] = [([], {})]  # places, and how many children of a name there were

    def start(name: str, attributes: object) -> None:
        places, counts = opened[-1]
        local = name.rpartition(" ")[2]
        if len(opened) == 1:
            found = [root]
        elif not places:
            found = []
        elif local[:1].isupper():  # a resource, in the element that holds it
            found = places
        else:
            index = counts[local] = counts.get(local, -1) + 1
            named = _named(places, local)
            found = _numbered(named, index) + ([] if index else named)  # without an index it is the first
        if found is not places:
            for place in found:
                place.found(parser.CurrentByteIndex, VALUE)
        opened.append((found, {}))

    def end(name: str) -> None:
        opened.pop()

    def refuse(*_: object) -> None:
        raise _Unreadable

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    with suppress(expat.ExpatError, _Unreadable, ValueError):
        parser.Parse(text, True)
    parser.StartElementHandler = None  # which knows the parser as it knows this: nobody should wait for the collector
