"""Whether a code is in a value set: decided from the definition and the code systems' indexes, never from an expansion.

Three answers: yes, no, and None where a code system that would have to be asked is not known. Includes are an "or", the
parts of one include an "and", an exclude is an "and not".
https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from resources.outcome import BadRequest, NotFound, Unprocessable

from .. import findings
from ..filters import Filter, meets
from ..scope import CODE_SYSTEM, Tree, matches, split
from ..system import System
from .codings import UNNAMED, Coding, Rules, canonical_of, statuses, statuses_of, supplements_of
from .displays import STANDARDS_STATUS, of_include

DEEPEST: Final = 30  # value sets within each other
_DEPRECATED: Final = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"
_LISTED: Final = frozenset({"deprecated", "withdrawn"})


class UnknownImport(NotFound):
    """A value set that another one rests on is not known."""


class Definition:
    """A value set and those that it imports. Whatever is wrong with the definition is wrong for every code."""

    def __init__(self, rules: Rules, tree: Tree) -> None:
        """Raises Unprocessable for what rests on itself or is no definition, UnknownImport, NotFound for a
        supplement, BadRequest for a filter without a value."""
        self._rules = rules
        self._imported: dict[tuple[int, str], Tree] = {}  # by reference; where it is contained, by its resource, too
        self._names: dict[int, str] = {}  # canonical URLs by resource
        self._roots: dict[int, Tree] = {}  # the resource that one is contained in
        self._sound: set[int] = set()
        self.tree = tree
        self.name = canonical_of(tree)
        self._check(tree, tree, [])

    # the definition

    def _check(self, tree: Tree, root: Tree, above: list[tuple[int, str]]) -> None:
        key = id(tree)
        name = canonical_of(tree)
        if any(key == one or (tree is root and name == other != UNNAMED) for one, other in above):
            raise Unprocessable(issues=[findings.circular([*(one for _, one in above), name])])
        if key in self._sound:
            return
        if len(above) >= DEEPEST:
            raise Unprocessable(f"Value sets import each other {DEEPEST} deep; that is the most.", code="too-costly")
        self._roots[key] = root
        self._names[key] = name
        if "extension" in tree:
            self._rules.use(supplements_of(tree))
        compose = tree.get("compose")
        if not (compose or {}).get("include") and (compose is not None or "expansion" not in tree):
            raise Unprocessable(issues=[findings.undefined(name)])
        for part, n, include in _parts(compose or {}):
            if "filter" in include or "system" not in include:
                self._check_part(include, f"ValueSet.compose.{part}[{n}]")
            for reference in include.get("valueSet", ()):
                self._rules.budget.spend(100)
                self._check(self._import(tree, reference), self._root_of(tree, reference), [*above, (key, name)])
        self._sound.add(key)

    @staticmethod
    def _check_part(include: Tree, place: str) -> None:
        if "system" not in include and ("concept" in include or "filter" in include or not include.get("valueSet")):
            raise Unprocessable(issues=[findings.part_undefined(place)])
        for n, one in enumerate(include.get("filter", ())):
            if not one.get("value"):
                said = one.get("property", ""), one.get("op", ""), f"{place}.filter[{n}]"
                raise BadRequest(issues=[findings.filter_without_value(include.get("system", ""), *said)])

    def _import(self, tree: Tree, reference: str) -> Tree:
        """The value set that one refers to by canonical URL, or by `#id` as contained in the same resource."""
        key = id(self._roots[id(tree)]) if reference[:1] == "#" else 0, reference
        found = self._imported.get(key)
        if found is None:
            found = self._contained(tree, reference) if reference[:1] == "#" else None
            if found is None:
                found = self._rules.versions.value_set(self._rules.scope, *split(reference))
            if found is None:
                raise UnknownImport(issues=[findings.unknown_value_set(reference)])
            self._imported[key] = found
        return found

    def _contained(self, tree: Tree, reference: str) -> Tree | None:
        contained = self._roots[id(tree)].get("contained", ())
        return next((one for one in contained if one.get("id") == reference[1:]), None)

    def _root_of(self, tree: Tree, reference: str) -> Tree:
        return self._roots[id(tree)] if reference[:1] == "#" else self._import(tree, reference)

    def systems(self) -> list[str]:
        """The code systems that the definition names, those of imported value sets too."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        ahead = [self.tree]
        while ahead:
            tree = ahead.pop()
            if id(tree) in seen:
                continue
            seen.add(id(tree))
            for part, _, include in _parts(tree.get("compose") or {}):
                if part == "include":
                    if system := include.get("system"):
                        found[system] = None
                    ahead += (self._import(tree, one) for one in include.get("valueSet", ()))
            found |= dict.fromkeys(one.get("system", "") for one in _contained_codes(tree) if one.get("system"))
        return list(found)

    # a code

    def has(self, coding: Coding) -> bool | None:
        """Whether a coding is in the value set. What is remarkable about it stands in the coding afterwards."""
        said = [*coding.issues]
        verdict = self._has(self.tree, coding, {})
        if coding.differs:  # another part may be of the version that the coding states
            exact = coding.exactly(said)
            if self._has(self.tree, exact, {}):
                coding.found, coding.ordinal, coding.displays = exact.found, exact.ordinal, exact.displays
                coding.issues, coding.unknown, coding.retired = exact.issues, exact.unknown, exact.retired
                return True
        return verdict

    def _has(self, tree: Tree, coding: Coding, known: dict[int, bool | None]) -> bool | None:
        key = id(tree)
        if key not in known:
            known[key] = self._decided(tree, coding, known)
        return known[key]

    def _decided(self, tree: Tree, coding: Coding, known: dict[int, bool | None]) -> bool | None:
        compose = tree.get("compose")
        if compose is None:
            return self._expanded(tree, coding)
        verdict: bool | None = False
        for include in compose.get("include", ()):
            one = self._part(tree, include, coding, known, excluding=False)
            if one:
                verdict = True
                break
            verdict = None if one is None else verdict
        if verdict:
            for exclude in compose.get("exclude", ()):
                one = self._part(tree, exclude, coding, known, excluding=True)
                if one:
                    return False
                verdict = None if one is None else verdict
        return verdict

    def _part(
        self, tree: Tree, part: Tree, coding: Coding, known: dict[int, bool | None], *, excluding: bool
    ) -> bool | None:
        """Whether an include, or an exclude, has a code."""
        self._rules.budget.spend()
        verdict: bool | None = True
        if "system" in part:
            if part["system"] != coding.system:
                return False
            verdict = self._selected(tree, part, coding, excluding)
        for reference in part.get("valueSet", ()):
            if verdict is False:
                break
            imported = self._import(tree, reference)
            if excluding:
                other = self._has(imported, coding.quiet(), known)
            else:
                for issue in statuses(imported, tree):
                    coding.say(issue)
                other = self._has(imported, coding, known)
            verdict = other if verdict or other is False else None
        return verdict

    def _selected(self, tree: Tree, part: Tree, coding: Coding, excluding: bool) -> bool | None:
        """Whether the code system of a part has the code, listed or by its filters."""
        rules, concepts, filters = self._rules, part.get("concept"), part.get("filter")
        version = self._version(part, coding, excluding)
        if version is None:
            return False
        system = rules.system(coding.system, version)
        if system is None:
            if rules.membership_only:
                return any(one.get("code") == coding.code for one in concepts or ())
            coding.unknown_system(rules, version)
            return None
        about = system.about
        if not excluding:
            if wanted := rules.refused(system):
                coding.say(findings.version_refused(coding.system, about.version, wanted, coding.at("version")))
            if about.experimental or about.extension or about.status != "active":
                for issue in statuses_of(system, tree):
                    coding.say(issue)
        ordinal = system.find(coding.code)
        if not excluding and coding.ordinal is None:
            coding.found, coding.ordinal = system, ordinal
        if ordinal is None:
            in_fragment = about.content == "fragment" and not excluding and not filters
            return in_fragment and self._in_fragment(system, concepts, coding)
        entry: Tree | None = None
        if concepts is not None:
            entry = self._listed(system, concepts, ordinal, coding.code)
            if entry is None:
                return False
        for one in filters or ():
            condition = Filter(one.get("property", ""), one.get("op", ""), one.get("value", ""))
            if not meets(system, ordinal, condition, rules.budget):
                return False
        if excluding:
            return True
        if entry is not None and ("display" in entry or "designation" in entry):
            coding.displays += of_include(entry, tree.get("language", ""))
        return self._allowed(tree, system, ordinal, coding, entry)

    def _allowed(self, tree: Tree, system: System, ordinal: int, coding: Coding, entry: Tree | None) -> bool:
        """Whether a code that is meant may be used: it is neither abstract nor inactive where that counts."""
        rules = self._rules
        if not rules.abstract and system.is_abstract(ordinal):
            if not rules.membership_only:
                coding.say(findings.abstract_code(coding.system, coding.code, coding.at("code")))
            return False
        active = rules.active_only or (tree.get("compose") or {}).get("inactive") is False
        if active and system.is_inactive(ordinal):
            coding.retired = True
            coding.say(findings.not_active(coding.code, coding.at("code")))
            return False
        if entry is not None and "extension" in entry and (status := _status_in_list(entry)):
            name = self._names[id(tree)]
            coding.say(findings.listed_as_deprecated(coding.system, coding.code, name, status, coding.at("code")))
        return True

    def _in_fragment(self, system: System, concepts: Sequence[Tree] | None, coding: Coding) -> bool:
        """Whether a code that a fragment lacks is in the value set all the same: as all are, or because it is listed."""
        if concepts and all(one.get("code") != coding.code for one in concepts):
            return False
        if not self._rules.membership_only:
            about = system.about
            coding.say(findings.unknown_in_fragment(about.url, about.version, coding.code, coding.at("code")))
        return True

    def _listed(self, system: System, concepts: Sequence[Tree], ordinal: int, code: str) -> Tree | None:
        self._rules.budget.spend(len(concepts) // 10)
        right = system.code(ordinal)
        found = next((one for one in concepts if one.get("code") == right), None)
        if found is None and (right != code or not system.about.case_sensitive):
            found = next((one for one in concepts if system.find(one.get("code", "")) == ordinal), None)
        return found

    def _version(self, part: Tree, coding: Coding, excluding: bool) -> str | None:
        """The version of the code system that counts; where the coding states another one, that is said.

        None where the coding is to be of that version and is not."""
        rules, stated, included = self._rules, coding.version, part.get("version", "")
        version = rules.version(coding.system, included)
        if not stated or excluding:
            return version
        if matches(version or stated, stated) and rules.system(coding.system, stated) is not None:
            return stated
        system = rules.system(coding.system, version)
        if system is not None and matches(stated, system.about.version):
            return version
        coding.differs = True
        if coding.exact:
            return None
        if system is None:
            if rules.scope.versions(CODE_SYSTEM, coding.system):
                coding.say(findings.version_differs(coding.system, version, stated, coding.at("version")))
        else:
            self._differs(system, version, included, coding)
        return version

    def _differs(self, system: System, version: str, included: str, coding: Coding) -> None:
        url, stated, place = coding.system, coding.version, coding.at("version")
        if not version:
            severity = "error" if system.about.version_needed else "warning"
            coding.say(findings.version_differs_from_default(url, system.about.version, stated, severity, place))
        elif version != included:
            coding.say(findings.version_differs_from_chosen(url, version, included, stated, place))
        else:
            coding.say(findings.version_differs(url, included, stated, place))
        if self._rules.system(url, stated) is None:
            coding.unknown_system(self._rules, stated)

    def _expanded(self, tree: Tree, coding: Coding) -> bool | None:
        """Of a value set without definition: whether its expansion has a code."""
        for one in _contained_codes(tree):
            self._rules.budget.spend()
            if (
                one.get("code") != coding.code
                or one.get("system", coding.system) != coding.system
                or one.get("abstract")
            ):
                continue
            version = one.get("version", "")
            if version and coding.version and not matches(coding.version, version):
                coding.say(findings.version_differs(coding.system, version, coding.version, coding.at("version")))
                return False
            return self._selected(tree, {"system": coding.system, "version": version}, coding, excluding=False)
        return False


def _parts(compose: Tree) -> Iterator[tuple[str, int, Tree]]:
    for part in ("include", "exclude"):
        for n, one in enumerate(compose.get(part, ())):
            yield part, n, one


def _contained_codes(tree: Tree) -> Iterator[Tree]:
    """The codes of an expansion, however deep."""
    ahead = list(reversed((tree.get("expansion") or {}).get("contains", ()))) if "compose" not in tree else []
    while ahead:
        one = ahead.pop()
        yield one
        ahead += reversed(one.get("contains", ()))


def _status_in_list(entry: Tree) -> str:
    """With which status a value set lists a code, if it is one to be told."""
    for one in entry["extension"]:
        url = one.get("url")
        if url == STANDARDS_STATUS and one.get("valueCode") in _LISTED:
            return str(one["valueCode"])
        if url == _DEPRECATED and one.get("valueBoolean", one.get("valueCode")) in (True, "true"):
            return "deprecated"
    return ""
