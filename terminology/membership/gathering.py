"""What value sets rest on, found level by level: a tenant's resources as they are now, loaded releases, and what is official.

https://hl7.org/fhir/R4/references.html#canonical, https://hl7.org/fhir/R4/terminologies.html#binding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from resources.outcome import FhirError, TooCostly, Unavailable

from ..budget import Budget
from ..grammars.grammar import GRAMMARS, Unanswerable
from ..index.supplement import supplemented
from ..owned import Owned
from ..scope import CODE_SYSTEM, VALUE_SET, Candidate, Missing, Scope, Source, Tree, split
from ..sources import Grammars, Official, all_of, best_first
from ..stored import NEWEST, Found, Stored, Wanted
from ..system import System
from ..valuesets.implicit import Implicit, others, snomed
from .evaluation import DEEPEST

MOST: Final = 200  # value sets and code systems that one value set may rest on
OFFICIAL: Final = "http://hl7.org/fhir/"  # what R4 itself defines there nobody else does
_R4: Final = "4.0.1"

Versions = tuple[tuple[str, int], ...]  # logical id and version id of all resources that have a URL
Rests = Mapping[Wanted, Versions]
_NEWEST: Final = (CODE_SYSTEM, NEWEST)


class Current:
    """A Source of a tenant's resources as they are now: each name is looked up once a question, all of a level at once."""

    def __init__(self, owned: Owned, tenant_id: int) -> None:
        self._owned, self._tenant_id = owned, tenant_id
        self._found: dict[Wanted, tuple[Candidate, ...]] = {}
        self._versions: dict[Wanted, Versions] = {}
        self._own: set[Wanted] = set()
        self._wanted: dict[Wanted, None] = {}
        self._used: dict[Wanted, None] = {}

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        wanted = resource_type, url
        if wanted not in self._found:
            self._wanted[wanted] = None
            raise Missing(f"{resource_type} {url}")
        self._used[wanted] = None
        if resource_type == VALUE_SET and wanted not in self._own:  # a code system may come to say that it is all of it
            self._used[_NEWEST] = None
        return self._found[wanted]

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()

    def begin(self) -> None:
        """What is used from now on another question rests on."""
        self._used = {}

    @property
    def rests(self) -> Rests:
        """The versions of all resources of the tenant that were used."""
        return {wanted: self._versions[wanted] for wanted in self._used}

    async def load(self, stored: Stored) -> None:
        """Reads what was asked and is not known: the versions, and of those that are not in memory the content."""
        wanted, self._wanted = list(self._wanted), {}
        held: dict[tuple[str, str, int], Candidate] = {}

        def is_known(kind: str, logical_id: str, version_id: int) -> bool:
            known = self._owned.version(self._tenant_id, kind, logical_id, version_id)
            if known is not None:
                held[kind, logical_id, version_id] = known  # it may be dropped while the others are read
            return known is not None

        rows = await stored.find(wanted, is_known) if wanted else ()
        missing = []
        for (kind, url), some in zip(wanted, rows, strict=True):
            self._versions[kind, url] = versions(some)
            found = [held.get((kind, row.logical_id, row.version_id)) or self._read(kind, row) for row in some]
            self._found[kind, url] = tuple(best_first(found))
            if found:
                self._own.add((kind, url))
            elif kind == VALUE_SET:
                missing.append(url)
        if missing:
            await self._imply(stored, missing)

    def _read(self, kind: str, row: Found) -> Candidate:
        return self._owned.candidate(self._tenant_id, kind, row)[0]

    async def _imply(self, stored: Stored, urls: Sequence[str]) -> None:
        """Value sets that are nowhere but in the word of a code system: `CodeSystem.valueSet` is all of its codes."""
        if _NEWEST not in self._versions:  # first, so that one that is written meanwhile is noticed
            [rows] = await stored.find([_NEWEST], lambda *_: True)
            self._versions[_NEWEST] = versions(rows)
        for url, system in (await stored.systems_of(urls)).items():
            self._found[VALUE_SET, url] = (all_of(url, system, ""),)


class R4First:
    """A Source of what R4 itself defines where nobody else may: a binding of R4 means what R4 published."""

    def __init__(self, official: Official) -> None:
        self.official, self._definitions = official, official.definitions

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        return self.own(resource_type, url) if url.startswith(OFFICIAL) else ()

    def own(self, resource_type: str, url: str) -> Sequence[Candidate]:
        """R4's own, wherever it is."""
        found = self.official.r4(resource_type, url)
        if found is not None:
            return (found,)
        system = self._definitions.system_of(url) if resource_type == VALUE_SET else None
        return () if system is None else (replace(all_of(url, system, ""), version=_R4),)

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()

    def listed(self, canonical: str) -> Mapping[str, frozenset[str]] | None:
        """The codes of a value set of a required binding: tier 1 of validation decides by the same lists."""
        url, version = split(canonical)
        return self._definitions.codes(url) if url.startswith(OFFICIAL) and version in ("", _R4) else None


class ThenHL7:
    """A Source of what is official, R4's own before HL7's later terminology."""

    def __init__(self, r4: R4First) -> None:
        self._r4 = r4

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        own = self._r4.own(resource_type, url)
        return [*own, *(one for one in self._r4.official.find(resource_type, url) if one.tree is not _tree(own))]

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()


def bindings(sources: Sequence[Source], r4: R4First, pins: Mapping[str, str]) -> Scope:
    """What the bindings of profiles refer to. sources: a tenant's, then loaded releases; pins: versions it has pinned."""
    before, after = (Implicit(snomed), Grammars(), r4), (ThenHL7(r4), Implicit(others))
    return Scope((*before, *sources, *after), versions=pins, supplement=supplemented)


