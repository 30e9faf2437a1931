"""Snapshots: all that a profile asks, generated from what its differential changes in its base.

https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..elements import CANONICAL
from ..outcome import Unprocessable
from .merging import as_profiled, merged, narrowed_to, single_profile, sourced, type_code, typed
from .nesting import MOST_ELEMENTS, MOST_LEVELS, Part, listed, nest, refused
from .reading import element_definition

Tree = Mapping[str, Any]
Structures = Callable[[str], Tree | None]

NEW: Final = "specialization"
MOST_STRUCTURES: Final = 1_000  # that one snapshot is made of
BY_URL: Final = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
BY_TYPE: Final = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
EXTENSION: Final = "Extension"
EXTENSIONS: Final = ("extension", "modifierExtension")


class Unresolved(Unprocessable):
    """A StructureDefinition that a snapshot is made of is not known; `canonical` is its URL."""

    code = "not-found"
    canonical = ""

    @classmethod
    def of(cls, canonical: str, url: str) -> Unresolved:
        """The error of the profile `url`, which needs `canonical`."""
        error = cls(
            f"The StructureDefinition {canonical}, which {url} is built on, is not known here.",
            expression=["StructureDefinition"],
        )
        error.canonical = canonical
        return error


def with_snapshot(tree: Tree, structure: Structures) -> Tree:
    """A StructureDefinition (an exact tree) with a snapshot: itself if it has one.

    structure: canonical URL → StructureDefinition that has a snapshot: the base, data types, profiles of types; None if
    it is not known. Raises Unresolved if one of them is needed, Unprocessable with the element of the differential that
    matches nothing in the base, stands out of order, widens what cannot be widened or cannot be met."""
    if isinstance(tree.get("snapshot"), Mapping) and tree["snapshot"].get("element"):
        return tree
    differential = tree.get("differential")
    if not isinstance(differential, Mapping):
        raise refused(
            f"The StructureDefinition {tree.get('url')} has neither snapshot nor differential.", "differential"
        )
    root = nest(_plain(differential.get("element"), "differential"), "differential")
    made = [_whole(*one) for one in _listed(_Generation(tree, structure).run(root))]
    if len(made) > MOST_ELEMENTS:
        raise _too_many(tree.get("url"))
    return {**tree, "snapshot": {"element": made}}


def _listed(root: Part) -> Iterator[tuple[Part, str, str]]:
    """Parts with path and id, in the order of a snapshot: an element, what is below it, its slices."""
    waiting = [(root, root.name, root.name)]
    while waiting:
        part, path, place = waiting.pop()
        yield part, path, place
        sliced = place.removesuffix(f":{part.slice_name}")
        below = [(one, f"{path}.{one.name}", f"{place}.{_label(one)}") for one in part.children.values()]
        below += [(one, path, f"{sliced}:{name}") for name, one in part.slices.items()]
        waiting += reversed(below)


def _label(part: Part) -> str:
    return f"{part.name}:{part.slice_name}" if part.slice_name else part.name


def _whole(part: Part, path: str, place: str) -> dict[str, Any]:
    element = {name: value for name, value in (part.element or {}).items() if name not in ("id", "path", "sliceName")}
    named = {"sliceName": part.slice_name} if part.slice_name else {}
    element.setdefault("min", 0)
    element.setdefault("max", "*" if path == place == part.name else "1")
    element.setdefault("base", {"path": path, "min": element["min"], "max": element["max"]})
    return {"id": place, "path": path, **named, **element}


class _Generation:
    """One snapshot being made. The tree of the base is changed in place; its elements are shared until they change."""

    def __init__(self, tree: Tree, structure: Structures) -> None:
        self._url = str(tree.get("url"))
        self._base = tree.get("baseDefinition")
        self._type = tree.get("type")
        self._is_new = tree.get("derivation", NEW) == NEW  # a type of its own: it may add elements
        self._structure = structure
        self._asked: dict[str, Tree | None] = {}
        self._nested: dict[str, Part] = {}
        self._left = 3 * MOST_ELEMENTS  # elements that may be copied

    def run(self, differential: Part) -> Part:
        if not self._base:  # Element and Resource
            root = Part(differential.name, None, 0, {})
        else:
            root = self._tree(str(self._base)).copy(None, 0)
            if self._is_new:
                root.name = differential.name
        self._count(root)
        if root.name != differential.name:
            text = f"The differential is about {differential.name}, its base {self._base} about {root.name}."
            raise refused(text, "differential", 0)
        self._merge(root, differential, False)
        return root

    def _ask(self, canonical: str) -> Tree | None:
        if canonical not in self._asked:
            if len(self._asked) == MOST_STRUCTURES:
                raise refused(f"{self._url} uses more than {MOST_STRUCTURES} StructureDefinitions.", "differential")
            self._asked[canonical] = self._structure(canonical)
        return self._asked[canonical]

    def _tree(self, canonical: str) -> Part:
        """The snapshot of another StructureDefinition, to be copied from."""
        if canonical not in self._nested:
            found = self._ask(canonical)
            snapshot = found.get("snapshot") if found else None
            if not isinstance(snapshot, Mapping):
                raise Unresolved.of(canonical, self._url)
            try:
                elements = _plain(snapshot.get("element"), "snapshot")
                url = canonical.partition("|")[0]
                self._nested[canonical] = nest([_with_sources(element, url) for element in elements], "snapshot")
            except Unprocessable as error:
                text = f"{canonical}, which {self._url} is built on, cannot be used: {error}"
                raise Unprocessable(text, expression=["StructureDefinition"]) from None
        return self._nested[canonical]

    def _count(self, part: Part) -> None:
        self._left -= sum(1 for _ in part.parts())
        if self._left < 0:
            raise _too_many(self._url)

    def _merge(self, part: Part, change: Part, in_slice: bool) -> None:
        """Applies what the differential says of an element, of what is below it and of its slices."""
        plain = part
        if change.slices:
            self._count(plain := part.copy(part.slice_name, part.level))
        if change.element is not None:
            part.element = self._changed(part, change)
        if change.children:
            self._merge_children(part, change, in_slice)
        for name, one in change.slices.items():
            self._merge_slice(part, plain, name, one, change.element is None and len(change.slices) == 1)

    def _changed(self, part: Part, change: Part) -> dict[str, Any]:
        current, wanted = part.element or {}, change.element or {}
        profile = single_profile(wanted)
        if profile and self._ask(profile) is not None:  # else it is reported where it is to be met
            current = as_profiled(current, self._tree(profile).element or {}, part.name in EXTENSIONS)
        try:
            return merged(current, wanted, self._url, self._is_a)
        except ValueError as error:
            label = wanted.get("id", wanted.get("path"))
            raise refused(f"The element {label!r} {error}.", "differential", change.index) from None

    def _is_a(self, code: str, ancestors: set[str]) -> bool:
        """Whether a type is one of these or derived from one."""
        for _ in range(8):
            if code in ancestors:
                return True
            found = self._ask(_definition_of(code))
            base = found.get("baseDefinition") if found else None
            if not isinstance(base, str):
                return False
            code = base.removeprefix(CANONICAL)
        return False

    def _merge_children(self, part: Part, change: Part, in_slice: bool) -> None:
        if not part.children:
            self._expand(part, change)
        position = {name: number for number, name in enumerate(part.children)}
        short = {
            name: choice for choice in position if choice.endswith("[x]")
            for name in typed(part.children[choice].element, choice)
        }  # fmt: skip
        uses = Counter(short.get(name, name) for name in change.children)
        last = change
        for one in change.children.values():
            name = one.name if one.name in position else short.get(one.name)
            if name is None:
                if not self._is_new:
                    raise self._unmatched(one)
                part.children[one.name] = Part(one.name, None, part.level + 1, {})
                self._merge(part.children[one.name], one, in_slice)
                continue
            if last is not change and position[name] < position[short.get(last.name, last.name)]:
                text = f"The element {_said(last)!r} stands before {_said(one)!r}, after which it comes in the base"
                raise refused(f"{text}: a differential keeps that order.", "differential", _index(last))
            last = one
            if name == one.name:
                self._merge(part.children[name], one, in_slice)
            else:
                self._merge_short(part.children[name], one, in_slice and uses[name] == 1)

    def _merge_short(self, part: Part, change: Part, narrows: bool) -> None:
        """`valueQuantity`: a slice of value[x] by type; where it is alone inside another slice, value[x] is narrowed to
        the type, as the specification's own tools do."""
        if narrows and not part.slices:
            part.element = narrowed_to(part.element or {}, part.name, change.name)
            self._merge(part, change, True)
            return
        named = change.slices.pop(change.name, None)  # valueQuantity:valueQuantity says it twice
        self._merge_slice(part, part, change.name, change)
        if named:
            self._merge_slice(part, part, change.name, named)
        if self._type == EXTENSION and part.level == 1:  # an extension is of one type
            self._close(part, change.name)

    def _merge_slice(self, part: Part, plain: Part, name: str, change: Part, lone: bool = False) -> None:
        """plain: the element before the differential, of which a new slice is made. lone: it is all that the
        differential says of the element."""
        holder = part.holder(name)
        if name not in holder.slices:
            if lone and self._is_only_named(part, name):
                part.slice_name = name
                self._merge(part, change, True)
                return
            source = plain if holder is part else holder
            if (source.element or {}).get("slicing", {}).get("rules") == "closed":
                text = f"The slice {_said(change)!r} is new, and its base takes no more slices."
                raise refused(text, "differential", _index(change))
            self._make_slice(holder, source, name, change)
        made = holder.slices[name]
        self._merge(made, change, True)
        if (made.element or {}).get("min") and name in typed(part.element, part.name):  # no other type can be there
            self._close(part, name)
            part.element = {**(part.element or {}), "min": 1}

    def _close(self, part: Part, name: str) -> None:
        """Leaves a choice the type that a slice is named by."""
        element = narrowed_to(part.element or {}, part.name, name)
        part.element = {**element, "slicing": {**element.get("slicing", BY_TYPE), "rules": "closed"}}

    def _make_slice(self, holder: Part, source: Part, name: str, change: Part) -> None:
        made = source.copy(name, holder.level + 1, with_slices=False)
        if made.level > MOST_LEVELS:
            raise refused(f"The slice {name[:100]!r} is sliced too often.", "differential", _index(change))
        self._count(made)
        element = {key: value for key, value in (source.element or {}).items() if key != "slicing"}
        made.element = narrowed_to({**element, "min": 0}, holder.name, name)
        holder.slices[name] = made
        if "slicing" not in (holder.element or {}):
            default = BY_URL if holder.name in EXTENSIONS else BY_TYPE if holder.name.endswith("[x]") else None
            holder.element = {**(holder.element or {}), **({"slicing": default} if default else {})}

    def _is_only_named(self, part: Part, name: str) -> bool:
        """Whether what is called a slice is the element itself: nothing says how it would be told from others."""
        element = part.element or {}
        if "slicing" in element or part.slices or part.slice_name or part.name in EXTENSIONS:
            return False
        return name not in typed(element, part.name)

    def _expand(self, part: Part, change: Part) -> None:
        """Puts below an element what its type, its type's profile or the element that it refers to has there."""
        element = part.element or {}
        if reference := element.get("contentReference"):
            source = self._referred(str(reference), change)
            part.element = {k: v for k, v in element.items() if k != "contentReference"}
            part.element["type"] = (source.element or {}).get("type", [])
        else:
            codes = {type_code(one) for one in element.get("type") or []}
            if not codes:
                return
            code = codes.pop() if len(codes) == 1 else "Element"  # what all types have
            source = self._tree(single_profile(element) or _definition_of(code))
        for name, one in source.children.items():
            part.children[name] = one.copy(one.slice_name, part.level + 1)
            self._count(part.children[name])

    def _referred(self, reference: str, change: Part) -> Part:
        """The element of a contentReference, as the type itself defines it."""
        url, _, place = reference.partition("#")
        names = place.split(".")
        part = self._tree(url or _definition_of(names[0]))
        for name in names[1:]:
            if name not in part.children:
                raise self._unmatched(change)
            part = part.children[name]
        return part

    def _unmatched(self, part: Part) -> Unprocessable:
        text = f"The element {_said(part)!r} matches nothing in the base {self._base}."
        return refused(text, "differential", _index(part))


def _plain(elements: Any, where: str) -> list[dict[str, Any]]:
    """Elements of which what is merged has the types of an ElementDefinition."""
    found = [{name: value for name, value in one.items() if value is not None} for one in listed(elements, where)]
    for index, element in enumerate(found):
        element_definition(element, where, index)
    return found


def _too_many(url: Any) -> Unprocessable:
    return refused(f"The snapshot of {url} would have more than {MOST_ELEMENTS} elements.", "differential")


def _definition_of(code: str) -> str:
    return code if ":" in code else CANONICAL + code


def _with_sources(element: Tree, url: str) -> Tree:
    return {**element, "constraint": sourced(element["constraint"], url)} if element.get("constraint") else element


def _said(part: Part) -> str:
    """The id or path by which the differential names an element, or the first below it."""
    first = next(one for one in part.parts() if one.element)
    return str((first.element or {}).get("id", (first.element or {}).get("path")))


def _index(part: Part) -> int:
    return next(one.index for one in part.parts() if one.element)
