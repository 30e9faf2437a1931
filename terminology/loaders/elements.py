"""XML files of releases, streamed: one child of the root after another, each with the line and column where it begins.

A document type is passed over and nothing outside is fetched; entities of its own are refused.
https://www.w3.org/TR/xml/, https://docs.python.org/3/library/pyexpat.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final
from xml.parsers import expat

from .archive import Archive, BadFile

_DEEPEST: Final = 60
_CHUNK: Final = 1 << 16
_LARGEST: Final = 100_000_000  # bytes of one child of the root: it is in memory as a whole


class Element:
    """An element with what stands in it, in order: texts and elements."""

    __slots__ = ("attributes", "column", "content", "line", "name")

    def __init__(self, name: str, attributes: Mapping[str, str], line: int, column: int) -> None:
        self.name = name
        self.attributes = attributes
        self.content: list[str | Element] = []
        self.line = line
        self.column = column

    def get(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")

    def all(self, name: str) -> Iterator[Element]:
        """The elements right in it that have a name."""
        return (one for one in self.content if isinstance(one, Element) and one.name == name)

    def first(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def text(self, without: frozenset[str] = frozenset()) -> str:
        """All text in it but that of elements with these names; each run of white space is one blank."""
        pieces: list[str] = []
        self._gather(pieces, without)
        return " ".join("".join(pieces).split())

    def _gather(self, pieces: list[str], without: frozenset[str]) -> None:
        for one in self.content:
            if isinstance(one, str):
                pieces.append(one)
            elif one.name not in without:
                one._gather(pieces, without)


def root(archive: Archive, name: str) -> str:
    """The name of the root element; "" if the file is no XML."""
    try:
        return next(_elements(archive, name, ""), Element("", {}, 0, 0)).name
    except BadFile:
        return ""


def elements(archive: Archive, name: str, root: str, within: str = "") -> Iterator[Element]:
    """The children of the root element, or of each element in it that is called `within`. Names are without prefix.

    Raises BadFile: no well-formed XML, entities, another root, too deep, a child that is too large."""
    return _elements(archive, name, root, within)


def missing(name: str, element: Element, what: str) -> BadFile:
    """What is wrong with an element that lacks something."""
    return BadFile(name, element.line, element.column, f"the {element.name} has no {what}")


def _elements(archive: Archive, name: str, root: str, within: str = "") -> Iterator[Element]:
    """With "" for the root: the root, as soon as it begins."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    done: deque[Element] = deque()
    open_elements: list[Element] = []
    seen_root = False
    inside = not within  # what `within` names

    def bad(text: str) -> BadFile:
        return BadFile(name, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, text)

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal seen_root, inside
        tag = tag.rpartition(":")[2]
        element = Element(tag, attributes, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        if not seen_root:
            seen_root = True
            if not root:
                done.append(element)
            elif tag != root:
                raise bad(f"the root element is {tag[:100]} and not {root}")
            return
        if len(open_elements) >= _DEEPEST:
            raise bad(f"elements are nested more than {_DEEPEST} deep")
        if not inside:
            inside = tag == within
            return
        if open_elements:
            open_elements[-1].content.append(element)
        open_elements.append(element)

    def end(tag: str) -> None:
        nonlocal inside
        if not open_elements and within:
            inside = False
        if open_elements:
            element = open_elements.pop()
            if not open_elements:
                done.append(element)

    def characters(text: str) -> None:
        if open_elements:
            open_elements[-1].content.append(text)

    def entity(*_: object) -> None:
        raise bad("an entity is declared; entities are refused")

    def skipped(entity_name: str, _: bool) -> None:
        raise bad(f"the entity {entity_name[:100]} is not known")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.EntityDeclHandler = entity
    parser.SkippedEntityHandler = skipped
    with archive.open(name) as stream:
        since = 0  # bytes since a child of the root ended
        while True:
            chunk = stream.read(_CHUNK)
            since += len(chunk)
            if since > _LARGEST:
                raise bad(f"an element has more than {_LARGEST} bytes")
            try:
                parser.Parse(chunk, not chunk)
            except (expat.ExpatError, BadFile) as error:
                if done and not root:
                    yield done.popleft()
                    return
                if isinstance(error, BadFile):
                    raise
                text = expat.errors.messages.get(error.code, str(error))
                raise BadFile(name, error.lineno, error.offset + 1, f"no well-formed XML: {text}") from None
            while done:
                since = 0
                yield done.popleft()
            if not chunk or (seen_root and not root):
                return
