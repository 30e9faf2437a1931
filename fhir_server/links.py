"""Links between the entries of a Bundle, and references that are conditions. Pure.

A transaction's fullUrls become the places where the entries are stored, and every link to them is rewritten.
https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from msgspec import Struct

from resources.definitions import Definitions
from resources.outcome import BadRequest

_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.*)", re.DOTALL)
_CONDITIONAL_IN_TEXT: Final = re.compile(rb'"reference"\s*:\s*"[A-Z][A-Za-z]*\?')
_ESCAPED: Final = re.compile(rb"\\u00(?:3[Ff]|[4-7])")  # a letter or the question mark, behind which one may hide
_RESTFUL: Final = re.compile(r"(https?://.+)/[A-Z][A-Za-z]*/[A-Za-z0-9\-.]{1,64}")
_VERSIONED: Final = re.compile(r"(.+)/_history/[^/#]+")
_ATTRIBUTE: Final = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])(.*?)\2""", re.DOTALL)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODES: Final = frozenset({"uri", "url", "uuid"})  # an oid cannot hold the place where a resource is stored


class Pending(Struct):
    """A reference that can be written down only when the transaction has been rehearsed."""

    node: dict[str, Any]  # the Reference
    resource_type: str  # of a conditional reference, else ""
    query: str  # its condition
    target: str = ""  # of a reference to a version: "Patient/9", whose new version is to be named
    fragment: str = ""  # and what follows it: "#part"


def normal(url: str) -> str:
    """A fullUrl as it is compared: UUIDs without case."""
    return url.lower() if url[:9].lower() == "urn:uuid:" else url


def conditional(reference: str) -> tuple[str, str] | None:
    """Resource type and query of a conditional reference (`Patient?identifier=…`); None for any other."""
    found = _CONDITIONAL.fullmatch(reference)
    return (found[1], found[2]) if found else None


