"""Elements in JSON: a value under its name, and the id and extensions of a primitive under `_name`, kept in step.

https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..outcome import BadRequest


class Pair(NamedTuple):
    """One element: its value, and of a primitive the object with its id and extensions; None for what it has not."""

    value: Any
    extra: Any

    def put(self, owner: dict[str, Any], name: str) -> None:
        """Makes this the element of that name, which does not repeat."""
        for key, what in ((name, self.value), ("_" + name, self.extra)):
            if what is None:
                owner.pop(key, None)
            else:
                owner[key] = what


def pairs_of(owner: dict[str, Any], name: str, many: bool) -> list[Pair]:
    """The elements of that name in an object. Raises BadRequest (400) where the JSON is not as it must be."""
    value, extra = owner.get(name), owner.get("_" + name)
    if not many:
        return [] if value is None and extra is None else [Pair(value, extra)]
    values, extras = [] if value is None else value, [] if extra is None else extra
    if type(values) is not list or type(extras) is not list:
        raise BadRequest(f"{name} repeats, but is not an array", code="structure")
    length = max(len(values), len(extras))
    return [Pair(_at(values, i), _at(extras, i)) for i in range(length)]


def length_of(owner: dict[str, Any], name: str) -> int:
    """How many elements of that name there are; the name is one that repeats."""
    lists = [owner[key] for key in (name, "_" + name) if owner.get(key) is not None]
    if not all(type(one) is list for one in lists):
        raise BadRequest(f"{name} repeats, but is not an array", code="structure")
    return max(map(len, lists), default=0)


def item(owner: dict[str, Any], name: str, index: int) -> Pair:
    """One of the elements of that name."""
    value, extra = owner.get(name), owner.get("_" + name)
    return Pair(_at(value or [], index), _at(extra or [], index))


def append(owner: dict[str, Any], name: str, pair: Pair) -> None:
    insert(owner, name, length_of(owner, name), pair)


def insert(owner: dict[str, Any], name: str, index: int, pair: Pair) -> None:
    """Puts an element before the one with that index, or at the end."""
    length = length_of(owner, name)
    for key, what in ((name, pair.value), ("_" + name, pair.extra)):
        if key in owner or what is not None:
            _filled(owner, key, length).insert(index, what)


def replace(owner: dict[str, Any], name: str, index: int, pair: Pair) -> None:
    length = length_of(owner, name)
    for key, what in ((name, pair.value), ("_" + name, pair.extra)):
        if key in owner or what is not None:
            _filled(owner, key, length)[index] = what
    _tidy(owner, name)


def delete(owner: dict[str, Any], name: str, index: int) -> None:
    """Takes an element out; of the last one nothing is left behind."""
    length = length_of(owner, name)
    for key in (name, "_" + name):
        if key in owner:
            del _filled(owner, key, length)[index]
    _tidy(owner, name)


def _filled(owner: dict[str, Any], key: str, length: int) -> list[Any]:
    """The array under the key, with null for what it does not say of that many elements."""
    if owner.get(key) is None:
        owner[key] = []
    array: list[Any] = owner[key]
    array.extend([None] * (length - len(array)))
    return array


def _tidy(owner: dict[str, Any], name: str) -> None:
    """Leaves out arrays that say nothing."""
    for key in (name, "_" + name):
        if key in owner and all(one is None for one in owner[key] or ()):
            del owner[key]


def _at(array: Any, index: int) -> Any:
    return array[index] if type(array) is list and index < len(array) else None
