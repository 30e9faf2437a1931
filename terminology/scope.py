"""What one request may refer to: resources sent along, then the tenant's, then loaded releases and what comes with the server.

A Scope answers from memory. What a source cannot answer yet is raised as Missing: the caller has it read and asks anew, so
that operations are plain functions. https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from .budget import Budget
from .records import About
from .system import System

CODE_SYSTEM: Final = "CodeSystem"
VALUE_SET: Final = "ValueSet"
CONCEPT_MAP: Final = "ConceptMap"

Tree = Mapping[str, Any]
_EXPRESSION: Final = "?fhir_vs=ecl/"
_EDITION: Final = "http://snomed.info/"  # what versions of SNOMED CT begin with


class Missing(Exception):
    """Something that was asked for has to be read first. Never swallowed by an operation."""


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """One version of a code system, value set or concept map that can be had."""

    resource_type: str
    url: str
    version: str
    status: str
    tree: Tree | None  # the resource; None of a loaded release that is none
    open: Callable[[], Any] = field(repr=False)  # System of a code system, MapTable of a concept map; may raise Missing
    about: About | None = None  # where it is known without opening it
    steps: Callable[[], int] = field(default=lambda: 0, repr=False)  # that opening it takes now, of a Budget


class Source(Protocol):
    """Where definitions come from."""

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        """All versions with a canonical URL, the best first. Raises Missing."""

    def all(self, resource_type: str) -> Iterable[Candidate]:
        """Everything of a type that it holds. Raises Missing, NotSupported where that would be too much."""


class Scope:
    """What one request may refer to. Made for one request; systems and value sets are kept by their sources."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        versions: Mapping[str, str] | None = None,
        supplement: Callable[[System, Sequence[Tree]], System],
        composed: Mapping[str, Callable[[System], System]] | None = None,
    ) -> None:
        """sources: the first one that has a URL decides, so that what is sent comes before what is stored. versions: by
        URL of a code system the version that counts where none is asked for. supplement: puts supplements onto a system.
        composed: by kind of a compositional system what makes one of it that knows composed codes, for this request."""
        self._sources = sources
        self._versions = versions or {}
        self._supplement = supplement
        self._composed = composed or {}
        self._made: dict[int, System] = {}  # by identity of what it was made of
        self._opened: dict[int, tuple[Candidate, Any]] = {}  # by identity of the candidate
        self.budget = Budget()  # of everything that is evaluated for the request

    def versions(self, resource_type: str, url: str) -> tuple[str, ...]:
        """All versions there are, the best first."""
        return tuple(dict.fromkeys(one.version for source in self._sources for one in source.find(resource_type, url)))

    def find(self, resource_type: str, url: str, version: str = "") -> Candidate | None:
        """The version that is asked for, which may be a pattern (`1.0.x`, an edition of SNOMED CT); else that which is
        pinned; else the best one of the first source that has any. None if there is none such."""
        version = version or (self._versions.get(url, "") if resource_type == CODE_SYSTEM else "")
        for source in self._sources:
            for one in source.find(resource_type, url):
                if not version or matches(version, one.version):
                    return one
        return None

    def code_system(self, url: str, version: str = "", supplements: Iterable[str] = ()) -> System | None:
        """A code system, with what supplements (canonical URLs) add to it; None if it is not known.

        Its `about.content` may be not-present or a fragment. Raises KeyError with the canonical URL of a supplement that
        is not known or is not one of this code system."""
        candidate = self.find(CODE_SYSTEM, url, version)
        if candidate is None or (candidate.tree or {}).get("content") == "supplement":
            return None
        system: System = self.open(candidate)
        if system.about.compositional and (make := self._composed.get(system.about.kind)):
            if id(system) not in self._made:
                self._made[id(system)] = make(system)
            system = self._made[id(system)]
        trees = [self._supplement_of(url, canonical) for canonical in supplements]
        return self._supplement(system, trees) if trees else system

    def _supplement_of(self, url: str, canonical: str) -> Tree:
        found = self.supplement(canonical)
        if found is None or str(found.get("supplements", "")).partition("|")[0] != url:
            raise KeyError(canonical)
        return found

    def supplement(self, canonical: str) -> Tree | None:
        """The resource of a supplement by its canonical URL."""
        candidate = self.find(CODE_SYSTEM, *split(canonical))
        tree = candidate.tree if candidate else None
        return tree if tree and tree.get("content") == "supplement" else None

    def value_set(self, url: str, version: str = "") -> Tree | None:
        """A ValueSet resource, or that which an implicit URL stands for; None if it is not known."""
        candidate = self.find(VALUE_SET, url, version)
        return candidate.tree if candidate else None

    def concept_map(self, url: str, version: str = "") -> Any | None:
        """A concept map; None if it is not known."""
        candidate = self.find(CONCEPT_MAP, url, version)
        return self.open(candidate) if candidate else None

    def open(self, candidate: Candidate) -> Any:
        """What a candidate opens, at most once for a request. Raises Missing, Spent where it takes long."""
        if id(candidate) not in self._opened:
            if steps := candidate.steps():
                self.budget.spend(steps)
            self._opened[id(candidate)] = candidate, candidate.open()
        return self._opened[id(candidate)][1]

    def concept_maps(self) -> Iterable[Candidate]:
        """All concept maps there are, those of the first source first."""
        for source in self._sources:
            yield from source.all(CONCEPT_MAP)

    def code_systems(self) -> Iterable[Candidate]:
        """All code systems there are, supplements left out; of one URL those of the first source first."""
        for source in self._sources:
            for one in source.all(CODE_SYSTEM):
                if (one.tree or {}).get("content") != "supplement":
                    yield one


def split(canonical: str) -> tuple[str, str]:
    """URL and version of a canonical URL; "" for none. In an expression the bar encloses terms: many do not escape it."""
    if _EXPRESSION in canonical:
        url, _, version = canonical.rpartition("|")
        return (url, version) if url and version.startswith(_EDITION) else (canonical, "")
    url, _, version = canonical.partition("|")
    return url, version


def matches(wanted: str, version: str) -> bool:
    """Whether a version is that which is wanted, or fits a pattern: `1.x`, `1.0.?`, an edition of SNOMED CT without date."""
    if wanted == version or version.startswith(f"{wanted}/"):
        return True
    parts, mine = wanted.split("."), version.split(".")
    if not {"x", "X", "*", "?"} & {*parts}:
        return False
    if len(parts) > len(mine):
        return False
    open_end = parts[-1] in ("x", "X", "*")
    if len(parts) < len(mine) and not open_end:
        return False
    return all(one in ("x", "X", "*", "?") or one == other for one, other in zip(parts, mine, strict=False))
