"""What terminology asks of a tenant's database, and the code systems and value sets that were read of it lately.

https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from . import codesystem, valueset
from .codesystem import CodeSystem
from .valueset import ValueSet

CODE_SYSTEM: Final = "CodeSystem"
VALUE_SET: Final = "ValueSet"
REMEMBERED: Final = 50_000  # concepts and enumerated codes that a worker keeps: some 25 MB
NEWEST: Final = "|"  # for a name, which no URL without version is: the resource of that type that was written last
_LIGHTEST: Final = 10  # what a resource counts at least
_NUMBERS: Final = re.compile(r"([0-9]+)")

Wanted = tuple[str, str]  # resource type; canonical URL without version, "Type/id" or NEWEST
Known = CodeSystem | ValueSet
Key = tuple[int, str, str, int]  # tenant (0: R4's own), resource type, id (of R4's own the URL), version id


class Found(NamedTuple):
    """A resource that was wanted."""

    logical_id: str
    version_id: int
    tree: dict[str, Any] | None  # None where the caller said it knows this version


class Stored(Protocol):
    """The resources of one tenant and its database, as the terminology needs them."""

    tenant_id: int

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        """For each the current resources with that URL or id. known: (resource type, id, version id)."""

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        """URL of a value set → URL of the code system whose `valueSet` it is."""

    async def matching(self, patterns: Sequence[tuple[str, Iterable[str]]]) -> Sequence[frozenset[str]]:
        """For each regular expression the texts that it matches as a whole."""


class Kept:
    """What was read lately, bounded by the number of codes in it."""

    def __init__(self) -> None:
        self._all: OrderedDict[Key, Known] = OrderedDict()
        self._weight = 0

    def get(self, key: Key) -> Known | None:
        known = self._all.get(key)
        if known is not None:
            self._all.move_to_end(key)
        return known

    async def learn(self, key: Key, tree: Mapping[str, Any]) -> Known:
        """As `read`, beside the event loop: what a tenant has written may be large."""
        return self._keep(key, await asyncio.to_thread(_read, key[1], tree))

    def read(self, key: Key, tree: Mapping[str, Any]) -> Known:
        """Reads a resource and keeps it. Raises Unanswerable for a value set that says nothing of what is in it."""
        return self._keep(key, _read(key[1], tree))

    def _keep(self, key: Key, known: Known) -> Known:
        if key not in self._all and _weight(known) <= REMEMBERED:
            self._all[key] = known
            self._weight += _weight(known)
            while self._weight > REMEMBERED:
                self._weight -= _weight(self._all.popitem(last=False)[1])
        return known


def _read(resource_type: str, tree: Mapping[str, Any]) -> Known:
    return codesystem.read(tree) if resource_type == CODE_SYSTEM else valueset.read(tree)


def _weight(known: Known) -> int:
    return max(known.weight, _LIGHTEST)


def url_of(canonical: str) -> str:
    """The URL without version."""
    return canonical.rpartition("|")[0] or canonical


def best(candidates: Iterable[Known], canonical: str) -> Known | None:
    """Of several versions that which is asked for, else an active one, the latest."""
    url, bar, version = canonical.rpartition("|")
    # A version of SNOMED CT is a URI; an edition without a date is any of its versions.
    fitting = [one for one in candidates if not (bar and url) or f"{one.version}/".startswith(f"{version}/")]
    return max(fitting, key=lambda one: (one.status == "active", version_order(one.version), one.updated), default=None)


def version_order(version: str) -> list[tuple[int, str]]:
    """What versions are sorted by: 1.10 comes after 1.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(version[:100]) if part]
