"""A tree as FHIR XML: elements in the order of the definitions, whatever the order of the keys in the tree.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Any, Final

from ..definitions import Definitions
from .grammar import BESIDE, FHIR, RESOURCE, Child, Grammar, Structures, grammar

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
# White space other than a space would be read back as one (XML 1.0, 3.3.3).
_SPECIAL: Final = re.compile('[&<"\n\r\t]')
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
# What no XML document can hold, not even escaped (XML 1.0, 2.2).
_CONTROLS: Final = bytes({*range(0x20)} - {0x09, 0x0A, 0x0D})
_NO_CHARACTER: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def encode(definitions: Definitions, tree: dict[str, Any], *, pretty: bool = False) -> bytes:
    """The XML of a valid resource, in UTF-8 with a declaration; pretty: on many lines.

    A character that XML cannot hold comes out as U+FFFD. Raises KeyError for a name that the definitions do not have."""
    out = [_DECLARATION]
    _resource(definitions.structures, tree, "\n" if pretty else "", out, f' xmlns="{FHIR}"')
    text = "".join(out)
    encoded = text.encode("utf-8", "replace")
    if (
        len(encoded.translate(None, _CONTROLS)) < len(encoded)
        or b"\xef\xbf\xbe" in encoded
        or b"\xef\xbf\xbf" in encoded
    ):
        encoded = _NO_CHARACTER.sub("\ufffd", text).encode("utf-8", "replace")
    return encoded + b"\n" if pretty else encoded


def _resource(structures: Structures, tree: dict[str, Any], gap: str, out: list[str], namespace: str = "") -> None:
    """gap: what stands before a tag, a line feed and the indentation; "" where all is on one line."""
    resource_type = tree["resourceType"]
    if len(tree) == 1:
        return out.append(f"{gap}<{resource_type}{namespace}/>")
    out.append(f"{gap}<{resource_type}{namespace}>")
    _children(structures, grammar(structures, resource_type), tree, gap and gap + "  ", out)
    out.append(f"{gap}</{resource_type}>")


def _children(structures: Structures, known: Grammar, tree: dict[str, Any], gap: str, out: list[str]) -> None:
    fields = known.fields
    for key in sorted(tree, key=known.order.__getitem__):
        child = fields.get(key)
        if child is None:  # resourceType, or an attribute
            continue
        name, value = child.name, tree[key]
        if child.read is None:
            if not child.many:
                _element(structures, child, value, gap, out)
            else:
                for one in value:
                    _element(structures, child, one, gap, out)
        elif key == name:
            beside = tree.get("_" + name)
            if child.many:
                for one, extra in zip_longest(value, beside or ()):
                    _primitive(structures, name, one, extra, gap, out)
            else:
                _primitive(structures, name, value, beside, gap, out)
        elif name not in tree:  # `_name` alone
            for extra in value if child.many else (value,):
                _primitive(structures, name, None, extra, gap, out)


def _element(structures: Structures, child: Child, value: Any, gap: str, out: list[str]) -> None:
    name, below = child.name, child.below
    if not below:  # XHTML, which is a well-formed element with its namespace
        return out.append(gap + value)
    if below == RESOURCE:
        out.append(f"{gap}<{name}>")
        _resource(structures, value, gap and gap + "  ", out)
        return out.append(f"{gap}</{name}>")
    known = grammar(structures, below)
    stated = [attribute for attribute in known.attributes if attribute in value]
    attributes = "".join([f' {attribute}="{_text(value[attribute])}"' for attribute in stated])
    if len(value) == len(stated):
        return out.append(f"{gap}<{name}{attributes}/>")
    out.append(f"{gap}<{name}{attributes}>")
    _children(structures, known, value, gap and gap + "  ", out)
    out.append(f"{gap}</{name}>")


def _primitive(structures: Structures, name: str, value: Any, beside: Any, gap: str, out: list[str]) -> None:
    shown = "" if value is None else f' value="{_text(value)}"'
    if beside is None:
        return out.append(f"{gap}<{name}{shown}/>")
    if "id" in beside:
        shown = f' id="{_text(beside["id"])}"' + shown
    if "extension" not in beside:
        return out.append(f"{gap}<{name}{shown}/>")
    out.append(f"{gap}<{name}{shown}>")
    _children(structures, grammar(structures, BESIDE), beside, gap and gap + "  ", out)
    out.append(f"{gap}</{name}>")


def _text(value: Any) -> str:
    """A value as it stands in an attribute. Decimals are written as in JSON, with every digit."""
    if type(value) is str:
        return _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value
    if type(value) is bool:
        return "true" if value else "false"
    text = str(value)
    # Python writes small numbers with an exponent; nobody sent them so.
    return format(value, "f") if "E-" in text else text


def _escape(found: re.Match[str]) -> str:
    return _ESCAPED[found[0]]
