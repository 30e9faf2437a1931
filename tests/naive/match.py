"""Whether a resource meets a criterion: the clauses of a search, chains and reverse chains, scopes.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from resources.definitions import SearchParameter

from .quantities import UNITS, amounts, quantity_matches
from .ranges import date_matches, dates, number_matches
from .references import compartment_codes, has_reference, pointed, reference_matches, resolved
from .text import plain, split, string_matches, texts, unescape
from .tokens import has_token, token_matches
from .values import DEFINED, Refused, Tree, Value, World, evaluated, parameter, parts, rewritten, value_of

URIS = ("uri", "url", "canonical", "oid", "uuid")


def matches(resource: Tree, name: str, value: str, world: World, container: Tree | None = None) -> bool:
    """Whether the resource meets one criterion, given as it stands in a query string, percent-decoded.

    container: of a contained resource. Commas are OR (SE-14); a repeated parameter is several criteria."""
    container = container or resource
    if name.startswith("_has:"):
        return _reverse(resource, name, value, world)
    if name == "_list":
        return any(_listed(resource, one, world) for one in split(value, ","))
    if name == "_filter":
        from .filter import meets_filter  # which matches single criteria by this module

        return meets_filter(resource, value, world)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if dot:
        return _chain(resource, code, modifier, rest, value, world, container)
    return _clause(resource, parameter(resource["resourceType"], code), modifier, value, world, container)


def _clause(resource: Tree, defined: SearchParameter, modifier: str, value: str, world: World, container: Tree) -> bool:
    alternatives = [one for one in split(value, ",") if one]
    if defined.code == "_id":
        if modifier == "missing":
            return value == "false"
        return (modifier == "not") is not (resource["id"] in map(unescape, alternatives))
    if defined.type == "composite":
        if modifier:
            raise Refused("composites have no modifiers")
        return any(_composite(resource, defined, one, world, container) for one in alternatives)
    found = world.values(resource, defined, container)
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Refused(f"{defined.code}:missing={value}")
        return any(has_value(defined, one) for one in found) is (value == "false")
    if modifier in ("not", "not-in"):  # TK-3, TK-6: over all values
        positive = "" if modifier == "not" else "in"
        return not any(
            value_matches(defined, v, positive, one, world, resource, container) for v in found for one in alternatives
        )
    return any(
        value_matches(defined, v, modifier, one, world, resource, container) for v in found for one in alternatives
    )


def has_value(defined: SearchParameter, value: Value) -> bool:
    """MI-1: whether it is a value that the parameter could match."""
    tests: dict[str, Callable[[Value], bool]] = {
        "token": has_token,
        "reference": lambda one: has_reference(one, defined),
        "string": lambda one: any(texts(one)),
        "date": lambda one: any(dates(one)),
        "number": lambda one: any(amounts(one)) or one.type in ("decimal", "integer", "positiveInt", "unsignedInt"),
        "quantity": lambda one: any(amounts(one)),
        "uri": lambda one: one.type in URIS,
        "special": lambda one: "latitude" in one.data and "longitude" in one.data,
    }
    return tests[defined.type](value)


def value_matches(
    defined: SearchParameter, value: Value, modifier: str, wanted: str, world: World, resource: Tree, container: Tree
) -> bool:
    """Whether one value of the resource meets one alternative of the criterion."""
    match defined.type:
        case "token":
            return token_matches(value, modifier, wanted, world)
        case "string":
            return string_matches(value, modifier, wanted)
        case "reference":
            return reference_matches(value, modifier, wanted, defined, world, container)
        case "uri":
            return value.type in URIS and _uri(value.data, modifier, wanted, defined, resource)
    if modifier:
        raise Refused(f"{defined.code}:{modifier}")
    match defined.type:
        case "date":
            return date_matches(value, unescape(wanted), world.now)
        case "number":
            return number_matches(value, unescape(wanted))
        case "quantity":
            return quantity_matches(value, wanted)
    return near(value, wanted)


def _uri(stored: str, modifier: str, wanted: str, defined: SearchParameter, resource: Tree) -> bool:
    """UI-1, UI-2."""
    if modifier in ("below", "above"):
        text = unescape(wanted)
        if text.startswith("urn:"):
            raise Refused(f":{modifier} on a urn")
        return stored.startswith(text) if modifier == "below" else text.startswith(stored)
    if modifier:
        raise Refused(f"{defined.code}:{modifier}")
    url, *version = [unescape(part) for part in split(wanted, "|")]
    if defined.code == "url" and version:
        return stored == url and resource.get("version") == version[0]
    return stored == unescape(wanted)


def near(value: Value, wanted: str) -> bool:
    """SP-1: great circle by the haversine formula on a sphere of the earth's mean radius."""
    position = value.data
    if "latitude" not in position or "longitude" not in position:
        return False
    latitude, longitude, distance, *unit = split(wanted, "|")
    metres = float(distance) * float(UNITS[unit[0] if unit and unit[0] else "km"][1])
    return distance_between(position, float(latitude), float(longitude)) <= metres


