"""Where a Scope finds definitions: resources that were sent along, and what comes with the server.

https://hl7.org/fhir/R4/terminology-service.html, https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from threading import Lock
from typing import Any, Final

from resources import exact
from resources.definitions import Definitions
from resources.outcome import NotSupported

from . import conceptmaps, hl7, resources
from .grammars.grammatical import GRAMMARS, Grammatical
from .icd11.postcoordinated import COMPOSED
from .index.supplement import supplemented
from .scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET, Candidate, Scope, Source, Tree
from .stored import version_order
from .valuesets.implicit import Implicit, others, snomed, whole

HEAVIEST: Final = 48_000_000  # bytes of indexes and trees of small systems and maps that a process keeps
_OBJECTS: Final = 20_000  # bytes that an open index takes besides its own
LIGHTEST: Final = 200  # bytes of knowing that something is not there
HEAVIER: Final = 6  # times of its JSON that a tree takes
_A_STEP: Final = 2  # bytes of JSON of which an index is made in the time of a step …
_LONGEST: Final = 200_000  # … but a resource that was accepted is opened, however large: what it takes is bounded


class Built:
    """What was made of resources lately, by what they are; the least recently used is dropped. For several threads."""

    def __init__(self, heaviest: int = HEAVIEST) -> None:
        self._heaviest = heaviest
        self._all: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def peek(self, key: Hashable) -> Any:
        """What is kept; None if it is not."""
        known = self._all.get(key)
        return None if known is None else known[0]

    def get(self, key: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """make() gives what is to be kept, and its bytes."""
        with self._lock:
            known = self._all.get(key)
            if known is not None:
                self._all.move_to_end(key)
                return known[0]
        made, weight = make()  # nobody waits for it: two threads may make the same
        if weight <= self._heaviest // 2:
            with self._lock:
                self._weight += weight - self._all.pop(key, (None, 0))[1]
                self._all[key] = made, weight
                while self._weight > self._heaviest:
                    self._weight -= self._all.popitem(last=False)[1][1]
        return made

    def steps(self, key: Hashable, length: Callable[[], int]) -> int:
        """The steps of a Budget that it takes to make something of so many bytes of JSON; 0 of what is there."""
        return 0 if key in self._all else min(length() // _A_STEP, _LONGEST)


def opened(resource_type: str, tree: Tree) -> tuple[Any, int]:
    """The System or MapTable of a resource, and its bytes; of a value set nothing."""
    if resource_type == CODE_SYSTEM:
        system = resources.code_system(tree)
        return system, system.size + _OBJECTS
    if resource_type == CONCEPT_MAP:
        table = conceptmaps.map_table(tree)
        return table, table.size + _OBJECTS
    return None, 0


def candidate(
    resource_type: str, tree: Tree, open: Callable[[], Any], steps: Callable[[], int] = lambda: 0
) -> Candidate:
    url, version, status = (str(tree.get(name, "")) for name in ("url", "version", "status"))
    return Candidate(resource_type, url, version, status, tree, open, steps=steps)


def from_built(built: Built, key: Hashable, resource_type: str, tree: Tree, length: Callable[[], int]) -> Candidate:
    """A resource whose System or MapTable is kept under a key. length: bytes of its JSON."""
    return candidate(
        resource_type,
        tree,
        lambda: built.get(key, lambda: opened(resource_type, tree)),
        lambda: built.steps(key, length),
    )


def best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Active ones first, then the latest."""
    return sorted(candidates, key=lambda one: (one.status == "active", version_order(one.version)), reverse=True)


class Sent:
    """The resources that came with a request."""

    def __init__(self, trees: Iterable[Tree], built: Built) -> None:
        self._by_url: dict[tuple[str, str], list[Candidate]] = {}
        self._wholes: dict[str, Tree] = {}  # URL of a value set → the code system that it is all of
        for tree in trees:
            kind = str(tree.get("resourceType"))
            one = _sent(built, kind, tree)
            self._by_url.setdefault((kind, one.url), []).append(one)
            if kind == CODE_SYSTEM and tree.get("valueSet"):
                self._wholes[str(tree["valueSet"]).partition("|")[0]] = tree

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        found = self._by_url.get((resource_type, url), ())
        if not found and resource_type == VALUE_SET and url in self._wholes:
            tree = self._wholes[url]
            return (all_of(url, str(tree.get("url", "")), str(tree.get("version", ""))),)
        return best_first(found)

    def all(self, resource_type: str) -> Iterator[Candidate]:
        return (one for (kind, _), some in self._by_url.items() if kind == resource_type for one in best_first(some))


