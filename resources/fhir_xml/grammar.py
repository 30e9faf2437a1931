"""What may stand where in the XML of a resource, made from the definitions and kept.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Struct

from ..elements import Element, Structure, TypeRef
from ..exact import DIGITS, TooManyDigits, number
from ..paths import step

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"
RESOURCE: Final = "Resource"  # below an element that holds a whole resource: Bundle.entry.resource
BESIDE: Final = "Element"  # below a primitive: its extensions

Structures = Mapping[str, Structure]

_INLINE: Final = frozenset({"BackboneElement", "Element"})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_SIGNED: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


class Child(Struct, frozen=True):
    """An element as it stands in another one, with one of its types."""

    name: str  # in JSON and in XML: "valueQuantity"
    order: int  # its place in the definition; the types of a choice share one
    many: bool
    read: Callable[[str], object] | None  # of a primitive: its value in JSON; None for all else
    below: (
        str  # whose children it has: "HumanName", "Patient.contact", RESOURCE, BESIDE; "" for the XHTML of a narrative
    )
    element: str  # its step in FHIRPath: "value"


class Grammar(Struct, frozen=True):
    """What the element at a path may hold."""

    path: str  # "Patient", "Patient.contact", "HumanName"
    attributes: tuple[str, ...]  # "id" of all but resources; "url" of an extension
    elements: Mapping[str, Child]  # by namespace and name, as the parser joins them: "http://hl7.org/fhir name"
    fields: Mapping[str, Child]  # by name in JSON, `_name` included
    order: Mapping[str, int]  # of every name there can be in JSON; -1 for what is no element in XML
    choices: Mapping[str, tuple[str, ...]]  # "value" → "valueQuantity", "valueString" …


@lru_cache(maxsize=2048)  # R4 has some 900
def grammar(structures: Structures, path: str) -> Grammar:
    """The grammar of a type or of an element that is defined inside one; that of RESOURCE is empty."""
    structure = structures[path.partition(".")[0]]
    is_resource = structure.kind == "resource" and path == structure.name
    attributes, children = [], []
    choices: dict[str, tuple[str, ...]] = {}
    for order, element in enumerate(structure.children[path] if path != RESOURCE else ()):
        if (element.name == "id" and not is_resource) or element.path == "Extension.url":
            attributes.append(element.name)
            continue
        if element.choice:
            choices[element.name] = tuple(map(element.json_name, element.types))
        children += _children(structures, element, order)
    fields = {name: child for child in children for name in _names(child)}
    order_of = {name: child.order for name, child in fields.items()}
    order_of |= dict.fromkeys(("resourceType",) if is_resource else attributes, -1)
    elements = {f"{FHIR if child.below else XHTML} {child.name}": child for child in children}
    return Grammar(path, tuple(attributes), elements, fields, order_of, choices)


def _children(structures: Structures, element: Element, order: int) -> list[Child]:
    if element.content:
        return [Child(element.name, order, element.many, None, element.content, step(element.name))]
    return [_child(structures, element, one, order) for one in element.types]


def _child(structures: Structures, element: Element, one: TypeRef, order: int) -> Child:
    name = element.json_name(one)
    if one.code == "xhtml":
        return Child(name, order, element.many, None, "", step(element.name))
    if structures[one.code].kind == "primitive-type":
        return Child(name, order, element.many, _READ.get(one.code, str), BESIDE, step(element.name))
    below = element.path if one.code in _INLINE else one.code
    return Child(name, order, element.many, None, below, step(element.name))


def _names(child: Child) -> tuple[str, ...]:
    return (child.name, "_" + child.name) if child.read else (child.name,)


# Text that is not of its lexical type stays text: the validator refuses a string there as it does in JSON.


def _boolean(text: str) -> bool | str:
    return text == "true" if text in ("true", "false") else text


def _whole(shape: re.Pattern[str]) -> Callable[[str], int | str]:
    def read(text: str) -> int | str:
        if not shape.fullmatch(text):
            return text
        if len(text.lstrip("+-")) > DIGITS:
            raise TooManyDigits
        return int(text)

    return read


_integer: Final = _whole(_INTEGER)


def _decimal(text: str) -> Decimal | int | str:
    """With every digit; a number without point and exponent is an int, as in JSON."""
    if not _DECIMAL.fullmatch(text):
        return text
    return number(text) if "." in text or "e" in text or "E" in text else _integer(text)


_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "boolean": _boolean,
    "integer": _integer,
    "unsignedInt": _integer,
    "positiveInt": _whole(_SIGNED),  # its official pattern has a plus
    "decimal": _decimal,
}
