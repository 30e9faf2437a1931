"""FHIR XML as the exact tree that resources.exact makes of the same resource in JSON.

Read in one pass by an event parser that knows no entity but XML's own five and fetches nothing. Refused (400, with line
and column): all that is no well-formed XML 1.0 in UTF-8, a byte order mark, any document type declaration, elements in
another namespace, in another place or order than that of the definitions, elements without content, text between
elements, unknown attributes, and what exact refuses in JSON: more than 64 levels, numbers of more than 400 digits.
Comments, processing instructions and xsi:schemaLocation mean nothing in FHIR and are passed over. A value that is not of
its lexical type (`<active value="maybe"/>`) becomes a string, which validation refuses.
https://hl7.org/fhir/R4/xml.html, https://www.w3.org/TR/xml/
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.parsers import expat

from ..definitions import Definitions
from ..exact import DIGITS, LEVELS, TooManyDigits, place
from ..outcome import Malformed
from ..paths import step
from . import refusals
from .grammar import BESIDE, FHIR, RESOURCE, XHTML, Child, Grammar, Structures, grammar

_BLANK: Final = " \t\n\r"
_SCHEMA_LOCATIONS: Final = frozenset(
    f"http://www.w3.org/2001/XMLSchema-instance {name}" for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
_TAG: Final = re.compile(rb"""<[^\s/>]++((?:[^"'<>]++|"[^"]*+"|'[^']*+')*+)>""")
_DECLARED: Final = re.compile(rb"\sxmlns(?::([^\s=]++))?+\s*+=")
_PREFIX: Final = re.compile(rb"([^\s<>/\"'=:&;]++):")


def decode(definitions: Definitions, text: bytes) -> dict[str, Any]:
    """The tree of a resource in XML; raises Malformed (400) with line and column, and the element where there is one."""
    reader = _Reader(definitions, text)
    try:
        reader.read()
    except Malformed:
        if not reader.is_text_between:
            raise
    if reader.is_text_between:
        # Only now it matters where: the quick way does not ask about the white space of every indentation.
        _Reader(definitions, text, at_first_text=True).read()
    return reader.resource


class _Open:
    """An element that is open, and how far its children have come."""

    __slots__ = ("child", "grammar", "hollow", "index", "level", "order", "tree")

    def __init__(self, known: Grammar, child: Child | None, index: int, level: int, tree: Any) -> None:
        self.grammar = known
        self.child = child  # None for a resource
        self.index = index  # among those of its name
        self.level = level  # of its tree, the resource itself being at 1
        self.tree = tree  # of what holds a resource: the list or dict that it goes into
        self.order = -1  # of the last of its children
        self.hollow: list[str] = []  # lists of primitives in which some have no value


class _Reader:
    """The state of one document while it is read."""

    def __init__(self, definitions: Definitions, text: bytes, *, at_first_text: bool = False) -> None:
        self._definitions = definitions
        self._structures: Structures = definitions.structures
        self._text = text
        self._outermost: dict[str, Any] = {}
        holder = Child(RESOURCE, 0, False, None, RESOURCE, RESOURCE)
        self._open = _Open(grammar(self._structures, RESOURCE), holder, 0, 0, self._outermost)
        self._outer: list[_Open] = []
        self._leaf: Child | None = None  # the primitive that is open, as long as it has no children
        self._hollow = False  # whether that one has neither a value nor an id
        self._namespaces: dict[str | None, list[str]] = {}  # prefix → those in scope, the nearest last
        self._prefixes = 0  # how many of those have a prefix
        self._narrative = 0, 0  # where its XHTML began, and how many of its elements are open
        self._between: set[str] = set()  # the texts between elements: of white space there are few
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.ordered_attributes = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.EndNamespaceDeclHandler = self._end_namespace
        self._on_text = self._first_text if at_first_text else self._between.add
        self._parser.buffer_text = not at_first_text
        self._outside_narrative()

    @property
    def resource(self) -> dict[str, Any]:
        tree: dict[str, Any] = self._outermost[RESOURCE]
        return tree

    @property
    def is_text_between(self) -> bool:
        return any(text.strip(_BLANK) for text in self._between)

    def read(self) -> None:
        if self._text.startswith(b"\xef\xbb\xbf"):
            raise self._refusal(0, "the text begins with a byte order mark; send UTF-8 without it")
        if (nul := self._text.find(b"\0")) >= 0:  # the parser would guess UTF-16
            raise self._refusal(nul, "the text is not UTF-8, or holds the character NUL")
        try:
            self._parser.Parse(self._text, True)
        except expat.ExpatError as error:
            try:
                self._text.decode()
            except UnicodeDecodeError as bad:
                raise self._refusal(bad.start, f"the text is not UTF-8 ({bad.reason})") from None
            raise self._refusal(self._parser.ErrorByteIndex, expat.ErrorString(error.code)) from None
        finally:
            del self._parser  # which knows us as we know it: nobody should wait for the collector

    # what the parser meets

    def _start(self, name: str, attributes: list[str]) -> None:
        if self._leaf is not None:
            self._open_beside(self._leaf)
        opened = self._open
        child = opened.grammar.elements.get(name)
        if child is None:
            return self._start_resource(name, attributes)
        if child.order <= opened.order and not (child.many and child.order == opened.order):
            self._check_order(opened, child)
        opened.order = child.order
        if child.read is not None:
            self._leaf = child
            if len(attributes) == 2 and attributes[0] == "value" and not child.many:  # nearly all
                opened.tree[child.name] = attributes[1] if child.read is str else self._value(child, attributes[1])
                self._hollow = False
            else:
                self._start_primitive(opened, child, attributes)
        elif child.below:
            self._start_object(opened, child, attributes)
        else:
            self._start_narrative()

    def _end(self, name: str) -> None:
        if self._leaf is not None:
            if self._hollow:
                raise self._here(refusals.EMPTY, self._path(self._leaf, taken=1))
            self._leaf = None
            return
        opened = self._open
        if not opened.tree or (opened.grammar.path == RESOURCE and opened.order < 0):
            raise self._here(refusals.EMPTY, self._path())
        for field in opened.hollow:
            if not any(value is not None for value in opened.tree[field]):
                opened.tree.pop(field)  # extensions stand for all of them
        self._open = self._outer.pop()

    def _start_object(self, opened: _Open, child: Child, attributes: list[str]) -> None:
        tree: Any = {}
        index, level = 0, opened.level + 1
        holds_resource = child.below == RESOURCE
        if child.many:
            level += 1
            values = opened.tree.setdefault(child.name, [])
            index = len(values)
            if holds_resource:
                tree = values
            else:
                values.append(tree)
        elif holds_resource:
            tree = opened.tree
        else:
            opened.tree[child.name] = tree
        if level > LEVELS:
            raise self._here(refusals.DEEP, self._path(child, taken=not holds_resource))
        known = grammar(self._structures, child.below)
        self._outer.append(opened)
        self._open = _Open(known, child, index, level - holds_resource, tree)
        for i in range(0, len(attributes), 2):
            if attributes[i] not in known.attributes:
                raise self._here(refusals.attribute(attributes[i], known), self._path())
            tree[attributes[i]] = attributes[i + 1]

    def _start_resource(self, name: str, attributes: list[str]) -> None:
        opened = self._open
        namespace, _, resource_type = name.rpartition(" ")
        if opened.grammar.path != RESOURCE:
            path = f"{self._path()}.{step(resource_type)}"
            raise self._here(refusals.element(name, opened.grammar), path)
        if namespace != FHIR or not self._definitions.is_resource_type(resource_type):
            raise self._here(refusals.resource(name, self._definitions.resource_types), self._path())
        if opened.order >= 0:
            raise self._here(f"<{resource_type}> is a second resource where one may stand", self._path())
        opened.order = 0
        tree = {"resourceType": resource_type}
        child = opened.child
        assert child is not None
        if child.many:
            opened.tree.append(tree)
        else:
            opened.tree[child.name] = tree
        self._outer.append(opened)
        self._open = _Open(grammar(self._structures, resource_type), None, 0, opened.level + 1, tree)
        for attribute in attributes[::2]:
            if attribute not in _SCHEMA_LOCATIONS:
                raise self._here(refusals.attribute(attribute, self._open.grammar), self._path())

    def _start_primitive(self, opened: _Open, child: Child, attributes: list[str]) -> None:
        value: Any = None
        element_id = None
        for i in range(0, len(attributes), 2):
            if attributes[i] == "value":
                value = self._value(child, attributes[i + 1])
            elif attributes[i] == "id":
                element_id = attributes[i + 1]
            else:
                known = grammar(self._structures, BESIDE)
                raise self._here(refusals.attribute(attributes[i], known, "value"), self._path(child))
        if child.many:
            self._append(opened, child, value)
        elif value is not None:
            opened.tree[child.name] = value
        self._hollow = value is None and element_id is None
        if element_id is not None:
            self._beside(opened, child)["id"] = element_id

    def _value(self, child: Child, text: str) -> Any:
        assert child.read
        try:
            return child.read(text)
        except TooManyDigits:
            reason = f"the number has more than {DIGITS} digits when written out"
            raise self._here(reason, self._path(child)) from None

    def _append(self, opened: _Open, child: Child, value: Any) -> None:
        name, tree = child.name, opened.tree
        if opened.level == LEVELS:
            raise self._here(refusals.DEEP, self._path(child))
        values = tree.get(name)
        if values is None:
            values = tree[name] = []
        values.append(value)
        if value is None and name not in opened.hollow:
            opened.hollow.append(name)
        if "_" + name in tree:
            tree["_" + name].append(None)

    def _beside(self, opened: _Open, child: Child) -> dict[str, Any]:
        """The object that stands beside the value of the last primitive: its `_name`."""
        key = "_" + child.name
        if opened.level + 1 + child.many > LEVELS:
            raise self._here(refusals.DEEP, self._path(child, taken=1))
        if not child.many:
            beside: dict[str, Any] = opened.tree.setdefault(key, {})
            return beside
        extras = opened.tree.setdefault(key, [None] * len(opened.tree[child.name]))
        if extras[-1] is None:
            extras[-1] = {}
        last: dict[str, Any] = extras[-1]
        return last

    def _open_beside(self, child: Child) -> None:
        """The first child of a primitive has come: what is open now is the object beside its value."""
        opened, self._leaf = self._open, None
        index = len(opened.tree[child.name]) - 1 if child.many else 0
        beside = self._beside(opened, child)
        self._outer.append(opened)
        self._open = _Open(grammar(self._structures, BESIDE), child, index, opened.level + 1 + child.many, beside)

    def _check_order(self, opened: _Open, child: Child) -> None:
        """Refuses an element that comes late or again; another type of a choice is left to validation."""
        met = opened.tree
        if child.order < opened.order:
            last = next(reversed(met)).removeprefix("_")
            raise self._here(refusals.order(child.name, last, opened.grammar), self._path(child))
        if child.name in met or "_" + child.name in met or child.below == RESOURCE:
            raise self._here(
                f"<{child.name}> is given twice in {opened.grammar.path}, but may not repeat", self._path(child)
            )

    # the narrative, whose text is kept as it was sent

    def _start_narrative(self) -> None:
        self._narrative = self._parser.CurrentByteIndex, 1
        self._parser.StartElementHandler = self._start_inside
        self._parser.EndElementHandler = self._end_inside
        self._parser.CharacterDataHandler = None

    def _outside_narrative(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._on_text

    def _start_inside(self, name: str, attributes: list[str]) -> None:
        start, depth = self._narrative
        self._narrative = start, depth + 1

    def _end_inside(self, name: str) -> None:
        start, depth = self._narrative
        self._narrative = start, depth - 1
        if depth > 1:
            return
        self._outside_narrative()
        end = self._parser.CurrentByteIndex
        tag = _TAG.match(self._text, start)
        assert tag  # the parser has read it
        xhtml = tag[0] if tag[1].endswith(b"/") else self._text[start : self._text.index(b">", end) + 1]
        if self._prefixes:
            xhtml = self._with_namespaces(xhtml, tag[1], tag.start(1) - start)
        self._open.tree["div"] = xhtml.decode()

    def _with_namespaces(self, xhtml: bytes, attributes: bytes, end_of_name: int) -> bytes:
        """The XHTML by itself: with what elements around it declare for XHTML.

        No narrative may use another namespace, and a long one would be repeated in every narrative."""
        own = {prefix or None for prefix in _DECLARED.findall(attributes)}
        needed = b"".join(
            b' xmlns%s="%s"' % (b":" + prefix if prefix else b"", XHTML.encode())
            for prefix in dict.fromkeys((None, *_PREFIX.findall(xhtml)))
            if prefix not in own and self._namespaces.get(prefix.decode() if prefix else None, [""])[-1:] == [XHTML]
        )
        return xhtml[:end_of_name] + needed + xhtml[end_of_name:]

    # what is refused at once

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise self._here(f"this is XML {version[:20]}; send XML 1.0")
        if encoding is not None and encoding.lower() != "utf-8":
            raise self._here(f"the encoding is declared as {encoding[:40]}; send UTF-8")

    def _doctype(self, *_: object) -> None:
        raise self._here("a document type declaration may not be sent, and none is read")

    def _first_text(self, text: str) -> None:
        if text.strip(_BLANK):
            raise self._here(
                "text stands between elements; the value of a primitive is an attribute",
                self._path(self._leaf, taken=1),
            )

    def _namespace(self, prefix: str | None, address: str | None) -> None:
        self._namespaces.setdefault(prefix, []).append(address or "")
        self._prefixes += prefix is not None

    def _end_namespace(self, prefix: str | None) -> None:
        self._namespaces[prefix].pop()
        self._prefixes -= prefix is not None

    # where something is

    def _path(self, child: Child | None = None, *, taken: int = 0) -> str:
        """FHIRPath of what is open, or of a child of it; taken: 1 if that one is already in the tree."""
        path = ""
        for opened in [*self._outer[1:], self._open]:
            if opened.child is None:
                path = path or opened.tree["resourceType"]
            elif path:
                path += f".{opened.child.element}" + (f"[{opened.index}]" if opened.child.many else "")
        if child is None:
            return path
        index = len(self._open.tree.get(child.name, ())) - taken if child.many else 0
        return f"{path}.{child.element}" + (f"[{index}]" if child.many else "")

    def _here(self, reason: str, path: str = "") -> Malformed:
        return self._refusal(self._parser.CurrentByteIndex, reason, path)

    def _refusal(self, offset: int, reason: str, path: str = "") -> Malformed:
        at = place(self._text, offset)
        expression = (path,) if path else ()
        end = "" if reason.endswith("?") else "."
        return Malformed(f"The XML cannot be read at {at}: {reason}{end}", expression=expression, location=(at,))