def _tree(some: Sequence[Candidate]) -> Tree | None:
    return some[0].tree if some else None


class Gathering:
    """What was found for some value sets. It is the World of their evaluation."""

    def __init__(self, scope: Scope, r4: R4First | None = None) -> None:
        """r4: what R4 lists is decided by it, and what R4 enumerates needs no code system; None for a search."""
        self._scope, self._r4 = scope, r4
        self._known: dict[Wanted, Candidate | None] = {}  # by canonical URL, perhaps with |version
        self._whys: dict[Wanted, Unanswerable] = {}
        self.kept: dict[int, System] = {}  # code systems that are resources, and so in memory, by identity

    def gather(self, canonicals: Iterable[str], systems: Iterable[str] = ()) -> None:
        """Finds these value sets and code systems and all that they rest on. Raises Missing for what has to be read: all
        that can be told now at once."""
        frontier = {(VALUE_SET, one): one for one in canonicals} | {(CODE_SYSTEM, one): one for one in systems}
        spent: dict[str, int] = {}
        missing: Missing | None = None
        for _ in range(DEEPEST + 2):  # what is deeper the evaluation does not look at
            below: dict[Wanted, str] = {}
            for wanted, root in frontier.items():  # the one that asked for it first pays
                try:
                    self._find(wanted)
                except Missing as one:
                    missing = one
                    continue
                for need in self._needs(wanted):
                    if need in self._known or need in below or need in frontier or need in self._whys:
                        continue
                    if spent.setdefault(root, 0) < MOST:
                        spent[root] += 1
                        below[need] = root
                    else:
                        self._whys[need] = Unanswerable(f"{root} rests on more than {MOST} others", "too-costly")
            frontier = below
        if missing is not None:
            raise missing

    # the World: see terminology.membership.evaluation

    @property
    def budget(self) -> Budget:
        return self._scope.budget

    def value_set(self, canonical: str) -> Tree | None:
        found = self._known.get((VALUE_SET, canonical))
        return None if found is None else found.tree

    def listed(self, canonical: str) -> Mapping[str, frozenset[str]] | None:
        return None if self._r4 is None else self._r4.listed(canonical)

    def code_system(self, canonical: str, value_set: Tree) -> System | None:
        found = self._known.get((CODE_SYSTEM, canonical))
        if found is None and self._is_r4s(value_set) and self._r4 is not None:
            found = next(iter(self._r4.own(CODE_SYSTEM, split(canonical)[0])), None)
        return None if found is None else self._opened(found)

    def system(self, canonical: str) -> System | None:
        """A code system that was gathered."""
        found = self._known.get((CODE_SYSTEM, canonical))
        return None if found is None else self._opened(found)

    def missing(self, resource_type: str, canonical: str) -> Unanswerable:
        what = {VALUE_SET: "value set", CODE_SYSTEM: "code system"}[resource_type]
        return self._whys.get((resource_type, canonical)) or Unanswerable(
            f"the {what} {canonical} is not known here", "not-found"
        )

    # finding

    def _find(self, wanted: Wanted) -> None:
        kind, canonical = wanted
        if kind == VALUE_SET and self.listed(canonical) is not None:
            self._known[wanted] = None
            return
        url, version = split(canonical)
        try:
            found = self._scope.find(kind, url, version)
            if found is not None and kind == CODE_SYSTEM:
                if (found.tree or {}).get("content") == "supplement":
                    found = None
                else:
                    self._opened(found)
        except (TooCostly, Unavailable):
            raise
        except FhirError as problem:
            self._known[wanted], self._whys[wanted] = (
                None,
                Unanswerable(str(problem).rstrip("."), problem.issues[0].code),
            )
            return
        self._known[wanted] = found
        if found is None and version and (there := self._scope.versions(kind, url)):
            others = ", ".join(sorted({one or "one without a version" for one in there})[:3])
            why = f"of {url} the version {version} is not known here, but {others}"
            self._whys[wanted] = Unanswerable(why, "not-found")

    def _opened(self, candidate: Candidate) -> System:
        system: System = self._scope.open(candidate)
        if candidate.tree is not None:
            self.kept[id(system)] = system
        return system

    def _needs(self, wanted: Wanted) -> Iterator[Wanted]:
        """What must be known to evaluate it. Of enumerated codes also the system, for whether case counts; but what R4
        itself enumerates is written as it is, and to a search case is all the same."""
        candidate = self._known[wanted] if wanted[0] == VALUE_SET else None
        tree = None if candidate is None else candidate.tree
        if tree is None:
            return
        as_written = self._r4 is None or self._is_r4s(tree)
        contained = (one for one in tree.get("contained", ()) if one.get("resourceType") == VALUE_SET)
        for compose in ((one.get("compose") or {}) for one in (tree, *contained)):
            for include in (*compose.get("include", ()), *compose.get("exclude", ())):
                yield from ((VALUE_SET, one) for one in include.get("valueSet", ()) if one and not one.startswith("#"))
                url, version = include.get("system"), include.get("version")
                if not url or url in GRAMMARS:
                    continue
                if (
                    not as_written
                    or "concept" not in include
                    or "filter" in include
                    or compose.get("inactive") is False
                ):
                    yield CODE_SYSTEM, f"{url}|{version}" if version else url

    def _is_r4s(self, tree: Tree) -> bool:
        if self._r4 is None or not tree.get("url"):
            return False
        return any(one.tree is tree for one in self._r4.own(VALUE_SET, tree["url"]))


def versions(rows: Iterable[Found]) -> Versions:
    return tuple(sorted((row.logical_id, row.version_id) for row in rows))
