"""Element definitions as a tree: children below their element, slices beside them.

An element's id says where it belongs (`Observation.component:systolic.value[x]`); where ids are missing, or are not those
of the specification, path, sliceName and the order of the list say the same.
https://hl7.org/fhir/R4/elementdefinition.html#id
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..outcome import Unprocessable

Element = Mapping[str, Any]
Place = Sequence[tuple[str, str | None]]  # (name, slice) of every step of an id

MOST_ELEMENTS: Final = 20_000  # of one snapshot or differential; the largest published ones have some 2,000
MOST_LEVELS: Final = 32  # of children, slices and reslices below each other


class Part:
    """An element, what is below it, and its slices."""

    __slots__ = ("children", "element", "index", "level", "name", "slice_name", "slices")

    def __init__(self, name: str, slice_name: str | None, level: int, element: Element | None = None) -> None:
        self.name = name  # last part of the path: "value[x]", of a root the type
        self.slice_name = slice_name
        self.level = level
        self.element = element  # None: only what is below it or its slices are in the list
        self.index = -1  # in the list
        self.children: dict[str, Part] = {}
        self.slices: dict[str, Part] = {}

    def child(self, name: str) -> Part:
        if name not in self.children:
            self.children[name] = Part(name, None, self.level + 1)
        return self.children[name]

    def slice(self, name: str) -> Part:
        """The slice of that name; of `a/b` below `a`, where `a` is there."""
        holder = self.holder(name)
        if name not in holder.slices:
            holder.slices[name] = Part(self.name, name, holder.level + 1)
        return holder.slices[name]

    def holder(self, name: str) -> Part:
        """The element or slice that a slice of that name belongs to. https://hl7.org/fhir/R4/profiling.html#reslicing"""
        holder, end = self, name.find("/")
        while end > 0 and name[:end] in holder.slices:
            holder, end = holder.slices[name[:end]], name.find("/", end + 1)
        return holder

    def copy(self, slice_name: str | None, level: int, with_slices: bool = True) -> Part:
        """The same element and all below it, to be changed alone; the elements themselves are shared."""
        made = Part(self.name, slice_name, level, self.element)
        made.children = {name: one.copy(one.slice_name, level + 1) for name, one in self.children.items()}
        if with_slices:
            made.slices = {name: one.copy(name, level + 1) for name, one in self.slices.items()}
        return made

    def parts(self) -> Iterator[Part]:
        yield self
        for below in (self.children, self.slices):
            for one in below.values():
                yield from one.parts()


def nest(elements: Any, where: str) -> Part:
    """The tree of a list of element definitions, whose first path names the root.

    where: "snapshot" or "differential". Raises Unprocessable, naming the element, if two have the same place, if one is
    outside the root, or if there are more than anybody needs."""
    elements = listed(elements, where)
    paths = [_path(element, where, index) for index, element in enumerate(elements)]
    root = Part(paths[0][0], None, 0)
    places = [_place(element, path) for element, path in zip(elements, paths, strict=True)]
    known = [place for place in places if place is not None]
    found = _by_place(root, known) if len(known) == len(places) else _by_order(root, elements, paths)
    for index, (part, element) in enumerate(zip(found, elements, strict=True)):
        label = element.get("id", element["path"])
        if paths[index][0] != root.name:
            raise refused(f"The element {label!r} is not below {root.name!r}.", where, index)
        if part.element is not None:
            raise refused(f"The element {label!r} is in the {where} twice.", where, index)
        if part.level > MOST_LEVELS:
            raise refused(f"The element {label[:100]!r} lies more than {MOST_LEVELS} levels deep.", where, index)
        part.element, part.index = element, index
    if where == "snapshot":
        for part in list(root.parts()):
            part.children = {name: _named(one) for name, one in part.children.items()}
    return root


def listed(elements: Any, where: str) -> list[Element]:
    """The elements, if it is a list of objects and of a size that anybody needs; raises Unprocessable."""
    if not isinstance(elements, list) or not elements:
        raise refused(f"The {where} has no elements.", where)
    if len(elements) > MOST_ELEMENTS:
        raise refused(f"The {where} has {len(elements)} elements; {MOST_ELEMENTS} is the most.", where)
    for index, element in enumerate(elements):
        if not isinstance(element, Mapping):
            raise refused(f"Element {index} of the {where} is no object.", where, index)
    return elements


def _named(part: Part) -> Part:
    """A lone slice of an element that is itself not in a snapshot is that element, which only has a name."""
    return next(iter(part.slices.values())) if part.element is None and len(part.slices) == 1 else part


def refused(text: str, where: str, index: int = -1) -> Unprocessable:
    """The refusal of an element of a StructureDefinition's snapshot or differential; index -1: of the whole list."""
    place = f"StructureDefinition.{where}"
    return Unprocessable(text, expression=[place if index < 0 else f"{place}.element[{index}]"])


def _path(element: Element, where: str, index: int) -> list[str]:
    path = element.get("path")
    if not isinstance(path, str) or not all(names := path.split(".", MOST_LEVELS + 1)):
        raise refused(f"The path of element {index} is no path.", where, index)
    if len(names) > MOST_LEVELS:
        raise refused(f"The path {path[:100]!r} has more than {MOST_LEVELS} parts.", where, index)
    return names


def _place(element: Element, path: list[str]) -> Place | None:
    """What the id says; None if there is none or it does not go with path and slice name."""
    name = element.get("id")
    steps = name.split(".", MOST_LEVELS + 1) if isinstance(name, str) else []
    if len(steps) != len(path):
        return None
    place = []
    for step, part in zip(steps, path, strict=True):
        plain, _, slice_name = step.partition(":")
        # The path of a slice by type may be short: Observation.valueQuantity, where the id says value[x]:valueQuantity.
        if plain != part and not (plain.endswith("[x]") and part.startswith(plain[:-3])):
            return None
        place.append((plain, slice_name or None))
    said = element.get("sliceName")
    return None if said and said != place[-1][1] else place


def _by_place(root: Part, places: Sequence[Place]) -> Iterator[Part]:
    for place in places:
        part = root
        for name, slice_name in place[1:]:
            part = part.child(name)
            part = part.slice(slice_name) if slice_name else part
        yield part


def _by_order(root: Part, elements: Sequence[Element], paths: Sequence[list[str]]) -> Iterator[Part]:
    stack = [root]  # the part last seen at each level of the path
    for element, names in zip(elements, paths, strict=True):
        depth = 1
        while depth < min(len(stack), len(names) - 1) and stack[depth].name == names[depth]:
            depth += 1
        del stack[depth:]
        for name in names[depth:]:
            stack.append(stack[-1].child(name))
        said = element.get("sliceName")
        if said and isinstance(said, str) and len(names) > 1:
            stack[-1] = stack[-1].slice(said)
        yield stack[-1]