def _sent(built: Built, kind: str, tree: Tree) -> Candidate:
    """What is sent is often sent again: it is known by its content, which is looked at when it is first opened."""

    @cache
    def known() -> tuple[tuple[str, bytes], int]:
        text = exact.encode(tree)
        return (kind, blake2b(text).digest()), len(text)

    return candidate(
        kind,
        tree,
        cache(lambda: built.get(known()[0], lambda: opened(kind, tree))),
        lambda: built.steps(known()[0], lambda: known()[1]),
    )


def all_of(url: str, system: str, version: str) -> Candidate:
    """The value set that a code system says is all of it."""
    tree = whole(url, system, version)
    return candidate(VALUE_SET, {**tree, "version": version} if version else tree, lambda: None)


class Grammars:
    """Code systems without end, such as UCUM. Of one request: each numbers the codes that are asked for."""

    def __init__(self) -> None:
        self._opened: dict[str, Candidate] = {}

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        if resource_type != CODE_SYSTEM or url not in GRAMMARS:
            return ()
        if url not in self._opened:
            grammar = Grammatical(url)
            about = grammar.about
            self._opened[url] = Candidate(CODE_SYSTEM, url, about.version, "active", None, lambda: grammar, about)
        return (self._opened[url],)

    def all(self, resource_type: str) -> Iterator[Candidate]:
        return (one for url in GRAMMARS for one in self.find(resource_type, url))


class Official:
    """What comes with the server: HL7's terminology and R4's own. One for a process."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._built = Built()

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        found = [one for one in (self._hl7(resource_type, url), self.r4(resource_type, url)) if one is not None]
        if not found and resource_type == VALUE_SET:
            if entry := hl7.system_of(url):
                return (all_of(url, entry.url, entry.version),)
            if system := self.definitions.system_of(url):
                return (all_of(url, system, ""),)
        return found

    def all(self, resource_type: str) -> Iterator[Candidate]:
        if resource_type == CONCEPT_MAP:
            urls = self.definitions.canonicals(CONCEPT_MAP)
            return (one for url in urls if (one := self.r4(CONCEPT_MAP, url)) is not None)
        if resource_type == CODE_SYSTEM:
            return self._systems()
        raise NotSupported(f"All resources of type {resource_type} are more than can be gone through.")

    def _systems(self) -> Iterator[Candidate]:
        """Not read, but named: what is known of them without that."""
        for entry in hl7.entries(CODE_SYSTEM):
            if entry.content != "supplement":
                yield Candidate(CODE_SYSTEM, entry.url, entry.version, entry.status, None, lambda: None)
        for url in self.definitions.canonicals(CODE_SYSTEM):
            if hl7.find(CODE_SYSTEM, url) is None and (one := self.r4(CODE_SYSTEM, url)) is not None:
                yield one

    def _hl7(self, resource_type: str, url: str) -> Candidate | None:
        entry = hl7.find(resource_type, url)
        return None if entry is None else self._candidate("hl7", resource_type, url, lambda: hl7.read(entry))

    def r4(self, resource_type: str, url: str) -> Candidate | None:
        """What R4 itself defines, without HL7's later terminology."""
        if url not in self.definitions.canonicals(resource_type):
            return None  # what a client made up is not kept
        return self._candidate("r4", resource_type, url, lambda: self.definitions.canonical(resource_type, url))

    def _candidate(self, whose: str, resource_type: str, url: str, read: Callable[[], Tree | None]) -> Candidate | None:
        """The tree and what is made of it are kept apart: a value set needs no index."""
        key = whose, resource_type, url
        tree, length = self._built.get((*key, "tree"), lambda: _weighed(read()))
        return None if tree is None else from_built(self._built, key, resource_type, tree, lambda: length)


def _weighed(tree: Tree | None) -> tuple[tuple[Tree | None, int], int]:
    """A tree with the length of its JSON, and the bytes that it takes."""
    length = 0 if tree is None else len(exact.encode(tree))
    return (tree, length), LIGHTEST + HEAVIER * length


def scope(
    sources: Sequence[Source],
    official: Official,
    sent: Sent | None = None,
    versions: Mapping[str, str] | None = None,
    *,
    composing: bool = True,
) -> Scope:
    """What a request may refer to. sources: a tenant's, then loaded releases; versions: those that the tenant has pinned;
    composing: code systems are of this request, which may find codes in them that are put together."""
    before = () if sent is None else (sent,)
    return Scope(
        (*before, _FIRST, Grammars(), *sources, official, _LAST),
        versions=versions,
        supplement=supplemented,
        composed=COMPOSED if composing else None,
    )


# Of SNOMED CT such a URL is nothing else, and a list of units no more than a part of the grammar. Those of the others look
# like any URL: a resource that has it comes first.
_FIRST: Final = Implicit(snomed)
_LAST: Final = Implicit(others)
