"""FHIRPath Patch: a Parameters resource whose operations add, insert, delete, replace and move elements, in order.

https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from ..definitions import Definitions
from ..fhirpath.nodes import Node
from ..outcome import BadRequest, TooLarge
from ..validation.primitives import quoted
from . import lists
from .limits import MOST_OPERATIONS, Clock, copied, refuse_depth
from .lists import Pair
from .places import collection, depth, find, members, put, remove
from .values import Value, named, read, spellings

BESIDE: Final = frozenset(("from", "to"))  # parameters beside the operations: what an answer of $diff says of itself


class Operation(Struct, frozen=True):
    """One operation as it was sent."""

    parts: dict[str, Any]  # by name: the text or number of a part; of `value` the part itself

    def text(self, name: str) -> str:
        found = self.parts[name]
        if not isinstance(found, str) or not found:
            raise BadRequest(f"{name} is no text", code="value")
        return found

    def index(self, name: str, most: int) -> int:
        """A list index from 0 to most."""
        found = self.parts[name]
        if type(found) is not int:
            raise BadRequest(f"{name} is no whole number", code="value")
        if not 0 <= found <= most:
            raise BadRequest(f"{name} is {quoted(found)}, and must be from 0 to {most}", code="value")
        return found


def apply(definitions: Definitions, tree: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The tree that the operations make, each done on what the one before it made; the tree stays as it is.

    Raises BadRequest (400: what cannot be done, by number of the parameter from 0 and path), TooLarge (413), TooCostly (403)."""
    given = patch.get("parameter", [])
    if not isinstance(given, list):
        raise BadRequest("Parameters.parameter is an array.", code="structure", expression=["Parameters.parameter"])
    if len(given) > MOST_OPERATIONS:
        raise TooLarge(f"The patch has {len(given)} operations; {MOST_OPERATIONS} are the most.")
    after: dict[str, Any] = copied(tree)
    clock = Clock("The patch")
    for number, parameter in enumerate(given):
        said = ""
        clock.check()
        try:
            operation = _read(parameter)
            if operation is None:
                continue
            said = f" ({operation.parts['type']}, {quoted(operation.text('path'))})"
            act, _, _ = _ACTS[operation.parts["type"]]
            act(definitions, after, operation)
        except BadRequest as error:
            text = f"Operation {number} of the patch{said}: {str(error).rstrip('.')}."
            at = [f"Parameters.parameter[{number}]"]
            raise BadRequest(text, code=error.issues[0].code, expression=at) from None
    return after


def _add(definitions: Definitions, tree: dict[str, Any], operation: Operation) -> None:
    node = _one(find(definitions, tree, operation.text("path")))
    element, stated = named(definitions, node.shape.path, operation.text("name"))
    value = read(definitions, element, stated, operation.parts["value"])
    _refuse_depth(value, depth(node) + element.many)
    owner = members(node)
    if element.many:
        lists.append(owner, value.name, value.pair)
    elif any(key in owner for name, _ in spellings(element) for key in (name, "_" + name)):
        raise BadRequest(f"{element.path} is there already, and does not repeat; replace it", code="duplicate")
    else:
        value.pair.put(owner, value.name)


def _insert(definitions: Definitions, tree: dict[str, Any], operation: Operation) -> None:
    holder, field = collection(definitions, tree, operation.text("path"))
    element, stated = named(definitions, holder.shape.path, field.name)
    value = read(definitions, element, stated, operation.parts["value"])
    _refuse_depth(value, depth(holder) + 1)
    owner = members(holder)
    lists.insert(owner, field.json, operation.index("index", lists.length_of(owner, field.json)), value.pair)


def _delete(definitions: Definitions, tree: dict[str, Any], operation: Operation) -> None:
    found = find(definitions, tree, operation.text("path"))
    if len(found) > 1:
        raise BadRequest(f"the path selects {len(found)} elements, and only one can be deleted")
    for node in found:
        _refuse_root(node)
        remove(node)


