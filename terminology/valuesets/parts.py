"""Evaluated value sets: what each code system contributes, as sets of its concepts, and how such sets are combined. Pure.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pyroaring import BitMap

from ..budget import Budget
from ..system import System

Tree = Mapping[str, Any]
NOTHING: Final[Mapping[Any, Any]] = {}


class Part(NamedTuple):
    """Concepts of one version of a code system. Never changed: sets may be those of a code system's own index."""

    url: str
    version: str
    system: System | None  # None: it is not known here, so that all its codes are loose
    members: BitMap  # ordinals
    order: Sequence[int | str] | None = None  # as they were listed, perhaps with some that are out; None: by ordinal
    given: Mapping[int, Tree] = NOTHING  # what the value set itself says of a concept: display, designation, extension
    loose: Mapping[str, Tree] = NOTHING  # codes without an ordinal, with what the value set says of them

    @property
    def size(self) -> int:
        return len(self.members) + len(self.loose)

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url

    def listed(self) -> Iterator[int | str]:
        """Ordinals and loose codes in their order."""
        if self.order is None:
            yield from self.members
            yield from self.loose
        elif len(self.order) == self.size:
            yield from self.order
        else:
            members, loose = self.members, self.loose
            yield from (one for one in self.order if (one in loose if isinstance(one, str) else one in members))

    def page(self, offset: int, most: int) -> list[int | str]:
        """Some of them."""
        if self.order is not None and len(self.order) == self.size:
            return list(self.order[offset : offset + most])
        if self.order is None and not self.loose:
            return list(self.members[offset : offset + most]) if offset else _first(self.members, most)
        found: list[int | str] = []
        for place, one in enumerate(self.listed()):
            if place >= offset + most:
                break
            if place >= offset:
                found.append(one)
        return found

    def code(self, one: int | str) -> str:
        return self.system.code(one) if self.system is not None and not isinstance(one, str) else str(one)

    def has(self, code: str) -> bool:
        if code in self.loose:
            return True
        ordinal = self.system.find(code) if self.system is not None else None
        return ordinal is not None and ordinal in self.members


def _first(members: BitMap, most: int) -> list[int | str]:
    found: list[int | str] = []
    for one in members if most else ():
        found.append(one)
        if len(found) == most:
            break
    return found


def union(parts: Iterable[Part], budget: Budget) -> list[Part]:
    """Each concept once, where it comes first. Sets of one version that are not listed become one."""
    found: list[Part] = []
    for part in parts:
        if any(one.url == part.url for one in found):
            merged = next((place for place, one in enumerate(found) if _alike(one, part)), None)
            part = _less(part, [one for n, one in enumerate(found) if one.url == part.url and n != merged], budget)
            if merged is not None:
                found[merged] = found[merged]._replace(members=found[merged].members | part.members)
                continue
        found.append(part)
    return found


def _alike(one: Part, other: Part) -> bool:
    return (
        one.system is not None
        and one.system is other.system
        and one.order is other.order is None
        and not (one.loose or other.loose or one.given or other.given)
    )


def intersection(parts: Iterable[Part], others: Sequence[Part], budget: Budget) -> list[Part]:
    """What is in both, in the order of the first; what either says of a concept is kept."""
    found = []
    for part in parts:
        same = [one for one in others if one.url == part.url]
        members = BitMap()
        for other in same:
            members |= _shared(part, other, budget)
        loose = {code: tree for code, tree in part.loose.items() if any(one.has(code) for one in same)}
        given = part.given
        for other in same:
            if other.system is part.system and other.given:
                given = {**other.given, **given}
        found.append(part._replace(members=members, loose=loose or NOTHING, given=given))
    return found


def difference(parts: Iterable[Part], others: Sequence[Part], budget: Budget) -> list[Part]:
    """What is in none of the others, whichever their versions."""
    return [_less(part, [one for one in others if one.url == part.url], budget) for part in parts]


def _less(part: Part, others: Iterable[Part], budget: Budget) -> Part:
    for other in others:
        members = part.members - _shared(part, other, budget)
        loose = part.loose
        if loose:
            loose = {code: tree for code, tree in loose.items() if not other.has(code)}
        part = part._replace(members=members, loose=loose)
    return part


def _shared(part: Part, other: Part, budget: Budget) -> BitMap:
    """The members that another part has, too: of another version those whose code it has."""
    system = part.system
    if system is None:
        return BitMap()
    if system is other.system and not other.loose:
        return part.members & other.members
    budget.spend(min(len(part.members), len(other)))
    if other.size < len(part.members):
        codes = (other.code(one) for one in other.listed())
        found = BitMap(ordinal for code in codes if (ordinal := system.find(code)) is not None)
        return found & part.members
    return BitMap(one for one in part.members if other.has(system.code(one)))


def without(part: Part, out: BitMap, loose: Iterable[str] = ()) -> Part:
    """A part without some of its members and loose codes."""
    left = set(loose)
    return part._replace(
        members=part.members - out,
        loose={code: tree for code, tree in part.loose.items() if code not in left} if left else part.loose,
    )


def active(part: Part) -> Part:
    """A part without inactive concepts."""
    gone = [code for code, tree in part.loose.items() if tree.get("inactive")]
    stated = BitMap(one for one, tree in part.given.items() if tree.get("inactive"))
    if part.system is not None:
        stated |= part.system.inactive
    return without(part, stated, gone) if stated or gone else part
