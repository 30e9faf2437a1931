"""A tenant's own search parameters: SearchParameter resources read, checked, and made into rows of fhir.parameter.

What passes here can be indexed and searched like a parameter of R4; what cannot is refused with the element that is at
fault. https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from resources.definitions import Definitions, SearchParameter, read_parameter
from resources.hashing import Hash
from resources.outcome import Issue, Unprocessable
from resources.rows import Floor, Row, Table

from .expression import And, Path, Resolves, Truth, Unsupported, parse, text_of
from .indexer import Indexer
from .parameters import PARAMETER_TYPES, composite
from .trie import Route, routes

FLOOR: Final = Floor(
    "parameter_write",
    (
        Table(
            "parameter",
            (
                ("under", "int4"),
                ("url", "text"),
                ("code", "text"),
                ("rtypes", "text"),
                ("definition", "text"),
                ("base", "text"),
            ),
        ),
    ),
    rare=True,
)

# What of the resource decides how it is indexed and searched.
_DEFINING: Final = ("url", "code", "type", "base", "expression", "target", "component", "comparator")
_IN_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_CODED: Final = frozenset({"special"})  # types of parameter whose meaning is code, not data
_ELSEWHERE: Final = frozenset({"phonetic", "nearby", "distance"})  # usages of xpath that an expression does not say
_ALONE: Final = frozenset({"composite", "special"})  # types that cannot be components
_ROOT: Final = "%resource."
_TRIED: Final = 2**15 - 1  # number of a parameter that is only tried
_LONGEST: Final = 10_000  # characters of an expression


def row_of(definitions: Definitions, number: int, tree: Mapping[str, Any], base_url: str) -> Row:
    """The row that goes with the write of a SearchParameter; number: of these definitions. Raises Unprocessable (422).

    Only an active one is used, and one of R4 itself, or one that says the same under a URL of its own, is there
    already."""
    parameter = read_parameter(tree)
    if tree["status"] != "active" or _is_official(definitions, tree) or repeats(definitions, parameter):
        return withdrawn(number, base_url)
    check(definitions, parameter, usage=tree.get("xpathUsage", "normal"))
    rtypes = ",".join(str(definitions.type_number(t)) for t in definitions.types_below(parameter.bases))
    defining = {key: tree[key] for key in _DEFINING if key in tree} | {"description": tree.get("name", "")}
    defining["component"] = [
        {"definition": one["definition"], "expression": one["expression"]} for one in tree.get("component", ())
    ]
    text = orjson.dumps(defining).decode()
    return number, parameter.url, parameter.code, f"{{{rtypes}}}", text, base_url


def withdrawn(number: int, base_url: str) -> Row:
    """The row that goes with the write of a SearchParameter after which it is not used, or not any more."""
    return number, None, None, None, None, base_url


def _is_official(definitions: Definitions, tree: Mapping[str, Any]) -> bool:
    given = read_parameter(tree)
    same = (given.code, given.type, set(given.bases), given.expression)
    return any(
        (known.code, known.type, set(known.bases), known.expression) == same
        for known in definitions.search_parameters
        if known.url == given.url
    )


def repeats(definitions: Definitions, parameter: SearchParameter) -> bool:
    """Whether R4 has this parameter already on all of its types: the same code and type, selecting the same.

    Guides define most of R4's parameters again under URLs of their own, to say which of them they require, and with what
    comparators and targets."""
    types = definitions.types_below(parameter.bases)
    official = {one.url for one in definitions.search_parameters}
    if parameter.url in official or len(parameter.expression or "") > _LONGEST or parameter.components:
        return False
    for resource_type in types:
        known = definitions.parameters_of(resource_type).get(parameter.code)
        if known is None or known.url not in official or known.type != parameter.type:
            return False
        if not _selects_the_same(definitions, resource_type, known.expression, parameter.expression):
            return False
    return bool(types)


def _selects_the_same(definitions: Definitions, resource_type: str, one: str | None, other: str | None) -> bool:
    try:
        paths = [parse(expression or "") for expression in (one, other)]
    except (Unsupported, RecursionError):
        return False
    found = [set(routes(definitions, resource_type, path)) for path in paths if isinstance(path, tuple)]
    return len(found) == 2 and found[0] == found[1] != set()


def check(definitions: Definitions, parameter: SearchParameter, usage: str = "normal") -> None:
    """Raises Unprocessable (422) with an issue for each part that cannot be used; usage: of its XPath.

    definitions: those of the tenant; among them may be an earlier form of the parameter."""
    others = [own for own in definitions.own_parameters if own.url != parameter.url]
    issues = list(_Checking(definitions.with_parameters(others), parameter, usage).faults())
    if issues:
        raise Unprocessable(issues=issues)


def in_force(definitions: Definitions, registered: Iterable[SearchParameter]) -> Definitions:
    """R4 with a tenant's own parameters, but for composites of a component that is not there any more."""
    alone = [one for one in registered if one.type != "composite"]
    extended = definitions.with_parameters(alone)
    for one in registered:
        if one.type == "composite":
            with contextlib.suppress(Unprocessable):
                check(extended, one)
                alone.append(one)
    return definitions.with_parameters(alone)


