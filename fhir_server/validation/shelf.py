"""What a process keeps for the judgements of all tenants: profiles by their version, and what judgements needed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from resources.definitions import Definitions
from resources.profiles.definition import Profile
from terminology.membership.questions import Terminology

KEPT: Final = 400  # profiles that a process keeps, of all tenants: US Core and IPS have 95 …
HEAVIEST: Final = 40_000_000  # … and bytes of their definitions: these have 12 million
REMEMBERED: Final = 1_000  # judgements of which it is remembered what they needed
_LONGEST: Final = 20_000  # characters of the names that are remembered of one judgement

Wanted = tuple[
    str, str
]  # StructureDefinition, ValueSet, CodeSystem or Reference; a canonical URL, of a reference "Type/id"
Version = tuple[int, str, int]  # tenant, logical id, version id
Versions = tuple[tuple[str, int], ...]  # of all resources with one URL: logical id, version id


class Read(NamedTuple):
    """A StructureDefinition that was read."""

    profile: Profile | str  # or why it is of no use
    weight: int = 0  # bytes of it, with its snapshot
    rests_on: tuple[tuple[str, Versions], ...] = ()  # by URL what its snapshot was generated from, R4's own aside


class Shelf:
    """What a process keeps for all Books: profiles by their version, and what judgements needed the last time."""

    def __init__(self, definitions: Definitions, terminology: Terminology) -> None:
        self.definitions = definitions
        self.terminology = terminology
        self._profiles: OrderedDict[Version, Read] = OrderedDict()
        self._weight = 0
        self._needed: OrderedDict[tuple[int, tuple[str, ...]], frozenset[Wanted]] = OrderedDict()

    def profile(self, version: Version) -> Read | None:
        """A profile that was read lately, else None."""
        if version in self._profiles:
            self._profiles.move_to_end(version)
        return self._profiles.get(version)

    def keep(self, version: Version, profile: Read) -> None:
        if before := self._profiles.pop(version, None):
            self._weight -= before.weight
        self._profiles[version] = profile
        self._weight += profile.weight
        while self._weight > HEAVIEST or len(self._profiles) > KEPT:
            self._weight -= self._profiles.popitem(last=False)[1].weight

    def needed(self, tenant_id: int, subject: tuple[str, ...]) -> frozenset[Wanted]:
        """What a judgement of such a subject (a resource type and its profiles) needed the last time."""
        return self._needed.get((tenant_id, subject), frozenset())

    def remember(self, tenant_id: int, subject: tuple[str, ...], needed: frozenset[Wanted]) -> None:
        """Not of what names more than is worth its memory: nothing bounds how many profiles a client claims."""
        if sum(map(len, subject)) + sum(len(name) for _, name in needed) > _LONGEST:
            return
        self._needed.pop((tenant_id, subject), None)
        self._needed[tenant_id, subject] = needed
        if len(self._needed) > REMEMBERED:
            self._needed.popitem(last=False)
