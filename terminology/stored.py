"""What terminology asks of a tenant's database.

https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

NEWEST: Final = "|"  # for a name, which no URL without version is: the resource of that type that was written last
_NUMBERS: Final = re.compile(r"([0-9]+)")

Wanted = tuple[str, str]  # resource type; canonical URL without version, "Type/id" or NEWEST


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


def version_order(version: str) -> list[tuple[int, str]]:
    """What versions are sorted by: 1.10 comes after 1.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(version[:100]) if part]
