"""SPECIAL: what the text of R4 asks of resources of single types, and neither their elements nor their invariants say.

A row is a resource type, and what checks each resource of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..fhirpath import Node
from ..fhirpath.nodes import Field, Shape, add_named, model
from ..profiles.run import Run
from .primitives import quoted


def _structure_definition(node: Node, run: Run) -> None:
    """What a constraint's differential says, it says of elements that there are, in the order that they have.

    https://hl7.org/fhir/R4/profiling.html#snapshot"""
    held: Mapping[str, Any] = node.value
    root = held.get("type")
    if held.get("derivation") != "constraint" or root not in run.definitions.structures:
        return  # a new type, or one of a logical model, defines its elements
    last: dict[str, tuple[int, str]] = {}  # by the id of their parent: the place of the last child, and its path
    for at in _named(_named([node], "differential"), "element"):
        run.step()
        path, id = at.value.get("path"), at.value.get("id")
        if not isinstance(path, str) or path.partition(".")[0] != root:
            continue  # an invariant says so
        place, missing = _place(run, path)
        if missing:
            run.add(at, "error", "value", f"is {quoted(path)}, but {missing}", below="path")
        elif place is not None and isinstance(id, str):
            parent = id.rpartition(".")[0]
            before, other = last.get(parent, (0, ""))
            if place < before:
                text = f"is {quoted(path)}, which stands after {quoted(other)}, but comes before it in {quoted(root)}"
                run.add(at, "warning", "structure", text, below="path")
            last[parent] = max((before, other), (place, path))


def _named(nodes: Iterable[Node], name: str) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        add_named(node, name, found)
    return found


def _place(run: Run, path: str) -> tuple[int | None, str]:
    """Which child of its parent an element is, if that can be told; and why there is none at that path, or ""."""
    root, *names = path.split(".")
    shapes: list[Shape] = [model(run.definitions).shape(root)]
    place = None
    for number, name in enumerate(names, 1):
        found = [field for shape in shapes for field in _fields(shape, name)]
        own_value = name == "value" and any(not shape.is_complex for shape in shapes)
        if not found and not own_value:
            kinds = " or ".join(sorted({shape.name for shape in shapes})[:5])
            return None, f"{quoted('.'.join([root, *names[: number - 1]]))} ({kinds}) has no {quoted(name)}"
        if own_value or any(field.shape is None or field.shape.name == "Resource" for field in found):
            return None, ""  # the value of a primitive; a resource, of whatever type
        place = list(shapes[0].by_name).index(found[0].name) if len(shapes) == 1 else None
        shapes = [field.shape for field in found if field.shape is not None]
    return place, ""


def _fields(shape: Shape, name: str) -> Iterable[Field]:
    """The fields that an element of that name has: "value[x]" several, "valueQuantity" and "name" one."""
    if name.endswith("[x]"):
        return [field for field in shape.by_name.get(name[:-3], ()) if field.json != field.name]
    field = shape.fields.get(name)
    return (field,) if field is not None and field.json == name else ()


_Check = Callable[[Node, Run], None]
SPECIAL: Final[Mapping[str, _Check]] = {"StructureDefinition": _structure_definition}