class _Checking:
    """The check of one parameter against the definitions without it."""

    def __init__(self, definitions: Definitions, parameter: SearchParameter, usage: str) -> None:
        self._definitions = definitions
        self._parameter = parameter
        self._usage = usage
        self._types: tuple[str, ...] = ()

    def faults(self) -> Iterator[Issue]:
        parameter, known = self._parameter, self._definitions
        if parameter.url in {official.url for official in known.search_parameters}:
            yield _fault("url", f"{parameter.url} is defined by R4 itself, and otherwise.", "duplicate")
        if wrong := [base for base in parameter.bases if not known.types_below([base])]:
            yield _fault(
                "base", f"{', '.join(wrong)}: not a resource type, nor one that resource types are derived from."
            )
            return
        self._types = known.types_below(parameter.bases)
        yield from self._faults_of_code()
        if parameter.type not in PARAMETER_TYPES or parameter.type in _CODED:
            yield _fault("type", f"What a parameter of type {parameter.type} means is not said by its definition.")
        if self._usage in _ELSEWHERE:
            yield _fault("xpathUsage", f"What {self._usage} means here is not said by the expression.")
        for number, target in enumerate(parameter.targets):
            if parameter.type != "reference":
                yield _fault("target", f"A parameter of type {parameter.type} points to nothing.")
                break
            if not known.is_resource_type(target) and target not in known.structures:
                yield _fault(f"target[{number}]", f"{target}: not a resource type.")
        if parameter.type in PARAMETER_TYPES and parameter.type not in _CODED:
            yield from self._faults_of_expression()
            faults = list(self._faults_of_components())
            yield from faults
            if parameter.type == "composite" and not faults:
                yield from self._faults_of_combination()

    def _faults_of_code(self) -> Iterator[Issue]:
        code = self._parameter.code
        if not code or not set(code) <= _IN_CODE or len(code) > 64:
            yield _fault(
                "code", f"{code[:100]!r} cannot be written in a query: up to 64 letters, digits, - and inner _."
            )
        elif code.startswith("_"):
            yield _fault("code", f"{code!r}: names that begin with _ are the specification's.")
        for resource_type in self._types:
            taken = self._definitions.parameters_of(resource_type).get(code)
            if taken:
                yield _fault("code", f"{resource_type} has a search parameter {code} already: {taken.url}", "duplicate")
                break

    def _faults_of_expression(self) -> Iterator[Issue]:
        parameter = self._parameter
        if not parameter.expression:
            yield _fault("expression", "Without an expression there is nothing to be indexed.", "required")
            return
        if len(parameter.expression) > _LONGEST:
            yield _fault("expression", f"It has more than {_LONGEST} characters.", "too-long")
            return
        try:
            paths = parse(parameter.expression)
        except (Unsupported, RecursionError) as error:
            yield _fault("expression", f"It cannot be compiled: {str(error)[:500]}")
            return
        if not isinstance(paths, tuple):
            if parameter.type != "token":
                yield _fault("expression", f"It is a boolean, which a parameter of type {parameter.type} cannot have.")
            for path in _paths(paths):
                yield from self._faults_of_path(path, self._types, None)
            return
        for path in paths:
            yield from self._faults_of_path(path, self._types, parameter.type)
        for number, base in enumerate(parameter.bases):
            below = self._definitions.types_below([base])
            if not any(self._routes(path, below) for path in paths):
                yield _fault(f"base[{number}]", f"The expression selects nothing in {base}.")

    def _faults_of_path(self, path: Path, types: Sequence[str], parameter_type: str | None) -> Iterator[Issue]:
        """Faults of one part of the expression; parameter_type: what must be able to compare the values there."""
        for step in path:
            if isinstance(step, Resolves) and not self._definitions.is_resource_type(step.resource_type):
                yield _fault("expression", f"{text_of(path)}: {step.resource_type} is not a resource type.")
                return
        found = self._routes(path, types)
        if not found:
            if not self._begins_elsewhere(path):
                yield _fault("expression", f"{text_of(path)} leads nowhere in {_listed(types)}.")
        elif parameter_type and parameter_type != "composite":
            indexed = PARAMETER_TYPES[parameter_type].indexed
            if not any(indexed(route.place) for route in found):
                is_ = _listed(sorted({route.place.type for route in found}))
                message = (
                    f"{text_of(path)} is of type {is_}, which a parameter of type {parameter_type} cannot compare."
                )
                yield _fault("expression", message)

    def _begins_elsewhere(self, path: Path) -> bool:
        """Whether a part is about a type that is not among the bases, as parts of official expressions are."""
        first = getattr(path[0], "name", "")
        return self._definitions.is_resource_type(first) and first not in self._types

    def _routes(self, path: Path, types: Sequence[str]) -> list[Route]:
        return [route for t in types for route in routes(self._definitions, t, (path,))]

    def _faults_of_components(self) -> Iterator[Issue]:
        parameter = self._parameter
        if parameter.type != "composite":
            if parameter.components:
                yield _fault("component", f"A parameter of type {parameter.type} has no components.")
            return
        if len(parameter.components) < 2:
            yield _fault("component", "A composite parameter has at least two components.", "required")
        for number, (url, expression) in enumerate(parameter.components):
            at = f"component[{number}]"
            component = self._component(url)
            if component is None:
                yield _fault(f"{at}.definition", f"{url}: no search parameter of {_listed(self._types)}.", "not-found")
            elif component.type in _ALONE:
                yield _fault(f"{at}.definition", f"{url} is of type {component.type}, which cannot be a component.")
            else:
                yield from self._faults_of_component(at, component, expression)

    def _faults_of_combination(self) -> Iterator[Issue]:
        """Whether the components can be searched together."""
        tried = msgspec.structs.replace(self._parameter, number=_TRIED)
        urls = {url for url, _ in tried.components}
        # Those alone, of which there are few: all that is in these definitions is compiled.
        needed = [own for own in self._definitions.own_parameters if own.url in urls]
        known = self._definitions.with_parameters([*needed, tried])
        indexer = Indexer(known, Hash(b"tried"))
        try:
            if not any(composite.ends(known, t, indexer.parameters(t)[tried.code]) for t in self._types):
                yield _fault("component", f"No part of a resource has values of all components of {tried.code}.")
        except Unsupported as error:
            yield _fault("component", f"{error}.")

    def _faults_of_component(self, at: str, component: SearchParameter, expression: str) -> Iterator[Issue]:
        try:
            inner = parse(expression.removeprefix(_ROOT))
            outer = parse(self._parameter.expression or "")
        except (Unsupported, RecursionError) as error:
            yield _fault(f"{at}.expression", f"It cannot be compiled: {str(error)[:500]}")
            return
        if not isinstance(inner, tuple) or not isinstance(outer, tuple):
            yield _fault(f"{at}.expression", "It is a boolean, not a part of what the composite is about.")
            return
        # A component's expression goes on where the composite's ends, or begins at the resource itself.
        at_root = expression.startswith(_ROOT)
        ways = [(*(path[:1] if at_root else path), *step) for path in outer for step in inner]
        indexed = PARAMETER_TYPES[component.type].indexed
        if not any(indexed(route.place) for way in ways for route in self._routes(way, self._types)):
            yield _fault(f"{at}.expression", f"{expression} selects nothing that {component.url} could compare.")

    def _component(self, url: str) -> SearchParameter | None:
        known = self._definitions
        named = (one for one in (*known.search_parameters, *known.own_parameters) if one.url == url)
        return next((one for one in named if set(known.types_below(one.bases)) & set(self._types)), None)


def _paths(truth: Truth) -> Iterator[Path]:
    if isinstance(truth, And):
        yield from _paths(truth.left)
        yield from _paths(truth.right)
    else:
        yield from truth.paths


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _fault(element: str, message: str, code: str = "value") -> Issue:
    return Issue("error", code, message, (f"SearchParameter.{element}",))
