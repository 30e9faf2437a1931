"""Light JSON Schemas of the resource types and data types, computed from the definitions. Pure.

They show an integrator what elements there are, of which type and how often; what else must hold (choices, invariants,
elements inside elements) the server says when it validates. https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from resources.definitions import Definitions
from resources.elements import Element, Structure

_OPEN: Final = {"type": "object"}
_MOST_CODES: Final = 40  # of a value set that is listed
_JSON_TYPES: Final = {"boolean": "boolean", "decimal": "number"} | dict.fromkeys(
    ("integer", "positiveInt", "unsignedInt"), "integer"
)
_LOWEST: Final = {"positiveInt": 1, "unsignedInt": 0, "integer": -(2**31)}
_ANY_RESOURCE: Final = "Resource"
_NOT_EMPTY: Final = r"[ \r\n\t\S]+"  # the official pattern of a text, which in some languages leaves out blanks
_EXAMPLES: Final = {
    "date": "2024-02-29",
    "dateTime": "2024-02-29T10:00:00Z",
    "instant": "2024-02-29T10:00:00.000Z",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">text</div>',
}


def schemas(definitions: Definitions) -> dict[str, dict[str, Any]]:
    """By name: every resource type, every data type, and Resource, which is any of the first."""
    made: dict[str, dict[str, Any]] = {}
    for name in definitions.structures:
        structure = definitions.structures[name]
        if structure.kind == "primitive-type":
            made[name] = _primitive(structure)
        elif name == _ANY_RESOURCE:
            one_of = {"type": "string", "enum": list(definitions.resource_types)}
            made[name] = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": one_of}}
        elif not structure.abstract:
            made[name] = _complex(definitions, structure)
    return made


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _primitive(structure: Structure) -> dict[str, Any]:
    name = structure.name
    schema: dict[str, Any] = {"type": _JSON_TYPES.get(name, "string")}
    if name in _LOWEST:
        schema |= {"minimum": _LOWEST[name], "maximum": 2**31 - 1}
    elif structure.pattern == _NOT_EMPTY:
        schema["minLength"] = 1
    elif structure.pattern and name not in _JSON_TYPES:
        schema["pattern"] = f"^(?:{structure.pattern})$"
    if name in _EXAMPLES:
        schema["examples"] = [_EXAMPLES[name]]
    return schema


def _complex(definitions: Definitions, structure: Structure) -> dict[str, Any]:
    resource = structure.kind == "resource"
    properties: dict[str, Any] = {"resourceType": {"const": structure.name}} if resource else {}
    required = ["resourceType"] if resource else []
    for element in structure.children.get(structure.name, ()):
        for name, schema in _of_element(definitions, element, shallow=not resource):
            properties[name] = {"type": "array", "items": schema, "minItems": 1} if element.many else schema
        if element.minimum and not element.choice:
            required.append(element.name)
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return made | ({"required": required} if required else {})


def _of_element(definitions: Definitions, element: Element, *, shallow: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON name and schema of an element; of a choice one of each type. shallow: what has elements is any object."""
    for type_ in element.types:
        structure = definitions.structures.get(type_.code)
        name = element.name + (type_.code[0].upper() + type_.code[1:] if element.choice else "")
        if structure is None or (structure.kind != "primitive-type" and (shallow or structure.abstract)):
            resource = structure is not None and structure.name == _ANY_RESOURCE
            yield name, _ref(_ANY_RESOURCE) if resource and not shallow else _OPEN
        elif codes := _codes(definitions, element):
            yield name, {"type": "string", "enum": codes}
        else:
            yield name, _ref(structure.name)


def _codes(definitions: Definitions, element: Element) -> list[str]:
    """The codes of an element that must have one of them, where they are not too many."""
    systems = definitions.codes(element.binding) if element.binding else None
    codes = sorted({code for of_system in (systems or {}).values() for code in of_system})
    return codes if len(codes) <= _MOST_CODES and [one.code for one in element.types] == ["code"] else []
