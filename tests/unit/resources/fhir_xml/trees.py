"""Trees of any type with anything in them that JSON and XML can both say, and equality without mercy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from resources import definitions
from resources.fhir_xml.grammar import BESIDE, RESOURCE, Child, grammar

R4 = definitions.load()
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'

characters = st.characters(codec="utf-8", exclude_characters="\ufffe\uffff") | st.sampled_from("\n\r\t\"'&<> é😀")
# Not those that no XML document holds; what becomes of them has its own test.
strings = st.text(characters.filter(lambda c: c >= " " or c in "\n\r\t"), min_size=1, max_size=12)
wholes = st.integers(-(2**31), 2**31 - 1)
spellings = st.from_regex(r"-?(0|[1-9][0-9]{0,20})\.[0-9]{1,20}([eE][+-]?[0-9]{1,2})?", fullmatch=True)
# 1.5e1 is Decimal("15"), which JSON, too, writes as a whole number.
decimals = wholes | spellings.map(Decimal).filter(lambda number: not str(number).lstrip("-").isdecimal())
narratives = st.sampled_from(
    ["x", " a<br/>b ", "&#160;&amp;\r\n", "<!-- c --><p  title='>'>é</p>", "<div><div/></div>"]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": wholes,
    "unsignedInt": st.integers(0, 2**31 - 1),
    "positiveInt": st.integers(1, 2**31 - 1),
    "decimal": decimals,
}


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    return resource(draw, draw(st.sampled_from(R4.resource_types)), 3)


def resource(draw: st.DrawFn, resource_type: str, depth: int) -> dict[str, Any]:
    return {"resourceType": resource_type, **fields(draw, resource_type, depth)}


def fields(draw: st.DrawFn, path: str, depth: int) -> dict[str, Any]:
    """Some fields of the object at a path, in any order; none only of a resource."""
    known = grammar(R4.structures, path)
    tree: dict[str, Any] = {name: draw(strings) for name in known.attributes if name == "url" or draw(st.booleans())}
    children = [child for name, child in known.fields.items() if name == child.name and (depth or child.read)]
    chosen = draw(st.lists(st.sampled_from(children), max_size=3, unique_by=lambda one: one.order)) if children else []
    for child in chosen:
        tree |= field(draw, path, child, depth - 1)
    if not tree and not R4.is_resource_type(path):
        tree["extension"] = [{"url": draw(strings)}]
    return dict(draw(st.permutations(list(tree.items()))))


def field(draw: st.DrawFn, path: str, child: Child, depth: int) -> dict[str, Any]:
    count = draw(st.integers(1, 3)) if child.many else 1
    if child.read is None:
        values = [value(draw, child, depth) for _ in range(count)]
        return {child.name: values if child.many else values[0]}
    kind = VALUES.get(type_of(path, child), strings)
    pairs = []
    for _ in range(count):
        extra = fields(draw, BESIDE, 1) if depth > 0 and draw(st.integers(0, 4)) == 0 else None
        pairs.append((None if extra and draw(st.booleans()) else draw(kind), extra))
    found = {}
    for name, column in zip((child.name, "_" + child.name), zip(*pairs, strict=True), strict=True):
        if any(one is not None for one in column):
            found[name] = list(column) if child.many else column[0]
    return found


def value(draw: st.DrawFn, child: Child, depth: int) -> Any:
    if not child.below:
        return DIV % draw(narratives)
    if child.below == RESOURCE:
        return resource(draw, draw(st.sampled_from(["Patient", "Observation", "Bundle", "Parameters"])), depth)
    return fields(draw, child.below, max(depth, 0))


def type_of(path: str, child: Child) -> str:
    for element in R4.structures[path.partition(".")[0]].children[path]:
        for one in element.types:
            if element.json_name(one) == child.name:
                return one.code
    raise AssertionError


def exactly(tree: Any) -> Any:
    """A value that is equal only for equal types and decimals of the same digits; keys in any order."""
    match tree:
        case dict():
            return {key: exactly(value) for key, value in tree.items()}
        case list():
            return [exactly(value) for value in tree]
        case Decimal():
            return tree.as_tuple()
        case _:
            assert not isinstance(tree, float)
            return type(tree), tree
