"""The world of a validation in a tenant: what was read of its profiles, value sets and resources.

A Book answers from memory and notes what it cannot answer yet; `load` reads that, all at once, and then the resource is
judged anew. What rests on a version is kept by the process, so that a judgement whose profiles are known costs a look-up
of their versions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from resources import exact
from resources.database import Session
from resources.outcome import Issue, Unprocessable
from resources.profiles.definition import Profile
from resources.profiles.official import official, official_tree
from resources.profiles.reading import read
from resources.profiles.snapshot import Unresolved, with_snapshot
from resources.profiles.world import Coding, Membership, Tree
from search.indexer import Indexer
from search.library import Library
from terminology.membership.members import Members
from terminology.membership.questions import subsumes
from terminology.stored import Found, version_order
from terminology.system import System

from .overlay import Laid
from .shelf import Read, Shelf, Versions, Wanted

MOST: Final = 2_000  # profiles, value sets and resources that one judgement may lead to
_MOST_BYTES: Final = 40_000_000  # … of which so many bytes are read
_TOGETHER: Final = 10  # resources of references that are read at once
_NEEDED: Final = 50  # structures on which the generation of one snapshot may rest …
_DEEPEST: Final = 20  # … of which each may rest on others
_FEW: Final = 20  # codes of a value set that are listed for a sender
_PROFILE, _VALUE_SET, _CODE_SYSTEM, _REFERENCE = "StructureDefinition", "ValueSet", "CodeSystem", "Reference"


class Book:
    """The World (resources.profiles.world) of one request or step of a job; never used by two at a time."""

    def __init__(
        self,
        shelf: Shelf,
        tenant_id: int,
        indexer: Indexer,
        overlay: Mapping[str, Tree] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """overlay: definitions by canonical URL that count besides those that are stored, a profile before them.
        versions: of code systems, which the tenant has pinned, by canonical URL."""
        self._shelf = shelf
        self._tenant_id = tenant_id
        self._indexer = indexer
        self._overlay = overlay or {}
        self._pins = versions or {}
        self._profiles: dict[str, Profile | None] = {}
        self._faults: dict[str, str] = {}  # by canonical URL of a profile
        self._members: dict[str, Members] = {}
        self._systems: dict[str, System | None] = {}
        self._resources: dict[str, Tree | None] = {}
        self._weight = 0  # bytes of what was read for this judgement and those before it
        self._written: Callable[[str], Tree | None] = lambda _: None
        self._wanted: dict[Wanted, None] = {}
        self._subject: tuple[str, ...] = ()
        self._asked: set[Wanted] = set()

    # the World: see resources.profiles.world

    def profile(self, canonical: str) -> Profile | None:
        if canonical in self._profiles:
            self._asked.add((_PROFILE, canonical))
            return self._profiles[canonical]
        # R4's own is not looked up, and so not among what was asked.
        known = None if _url(canonical) in self._overlay else official(self._shelf.definitions, canonical)
        if known is None:
            self._asked.add((_PROFILE, canonical))
            self._want(_PROFILE, canonical)
        return known

    def member_of(self, value_set: str, coding: Coding) -> Membership:
        members = self._of(value_set)
        return members.has(coding) if members else Membership("unknown", f"{value_set[:200]} is not known here")

    def listed(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        members = self._of(value_set)
        return members.listed(_FEW) if members else None

    def subsumes(self, one: Coding, other: Coding) -> bool | None:
        url = one.get("system")
        if not url or url != other.get("system"):
            return None
        if url not in self._systems:
            self._want(_CODE_SYSTEM, url)
        system = self._systems.get(url)
        return None if system is None else subsumes(system, one.get("code", ""), other.get("code", ""))

    def resource(self, reference: str) -> Tree | None:
        parts = reference.partition("/_history/")[0].split("/")
        if len(parts) != 2 or not self._shelf.definitions.is_resource_type(parts[0]):
            return None
        name = "/".join(parts)
        self._asked.add((_REFERENCE, name))
        if name not in self._resources:
            if (written := self._written(name)) is not None:
                return written
            self._want(_REFERENCE, name)
        return self._resources.get(name)

    def _of(self, value_set: str) -> Members | None:
        self._asked.add((_VALUE_SET, value_set))
        if value_set not in self._members:
            self._want(_VALUE_SET, value_set)
        return self._members.get(value_set)

    # what it does not know yet

    @property
    def wants(self) -> bool:
        """Whether something was asked that it cannot answer yet."""
        return bool(self._wanted)

    def _want(self, kind: str, name: str) -> None:
        if len(self._asked) <= MOST:
            self._wanted[kind, name] = None

    def writing(self, written: Callable[[str], Tree | None]) -> None:
        """References find by it what is about to be written under "Type/id", before what is stored."""
        self._written = written

    def begin(self, tree: Mapping[str, Any], profiles: Sequence[str]) -> None:
        """A judgement begins: what one like it needed the last time is wanted from the start, so that it is read in one
        go."""
        meta = tree.get("meta")
        claimed = meta.get("profile", ()) if isinstance(meta, dict) else ()
        self._subject = (tree["resourceType"], *profiles, *(one for one in claimed if one))
        self._asked = set()
        for kind, name in self._shelf.needed(self._tenant_id, self._subject):
            if name not in (self._profiles if kind == _PROFILE else self._members):
                self._want(kind, name)

    def end(self) -> tuple[Issue, ...]:
        """A judgement is done; returns a warning for each profile it asked for that is of no use."""
        faults = tuple(
            Issue("warning", "processing", f"The profile {name[:200]} cannot be used: {self._faults[name]}")
            for kind, name in sorted(self._asked)
            if kind == _PROFILE and name in self._faults
        )
        if len(self._profiles) + len(self._resources) > MOST or self._weight > _MOST_BYTES // 2:
            # room for the next one
            self._profiles, self._faults, self._resources, self._weight = {}, {}, {}, 0
        definitions = frozenset(one for one in self._asked if one[0] != _REFERENCE)
        self._shelf.remember(self._tenant_id, self._subject, definitions)
        return faults

    async def load(self, session: Session) -> bool:
        """Reads what was asked and is not known yet; False if there is nothing. Raises Unavailable (503)."""
        wanted, self._wanted = self._wanted, {}
        library = Library(session, self._indexer)
        stored = Laid(library, self._overlay) if self._overlay else library
        if value_sets := [name for kind, name in wanted if kind == _VALUE_SET]:
            self._members |= await self._shelf.terminology.members(stored, value_sets, self._pins)
        if systems := [name for kind, name in wanted if kind == _CODE_SYSTEM]:
            self._systems |= await self._shelf.terminology.systems(stored, systems, self._pins)
        others = [one for one in wanted if one[0] not in (_VALUE_SET, _CODE_SYSTEM)]
        if others:
            await self._find(library, others)
        return bool(wanted)

    async def _find(self, library: Library, wanted: Sequence[Wanted]) -> None:
        """Profiles and the resources of references: one look-up for versions, and what is not kept one by one, for all of
        it together may be more than fits into memory."""
        references = [name for kind, name in wanted if kind == _REFERENCE]
        for at in range(0, len(references), _TOGETHER):
            await self._find_resources(library, references[at : at + _TOGETHER])
        profiles = [name for kind, name in wanted if kind == _PROFILE]
        found = await library.find([(_PROFILE, _url(name)) for name in profiles], lambda *_: True) if profiles else ()
        for name, rows in zip(profiles, found, strict=True):
            candidates = [(await self._held(library, row)).profile for row in rows]
            if overlaid := self._overlay.get(_url(name)):
                candidates = [(await self._read(library, overlaid)).profile]
            self._choose(name, candidates)

    async def _held(self, library: Library, row: Found) -> Read:
        """What a StructureDefinition says, from the shelf if it is there."""
        known = self._shelf.profile((self._tenant_id, row.logical_id, row.version_id))
        if known is None or self._is_overlaid(known) or not await self._is_current(library, known):
            stored = await self._stored(library, row.logical_id)
            known = await self._read(library, (stored and stored.tree) or {})
            # Another judgement may have room for what is too heavy, and not this overlay.
            if stored and self._weight <= _MOST_BYTES and not self._is_overlaid(known):
                self._shelf.keep((self._tenant_id, stored.logical_id, stored.version_id), known)
        else:
            self._weight += known.weight
        return known if self._weight <= _MOST_BYTES else Read(_TOO_HEAVY)

    async def _find_resources(self, library: Library, references: Sequence[str]) -> None:
        """The resources of references; once they are too heavy, more of them are not known."""
        some = references if self._weight <= _MOST_BYTES else ()
        found = await library.find([(name.partition("/")[0], name) for name in some], lambda *_: False)
        self._resources |= dict.fromkeys(references)
        for name, rows in zip(some, found, strict=True):
            self._resources[name] = tree = rows[0].tree if rows else None
            self._weight += _weight(tree)

    def _choose(self, canonical: str, candidates: Sequence[Profile | str]) -> None:
        version = canonical.partition("|")[2]
        usable = [one for one in candidates if isinstance(one, Profile) and version in ("", one.version)]
        self._profiles[canonical] = max(usable, key=lambda one: version_order(one.version), default=None)
        faults = [one for one in candidates if isinstance(one, str)]
        if not usable and faults:
            self._faults[canonical] = faults[0]

    async def _stored(self, library: Library, logical_id: str) -> Found | None:
        """A StructureDefinition by its id, if there is room for it."""
        if self._weight > _MOST_BYTES:
            return None
        [rows] = await library.find([(_PROFILE, f"{_PROFILE}/{logical_id}")], lambda *_: False)
        return next(iter(rows), None)

    async def _trees(self, library: Library, rows: Sequence[Found]) -> list[Tree]:
        trees: list[Tree] = []
        for row in rows:
            stored = await self._stored(library, row.logical_id)
            if stored and stored.tree:
                self._weight += _weight(stored.tree)
                trees.append(stored.tree)
        if self._weight > _MOST_BYTES:
            raise Unprocessable(_TOO_HEAVY)
        return trees

    def _is_overlaid(self, known: Read) -> bool:
        """Whether a generated snapshot rests on what this book alone has, so that it is nothing for others."""
        return any(url in self._overlay for url, _ in known.rests_on)

    async def _is_current(self, library: Library, known: Read) -> bool:
        """Whether the structures that a generated snapshot rests on are still at the versions that it was made of."""
        if not known.rests_on:
            return True
        found = await library.find([(_PROFILE, url) for url, _ in known.rests_on], lambda *_: True)
        return [_versions(rows) for rows in found] == [versions for _, versions in known.rests_on]

    async def _read(self, library: Library, tree: Tree) -> Read:
        """The profile of a StructureDefinition, or why it is of no use. Large ones are read beside the event loop."""
        rests_on: dict[str, Versions] = {}
        profile: Profile | str
        weight = 0
        try:
            whole = await self._with_snapshot(library, tree, (), rests_on)
            weight = await asyncio.to_thread(_weight, whole)
            profile = await asyncio.to_thread(read, whole)
        except Unprocessable as unusable:
            profile = str(unusable)[:500]
        self._weight += weight
        return Read(profile, weight, tuple(rests_on.items()))

    async def _with_snapshot(
        self, library: Library, tree: Tree, above: tuple[str, ...], rests_on: dict[str, Versions]
    ) -> Tree:
        """The StructureDefinition with a snapshot, which is generated where there is none. Raises Unprocessable."""
        if "snapshot" in tree:
            return tree
        known: dict[str, Tree] = {}

        def structure(canonical: str) -> Tree | None:
            return known.get(canonical) or official_tree(self._shelf.definitions, canonical)

        for _ in range(_NEEDED):
            try:
                return await asyncio.to_thread(with_snapshot, tree, structure)
            except Unresolved as missing:
                canonical = missing.canonical
                if canonical in above or canonical in known or len(above) > _DEEPEST:
                    raise
                overlaid = self._overlay.get(_url(canonical))
                [rows] = await library.find([(_PROFILE, _url(canonical))], lambda *_: True)
                rests_on[_url(canonical)] = _versions(rows)
                trees = [overlaid] if overlaid else await self._trees(library, rows)
                version = canonical.partition("|")[2]
                trees = [one for one in trees if version in ("", one.get("version"))]
                if not trees:
                    raise
                latest = max(trees, key=lambda one: version_order(str(one.get("version", ""))))
                known[canonical] = await self._with_snapshot(library, latest, (*above, canonical), rests_on)
        raise Unprocessable(f"its snapshot would rest on more than {_NEEDED} other structures")


_TOO_HEAVY: Final = "the definitions of this judgement are too large together"


def _weight(tree: Tree | None) -> int:
    return len(exact.encode(tree)) if tree else 0


def _versions(rows: Sequence[Found]) -> Versions:
    return tuple(sorted((row.logical_id, row.version_id) for row in rows))


def _url(canonical: str) -> str:
    return canonical.partition("|")[0]
