"""What a loader makes of official files: releases, each in parts that can be read again, and what was noticed on the way.

https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..records import About, Record
from .archive import Archive

Kind = Literal["code-system", "concept-map", "value-set"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say of a release that its files do not say, or say otherwise."""

    version: str = ""  # of SNOMED CT the effective date, yyyymmdd
    edition: str = ""  # of SNOMED CT the module whose edition it is
    modules: tuple[str, ...] = ()  # of SNOMED CT those that alone are read; () for all
    sources: tuple[str, ...] = ()  # of RxNorm the vocabularies (SAB) that are read besides its own; "*" for all


@dataclass(slots=True)
class Report:
    """What a user should know of a release's files. It grows while the parts are read."""

    missing: list[str] = field(default_factory=list)  # optional files that are not there
    ignored: list[str] = field(default_factory=list)  # files that nothing was read of
    renamed: list[str] = field(default_factory=list)  # files found under another name or in another layout
    notes: list[str] = field(default_factory=list)  # whatever else was left out, and why
    counts: dict[str, int] = field(default_factory=dict)  # what → how many

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number


@dataclass(frozen=True, slots=True)
class Part:
    """One file's worth of records."""

    name: str  # of the file, or what it is; unlike that of any other part of the release
    records: Callable[[], Iterator[Record]]  # read anew each time, always in the same order; may raise BadFile
    size: int = 0  # bytes that are read for it, for a progress bar


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a code system, concept map or value set."""

    kind: Kind
    about: About
    parts: Sequence[Part] = ()  # a value set has none …
    tree: Mapping[str, Any] | None = None  # … but is a FHIR resource
    report: Report = field(default_factory=Report)


@dataclass(frozen=True, slots=True)
class Loader:
    """A reader of one publisher's official files."""

    name: str  # as the command calls it
    urls: tuple[str, ...]  # canonical URLs of the systems that it reads
    detect: Callable[[Archive], bool]  # whether these are its files, by their names and headers; raises nothing
    read: Callable[[Archive, Options], Iterator[Release]]  # raises BadFile
    licence: str = ""  # what a user must acknowledge: its name and where it is to be read; "" for nothing
