"""A code that is judged, and what holds for every code of one request.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from resources.outcome import Issue, NotFound

from .. import findings
from ..budget import Budget
from ..languages import NONE, Languages
from ..scope import CODE_SYSTEM, Scope, Tree, matches, split
from ..system import Designation, System
from ..versions import Versions
from .displays import status_of

UNNAMED: Final = "(unidentified)"
SUPPLEMENT: Final = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
_HERE: Final = frozenset({"complete", "fragment"})  # contents that say something of a code
_OLD: Final = frozenset({"deprecated", "withdrawn"})


@dataclass(slots=True)
class Rules:
    """What holds for every code of one request."""

    scope: Scope
    versions: Versions = field(default_factory=Versions)
    supplements: dict[str, list[str]] = field(default_factory=dict)  # canonical URLs by code system
    abstract: bool = True  # whether abstract codes will do
    active_only: bool = False
    membership_only: bool = False
    languages: Languages = NONE  # of displays
    severity: str = "error"  # of a wrong display
    budget: Budget = field(init=False)
    systems: dict[tuple[str, str], System | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.budget = self.scope.budget

    def system(self, url: str, version: str = "") -> System | None:
        """A code system that says something of codes. version: may be a pattern (`1.x`)."""
        key = url, version
        if key not in self.systems:
            self.systems[key] = self._system(url, version)
        return self.systems[key]

    def use(self, supplements: Iterable[str]) -> None:
        """Uses supplements from now on, by canonical URL. Raises NotFound for an unknown one: none is ever ignored."""
        for canonical in supplements:
            tree = self.scope.supplement(canonical)
            if tree is None:
                raise NotFound(issues=[findings.supplement_missing(canonical)])
            known = self.supplements.setdefault(split(str(tree.get("supplements", "")))[0], [])
            if canonical not in known:
                known.append(canonical)

    def version(self, url: str, stated: str = "") -> str:
        """The version of a code system that counts where one is stated, or none: "" for whichever is best."""
        return self.versions.of_system(self.scope, url, stated)

    def refused(self, system: System) -> str:
        """What the version of a code system would have to be; "" if it may be used."""
        wanted = self.versions.check.get(system.about.url, "")
        return wanted if wanted and not matches(wanted, system.about.version) else ""

    def _system(self, url: str, version: str) -> System | None:
        found = self.scope.code_system(url, version, self.supplements.get(url, ()))
        return found if found is not None and found.about.content in _HERE else None


@dataclass(slots=True)
class Coding:
    """A code that is judged, and what was found out about it."""

    system: str
    code: str
    version: str = ""
    display: str = ""
    path: str = ""  # FHIRPath of the Coding; "" where the code came by itself
    found: System | None = None  # the code system that it was looked up in
    ordinal: int | None = None  # its concept there
    displays: list[Designation] = field(default_factory=list)  # that value sets have for it
    issues: list[Issue] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)  # code systems and versions that are not known
    retired: bool = False  # whether it is inactive and for that reason not in the value set
    differs: bool = False  # whether a part of the value set that might have it is of another version
    exact: bool = False  # whether parts of other versions do not count

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def quiet(self) -> Coding:
        """The same code, for a question of which only the answer counts, and which code systems are not known."""
        return Quiet(self.system, self.code, self.version, unknown=self.unknown, issues=self.issues, path=self.path)

    def exactly(self, issues: Iterable[Issue]) -> Coding:
        """The same code, which only parts of its own version have. issues: what has been said of it."""
        return Coding(self.system, self.code, self.version, self.display, self.path, issues=[*issues], exact=True)

    def say(self, issue: Issue) -> None:
        """Every issue once."""
        if issue not in self.issues:
            self.issues.append(issue)

    def unknown_system(self, rules: Rules, version: str) -> None:
        """Says that the code system is not known, or not in this version."""
        place = self.at("system")
        versions = sorted(one for one in rules.scope.versions(CODE_SYSTEM, self.system) if one) if version else []
        name = findings.canonical(self.system, version) if versions else self.system
        if name in self.unknown:
            return
        self.unknown[name] = None
        if version:
            self.say(findings.unknown_version(self.system, version, versions, place))
        else:
            self.say(findings.unknown_system(self.system, place))


class Quiet(Coding):
    """A code of which only that is said which nobody could know."""

    __slots__ = ()

    def say(self, issue: Issue) -> None:
        if issue.code == "not-found":
            Coding.say(self, issue)


def supplements_of(value_set: Tree) -> Iterator[str]:
    """The supplements that a value set wants. https://hl7.org/fhir/R4/extension-valueset-supplement.html"""
    for one in value_set.get("extension", ()):
        if one.get("url") == SUPPLEMENT:
            yield str(next((value for name, value in one.items() if name.startswith("value")), ""))


def canonical_of(tree: Tree) -> str:
    return findings.canonical(tree.get("url", ""), tree.get("version", "")) if tree.get("url") else UNNAMED


def statuses(tree: Tree, source: Tree) -> Iterator[Issue]:
    """What is to be said of the status of a value set. source: the value set that refers to it, which says so itself."""
    standard = status_of(tree.get("extension", ()))
    yield from _statuses(
        "ValueSet", canonical_of(tree), tree.get("status", ""), standard, bool(tree.get("experimental")), source
    )


def statuses_of(system: System, source: Tree) -> Iterator[Issue]:
    """What is to be said of the status of a code system. source: the value set that refers to it; {} for none."""
    about = system.about
    name = findings.canonical(about.url, about.version)
    yield from _statuses("CodeSystem", name, about.status, status_of(about.extension), about.experimental, source)


def _statuses(
    resource_type: str, name: str, status: str, standard: str, experimental: bool, source: Tree
) -> Iterator[Issue]:
    if standard in _OLD:
        yield findings.reference_to(standard, resource_type, name)
    elif status == "retired":
        yield findings.reference_to("retired", resource_type, name)
    elif experimental:
        if not source.get("experimental"):
            yield findings.reference_to("experimental", resource_type, name)
    elif "draft" in (status, standard) and "draft" not in (
        source.get("status"),
        status_of(source.get("extension", ())),
    ):
        yield findings.reference_to("draft", resource_type, name)
