"""References, and what they point to. https://hl7.org/fhir/R4/search.html#reference"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from resources.definitions import SearchParameter

from .text import unescape
from .tokens import token_matches
from .values import DEFINED, Refused, Tree, Value, World, parameter

URLS = ("canonical", "uri", "url")


class Target(NamedTuple):
    """A resource of our own that a reference names."""

    resource_type: str
    logical_id: str
    version_id: str


def target(text: str, base_url: str) -> Target | None:
    """The resource here that the text names: [type]/[id], perhaps below our own base, perhaps a version of it."""
    literal = re.fullmatch(
        r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?", text.removeprefix(base_url + "/")
    )
    return Target(literal[1], literal[2], literal[3] or "") if literal else None


def has_reference(value: Value, defined: SearchParameter) -> bool:
    """MI-1: whether anything a reference search could match is there."""
    if value.type == "Reference":
        return bool(value.data.get("reference") or value.data.get("identifier"))
    return value.type in URLS or (isinstance(value.data, dict) and value.data.get("resourceType") in defined.targets)


def reference_matches(
    value: Value, modifier: str, wanted: str, defined: SearchParameter, world: World, container: Tree
) -> bool:
    """RF-1 … RF-6: by id, by type and id, by URL, by identifier, and along versions and parents."""
    if modifier == "identifier":
        identifier = value.data.get("identifier") if value.type == "Reference" else None
        return bool(identifier) and token_matches(Value("Identifier", identifier), "", wanted, world)
    text = unescape(wanted).removeprefix(world.base_url + "/")
    if modifier in ("below", "above"):
        if value.type in URLS:
            return modifier == "below" and _version_below(value.data, text)
        return _in_hierarchy(value, modifier, text, defined, world)
    if modifier and modifier not in defined.targets:
        raise Refused(f"{defined.code}:{modifier}")
    if value.type in URLS:
        return text in (value.data, value.data.partition("|")[0])
    found = pointed(value, defined, world)
    if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", text):
        types = (modifier,) if modifier else defined.targets
        return found is not None and found.logical_id == text and found.resource_type in types
    sought = target(text, world.base_url)
    if sought is None:
        return value.type == "Reference" and value.data.get("reference") == text
    if modifier and sought.resource_type != modifier:
        raise Refused(f"{defined.code}:{modifier}={text}")
    return found is not None and sought[:2] == found[:2] and sought.version_id in ("", found.version_id)


def pointed(value: Value, defined: SearchParameter, world: World) -> Target | None:
    """The resource of our own that a stored value points to."""
    if value.type == "Reference":
        return target(value.data.get("reference", ""), world.base_url)
    if isinstance(value.data, dict) and value.data.get("resourceType") in defined.targets:  # Bundle.entry.resource
        return Target(value.data["resourceType"], value.data.get("id", ""), "")
    return None


def resolved(value: Value, defined: SearchParameter, world: World, container: Tree) -> Iterator[tuple[Tree, Tree]]:
    """The resources that a chain goes on in, each with its container (CH-4, CH-5)."""
    if isinstance(value.data, dict) and "resourceType" in value.data:
        if value.data["resourceType"] in defined.targets:
            yield value.data, value.data
    elif value.type == "Reference":
        text = value.data.get("reference", "")
        for inside in container.get("contained", ()):
            if text == f"#{inside.get('id')}":
                yield inside, container
        found = pointed(value, defined, world)
        tree = found and world.get(found.resource_type, found.logical_id)
        if tree:
            yield tree, tree


def _version_below(stored: str, text: str) -> bool:
    """RF-5: url|1 finds versions 1, 1.0 and 1.1."""
    url, _, version = text.partition("|")
    stored_url, _, stored_version = stored.partition("|")
    return url == stored_url and (not version or f"{stored_version}.".startswith(f"{version}."))


# Resource type → the parameter that names the parent of a resource of the type.
PARENTS = {"Location": "partof", "Organization": "partof"}


def _in_hierarchy(value: Value, relation: str, text: str, defined: SearchParameter, world: World) -> bool:
    """RF-4: the target is the resource, or below or above it by its type's parent."""
    sought = [text] if target(text, world.base_url) else [f"{one}/{text}" for one in defined.targets if one in PARENTS]
    found = _node(value, defined, world)
    if relation == "below":
        return any(one in _above(found, world) for one in sought)
    return any(found in _above(one, world) for one in sought)


def _node(value: Value, defined: SearchParameter, world: World) -> str:
    """What a reference points to, by one name: [type]/[id] here, or the URL of what is elsewhere."""
    found = pointed(value, defined, world)
    return f"{found.resource_type}/{found.logical_id}" if found else str(value.data.get("reference", ""))


def _above(name: str, world: World) -> list[str]:
    """The resource and all above it; cycles end."""
    names = [name]
    for one in names:
        here = target(one, world.base_url)
        tree = world.get(here.resource_type, here.logical_id) if here else None
        if tree and tree["resourceType"] in PARENTS:
            defined = parameter(tree["resourceType"], PARENTS[tree["resourceType"]])
            above = [_node(value, defined, world) for value in world.values(tree, defined)]
            names += [one for one in above if one and not one.startswith("#") and one not in names]
    return names


def compartment_codes(compartment: str, resource_type: str) -> tuple[str, ...]:
    return tuple(DEFINED.compartments[compartment].get(resource_type, ()))
