"""The difference of two resources as a FHIRPath Patch that makes one out of the other, exact to the last digit.

Of two ways to say the same, the shorter one is taken: an element whose children have changed is patched child by child,
unless replacing it whole takes fewer bytes. https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from typing import Any, Final

from .. import exact
from ..definitions import Definitions, Element, TypeRef
from ..outcome import BadRequest
from .alignment import align
from .limits import Clock
from .lists import Pair, pairs_of
from .values import children, content_path, is_primitive, spellings, write

Operations = list[dict[str, Any]]

_RESERVED: Final = frozenset(("div", "mod"))  # of the names of elements those that FHIRPath has for itself
_OF_THE_SERVER: Final = ("versionId", "lastUpdated", "_versionId", "_lastUpdated")


def diff(definitions: Definitions, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The Parameters that, applied to `before`, make `after`; id, versionId and lastUpdated are left out.

    Both are valid resources of one type; raises BadRequest (400) if they are not, TooCostly (403)."""
    resource_type = before.get("resourceType")
    if resource_type != after.get("resourceType") or not isinstance(resource_type, str):
        raise BadRequest("Only resources of the same type can be compared.", code="value")
    # What the server sets makes the meta of both; what is stored has it always, so it is never added or deleted.
    stays = "meta" in before and any(name in before["meta"] for name in _OF_THE_SERVER)
    one, other = (_of_the_client(tree, stays) for tree in (before, after))
    operations = _Comparison(definitions).members(resource_type, resource_type, one, other)
    tree: dict[str, Any] = {"resourceType": "Parameters"}
    return {**tree, "parameter": operations} if operations else tree


def _of_the_client(tree: dict[str, Any], meta_stays: bool) -> dict[str, Any]:
    kept = {name: value for name, value in tree.items() if name not in ("id", "meta", "resourceType")}
    meta = {name: value for name, value in tree.get("meta", {}).items() if name not in _OF_THE_SERVER}
    return {**kept, "meta": meta} if meta or meta_stays else kept


class _Comparison:
    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._clock = Clock("The comparison")

    def members(self, place: str, path: str, before: dict[str, Any], after: dict[str, Any]) -> Operations:
        """What makes the members of one object those of another. place: of the object; path: of its definition."""
        self._clock.check()
        found: Operations = []
        known = {"resourceType"}
        for element in children(self._definitions, path):
            for name, _ in spellings(element):
                known |= {name, "_" + name}
            one, other = self._stated(element, before), self._stated(element, after)
            if _compared(one) != _compared(other):
                found += self._element(place, element, one, other)
        for name in (before.keys() | after.keys()) - known:
            if exact.canonical(before.get(name)) != exact.canonical(after.get(name)):
                raise BadRequest(f"{place} has {name[:80]!r}, which is not an element of R4.", code="structure")
        return found

    def _stated(self, element: Element, owner: dict[str, Any]) -> list[Stated]:
        return [(one, pair) for name, one in spellings(element) for pair in pairs_of(owner, name, element.many)]

    def _element(self, place: str, element: Element, before: list[Stated], after: list[Stated]) -> Operations:
        name = f"`{element.name}`" if element.name in _RESERVED else element.name
        at = f"{place}.{name}"
        if element.many:
            return self._list(place, at, element, before, after)
        if not after:
            return [_operation("delete", path=at)]
        [(one, pair)] = after
        if not before:
            return [self._added(place, element, one, pair)]
        [(was, former)] = before
        return self._changed(at, element, (was, former), (one, pair))

    def _added(self, place: str, element: Element, one: TypeRef | None, pair: Pair) -> dict[str, Any]:
        return _operation("add", path=place, name=element.name, value=write(self._definitions, element, one, pair))

    def _changed(self, at: str, element: Element, before: Stated, after: Stated) -> Operations:
        """What makes one value out of another in its place."""
        one, pair = after
        if before[0] != one or (one is not None and is_primitive(self._definitions, one.code)):
            return self._replaced(at, element, after)
        path = element.content or content_path(element, one or element.types[0])
        if path == "Resource":
            path = pair.value["resourceType"]
            if before[1].value["resourceType"] != path:
                return self._replaced(at, element, after)
        apart = self.members(at, path, before[1].value, pair.value)
        # The meta of the resource has parts that are the server's, so it is not replaced whole.
        is_meta = element.name == "meta" and at.count(".") == 1
        length = len(exact.encode(apart))
        if is_meta or length <= len(exact.encode(pair.value)):  # as part of an operation it is longer still
            return apart
        whole = self._replaced(at, element, after)
        return apart if length <= len(exact.encode(whole)) else whole

    def _replaced(self, at: str, element: Element, stated: Stated) -> Operations:
        return [_operation("replace", path=at, value=write(self._definitions, element, *stated))]

    def _list(self, place: str, at: str, element: Element, before: list[Stated], after: list[Stated]) -> Operations:
        found: Operations = []
        steps = align([pair for _, pair in before], [pair for _, pair in after])
        for old, new in steps.changed:
            found += self._changed(f"{at}[{old}]", element, before[old], after[new])
        found += [_operation("delete", path=f"{at}[{old}]") for old in steps.deleted]
        length = len(before) - len(steps.deleted)
        for source, destination, new in steps.placed:
            if source is not None:
                found.append(_operation("move", path=at, source=source, destination=destination))
                continue
            one, pair = after[new]
            if destination == length:
                found.append(self._added(place, element, one, pair))
            else:
                value = write(self._definitions, element, one, pair)
                found.append(_operation("insert", path=at, value=value, index=destination))
            length += 1
        return found


Stated = tuple[TypeRef | None, Pair]


def _compared(stated: list[Stated]) -> tuple[list[TypeRef | None], bytes]:
    return [one for one, _ in stated], exact.canonical([pair for _, pair in stated])


def _operation(act: str, **parts: Any) -> dict[str, Any]:
    """One operation as a parameter. https://hl7.org/fhir/R4/fhirpatch.html#format"""
    made: Operations = [{"name": "type", "valueCode": act}]
    for name, value in parts.items():
        if name == "value":
            made.append({"name": "value", **value})
        else:
            made.append({"name": name, "valueInteger" if isinstance(value, int) else "valueString": value})
    return {"name": "operation", "part": made}
