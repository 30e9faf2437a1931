"""How an element stands in the JSON of its parent: alone or repeated, with the extensions of a primitive beside it.

A field looks at one name of an object and adds what is wrong to the scope. https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..elements import CANONICAL
from ..outcome import Issue
from ..paths import step
from .primitives import kind_of
from .suggestions import meant

MOST_ISSUES = 500  # more would help nobody, and a hostile sender could make the answer larger than the request


ELE_1 = CANONICAL + "Element#ele-1"


class Enough(Exception):
    """There are more issues than anybody wants to read."""


class Scope:
    """One resource with those it contains: what its local references may point to, and what was found wrong."""

    __slots__ = ("contained", "issues", "local", "resource_type", "unlinked")

    def __init__(self, resource: Mapping[str, Any], issues: list[Issue]) -> None:
        inside = resource.get("contained")
        contained = [one for one in inside if isinstance(one, dict)] if isinstance(inside, list) else []
        self.resource_type = resource.get("resourceType")
        self.contained = {one["id"]: one.get("resourceType") for one in contained if isinstance(one.get("id"), str)}
        self.issues = issues
        self.local: set[str] = set()  # "#id" of every local reference seen
        self.unlinked: list[tuple[str, str]] = []  # path and "#id" of contained resources that do not point outside

    def add(self, code: str, text: str, *paths: str, severity: str = "error", rule: str = "") -> None:
        """Adds an issue at the paths; text goes on where the first path ends: "is required"."""
        if len(self.issues) == MOST_ISSUES:
            raise Enough
        end = "" if text.endswith("?") else "."
        self.issues.append(Issue(severity, code, f"{paths[0]} {text}{end}", paths, rule=rule))


Check = Callable[[Any, str, Scope], None]  # value, its path, scope
Field = Callable[[dict[str, Any], str, str, Scope], None]  # the object, the name met in it, the object's path, scope


def complex_field(check: Check, name: str, many: bool, element: str = "") -> Field:
    """An element whose values are JSON objects. element: its name in FHIRPath, if it is a choice."""
    element = step(element or name)

    def single(owner: dict[str, Any], met: str, path: str, scope: Scope) -> None:
        check(owner[name], f"{path}.{element}", scope)

    def array(owner: dict[str, Any], met: str, path: str, scope: Scope) -> None:
        at = f"{path}.{element}"
        if _is_array(owner[name], at, scope):
            for i, value in enumerate(owner[name]):
                check(value, f"{at}[{i}]", scope)

    return array if many else single


def primitive_field(check: Check, extended: Check, name: str, many: bool, element: str = "") -> Field:
    """A primitive, with its id and extensions under `_name`. https://hl7.org/fhir/R4/json.html#primitive

    check: of a value; extended: of what stands under `_name`; element: its name in FHIRPath, if it is a choice.
    """
    element = step(element or name)
    beside = "_" + name

    def one(value: Any, extra: Any, at: str, scope: Scope) -> None:
        if value is not None or extra is None:
            check(value, at, scope)
        if extra is not None:
            extended(extra, at, scope)
            if value is None and type(extra) is dict and extra.keys() == {"id"}:
                scope.add("invariant", "has neither a value nor children (ele-1)", at, rule=ELE_1)

    def single(owner: dict[str, Any], met: str, path: str, scope: Scope) -> None:
        if met == beside and name in owner:
            return  # both are judged when the value is met
        at = f"{path}.{element}"
        if any(key in owner and owner[key] is None for key in (name, beside)):
            return scope.add("structure", "is null; leave it out", at)
        one(owner.get(name), owner.get(beside), at, scope)

    def array(owner: dict[str, Any], met: str, path: str, scope: Scope) -> None:
        if met == beside and name in owner:
            return
        at = f"{path}.{element}"
        arrays = [owner[key] for key in (name, beside) if key in owner]
        if not all(_is_array(array, at, scope) for array in arrays):
            return
        length = len(arrays[0])
        if len(arrays[-1]) != length:
            return scope.add("structure", f"has {length} values, but _{name} has {len(arrays[-1])}", at)
        nothing = [None] * length  # null stands where one of the two arrays has nothing to say
        for i, (value, extra) in enumerate(zip(owner.get(name, nothing), owner.get(beside, nothing), strict=True)):
            one(value, extra, f"{at}[{i}]", scope)

    return array if many else single


def unknown(
    name: str, path: str, known: Iterable[str], choices: Iterable[tuple[str, frozenset[str]]], scope: Scope
) -> None:
    """Adds the issue of a name that does not belong there, and what may have been meant.

    known: the names in JSON that do, `_name` among them; choices: name of each choice and its names in JSON.
    """
    at = f"{path}.{step(name)}"
    elements = [one for one in known if one[0] != "_"]
    if name[:1] == "_" and name[1:] in elements:
        return scope.add("structure", f"is not an element of R4; nothing may stand beside {name[1:]}", at)
    hint = meant(name.removeprefix("_"), elements) or "".join(
        f"; {choice}[x] is written {', '.join(sorted(spellings)[:12])}"
        for choice, spellings in choices
        if name.startswith(choice)
    )
    scope.add("structure", f"is not an element of R4{hint}", at)


def _is_array(value: Any, path: str, scope: Scope) -> bool:
    if type(value) is not list:
        scope.add("structure", f"may repeat, so it must be a JSON array, not {kind_of(value)}", path)
    elif not value:
        scope.add("structure", "is an empty array; leave it out", path)
    return type(value) is list and bool(value)
