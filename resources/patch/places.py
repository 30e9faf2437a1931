"""Where a FHIRPath Patch acts: from a path to the elements it selects, and what can be done to an element in its tree.

A plain path (Patient.contact[0].telecom) is walked here, so that ten thousand operations on a long list stay quick; any
other is evaluated. https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from ..definitions import Definitions
from ..fhirpath import compile
from ..fhirpath.lexer import LONGEST
from ..fhirpath.nodes import Field, Node, add_named, model, root
from ..outcome import BadRequest
from . import lists
from .lists import Pair

_STEP: Final = re.compile(
    r"(?:\A|\.)(?:([A-Za-z][A-Za-z0-9]*)|`([A-Za-z][A-Za-z0-9]*)`)(?:\[([0-9]{1,9})\])?", re.ASCII
)
_LAST: Final = re.compile(r"(.+)\.`?([A-Za-z][A-Za-z0-9]*)`?", re.ASCII | re.DOTALL)


def find(definitions: Definitions, tree: dict[str, Any], path: str) -> list[Node]:
    """The elements that the path selects, those of the tree itself and not copies.

    Raises BadRequest (400): no FHIRPath, an element that the type has not, a value that is no element. TooCostly (403)"""
    start = root(definitions, tree)
    steps = _plain(start, path)
    if steps is not None:
        return _walk(definitions, start, steps)
    nodes = compile(path).nodes(definitions, tree)
    if any(node.parent is None and node.value is not tree for node in nodes):
        raise BadRequest("the path gives a value that is no element of the resource")
    return nodes


def collection(definitions: Definitions, tree: dict[str, Any], path: str) -> tuple[Node, Field]:
    """The element that holds the list which the path selects as a whole, and which of its members the list is.

    Raises BadRequest (400): the path selects no list, or not all of one, or parts of several."""
    start = root(definitions, tree)
    steps = _plain(start, path)
    if steps and steps[-1][1] is None:
        holders = _walk(definitions, start, steps[:-1])
        fields = holders[0].shape.by_name.get(steps[-1][0], ()) if len(holders) == 1 else ()
        if fields and fields[0].many:
            return holders[0], fields[0]  # without looking at what may be a long list
    found = find(definitions, tree, path)
    if not found:
        # An empty list is not in the tree; what would hold it is.
        last = _LAST.fullmatch(path)
        holders = find(definitions, tree, last[1]) if last else []
        if last is None or len(holders) != 1 or len(holders[0].shape.by_name.get(last[2], ())) != 1:
            raise BadRequest("the path selects nothing")
        holder, [field] = holders[0], holders[0].shape.by_name[last[2]]
    elif found[0].parent is None or found[0].field is None:
        raise BadRequest("the path selects the resource, which is no list")
    else:
        holder, field = found[0].parent, found[0].field
    if not field.many:
        raise BadRequest("the path selects an element that does not repeat, so it is no list")
    if any(one.owner is not found[0].owner or one.field is not found[0].field for one in found):
        raise BadRequest("the path selects items of several lists")
    if found and len(found) != lists.length_of(members(holder), field.json):
        raise BadRequest("the path selects some items of a list and not the whole of it")
    return holder, field


def members(node: Node) -> dict[str, Any]:
    """The object with the members of an element, made if it is a primitive that had none."""
    if node.members is not None:
        return node.members
    if node.shape.is_complex or node.owner is None or node.field is None:
        raise BadRequest("the path selects something that can have no members")
    made: dict[str, Any] = {}
    put(node, Pair(node.value, made))
    node.element = made
    return made


def depth(node: Node) -> int:
    """How many objects and arrays the members of the element lie in, its own object included."""
    count, at = 1, node
    while at.parent is not None:
        count += 1 if at.index is None else 2
        at = at.parent
    return count


def put(node: Node, pair: Pair) -> None:
    """Makes the pair what stands at the element's place."""
    assert node.owner is not None
    assert node.name is not None
    if node.index is None:
        pair.put(node.owner, node.name)
    else:
        lists.replace(node.owner, node.name, node.index, pair)


def remove(node: Node | None) -> None:
    """Takes an element out, and what holds it if nothing is left in that."""
    while node is not None and node.owner is not None and node.name is not None:
        if node.index is None:
            Pair(None, None).put(node.owner, node.name)
        else:
            lists.delete(node.owner, node.name, node.index)
        node = _emptied(node.parent)


def _emptied(node: Node | None) -> Node | None:
    """The element if it has nothing left in it; a primitive may still have its value."""
    if node is None or node.members != {}:
        return None
    if not node.shape.is_complex and node.value is not None:
        put(node, Pair(node.value, None))
        return None
    return node


Steps = list[tuple[str, int | None]]  # names, each perhaps with an index


def _plain(start: Node, path: str) -> Steps | None:
    """The steps of a plain path below the resource; None of any other path."""
    if len(path) > LONGEST:
        return None
    steps: Steps = []
    end = 0
    for step in _STEP.finditer(path):
        if step.start() != end:
            return None
        steps.append((step[1] or step[2], None if step[3] is None else int(step[3])))
        end = step.end()
    if not steps or end != len(path):
        return None
    first, index = steps[0]
    if not first[0].isupper():
        return steps
    if first not in start.shape.lineage:
        raise BadRequest(f"{first[:80]!r} is not the type of what is patched, {start.type_name}", code="structure")
    return steps[1:] if index is None else None


def _walk(definitions: Definitions, start: Node, steps: Steps) -> list[Node]:
    nodes, shapes = [start], {start.shape}
    for name, index in steps:
        fields = [field for shape in shapes for field in shape.by_name.get(name, ())]
        if shapes and not fields:
            raise BadRequest(
                f"{name[:80]!r} is not an element of {min(shape.path for shape in shapes)}", code="structure"
            )
        nodes = _children(nodes, name) if index is None else _item(definitions, nodes, name, index)
        # What would be there, where nothing is; of a resource nobody knows.
        shapes = {node.shape for node in nodes} or {field.shape for field in fields if field.shape}
    return nodes


def _children(nodes: list[Node], name: str) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        add_named(node, name, found)
    return found


def _item(definitions: Definitions, nodes: list[Node], name: str, index: int) -> list[Node]:
    """What an index selects of the children of that name; of a long list without looking at the rest of it."""
    fields = nodes[0].shape.by_name.get(name, ()) if len(nodes) == 1 else ()
    held = nodes[0].members if nodes else None
    if len(fields) == 1 and fields[0].many and held is not None:
        [field] = fields
        pair = lists.item(held, field.json, index)
        shape = field.shape or model(definitions).resource(pair.value)
        if shape is not None and (pair.value is not None or pair.extra is not None):
            return [Node(pair.value, pair.extra, shape, held, field, index, nodes[0])]
        return []
    return _children(nodes, name)[index : index + 1]
