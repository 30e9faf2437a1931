"""resolve(): from a reference to the resource, within the tree or by asking outside.

https://hl7.org/fhir/R4/fhirpath.html#functions, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from typing import Any

from ..evaluation import LONG, Collection, Evaluation
from ..nodes import Node, add_named


def resolved(env: Evaluation, found: Collection) -> Collection:
    """The resources that References, and strings that are references, point to; those not found are left out."""
    targets: Collection = []
    for item in found:
        place = item if type(item) is Node else env.context
        value = item.value if type(item) is Node else item
        reference = value.get("reference") if type(value) is dict else value
        if type(reference) is str and (target := _target(env, place, reference)) is not None:
            targets.append(target)
    return targets


def _target(env: Evaluation, place: Node, reference: str) -> Node | None:
    if env.outside.locate is not None:
        return env.outside.locate(place, reference)
    if reference.startswith("#"):
        within = env.root if env.root is not None else place.root_resource()
        return within if reference == "#" else _contained(env, within).get(reference[1:])
    full_urls: dict[str, Node] | None = env.memory.get("entries")
    if full_urls is None:
        full_urls = env.memory["entries"] = _entries(env, env.context)
    own = _entry_of(place)
    base = ""
    if own is not None and own.value.get("fullUrl", "").startswith("http"):
        env.spend(len(own.value["fullUrl"]) // LONG)
        base = own.value["fullUrl"].rsplit("/", 2)[0] + "/"
    target = full_urls.get(reference) or full_urls.get(base + reference)
    if target is None and env.outside.resolve is not None:
        tree = env.outside.resolve(reference)
        shape = env.model.resource(tree) if tree is not None else None
        return Node(tree, None, shape) if shape is not None else None
    return target


def _contained(env: Evaluation, within: Node) -> dict[Any, Node]:
    """The contained resources of a resource by id, the first of several."""
    key = ("contained", id(within.value))
    if key not in env.memory:
        contained = _below(within, "contained")
        env.spend(len(contained))
        env.memory[key] = within, {one.value.get("id"): one for one in reversed(contained)}  # within: keeps its id
    found: dict[Any, Node] = env.memory[key][1]
    return found


def _entries(env: Evaluation, node: Node) -> dict[str, Node]:
    """The resources of the Bundle that a node stands in, by fullUrl."""
    while node.parent is not None:
        node = node.parent
    found: dict[str, Node] = {}
    if node.type_name == "Bundle":
        for entry in _below(node, "entry"):
            env.spend(1)
            url: Any = entry.value.get("fullUrl") if type(entry.value) is dict else None
            for resource in _below(entry, "resource"):
                if type(url) is str:
                    found.setdefault(url, resource)
    return found


def _entry_of(node: Node) -> Node | None:
    while node.parent is not None:
        if node.field is not None and node.field.name == "entry" and node.parent.type_name == "Bundle":
            return node
        node = node.parent
    return None


def _below(node: Node, name: str) -> Collection:
    found: Collection = []
    add_named(node, name, found)
    return found
