"""What a search parameter finds in a resource: its FHIRPath expression, evaluated by fhirpathpy.

The expressions are the official ones, rewritten where the library is stricter than the definitions are: `as` on a
collection is read as ofType, `resolve() is T` is decided by what the reference says.
https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import fhirpathpy
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models

from resources import definitions
from resources.definitions import SearchParameter

Tree = dict[str, Any]

DEFINED = definitions.load()


class Refused(Exception):
    """The server must answer 400."""


class Value(NamedTuple):
    """One value that a parameter finds."""

    type: str  # FHIR type
    data: Any
    within: str = ""  # data type or resource type whose element it is: "HumanName" for a family name
    systems: tuple[str, ...] = ()  # of a code: the systems that its required value set takes it from
    mime: bool = False  # a code of the value set of MIME types


@dataclass(eq=False)
class World:
    """All resources that a search can see, and what else its answer depends on."""

    resources: list[Tree]
    base_url: str = "http://test/fhir/t"
    now: Fraction = Fraction(0)  # seconds since 1970, for `ap`
    _found: dict[tuple[int, str], list[Value]] = field(default_factory=dict)
    _by_name: dict[tuple[str, str], Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name = {(tree["resourceType"], tree.get("id", "")): tree for tree in self.resources}
        self.resources = list(self._by_name.values())  # of two with one id the last

    def get(self, resource_type: str, logical_id: str) -> Tree | None:
        return self._by_name.get((resource_type, logical_id))

    def of_type(self, resource_type: str) -> Iterator[Tree]:
        return (tree for tree in self.resources if tree["resourceType"] == resource_type)

    def values(self, resource: Tree, parameter: SearchParameter, container: Tree | None = None) -> list[Value]:
        """What the parameter finds in the resource; container: of a contained resource, for references such as #p."""
        key = id(resource), parameter.url
        if key not in self._found:
            self._found[key] = list(self._values(resource, parameter, container or resource))
        return self._found[key]

    def _values(self, resource: Tree, parameter: SearchParameter, container: Tree) -> Iterator[Value]:
        for node, of_type in self.nodes(resource, parameter.expression or ""):
            value = value_of(node)
            if value and (not of_type or type_of_reference(value.data, container) == of_type):
                yield value

    def nodes(self, resource: Tree, expression: str) -> Iterator[tuple[Any, str]]:
        """The nodes of the expression, each with the type that it must refer to, or ""."""
        lineage = lineage_of(resource["resourceType"])
        for part in parts(expression):
            first = re.match(r"\(?([A-Z]\w*)", part)
            if first is None or first[1] in lineage:
                path, of_type = rewritten(part, first[1] if first else "")
                found = [resource] if path == "$this" else evaluated(path)(resource, {"resource": resource})
                yield from ((node, of_type) for node in found)


def parameter(resource_type: str, code: str) -> SearchParameter:
    found = DEFINED.parameters_of(resource_type).get(code)
    if found is None:
        raise Refused(f"{resource_type} has no parameter {code}")
    return found


@cache
def parts(expression: str) -> tuple[str, ...]:
    """The members of a union: none of the official expressions has one deeper inside."""
    return tuple(part.strip() for part in expression.split(" | ") if part.strip())


@cache
def lineage_of(resource_type: str) -> frozenset[str]:
    names = {resource_type}
    while base := DEFINED.structures[resource_type].base:
        names.add(resource_type := base)
    return frozenset(names)


@cache
def rewritten(part: str, resource_type: str) -> tuple[str, str]:
    """The expression relative to a resource of the type, without a `where(resolve() is T)` at its end, and that T."""
    part, of_type = re.sub(r"\.where\(resolve\(\) is (\w+)\)$", "", part), re.search(r"resolve\(\) is (\w+)", part)
    part = re.sub(r"\(([\w.]+) as (\w+)\)", r"\1.ofType(\2)", part)
    part = re.sub(r"\.as\((\w+)\)", r".ofType(\1)", part)
    part = part.replace("ofType(DateTime)", "ofType(dateTime)")  # Observation code-value-date spells it so
    if resource_type:
        part = re.sub(rf"^{resource_type}$", "$this", part)
        part = re.sub(rf"\b{resource_type}\.", "", part)
    return part, of_type[1] if of_type else ""


@cache
def evaluated(path: str) -> Callable[[Any, Any], Iterable[Any]]:
    compiled: Callable[[Any, Any], Iterable[Any]] = fhirpathpy.compile(
        path, model=models["r4"], options={"returnRawData": True}
    )
    return compiled


def value_of(node: Any) -> Value | None:
    """A node as a value; None for one of which nothing but an extension is there."""
    if not isinstance(node, ResourceNode):
        return Value("boolean", node)
    data, path = node.data, node.propName or ""
    name = "BackboneElement" if "." in node.path.removeprefix("System.") else node.path
    if data is None or (isinstance(data, dict) and name[0].islower()):  # a null, or extensions of a primitive
        return None
    if isinstance(data, dict) and set(data) <= {"id", "extension"}:
        return None
    within, binding = element_of(re.sub(r"\[\d+]", "", path)) if path else ("", None)
    systems = tuple(s for s, codes in codes_of(binding).items() if data in codes) if name == "code" else ()
    return Value(name, data, within, systems, binding == "http://hl7.org/fhir/ValueSet/mimetypes")


def codes_of(value_set: str | None) -> Any:
    return (DEFINED.codes(value_set) if value_set else None) or {}


@cache
def element_of(path: str) -> tuple[str, str | None]:
    """Where the element at that path from a resource is defined: (data type or resource type, required value set)."""
    resource_type, *names = path.split(".")
    return _element(resource_type, tuple(names)) or ("", None)


def _element(here: str, names: tuple[str, ...]) -> tuple[str, str | None] | None:
    structure = here.partition(".")[0]
    if structure not in DEFINED.structures:
        return None
    for element in DEFINED.structures[structure].children.get(here, ()):
        if element.name == names[0]:
            if len(names) == 1:
                return structure, element.binding
            for kind in [element.content] if element.content else [one.code for one in element.types]:
                further = element.path if kind in ("BackboneElement", "Element") else kind
                if found := _element(str(further), names[1:]):
                    return found
    return None


def type_of_reference(reference: Any, container: Tree) -> str:
    """The resource type that a reference says it points to, "" if it does not."""
    text = reference.get("reference", "") if isinstance(reference, dict) else ""
    if text.startswith("#"):
        inside = [container] if text == "#" else container.get("contained", [])
        found = [one["resourceType"] for one in inside if text in ("#", "#" + str(one.get("id")))]
        return found[0] if found else ""
    literal = re.fullmatch(
        r"(?:https?://.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(/_history/[A-Za-z0-9.-]{1,64})?", text
    )
    if literal:
        return literal[1]
    return str(reference.get("type", "")) if isinstance(reference, dict) else ""
