"""What a patch may cost, and what it may not change: the same for every kind of patch."""

from __future__ import annotations

import time
from typing import Any, Final

from .. import exact
from ..outcome import BadRequest, Invalid, TooCostly, TooLarge
from ..validation.primitives import kind_of

MOST_OPERATIONS: Final = 10_000
LARGEST: Final = 10_000_000  # bytes of a resource as JSON: as much as one request may bring
SECONDS: Final = 3.0  # of the processor's time; ten thousand operations of the usual kind take less than one
# What the server alone decides: path of the element, and the keys that lead to it. PA-3
_UNCHANGEABLE: Final = (
    ("resourceType", ("resourceType",)),
    ("id", ("id",)),
    ("meta.versionId", ("meta", "versionId")),
    ("meta.lastUpdated", ("meta", "lastUpdated")),
)


class Clock:
    """Ends what takes long: costly expressions, or very long lists that every operation shifts."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._end = time.thread_time() + SECONDS

    def check(self) -> None:
        """Raises TooCostly (403) once the time is used up."""
        if time.thread_time() > self._end:
            raise TooCostly(f"{self._what} takes longer than {SECONDS} seconds.")


def copied(value: Any) -> Any:
    """A copy of a JSON value that shares nothing that can change."""
    if type(value) is dict:
        return {name: copied(below) for name, below in value.items()}
    return [copied(below) for below in value] if type(value) is list else value


def refuse_depth(value: Any, depth: int, what: str) -> None:
    """Raises BadRequest (400) if a value, put below so many levels, would be nested deeper than any resource may be."""
    if depth + levels(value) > exact.LEVELS:
        raise BadRequest(f"{what} nests the resource more than {exact.LEVELS} levels deep.", code="structure")


def levels(value: Any) -> int:
    """How many objects and arrays lie in one another, the value itself included; 0 for a single value."""
    count, level = 0, [value]
    while level := [one for one in level if type(one) is dict or type(one) is list]:
        count += 1
        if count > exact.LEVELS:
            break
        level = [below for holder in level for below in (holder.values() if type(holder) is dict else holder)]
    return count


def judge(before: dict[str, Any], after: Any) -> dict[str, Any]:
    """The result of a patch if it may stand as a resource, else BadRequest (400) or TooLarge (413).

    It must be an object, and resourceType, id, versionId and lastUpdated must be as they were."""
    if type(after) is not dict:
        raise Invalid(f"The patch makes {kind_of(after)} of the resource.", code="structure")
    resource_type = str(before.get("resourceType", ""))
    for path, keys in _UNCHANGEABLE:
        if _at(before, keys) != _at(after, keys):
            text = f"The patch changes {path}, which is not for a patch to change."
            raise BadRequest(text, code="value", expression=[f"{resource_type}.{path}"])
    refuse_depth(after, 0, "The patch")
    if len(exact.encode(after)) > LARGEST:
        raise TooLarge(f"The patch makes the resource larger than {LARGEST} bytes.")
    return after


def _at(value: Any, keys: tuple[str, ...]) -> tuple[type, Any]:
    for key in keys:
        value = value.get(key) if type(value) is dict else None
    return type(value), value