def distance_between(position: Tree, latitude: float, longitude: float) -> float:
    a, b = math.radians(float(position["latitude"])), math.radians(latitude)
    across = math.radians(float(position["longitude"]) - longitude)
    h = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(min(h, 1)))


def _composite(resource: Tree, defined: SearchParameter, wanted: str, world: World, container: Tree) -> bool:
    """CP-1, CP-2: all parts hold in the same repetition of the base."""
    sought = split(wanted, "$")
    if len(sought) != len(defined.components):
        raise Refused(f"{defined.code}={wanted} has not {len(defined.components)} parts")
    return any(
        all(
            any(value_matches(part, one, "", text, world, resource, container) for one in found)
            for (part, found), text in zip(repetition, sought, strict=True)
        )
        for repetition in repetitions(resource, defined, world)
    )


def repetitions(
    resource: Tree, defined: SearchParameter, world: World
) -> Iterator[list[tuple[SearchParameter, list[Value]]]]:
    """For every repetition of a composite's base the values of each part."""
    components = [(_by_url(url), expression) for url, expression in defined.components]
    if resource["resourceType"] == "DocumentReference" and defined.code == "relationship":  # they are swapped there
        (first, code), (second, target) = components
        components = [(first, target), (second, code)]
    for base, _ in world.nodes(resource, defined.expression or ""):
        yield [(part, list(_values(base, expression, resource))) for part, expression in components]


def _values(base: object, expression: str, resource: Tree) -> Iterator[Value]:
    for part in parts(expression):
        for node in evaluated(rewritten(part, "")[0])([base], {"resource": resource}):
            if value := value_of(node):
                yield value


def _by_url(url: str) -> SearchParameter:
    return next(one for one in DEFINED.search_parameters if one.url == url)


def _chain(resource: Tree, code: str, target_type: str, rest: str, value: str, world: World, container: Tree) -> bool:
    """CH-1 … CH-5."""
    defined = parameter(resource["resourceType"], code)
    if target_type and target_type not in defined.targets:
        raise Refused(f"{code}:{target_type}")
    first = rest.split(".")[0].split(":")[0]
    types = [target_type] if target_type else [one for one in defined.targets if _has_parameter(one, first)]
    if not types:
        raise Refused(f"{code}.{rest}")
    return any(
        tree["resourceType"] in types and matches(tree, rest, value, world, inside)
        for found in world.values(resource, defined, container)
        for tree, inside in resolved(found, defined, world, container)
    )


def _has_parameter(resource_type: str, code: str) -> bool:
    return code in DEFINED.parameters_of(resource_type) or code in ("_has", "_list")


def _reverse(resource: Tree, name: str, value: str, world: World) -> bool:
    """HA-1, HA-2: _has:Type:reference:criterion."""
    _, resource_type, code, rest = name.split(":", 3)
    defined = parameter(resource_type, code)
    if resource["resourceType"] not in defined.targets:
        raise Refused(f"{name}: {resource_type}.{code} does not point to {resource['resourceType']}")
    return any(
        matches(one, rest, value, world)
        for one in world.of_type(resource_type)
        if any(_points_to(found, defined, resource, world) for found in world.values(one, defined))
    )


def _points_to(value: Value, defined: SearchParameter, resource: Tree, world: World) -> bool:
    found = pointed(value, defined, world)
    return found is not None and found[:2] == (resource["resourceType"], resource.get("id"))


def _listed(resource: Tree, logical_id: str, world: World) -> bool:
    """LI-1: entries that are not marked deleted."""
    found = world.get("List", logical_id)
    items = [entry.get("item", {}) for entry in (found or {}).get("entry", ()) if not entry.get("deleted")]
    defined = parameter("List", "item")
    return any(_points_to(Value("Reference", item), defined, resource, world) for item in items)


def inside(resource: Tree, compartment: str, logical_id: str, world: World) -> bool:
    """CM-1: whether the resource is in the compartment of that resource."""
    if (resource["resourceType"], resource.get("id")) == (compartment, logical_id):
        return True
    for code in compartment_codes(compartment, resource["resourceType"]):
        if code != "{def}":
            defined = parameter(resource["resourceType"], code)
            for value in world.values(resource, defined):
                found = pointed(value, defined, world)
                if found and found[:2] == (compartment, logical_id):
                    return True
    return False


__all__ = ["distance_between", "has_value", "inside", "matches", "near", "plain", "repetitions", "value_matches"]
