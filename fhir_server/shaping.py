"""Shapes of an answer: which part of a resource `_summary` and `_elements` ask for, and the cutting. Pure.

A resource that was cut is tagged SUBSETTED, so that nobody takes it for the whole; what is left of it is valid.
https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct

from resources import exact
from resources.definitions import Definitions
from resources.outcome import BadRequest

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
SUMMARIES: Final = ("true", "text", "data", "count", "false")
_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})
_INLINE: Final = frozenset({"BackboneElement", "Element"})


class Shape(Struct, frozen=True):
    """Which part of each resource is answered. Made by shape_of, which judges what is asked."""

    summary: str = "false"  # true | text | data | false
    elements: frozenset[tuple[str, str]] = frozenset()  # (resource type, or "" for any; name of a root element)

    @property
    def whole(self) -> bool:
        return self.summary == "false" and not self.elements

    def of_includes(self) -> Shape:
        """The shape of what is included: `_elements` are those of the matches."""
        return Shape(self.summary) if self.elements else self


WHOLE: Final = Shape()


def shape_of(
    definitions: Definitions, resource_types: Sequence[str], summary: str | None, elements: Iterable[str]
) -> Shape:
    """The shape that `_summary` and `_elements` ask for; resource_types: those that are answered, () for any.

    A choice is named with or without its type. `_summary=count` shapes no resource. Raises BadRequest (400)."""
    summary = summary or "false"
    if summary not in SUMMARIES:
        raise BadRequest(f"_summary={summary[:100]}: it is true, text, data, count or false.", code="value")
    named = frozenset(_element(definitions, resource_types, one.strip()) for one in elements)
    if named and summary not in ("false", "count"):
        raise BadRequest(f"_elements and _summary={summary} cannot both say what is answered.", code="value")
    return Shape("false" if summary == "count" else summary, named)


def asked(definitions: Definitions, resource_types: Sequence[str], query: str) -> Shape:
    """The shape that the query string of a read asks for; other parameters mean nothing there.

    Raises BadRequest (400), also for `_summary=count`, which is of searches and histories."""
    if "_summary" not in query and "_elements" not in query and "%" not in query:
        return WHOLE
    summaries: dict[str, None] = {}
    elements: list[str] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "_summary":
            summaries[value] = None
        elif name == "_elements":
            elements += value.split(",")
    if len(summaries) > 1:
        raise BadRequest(f"_summary is given twice, as {' and '.join(summaries)[:100]}.", code="value")
    [summary] = summaries or ("false",)
    if summary == "count":
        raise BadRequest("_summary=count counts the matches of a search; here is one resource.", code="value")
    return shape_of(definitions, resource_types, summary or " ", elements)


def _element(definitions: Definitions, resource_types: Sequence[str], asked_for: str) -> tuple[str, str]:
    """(Type or "", name) of one of `_elements`, which must be a root element of a type that is answered."""
    first, dot, name = asked_for.partition(".")
    of_type = first if dot and definitions.is_resource_type(first) else ""
    if not of_type:
        name = asked_for
    if name == "resourceType":  # which is there as the id is; some clients ask for it
        return of_type, "id"
    types = (of_type,) if of_type else tuple(resource_types) or definitions.resource_types
    for one in types:
        children = _children(definitions, one)
        if (
            child := children.get(name.removesuffix("[x]")) or children.get(_with_any_type(children, name))
        ) is not None:
            return of_type, child.name
    where = types[0] if len(types) == 1 else "any of the resource types that are answered"
    raise BadRequest(f"_elements={asked_for[:100]}: {where} has no such element at its root.", code="value")


def _with_any_type(children: Mapping[str, _Child], name: str) -> str:
    """The JSON name of a choice that is named without its type, "" if there is none."""
    return next((key for key, one in children.items() if one.choice and one.name == name.removesuffix("[x]")), "")


def cut(definitions: Definitions, shape: Shape, text: str) -> str:
    """The JSON text of a resource, cut to the shape and tagged; the text as it is where nothing is left out of it."""
    if shape.whole:
        return text
    tree = exact.decode(text.encode())
    kept = _cut(definitions, shape, tree)
    return text if kept == tree else exact.encode(_tagged(kept)).decode()


def _cut(definitions: Definitions, shape: Shape, tree: dict[str, Any]) -> dict[str, Any]:
    resource_type = tree["resourceType"]
    if shape.summary == "true":
        kept = _summary(definitions, resource_type, tree)
    else:
        children = _children(definitions, resource_type)
        names = _names(definitions, shape, resource_type)
        if names is None:
            return tree
        kept = {
            key: value
            for key, value in tree.items()
            if key in _ALWAYS or (child := children.get(key.removeprefix("_"))) is None or child.name in names
        }
    contained = tree.get("contained")
    if not contained or shape.summary == "data":
        return kept
    # A reference to one of them would lead nowhere without it, and one that nobody refers to may not be there.
    still = _referred_to(kept, contained)
    if shape.summary == "true":
        still = [_summary(definitions, one["resourceType"], one) for one in still]
    kept["contained"] = still
    return {key: kept[key] for key in tree if kept.get(key)}


def _names(definitions: Definitions, shape: Shape, resource_type: str) -> frozenset[str] | None:
    """The root elements that a resource of the type keeps; None where nothing is asked of this type."""
    children = _children(definitions, resource_type).values()
    if shape.summary == "data":
        return frozenset(one.name for one in children if one.name != "text")
    mandatory = frozenset(one.name for one in children if one.mandatory)
    if shape.summary == "text":
        return mandatory | {"text"}
    wanted = frozenset(name for of_type, name in shape.elements if of_type in ("", resource_type))
    if not wanted:
        return None
    return wanted | mandatory | {one.name for one in children if one.modifier}


def _summary(definitions: Definitions, path: str, tree: dict[str, Any]) -> dict[str, Any]:
    """The elements of a summary, at every depth. A value that would be empty without the rest of it is left out, or
    left whole where its element is mandatory or changes the meaning of others."""
    children = _children(definitions, path)
    kept: dict[str, Any] = {}
    for key, value in tree.items():
        name = key.removeprefix("_")
        child = children.get(name)
        if child is None:  # resourceType
            kept[key] = value
        elif not child.kept:
            continue
        elif child.below:
            part = _below(definitions, child, value)
            if part or child.indispensable:
                kept[key] = part or value
        elif not child.primitive:
            kept[key] = value
        elif name not in kept and "_" + name not in kept:
            kept.update(_primitives(child, name, tree))
    return kept


def _below(definitions: Definitions, child: _Child, value: Any) -> Any:
    def summed(item: dict[str, Any]) -> dict[str, Any]:
        inside = item["resourceType"] if child.below == "Resource" else child.below
        part = _summary(definitions, inside, item)
        return _tagged(part) if child.below == "Resource" and part != item else part

    if isinstance(value, list):
        return [part for part in map(summed, value) if part]
    return summed(value)


def _primitives(child: _Child, name: str, tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a primitive element without their extensions, unless those are all there is of what must be."""
    value, beside = tree.get(name), tree.get("_" + name)
    values = [one for one in value if one is not None] if isinstance(value, list) else value
    if values is not None and values != []:
        yield name, values
    elif child.indispensable:
        if value is not None:
            yield name, value
        yield "_" + name, beside


