"""The narrative of a resource: XHTML that any system may show as it is, so nothing in it may run or load code.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"
DEEPEST = 200  # levels of elements: readers of XML give up at some depth
_ELEMENTS = """
a abbr acronym address area b bdo big blockquote br caption center cite code col colgroup dd dfn div dl dt em font h1 h2
h3 h4 h5 h6 hr i img kbd li map ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u
ul var
"""
_ATTRIBUTES = """
abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset cite class clear color colspan
compact coords dir face frame headers height href hreflang hspace id ismap lang longdesc name nohref noshade nowrap rel
rev rowspan rules scope shape size span src start style summary tabindex title type usemap valign value vspace width
"""
ELEMENTS = frozenset(_ELEMENTS.split())
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
_QUALIFIED = {f"{XHTML} {element}": element for element in ELEMENTS}  # as the parser names them
ADDRESSES = frozenset(("href", "src", "cite", "longdesc", "usemap"))
_HARMLESS = ATTRIBUTES - ADDRESSES - {"style"}
SCHEMES = frozenset(("http", "https", "mailto", "tel", "ftp", "urn"))

_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]")
_SCHEME = re.compile(r"([^/?#:]*):", re.DOTALL)
_ACTIVE_STYLE = re.compile(
    r"expression\s*\(|script:|behaviou?r\s*:|-moz-binding|@import|\\|data:(?!\s*image/)", re.IGNORECASE
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)  # one that is never closed reaches to the end


class _Unsafe(Exception):
    """What the narrative may not contain."""


def fault(div: str) -> tuple[str, str] | None:
    """What is wrong with the XHTML of a narrative, as issue code and sentence; None if it is safe and says something.

    Read by an XML parser without DTD, so no entity but XML's own five is known and nothing can be loaded or expanded.
    """
    reader = _Reader()
    try:
        reader.read(div)
    except _Unsafe as unsafe:
        return "invariant", f"{unsafe} (txt-1)"
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        return "structure", f"is not well-formed XHTML: {reason} at line {error.lineno}, column {error.offset + 1}"
    if not reader.says_something:
        return "invariant", "has no text and no image (txt-2)"
    return None


def is_plain(div: str) -> bool:
    """Whether a narrative without control characters is certainly safe and says something, as most are.

    A tenth to a third of the time of `fault`, which judges the others: attributes in the order that HL7's publisher has,
    elements no deeper than tables in lists, no comments, and no address or style that takes a second look.
    """
    if len(div) > _LONGEST_PLAIN or not (div.isascii() or ("\ufffe" not in div and "\uffff" not in div)):
        return False
    if ("]" in div and _END_OF_CDATA.search(div)) or ("&" in div and _OTHER_ENTITY.search(div)):
        return False
    return _is_plain(div) is not None and _SAID.search(div) is not None


def _plain(depth: int) -> str:
    """The expression of text with elements in it, so many levels of them. Every choice is made by the next characters, and
    what has been read is never read again (*+), so that it takes no longer than the text is long."""
    attributes = _attributes()
    names = "|".join(f"{first}(?:{rest})" for first, rest in _by_letter(ELEMENTS))
    inline = "[^<]*+(?:<(?:b>[^<]*+</b>|span>[^<]*+</span>)[^<]*+)*+"
    leaves = f"p>{inline}</p>|b>[^<]*+</b>|td>{inline}</td>|span>[^<]*+</span>"  # nearly all: quicker by themselves
    inside = "[^<]*+"
    for level in range(depth):
        other = rf"(?P<e{level}>(?:{names})(?![a-z0-9])){attributes} ?+(?:/>|>{inside}</(?P=e{level})>)"
        inside = f"[^<]*+(?:<(?:{leaves}|{other})[^<]*+)*+"
    return rf'<div xmlns="{XHTML}"{attributes}>{inside}</div>'


def _attributes() -> str:
    """The expression of attributes, each at its place and so never twice; one of those that seldom have company first."""
    text = '"[^"<>]*+"'  # without >, so that what follows one is text: see _SAID
    address = r'"(?:(?:https?|mailto|tel):|[A-Za-z0-9_.\-]*+(?=[/\#?"]))[^"<>]*+"'
    # A colon only after a name, none of which is dangerous, and no brackets. No hyphen before m: -moz-binding
    name = r"[a-z]++(?:-(?!m)[a-z]++)*+(?<!script)(?<!data)(?<!behavior)(?<!behaviour)"
    style = rf'"(?: *+{name} ?:[A-Za-z0-9#%., !]*+(?:-(?![mM])[A-Za-z0-9#%., !]*+)*+;?+)*+"'
    others = "|".join(sorted(_HARMLESS.difference(_IN_COMPANY)))
    own = {"style": style, "src": address, "href": address}
    places = [f"(?:{others})={text}", *(f"{name}={own.get(name, text)}" for name in _IN_COMPANY)]
    return f"(?:(?= ){''.join(f'(?: {place})?+' for place in places)})?+"


def _by_letter(names: frozenset[str]) -> list[tuple[str, str]]:
    """First letters, the commonest first, and how the names with them go on."""
    letters = sorted({name[0] for name in names}, key=lambda letter: ("pbtdsali".find(letter) % 99, letter))
    return [(letter, "|".join(sorted(name[1:] for name in names if name[0] == letter))) for letter in letters]


_LONGEST_PLAIN = 100_000  # characters
_IN_COMPANY = ("cellpadding", "cellspacing", "src", "alt", "style", "href", "title", "id", "class")
_is_plain = re.compile(_plain(depth=8)).fullmatch
_END_OF_CDATA = re.compile(r"\](?:\]>)")  # quicker than `in`, as it begins with one rare character
_OTHER_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[1-9][0-9]{2,3});)")
_SAID = re.compile(r">[ \t\r\n]*+[^< \t\r\n]")  # text; a narrative of images alone is not judged here


class _Reader:
    def __init__(self) -> None:
        self.says_something = False
        self._at_root = True
        self._depth = 0

    def read(self, div: str) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse("a document type declaration")
        parser.ProcessingInstructionHandler = _refuse("a processing instruction")
        parser.XmlDeclHandler = _refuse("an XML declaration")
        parser.Parse(div.encode(errors="surrogatepass"), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = _QUALIFIED.get(name)
        if element is None:
            namespace, _, other = name.rpartition(" ")
            where = "which a narrative may not" if namespace == XHTML else f"outside the namespace {XHTML}"
            raise _Unsafe(f"contains <{other[:80]}>, {where}")
        self._depth += 1
        if self._depth > DEEPEST:
            raise _Unsafe(f"is nested more than {DEEPEST} levels deep")
        if self._at_root and element != "div":
            raise _Unsafe(f"must be a <div>, not <{element}>")
        self._at_root = False
        self.says_something |= element == "img"
        for attribute, value in attributes.items():
            _check_attribute(element, attribute, value)

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _text(self, text: str) -> None:
        self.says_something = self.says_something or bool(text.strip(" \t\r\n"))


def _check_attribute(element: str, name: str, value: str) -> None:
    if name in _HARMLESS:
        return
    local = name.removeprefix("http://www.w3.org/XML/1998/namespace ")  # xml:lang and xml:space
    if local not in ATTRIBUTES and local == name:
        raise _Unsafe(f"contains the attribute {name[:80]} on <{element}>, which a narrative may not")
    if local in ADDRESSES:
        # Browsers pass over such characters inside a scheme, so they are not allowed to hide one.
        address = _INVISIBLE.sub("", value)
        scheme = _SCHEME.match(address)
        image = element == "img" and address.lower().startswith("data:image/")
        if scheme and scheme[1].lower() not in SCHEMES and not image:
            raise _Unsafe(f"has a {scheme[1][:20]}: address in {name} of <{element}>, which a narrative may not")
    if local == "style" and _ACTIVE_STYLE.search(_COMMENT.sub("", value)):
        raise _Unsafe(f"has a style on <{element}> that could run or load code")


def _refuse(what: str) -> Any:
    def refuse(*_: object) -> None:
        raise _Unsafe(f"contains {what}")

    return refuse
