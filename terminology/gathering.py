"""What value sets rest on, read level by level: R4's own first where it says what is so, else a tenant's resources.

https://hl7.org/fhir/R4/references.html#canonical, https://hl7.org/fhir/R4/terminologies.html#binding
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from resources.definitions import Definitions
from resources.outcome import BadRequest

from . import valueset
from .codesystem import CodeSystem, Unanswerable
from .evaluation import DEEPEST
from .grammars import GRAMMARS
from .stored import CODE_SYSTEM, NEWEST, VALUE_SET, Found, Kept, Key, Known, Stored, Wanted, best, url_of
from .valueset import Codes, Part, ValueSet

MOST: Final = 200  # value sets and code systems that one value set may rest on
MOST_FAULTS: Final = 10  # regular expressions that cannot be read, after which no other is tried
OFFICIAL: Final = "http://hl7.org/fhir/"  # what R4 itself defines there nobody else does
_R4: Final = "4.0.1"

Versions = tuple[tuple[str, int], ...]  # logical id and version id of all resources that have a URL
Rests = Mapping[Wanted, Versions]


class Gathering:
    """What was found for some value sets. It is the World of their evaluation."""

    def __init__(self, definitions: Definitions, kept: Kept, stored: Stored) -> None:
        self._definitions, self._kept, self._stored = definitions, kept, stored
        self._known: dict[Wanted, Known | None] = {}  # by canonical URL, perhaps with |version
        self._whys: dict[Wanted, str] = {}
        self._needs: dict[Wanted, tuple[Wanted, ...]] = {}
        self._versions: dict[Wanted, Versions] = {}  # of what was looked up, by URL
        self._matched: dict[str, frozenset[str]] = {}  # regular expression → texts

    async def gather(self, canonicals: Iterable[str], systems: Iterable[str] = ()) -> None:
        """Reads these value sets and code systems and all that they rest on: one look-up for each level."""
        frontier = {(VALUE_SET, one): one for one in canonicals} | {(CODE_SYSTEM, one): one for one in systems}
        spent: dict[str, int] = {}
        for _ in range(DEEPEST + 2):  # what is deeper the evaluation does not look at
            if not frontier:
                break
            await self._read(list(frontier))
            below: dict[Wanted, str] = {}
            for wanted, root in frontier.items():  # the one that asked for it first pays
                for need in self._needs.get(wanted, ()):
                    if need not in self._known and need not in below:
                        if spent.setdefault(root, 0) < MOST:
                            spent[root] += 1
                            below[need] = root
                        else:
                            self._whys.setdefault(need, f"{root} rests on more than {MOST} others")
            frontier = below
        await self._match()

    def rests(self, canonical: str) -> Rests:
        """The versions of all resources of the tenant that a value set rests on."""
        found: dict[Wanted, Versions] = {}
        seen: set[Wanted] = set()
        ahead: list[Wanted] = [(VALUE_SET, canonical)]
        while ahead:
            wanted = ahead.pop()
            if wanted in seen:
                continue
            seen.add(wanted)
            asked = wanted[0], url_of(wanted[1])
            if asked in self._versions:
                found[asked] = self._versions[asked]
                if wanted[0] == VALUE_SET and not self._versions[asked] and self._newest in self._versions:
                    found[self._newest] = self._versions[self._newest]
            ahead += self._needs.get(wanted, ())
        return found

    # the World: see terminology.evaluation

    def code_system(self, canonical: str) -> CodeSystem | None:
        known = self._known.get((CODE_SYSTEM, canonical)) or self._official(CODE_SYSTEM, canonical)
        return known if isinstance(known, CodeSystem) else None

    def value_set(self, canonical: str) -> ValueSet | None:
        known = self._known.get((VALUE_SET, canonical))
        return known if isinstance(known, ValueSet) else None

    def why(self, resource_type: str, canonical: str) -> str:
        what = {VALUE_SET: "value set", CODE_SYSTEM: "code system"}[resource_type]
        return self._whys.get((resource_type, canonical), f"the {what} {canonical} is not known here")

    def matches(self, pattern: str, texts: Iterable[str]) -> frozenset[str]:
        if pattern not in self._matched:
            raise Unanswerable(f"the regular expression {pattern[:200]} cannot be read, or takes too long")
        return self._matched[pattern].intersection(texts)

    # reading

    _newest: Final = (CODE_SYSTEM, NEWEST)

    async def _read(self, new: Sequence[Wanted]) -> None:
        asked = [wanted for wanted in new if not self._decided(wanted)]
        if not asked:
            return
        names = list(dict.fromkeys((kind, url_of(canonical)) for kind, canonical in asked))
        rows = dict(zip(names, await self._find(names), strict=True))
        for wanted in asked:
            self._choose(wanted, rows[wanted[0], url_of(wanted[1])])
        await self._imply([wanted for wanted in asked if wanted[0] == VALUE_SET and self._known[wanted] is None])

    def _decided(self, wanted: Wanted) -> bool:
        """Whether it needs no look-up: a value set that its URL defines, and what R4 itself defines."""
        kind, canonical = wanted
        if kind == VALUE_SET:
            try:
                implied = valueset.implicit(canonical)
            except Unanswerable as problem:
                self._put(wanted, None, str(problem))
                return True
            if implied is not None:
                self._put(wanted, implied)
                return True
        if not canonical.startswith(OFFICIAL):
            return False
        listed = self._listed(canonical) if kind == VALUE_SET else None
        official = listed or self._official(kind, canonical)
        if official is None and kind == VALUE_SET:
            official = self._implied(canonical)
        if official is not None:
            self._put(wanted, official, is_official=True)
        return official is not None

    def _listed(self, canonical: str) -> ValueSet | None:
        """A value set of a required binding, whose codes R4 lists: tier 1 of validation decides by the same lists."""
        url, _, version = canonical.partition("|")
        codes = self._definitions.codes(url) if version in ("", _R4) else None
        if codes is None:
            return None
        parts = Codes({system: Part(some) for system, some in codes.items()})
        return ValueSet(url, _R4, "active", "", (), (), False, parts)

    def _put(self, wanted: Wanted, known: Known | None, why: str = "", is_official: bool = False) -> None:
        self._known[wanted] = known
        if why:
            self._whys[wanted] = why
        if isinstance(known, ValueSet):
            self._needs[wanted] = tuple(dict.fromkeys(_needs(known, is_official)))

    async def _find(self, names: Sequence[Wanted]) -> Sequence[Sequence[tuple[Found, Known | None]]]:
        """All resources with these names, and what is in them; None where a value set does not say it."""
        tenant_id, held = self._stored.tenant_id, dict[Key, Known]()

        def is_known(kind: str, logical_id: str, version_id: int) -> bool:
            key = tenant_id, kind, logical_id, version_id
            if known := self._kept.get(key):
                held[key] = known  # it may be dropped while the others are read
            return known is not None

        read = []
        for (kind, name), rows in zip(names, await self._stored.find(names, is_known), strict=True):
            self._versions[kind, name] = versions(rows)
            some: list[tuple[Found, Known | None]] = []
            for row in rows:
                key = tenant_id, kind, row.logical_id, row.version_id
                known = held.get(key)
                if known is None and row.tree is not None:
                    with contextlib.suppress(Unanswerable):
                        known = await self._kept.learn(key, row.tree)
                some.append((row, known))
            read.append(some)
        return read

    def _choose(self, wanted: Wanted, rows: Sequence[tuple[Found, Known | None]]) -> None:
        """Of the versions there are that which is meant, or why it is none."""
        kind, canonical = wanted
        own = [known for _, known in rows if known is not None]
        chosen = best(own, canonical)
        official = None if chosen else self._official(kind, canonical)
        if chosen or official:
            self._put(wanted, chosen or official, is_official=chosen is None)
            return
        url = url_of(canonical)
        r4 = self._official(kind, url)
        others = own if r4 is None else [*own, r4]
        if others:
            there = ", ".join(sorted({one.version or "one without a version" for one in others})[:3])
            why = f"of {url} the version {canonical.rpartition('|')[2]} is not known here, but {there}"
        else:
            why = f"the value set {url} does not say what is in it" if rows else ""
        self._put(wanted, None, why)

    async def _imply(self, missing: Sequence[Wanted]) -> None:
        """Value sets that are nowhere but in the word of a code system: `CodeSystem.valueSet` is all of its codes."""
        missing = [wanted for wanted in missing if wanted not in self._whys]  # else it is there, but of no use
        if not missing:
            return
        if self._newest not in self._versions:  # first, so that one that is written meanwhile is noticed
            [rows] = await self._stored.find([self._newest], lambda *_: True)
            self._versions[self._newest] = versions(rows)
        systems = await self._stored.systems_of([url_of(canonical) for _, canonical in missing])
        for wanted in missing:
            url, _, version = wanted[1].partition("|")
            implied = valueset.whole(systems[url], version or None) if url in systems else self._implied(wanted[1])
            if implied is not None:
                self._put(wanted, implied)

    def _implied(self, canonical: str) -> ValueSet | None:
        """The value set of all codes of one of R4's own code systems."""
        url, _, version = canonical.partition("|")
        system = self._definitions.system_of(url) if version in ("", _R4) else None
        return None if system is None else valueset.whole(system)

    def _official(self, resource_type: str, canonical: str) -> Known | None:
        """R4's own."""
        key = 0, resource_type, url_of(canonical), 0
        known = self._kept.get(key)
        if known is None:
            tree = self._definitions.canonical(resource_type, key[2])
            known = None if tree is None else self._kept.read(key, tree)
        return None if known is None else best([known], canonical)

    async def _match(self) -> None:
        """Has the regular expressions of all filters tried; one that cannot be read spoils no other."""
        value_sets = (known for known in self._known.values() if isinstance(known, ValueSet))
        texts, _ = valueset.to_match(value_sets, self.code_system)
        if not texts:
            return
        try:
            self._matched |= zip(texts, await self._stored.matching(list(texts.items())), strict=True)
        except BadRequest:
            faults = 0
            for one in texts.items():
                try:
                    [self._matched[one[0]]] = await self._stored.matching([one])
                except BadRequest:
                    faults += 1
                    if faults == MOST_FAULTS:
                        break


def versions(rows: Iterable[Found]) -> Versions:
    return tuple(sorted((row.logical_id, row.version_id) for row in rows))


def _needs(value_set: ValueSet, is_official: bool) -> Iterator[Wanted]:
    """What must be known to evaluate it. Of enumerated codes also the system, for whether case counts; but what R4 itself
    enumerates is written as it is."""
    for one in (*value_set.includes, *value_set.excludes):
        yield from ((VALUE_SET, url) for url in one.value_sets)
        if not one.system or one.system in GRAMMARS:
            continue
        if one.codes is None or one.filters or value_set.active_only or not is_official:
            yield CODE_SYSTEM, one.canonical