def references(node: Any) -> Iterator[dict[str, Any]]:
    """Every Reference in a tree that says `reference`, but for those in the entries of a Bundle, which are its own."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node
        for key, value in node.items():
            if not _are_entries(node, key):
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def _are_entries(node: Mapping[str, Any], key: str) -> bool:
    """Whether these are the entries of a Bundle that is stored as it is: a document, whose links nobody touches."""
    return key == "entry" and node.get("resourceType") == "Bundle"


def expression(resource_type: str, tree: Any, wanted: Mapping[str, Any]) -> str:
    """The FHIRPath of the reference of one node of a tree: `Observation.subject.reference`."""

    def search(node: Any, path: str) -> str:
        if node is wanted:
            return path
        if isinstance(node, dict):
            return next((at for key, value in node.items() if (at := search(value, f"{path}.{key}"))), "")
        if isinstance(node, list):
            return next((at for i, item in enumerate(node) if (at := search(item, f"{path}[{i}]"))), "")
        return ""

    return search(tree, resource_type) + ".reference"


def may_be_conditional(text: bytes) -> bool:
    """Whether the JSON text of a resource may hold a conditional reference: quick, so that most need no walk."""
    return _CONDITIONAL_IN_TEXT.search(text) is not None or _ESCAPED.search(text) is not None


def refuse_unresolvable(resource_type: str, tree: Any, full_urls: Collection[str] = (), own: str = "") -> None:
    """Refuses references that only a transaction resolves: conditional ones, and to entries with these fullUrls.

    own: the fullUrl of the resource itself, to which it may point. Raises BadRequest (400)."""
    for node in references(tree):
        reference = node["reference"]
        link = normal(reference.partition("#")[0])
        if conditional(reference) or (link != own and link in full_urls):
            at = expression(resource_type, tree, node)
            message = f"{reference[:200]!r} is what only a transaction can resolve, in a resource or a FHIRPath Patch."
            raise BadRequest(message, code="value", expression=[at])


class Links:
    """What the fullUrls of one transaction become.

    targets: normal fullUrl → "Patient/9"; created: those of them that this transaction creates, at version 1."""

    def __init__(self, definitions: Definitions, targets: Mapping[str, str], created: frozenset[str]) -> None:
        self._definitions = definitions
        self._targets = targets
        self._created = created
        # How a link can begin: most strings of a resource need no further look.
        self._schemes = frozenset(scheme for url in targets for scheme in (url[:4], url[:4].upper()))

    def rewrite(self, tree: dict[str, Any], full_url: str) -> list[Pending]:
        """Rewrites every link of one resource in place: references, uri, url and uuid elements, narratives.

        Returns the references that must wait for the rehearsal. Raises BadRequest (400) for a urn: no entry has."""
        restful = _RESTFUL.fullmatch(full_url)
        root = restful[1] if restful else ""
        rewriting = _Rewriting(self._definitions, self._targets, self._created, self._schemes, root, tree)
        rewriting.walk(tree, ("",))
        return rewriting.pending


class _Rewriting:
    """The walk over one resource, which has not been validated yet: it may have any shape."""

    def __init__(
        self,
        definitions: Definitions,
        targets: Mapping[str, str],
        created: frozenset[str],
        schemes: frozenset[str],
        root: str,
        tree: dict[str, Any],
    ) -> None:
        self.pending: list[Pending] = []
        self._definitions = definitions
        self._targets = targets
        self._created = created
        self._root = root
        self._tree = tree
        self._schemes = schemes

    def walk(self, node: dict[str, Any], path: tuple[str, ...]) -> None:
        if type(resource_type := node.get("resourceType")) is str:
            path = (resource_type,)
        schemes = self._schemes
        for key, value in node.items():
            if _are_entries(node, key):
                continue
            kind = type(value)
            if kind is dict:
                self.walk(value, (*path, key))
            elif kind is str:
                if key == "reference":
                    self._reference(node, value)
                elif value[:4] in schemes:
                    node[key] = self._link(value, path, key)
                elif key == "div" and self._targets:
                    node[key] = _ATTRIBUTE.sub(self._attribute, value)
            elif kind is list:
                for i, item in enumerate(value):
                    if type(item) is dict:
                        self.walk(item, (*path, key))
                    elif type(item) is str and item[:4] in schemes:
                        value[i] = self._link(item, path, key)

    def _target(self, link: str) -> str | None:
        return self._targets.get(normal(link))

    def _reference(self, node: dict[str, Any], reference: str) -> None:
        link, hash_, fragment = reference.partition("#")
        if not link:
            return
        versioned = _VERSIONED.fullmatch(link) if "/_history/" in link else None
        link = versioned[1] if versioned else link
        target = (self._root and self._target(f"{self._root}/{link}")) or self._target(link)
        if target:
            if versioned and target not in self._created:
                self.pending.append(Pending(node, "", "", target, hash_ + fragment))
            node["reference"] = target + ("/_history/1" if versioned else "") + hash_ + fragment
        elif link.lower().startswith(("urn:uuid:", "urn:oid:")):
            at = expression(str(self._tree.get("resourceType")), self._tree, node)
            message = f"{reference[:200]!r} is the fullUrl of no entry of this Bundle."
            raise BadRequest(message, code="not-found", expression=[at])
        elif "?" in reference:
            condition = conditional(reference)
            if condition and self._definitions.is_resource_type(condition[0]):
                self.pending.append(Pending(node, *condition))

    def _link(self, value: str, path: tuple[str, ...], key: str) -> str:
        """A value that may be a link, rewritten if its element is of a type that holds links."""
        link, hash_, fragment = value.partition("#")
        target = self._target(link)
        if target is None:
            return value
        code = element_type(self._definitions, (*path, key))
        if code == "uuid":
            logical_id = target.partition("/")[2]
            return f"urn:uuid:{logical_id}" if _UUID.fullmatch(logical_id) else value
        return target + hash_ + fragment if code in _CODES else value

    def _attribute(self, found: re.Match[str]) -> str:
        link, hash_, fragment = found[3].partition("#")
        target = self._target(link)
        return f"{found[1]}{found[2]}{target}{hash_}{fragment}{found[2]}" if target else found[0]


def element_type(definitions: Definitions, path: tuple[str, ...]) -> str:
    """The type of the element at a path of JSON names, like ("Patient", "photo", "url"); "" if there is none."""
    # Names that nobody has validated may be of any length: those are not remembered.
    known = len(path) <= 16 and max(map(len, path)) <= 64
    return (_remembered if known else _element_type)(definitions, path)


@lru_cache(maxsize=4096)
def _remembered(definitions: Definitions, path: tuple[str, ...]) -> str:
    return _element_type(definitions, path)


def _element_type(definitions: Definitions, path: tuple[str, ...]) -> str:
    parent = code = path[0]
    if parent not in definitions.structures:
        return ""
    structure = definitions.structures[parent]
    for name in path[1:]:
        if name.startswith("_"):
            parent = code = "Element"
            structure = definitions.structures[code]
            continue
        named = ((e, t.code) for e in structure.children.get(parent, ()) for t in e.types if e.json_name(t) == name)
        repeated = ((e, "") for e in structure.children.get(parent, ()) if e.content and e.name == name)
        element, code = next(chain(named, repeated), (None, ""))
        if element is None:
            return ""
        if element.content:
            parent = element.content
        elif code in ("BackboneElement", "Element"):
            parent = element.path
        elif code in definitions.structures:
            parent = code
            structure = definitions.structures[code]
        else:
            return code
    return code
