"""Values of elements in a FHIRPath Patch: what a part of the Parameters stands for, and the parts that stand for a value.

Data types that Parameters.value[x] has go as they are; of anything else (a BackboneElement, an Extension, a Narrative)
each child is a part of its own. https://hl7.org/fhir/R4/fhirpatch.html#anonymous
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..definitions import Definitions, Element, TypeRef, load
from ..outcome import BadRequest
from ..validation.primitives import NUMBERS, quoted
from .limits import copied
from .lists import Pair, append, pairs_of

_VALUE: Final = "Parameters.parameter.value[x]"


class Value(NamedTuple):
    """What stands for an element in the JSON of its parent."""

    name: str  # in JSON: "valueQuantity"
    pair: Pair  # what stands under the name, and of a primitive what stands under _name


@cache
def types_of_values() -> Mapping[str, str]:
    """ "valueString" → "string", of all that a parameter may hold."""
    element = load().structures["Parameters"].elements[_VALUE]
    return MappingProxyType({element.json_name(one): one.code for one in element.types})


def is_primitive(definitions: Definitions, code: str) -> bool:
    return definitions.structures[code].kind == "primitive-type"


def content_path(element: Element, one: TypeRef) -> str:
    """Where the children of the element are defined when it has this type: "Patient.contact", "HumanName"."""
    return element.path if one.code in ("BackboneElement", "Element") else one.code


def children(definitions: Definitions, path: str) -> tuple[Element, ...]:
    """The elements below a type ("HumanName") or an element of one ("Patient.contact")."""
    return definitions.structures[path.partition(".")[0]].children.get(path, ())


def named(definitions: Definitions, path: str, name: str) -> tuple[Element, TypeRef | None]:
    """The element below path with that name; its type too if the name says it, as "deceasedBoolean" does.

    Raises BadRequest (400) where there is none."""
    plain = name.removesuffix("[x]")
    for element in children(definitions, path):
        if element.path == f"{path}.value" and "." not in path and is_primitive(definitions, path):
            continue  # the value of a primitive is the element itself
        if element.name == plain:
            return element, element.types[0] if len(element.types) == 1 else None
        for one in element.types if element.choice else ():
            if element.json_name(one) == name:
                return element, one
    raise BadRequest(f"{quoted(name)} is not an element of {path}", code="structure")


# from parts to values


def read(definitions: Definitions, element: Element, stated: TypeRef | None, part: dict[str, Any]) -> Value:
    """The value of a part for the element. stated: the type that is known already. Raises BadRequest (400)."""
    types = types_of_values()
    given = {name.removeprefix("_") for name in part if name.startswith(("value", "_value"))}
    forms = [*sorted(given), *(name for name in ("part", "resource") if name in part)]
    if len(forms) != 1:
        raise BadRequest("a value is one value[x], or parts, or a resource" + (", not several" if forms else ""))
    [form] = forms
    if form == "resource":
        if "Resource" not in (one.code for one in element.types):
            raise BadRequest(f"{element.path} is no resource", code="value")
        return Value(element.name, Pair(copied(part["resource"]), None))
    if form == "part":
        return _read_parts(definitions, element, stated, part["part"])
    if form not in types:
        raise BadRequest(f"{quoted(form)} is no value of a parameter", code="structure")
    code = types[form]
    if element.content:
        raise BadRequest(f"{element.path} is given by its parts, not as {code}", code="value")
    possible = (stated,) if stated else element.types
    fitting = [one for one in possible if one.code == code] or [
        one for one in possible if _fits(definitions, code, one.code)
    ]
    if len(fitting) != 1:
        wanted = " or ".join(one.code for one in possible)
        raise BadRequest(f"{element.path} is of type {wanted}, not {code}", code="value")
    [one] = fitting
    pair = Pair(copied(part.get(form)), copied(part.get("_" + form)))
    if pair == Pair(None, None):
        raise BadRequest(f"{form} is null", code="value")
    return Value(element.json_name(one), pair)


def _fits(definitions: Definitions, given: str, wanted: str) -> bool:
    """Whether a value of one primitive type may stand for another: one derived from the other, a string for any text."""
    if not (is_primitive(definitions, given) and is_primitive(definitions, wanted)):
        return False
    if given == "string":
        return wanted not in NUMBERS
    structures = definitions.structures
    return structures[given].base == wanted or structures[wanted].base == given


def _read_parts(definitions: Definitions, element: Element, stated: TypeRef | None, parts: Any) -> Value:
    if element.content:
        return Value(element.name, Pair(_read_object(definitions, element.content, parts), None))
    one = stated or (element.types[0] if len(element.types) == 1 else None)
    if one is None or one.code == "Resource" or is_primitive(definitions, one.code):
        raise BadRequest(f"{element.path} cannot be given by parts", code="structure")
    return Value(element.json_name(one), Pair(_read_object(definitions, content_path(element, one), parts), None))


def _read_object(definitions: Definitions, path: str, parts: Any) -> dict[str, Any]:
    if not isinstance(parts, list):
        raise BadRequest("parts are an array", code="structure")
    made: dict[str, Any] = {}
    seen: set[str] = set()
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str):
            raise BadRequest("a part has no name", code="required")
        element, stated = named(definitions, path, name)
        value = read(definitions, element, stated, part)
        if element.path in seen and not element.many:
            raise BadRequest(f"{element.path} is given twice", code="structure")
        seen.add(element.path)
        if element.many:
            append(made, value.name, value.pair)
        else:
            value.pair.put(made, value.name)
    return made


# from values to parts


def write(definitions: Definitions, element: Element, one: TypeRef | None, pair: Pair) -> dict[str, Any]:
    """The members of a part that stands for the value of an element, without its name. one: None for a content path."""
    if one is not None and one.code == "Resource":
        return {"resource": copied(pair.value)}
    code = "" if one is None else "string" if one.code == "xhtml" else one.code
    name = "value" + code[:1].upper() + code[1:]
    if one is not None and name in types_of_values():
        made: dict[str, Any] = {}
        Pair(copied(pair.value), copied(pair.extra)).put(made, name)
        return made
    path = element.content or content_path(element, one or element.types[0])
    return {"part": _write_object(definitions, path, pair.value)}


def _write_object(definitions: Definitions, path: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": element.name, **write(definitions, element, one, pair)}
        for element in children(definitions, path)
        for name, one in spellings(element)
        for pair in pairs_of(value, name, element.many)
    ]


def spellings(element: Element) -> list[tuple[str, TypeRef | None]]:
    """The names an element can have in JSON, each with its type; None where its content is that of another element."""
    return [(element.name, None)] if element.content else [(element.json_name(one), one) for one in element.types]
