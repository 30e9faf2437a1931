"""Where the definitions of a package go in a tenant, and what they meet there.

A definition is told by its canonical URL and version, so that two versions of a package lie side by side and a reference
with |version finds its own. A search parameter is told by its URL alone: only one of that URL can be in force.
https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from resources import exact
from resources.database import Session
from resources.package import Package, Packed
from search.library import Library
from terminology.stored import Found

from ..planning import REGISTERED
from ..races import Settled
from ..tenancy import Tenant

NEW: Final = "new"
SAME: Final = "same"  # it is there already, digit by digit
DIFFERENT: Final = "different"  # what is there under its canonical URL and version is replaced
_TOGETHER: Final = 40  # definitions whose like are in memory at once
_LONGEST: Final = 64  # characters of a logical id


class Place(Struct, frozen=True):
    """Where one definition goes."""

    packed: Packed
    logical_id: str
    state: str
    version_id: int = 0  # of what is there

    @property
    def reference(self) -> str:
        return f"{self.packed.resource_type}/{self.logical_id}"

    @property
    def is_renamed(self) -> bool:
        return self.logical_id != self.packed.logical_id


async def arrange(session: Session, tenant: Tenant, package: Package) -> list[Place]:
    """The place of every definition of a package. Raises Settled (409) where an id that was made for it is taken."""
    library = Library(session, tenant.indexer)
    found: list[Place | None] = []
    for start in range(0, len(package.resources), _TOGETHER):
        some = package.resources[start : start + _TOGETHER]
        by_url = await _by_url(library, tenant, some)
        by_id = await library.find(
            [(one.resource_type, f"{one.resource_type}/{one.logical_id}") for one in some], _never
        )
        found += [_place(one, like, here) for one, like, here in zip(some, by_url, by_id, strict=True)]
    renamed = [
        (number, one, _made_id(package, one))
        for number, (one, place) in enumerate(zip(package.resources, found, strict=True))
        if place is None
    ]
    taken = await library.find([(one.resource_type, f"{one.resource_type}/{made}") for _, one, made in renamed], _never)
    for (number, one, made), there in zip(renamed, taken, strict=True):
        if there:
            raise Settled(f"{one.file}: {one.resource_type}/{one.logical_id} and {made} are both taken by others.")
        found[number] = Place(one, made, NEW)
    return [place for place in found if place is not None]


async def _by_url(library: Library, tenant: Tenant, some: Sequence[Packed]) -> list[Sequence[Found]]:
    """For each definition those that are stored under its URL."""
    asked = [n for n, one in enumerate(some) if one.url and "url" in tenant.indexer.parameters(one.resource_type)]
    found = await library.find([(some[n].resource_type, some[n].url) for n in asked], _never)
    by_number = dict(zip(asked, found, strict=True))
    return [by_number.get(n, ()) for n in range(len(some))]


def _never(*_: object) -> bool:
    """None of what is found is known: its tree is wanted."""
    return False


def _place(packed: Packed, like: Sequence[Found], here: Sequence[Found]) -> Place | None:
    """Where a definition goes; None if its id is taken. like: what is stored under its URL; here: under its id."""
    same = [one for one in (*here, *like) if one.tree is not None and _is_the_same(packed, one.tree)]
    if same:
        there = same[0]
        equal = _content(there.tree or {}) == _content(packed.tree())
        return Place(packed, there.logical_id, SAME if equal else DIFFERENT, there.version_id)
    return None if here else Place(packed, packed.logical_id, NEW)


def _is_the_same(packed: Packed, tree: Mapping[str, Any]) -> bool:
    """Whether a stored resource defines the same thing in the same version."""
    if not packed.url:  # a naming system, which R4 gives no canonical URL
        return tree.get("name") == packed.tree().get("name")
    if tree.get("url") != packed.url:
        return False
    return packed.resource_type in REGISTERED or tree.get("version", "") == packed.version


def _content(tree: Mapping[str, Any]) -> bytes:
    """A resource without what is of its place and version."""
    meta = {key: value for key, value in (tree.get("meta") or {}).items() if key not in ("versionId", "lastUpdated")}
    rest = {key: value for key, value in tree.items() if key not in ("id", "meta")}
    return exact.canonical({**rest, "meta": meta} if meta else rest)


def _made_id(package: Package, packed: Packed) -> str:
    """An id of the package's name and version, and the id in it."""
    made = f"{package.name}-{package.version}-{packed.logical_id}".replace("_", "-").replace("+", "-")
    made = "".join(one for one in made if one.isalnum() or one in "-.")
    if len(made) <= _LONGEST:
        return made
    end = blake2b(made.encode(), digest_size=6).hexdigest()
    return f"{made[: _LONGEST - 13]}-{end}"


def states(places: Iterable[Place]) -> dict[str, int]:
    """How many definitions are in each state."""
    counts = {NEW: 0, DIFFERENT: 0, SAME: 0}
    for place in places:
        counts[place.state] += 1
    return counts