def _referred_to(kept: Any, contained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contained resources that what is kept points to, also by way of each other."""
    by_id = {f"#{one.get('id')}": one for one in contained}
    found: dict[str, None] = {}
    waiting = [{key: value for key, value in kept.items() if key != "contained"}]
    while waiting:
        for text in _strings(waiting.pop()):
            if text in by_id and text not in found:
                found[text] = None
                waiting.append(by_id[text])
    return [one for text, one in by_id.items() if text in found]


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _strings(item)


def _tagged(tree: dict[str, Any]) -> dict[str, Any]:
    meta = tree.get("meta", {})
    tags = [one for one in meta.get("tag", ()) if one.get("code") != SUBSETTED["code"]]
    first: dict[str, Any] = {key: tree[key] for key in ("resourceType", "id") if key in tree}
    return {**first, "meta": {**meta, "tag": [*tags, SUBSETTED]}, **{k: v for k, v in tree.items() if k not in _ALWAYS}}


class _Child(Struct, frozen=True):
    """What is known of a JSON name in an object."""

    name: str  # of the element: "value" of "valueQuantity"
    choice: bool
    below: str  # path of the element's own children; "Resource"; "" where it is kept as it is or not at all
    primitive: bool
    kept: bool  # in a summary
    mandatory: bool
    modifier: bool

    @property
    def indispensable(self) -> bool:
        return self.mandatory or self.modifier


@lru_cache(maxsize=4096)
def _children(definitions: Definitions, path: str) -> Mapping[str, _Child]:
    """JSON name → child, of an element, a data type or a resource type."""
    structures = definitions.structures
    found = {}
    for element in structures[path.partition(".")[0]].children.get(path, ()):
        mandatory = element.minimum > 0
        kept = element.summary or mandatory or element.modifier
        if element.content:
            content = (element.content, False)
            found[element.name] = _Child(element.name, False, *content, kept, mandatory, element.modifier)
        for kind in element.types:
            primitive = structures[kind.code].kind == "primitive-type"
            below = "" if primitive else element.path if kind.code in _INLINE else kind.code
            if below and below != "Resource" and not _has_summary(definitions, below):
                below = ""
            found[element.json_name(kind)] = _Child(
                element.name, element.choice, below, primitive, kept, mandatory, element.modifier
            )
    return found


def _has_summary(definitions: Definitions, path: str) -> bool:
    """Whether a summary knows parts of it; an Extension or a narrative is whole or not there."""
    return any(one.summary for one in definitions.structures[path.partition(".")[0]].children.get(path, ()))
