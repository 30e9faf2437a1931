"""What is in a value set: its definition evaluated into sets of concepts of single versions of code systems. Pure.

Nothing is passed over: a code system, value set, filter or supplement that is not known is an error that names it. Codes
that a value set lists of a code system that is not here are taken as they stand: they are the value set's own statement.
https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from pyroaring import BitMap

from resources.outcome import BadRequest, FhirError, NotFound, TooCostly, Unprocessable

from .. import filters
from ..budget import Budget
from ..findings import finding
from ..scope import CODE_SYSTEM, VALUE_SET, Scope, Tree, split
from ..system import System
from ..versions import Versions
from .parts import NOTHING, Part, active, difference, intersection, union

SUPPLEMENT: Final = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
UNCLOSED: Final = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
TOO_COSTLY: Final = "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"
SAMPLES: Final = {  # value sets that are shown for a grammar
    "http://unitsofmeasure.org": "http://hl7.org/fhir/ValueSet/ucum-common",
    "urn:ietf:bcp:47": "http://terminology.hl7.org/ValueSet/Languages",
}
DEEPEST: Final = 30  # value sets that import each other in a row
WORTH: Final = 20  # listed concepts from which on finding them is remembered …
KEPT: Final = 50_000  # … for lists of so many concepts of each code system


class _Listed(NamedTuple):
    """The concepts that a value set lists, found in a code system."""

    concepts: Any  # the list itself, so that it is known again
    members: BitMap
    order: tuple[int | str, ...]
    given: Mapping[int, Tree]
    loose: Mapping[str, Tree]


_lists: Final[WeakKeyDictionary[Any, OrderedDict[int, _Listed]]] = WeakKeyDictionary()


class Composition:
    """Evaluates value sets for one request, and remembers what they rest on."""

    def __init__(
        self,
        scope: Scope,
        budget: Budget | None = None,
        versions: Versions | None = None,
        supplements: Iterable[str] = (),
    ) -> None:
        """supplements: canonical URLs of those that are to be used besides the ones a value set itself wants."""
        self._scope = scope
        self._budget = budget or scope.budget
        self._versions = versions or Versions()
        self._supplements: dict[str, list[str]] = {}  # by URL of the code system
        self._systems: dict[tuple[str, str], System | None] = {}
        self._done: dict[int, tuple[Tree, list[Part]]] = {}  # by identity, with what is identified
        self.systems: dict[str, System] = {}  # that were used, by canonical URL
        self.value_sets: dict[str, Tree] = {}  # that were imported, by canonical URL
        self.supplements: dict[str, Tree] = {}  # that were found, by canonical URL
        self.samples: dict[str, Tree] = {}  # value sets that stand for the codes of a grammar, by canonical URL
        self.unclosed: dict[str, None] = {}  # reasons why there may be more than is here
        self.unknown: dict[str, None] = {}  # code systems of which codes are listed, but which are not here
        self.open = False  # whether there are more than anybody can count
        self._supplement(supplements)

    def evaluate(self, tree: Tree) -> list[Part]:
        """The concepts of a value set, each once, in the order of its definition."""
        return self._value_set(tree, ())

    # value sets

    def _value_set(self, tree: Tree, above: tuple[str, ...], root: Tree | None = None) -> list[Part]:
        """root: the resource in which references to contained value sets are resolved."""
        known = self._done.get(id(tree))
        if known is None:
            self._supplement(
                next((value for key, value in one.items() if key.startswith("value")), "")
                for one in tree.get("extension", ())
                if one.get("url") == SUPPLEMENT
            )
            name = _name(tree) if root is None else f"{_name(root)}{_name(tree)}"
            if name in above:
                raise _circular(name, above)
            if len(above) > DEEPEST:
                raise TooCostly(
                    f"The value set {above[0]} imports others, and they others, more than {DEEPEST} in a row."
                )
            known = tree, self._composed(tree, (*above, name), tree if root is None else root)
            self._done[id(tree)] = known
        return known[1]

    def _composed(self, tree: Tree, above: tuple[str, ...], root: Tree) -> list[Part]:
        compose = tree.get("compose")
        if not isinstance(compose, Mapping):
            return self._stored(tree)
        if not compose.get("include"):
            raise _invalid("VALUESET_NO_CONTENT", f"The value set {_name(tree)} includes nothing.", "ValueSet.compose")
        includes = self._clauses(compose, "include", above, root)
        parts = includes[0] if len(includes) == 1 else union((part for one in includes for part in one), self._budget)
        for excluded in self._clauses(compose, "exclude", above, root):
            parts = difference(parts, excluded, self._budget)
        return [active(part) for part in parts] if compose.get("inactive") is False else parts

    def _clauses(self, compose: Tree, name: str, above: tuple[str, ...], root: Tree) -> list[list[Part]]:
        return [
            self._clause(clause, f"ValueSet.compose.{name}[{place}]", above, root)
            for place, clause in enumerate(compose.get(name, ()))
        ]

    def _clause(self, clause: Tree, path: str, above: tuple[str, ...], root: Tree) -> list[Part]:
        """What one include or exclude says: all its conditions at once."""
        url = clause.get("system")
        found = None if url is None else self._of_system(url, clause, path, above)
        if found is None and (clause.get("concept") or clause.get("filter")):
            raise _invalid("VALUESET_NO_SYSTEM", f"{path} has concepts or filters, but no system.", path)
        for place, canonical in enumerate(clause.get("valueSet", ())):
            imported = self._imported(canonical, f"{path}.valueSet[{place}]", above, root)
            found = imported if found is None else intersection(found, imported, self._budget)
        if found is None:
            raise _invalid("VALUESET_NO_CONTENT", f"{path} has neither a system nor a value set.", path)
        return found

    def _imported(self, canonical: str, path: str, above: tuple[str, ...], root: Tree) -> list[Part]:
        if canonical.startswith("#"):
            for one in root.get("contained", ()):
                if one.get("id") == canonical[1:] and one.get("resourceType") == VALUE_SET:
                    return self._value_set(one, above, root)
            raise unknown_value_set(canonical, path)
        tree = self._versions.value_set(self._scope, *split(canonical))
        if tree is None:
            raise unknown_value_set(canonical, path)
        self.value_sets[_name(tree)] = tree
        return self._value_set(tree, above)

    def _stored(self, tree: Tree) -> list[Part]:
        """The expansion of a value set that has no definition: right if it is all there is."""
        expansion, name = tree.get("expansion"), _name(tree)
        if not isinstance(expansion, Mapping):
            raise _invalid("VALUESET_NO_CONTENT", f"The value set {name} has neither a definition nor an expansion.")
        entries = list(_flat(expansion.get("contains", ())))
        self._budget.spend(len(entries))
        partial = any(one.get("url") in (UNCLOSED, TOO_COSTLY) for one in expansion.get("extension", ()))
        if partial or expansion.get("offset") or expansion.get("total", len(entries)) > len(entries):
            text = f"The value set {name} has no definition, and its expansion is only a part of it."
            raise _invalid("VALUESET_EXPANSION_INCOMPLETE", text)
        by_system: dict[tuple[str, str], list[Tree]] = {}
        for one in entries:
            by_system.setdefault((one.get("system", ""), one.get("version", "")), []).append(one)
        return union(
            (
                self._enumerated(url, version, system, concepts, keep=True)
                for (url, version), concepts in by_system.items()
                for system in [self._used(url, version, "ValueSet.expansion.contains") if url else None]
            ),
            self._budget,
        )

    # code systems

    def _of_system(self, url: str, clause: Tree, path: str, above: tuple[str, ...]) -> list[Part]:
        concepts, conditions = clause.get("concept"), clause.get("filter", ())
        version = str(clause.get("version") or "")
        system = self._find(url, version, f"{path}.version")
        if system is None or system.about.content not in ("complete", "fragment", ""):
            if concepts and not conditions:
                self.unknown[f"{url}|{version}" if version else url] = None
                return [self._enumerated(url, version, None, concepts)]
            raise self._not_here(url, version, system, f"{path}.system")
        about = system.about
        self._used(url, version, path)
        if about.content == "fragment":
            self.unclosed[f"This extension is based on a fragment of the code system {url}"] = None
        if concepts:
            part = self._enumerated(url, about.version, system, concepts)
        elif system.infinite:
            part = self._sampled(url, system, above)
        else:
            part = Part(url, about.version, system, system.all)
        for place, condition in enumerate(conditions):
            part = self._met(part, condition, f"{path}.filter[{place}]")
        return [part]

    def _met(self, part: Part, condition: Tree, path: str) -> Part:
        system = part.system
        assert system is not None
        wanted = filters.Filter(*(str(condition.get(name) or "") for name in ("property", "op", "value")))
        if not wanted.value:
            text = f"The system {part.url} filter with property = {wanted.property}, op = {wanted.op} has no value"
            raise _invalid("UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", text, path)
        try:
            if system.infinite:
                self._budget.spend(len(part.members))
                members = BitMap(one for one in part.members if filters.meets(system, one, wanted, self._budget))
            else:
                members = filters.select(system, wanted, self._budget)
                members = members if part.members is system.all else part.members & members
        except FhirError as error:
            raise error if any(issue.expression for issue in error.issues) else error.within(path) from None
        return part._replace(members=members)

    def _enumerated(
        self, url: str, version: str, system: System | None, concepts: Sequence[Tree], keep: bool = False
    ) -> Part:
        """Concepts that are listed. What a complete code system does not have is left out, unless it is to be kept."""
        if system is None:
            loose = {str(one["code"]): one for one in concepts if one.get("code")}
            return Part(url, version, None, BitMap(), tuple(loose), NOTHING, loose)
        found = _found(system, concepts, keep or system.about.content == "fragment", self._budget)
        return Part(url, system.about.version, system, found.members, found.order, found.given, found.loose)

    def _sampled(self, url: str, system: System, above: tuple[str, ...]) -> Part:
        """Of a grammar those codes that a published value set lists, if there is one."""
        reason = f"The code System '{url}' has a grammar and so has infinite members"
        self.open = True
        sample = SAMPLES.get(url)
        tree = self._scope.value_set(sample) if sample else None
        if tree is None:
            self.unclosed[f"{reason}. None of them is listed here"] = None
            return Part(url, system.about.version, system, BitMap())
        self.unclosed[f"{reason}. This extension is based on {sample}"] = None
        self.samples[_name(tree)] = tree
        parts = [part for part in self._value_set(tree, above) if part.system is system]
        return parts[0] if parts else Part(url, system.about.version, system, BitMap())

    def _used(self, url: str, version: str, path: str) -> System | None:
        system = self._find(url, version, path)
        if system is not None:
            self.systems.setdefault(f"{url}|{system.about.version}" if system.about.version else url, system)
        return system

    def _find(self, url: str, version: str, path: str) -> System | None:
        key = url, version
        if key not in self._systems:
            wanted = self._versions.of_system(self._scope, url, version)
            # they were found above, and are supplements of this code system: no KeyError comes
            system = self._scope.code_system(url, wanted, self._supplements.get(url, ()))
            if system is not None:
                self._versions.check_system(url, system.about.version, path)
            self._systems[key] = system
        return self._systems[key]

    def _not_here(self, url: str, version: str, system: System | None, path: str) -> FhirError:
        if system is not None:
            text = f"The code system {url} cannot be expanded: its content is {system.about.content}."
            issue = finding("error", "not-supported", "not-found", "CODESYSTEM_WITHOUT_CONTENT", text, path)
            return Unprocessable(issues=[issue])
        wanted = self._versions.of_system(self._scope, url, version)
        text = f"A definition for CodeSystem '{url}' could not be found, so the value set cannot be expanded"
        message = "UNKNOWN_CODESYSTEM_EXP"
        if wanted and (there := self._scope.versions(CODE_SYSTEM, url)):
            text = (
                f"A definition for CodeSystem '{url}' version '{wanted}' could not be found, "
                f"so the value set cannot be expanded. Valid versions: {', '.join(there[:20])}"
            )
            message = "UNKNOWN_CODESYSTEM_VERSION_EXP"
        return NotFound(issues=[finding("error", "not-found", "not-found", message, text, path)])

    def _supplement(self, canonicals: Iterable[str]) -> None:
        for canonical in canonicals:
            tree = self._scope.supplement(canonical)
            if tree is None:
                raise _no_supplement(canonical)
            url = str(tree.get("supplements", "")).partition("|")[0]
            wanted = self._supplements.setdefault(url, [])
            if _name(tree) not in self.supplements:
                self.supplements[_name(tree)] = tree
                wanted.append(canonical)


def _found(system: System, concepts: Sequence[Tree], keep: bool, budget: Budget) -> _Listed:
    """Long lists are found once: by the identity of the list, which a source of value sets keeps."""
    kept = _lists.get(system)
    known = kept.get(id(concepts)) if kept else None
    if known is not None and known.concepts is concepts:
        return known
    budget.spend(len(concepts))
    members, order, given, loose = BitMap(), [], {}, {}
    find = system.find
    for one in concepts:
        code = one.get("code")
        ordinal = find(code) if code else None
        if ordinal is None:
            if keep and code and code not in loose:
                loose[code] = one
                order.append(code)
        elif ordinal not in members:
            members.add(ordinal)
            order.append(ordinal)
            if len(one) > 1:
                given[ordinal] = one
    listed = _Listed(concepts, members, tuple(order), given, loose)
    if WORTH <= len(concepts) <= KEPT // 2:
        kept = _lists.setdefault(system, OrderedDict())
        kept[id(concepts)] = listed
        while sum(len(one.concepts) for one in kept.values()) > KEPT:
            kept.popitem(last=False)
    return listed


def _flat(contains: Sequence[Tree]) -> Iterable[Tree]:
    left = list(reversed(contains))
    while left:
        one = left.pop()
        if one.get("code"):
            yield one
        left += reversed(one.get("contains", ()))


def _name(tree: Tree) -> str:
    """The canonical URL of a resource, or its id."""
    url, version = tree.get("url"), tree.get("version")
    if not url:
        return f"#{tree.get('id', '')}"
    return f"{url}|{version}" if version else str(url)


def unknown_value_set(canonical: str, *path: str) -> NotFound:
    """The error of a value set that is not known."""
    text = f"A definition for the value Set '{canonical}' could not be found"
    return NotFound(issues=[finding("error", "not-found", "not-found", "Unable_to_resolve_value_Set_", text, *path)])


def _no_supplement(canonical: str) -> NotFound:
    text = f"Required supplement not found: {canonical}"
    return NotFound(issues=[finding("error", "not-found", "not-found", "VALUESET_SUPPLEMENT_MISSING", text)])


def _circular(name: str, above: Sequence[str]) -> Unprocessable:
    text = f"The value set {name} imports or excludes itself: {' → '.join((*above[-DEEPEST:], name))}"
    return Unprocessable(issues=[finding("error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", text)])


def _invalid(message: str, text: str, *path: str) -> BadRequest:
    return BadRequest(issues=[finding("error", "invalid", "vs-invalid", message, text, *path)])