def _replace(definitions: Definitions, tree: dict[str, Any], operation: Operation) -> None:
    node = _one(find(definitions, tree, operation.text("path")))
    _refuse_root(node)
    assert node.parent is not None
    assert node.owner is not None
    assert node.field is not None
    element, stated = named(definitions, node.parent.shape.path, node.field.name)
    if "name" in operation.parts:  # which says of what type a choice shall be
        other, stated = named(definitions, node.parent.shape.path, operation.text("name"))
        if other.path != element.path:
            raise BadRequest(f"name names {other.path}, but the path selects {element.path}", code="value")
    value = read(definitions, element, stated, operation.parts["value"])
    _refuse_depth(value, depth(node.parent) + element.many)
    if value.name != node.field.json:
        Pair(None, None).put(node.owner, node.field.json)
        value.pair.put(node.owner, value.name)
    else:
        put(node, value.pair)


def _move(definitions: Definitions, tree: dict[str, Any], operation: Operation) -> None:
    holder, field = collection(definitions, tree, operation.text("path"))
    owner, name = members(holder), field.json
    length = lists.length_of(owner, name)
    if not length:
        raise BadRequest("the path selects nothing")
    source, destination = operation.index("source", length - 1), operation.index("destination", length - 1)
    pair = lists.item(owner, name, source)
    lists.delete(owner, name, source)
    lists.insert(owner, name, destination, pair)


Act = Callable[[Definitions, dict[str, Any], Operation], None]
# type → what it does, the parts it needs besides type and path, and the others it may have
_ACTS: Final[dict[str, tuple[Act, tuple[str, ...], tuple[str, ...]]]] = {
    "add": (_add, ("name", "value"), ()),
    "insert": (_insert, ("index", "value"), ()),
    "delete": (_delete, (), ()),
    "replace": (_replace, ("value",), ("name",)),
    "move": (_move, ("source", "destination"), ()),
}
_PARTS: Final = frozenset(("type", "path", *(name for _, needed, more in _ACTS.values() for name in needed + more)))


def _read(parameter: Any) -> Operation | None:
    """The operation of a parameter; None of one that is none and may stand beside them."""
    name = parameter.get("name") if isinstance(parameter, dict) else None
    if name in BESIDE:
        return None
    if name != "operation":
        raise BadRequest("a parameter of a patch has the name 'operation'", code="value")
    parts: dict[str, Any] = {}
    given = parameter.get("part")
    for part in given if isinstance(given, list) else ():
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _PARTS:
            shown = quoted(name) if isinstance(name, str) else "no name"
            raise BadRequest(f"a part has {shown}; it is one of {', '.join(sorted(_PARTS))}", code="value")
        if name in parts:
            raise BadRequest(f"{name} is given twice", code="duplicate")
        parts[name] = part if name == "value" else _plain(name, part)
    _check(parts)
    return Operation(parts)


def _plain(name: str, part: dict[str, Any]) -> Any:
    values = [value for key, value in part.items() if key.startswith("value")]
    if len(values) != 1:
        raise BadRequest(f"{name} has no value[x]" if not values else f"{name} has several values", code="structure")
    return values[0]


def _check(parts: dict[str, Any]) -> None:
    act = parts.get("type")
    if not isinstance(act, str) or act not in _ACTS:
        shown = "missing" if "type" not in parts else quoted(act) if isinstance(act, str) else "no text"
        raise BadRequest(f"type is {shown}; it is one of {', '.join(_ACTS)}", code="value")
    _, needed, more = _ACTS[act]
    for name in ("path", *needed):
        if name not in parts:
            raise BadRequest(f"{act} needs {name}, which is missing", code="required")
    if superfluous := parts.keys() - {"type", "path", *needed, *more}:
        raise BadRequest(f"{act} takes no {min(superfluous)}", code="structure")


def _one(found: list[Node]) -> Node:
    if len(found) != 1:
        raise BadRequest(f"the path selects {len(found) or 'no'} elements, and must select one")
    return found[0]


def _refuse_root(node: Node) -> None:
    if node.parent is None:
        raise BadRequest("the path selects the resource itself")


def _refuse_depth(value: Value, above: int) -> None:
    for one in value.pair:
        refuse_depth(one, above, "it")
