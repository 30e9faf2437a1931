"""Prefixes and separators of search values, and the backslash that takes the meaning of separators away.

A value is split at commas, then at dollars, then at bars, and only then are the escapes resolved.
https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

import re
from typing import Final

PREFIXES: Final = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")  # http://hl7.org/fhir/search-comparator

_WELL_FORMED: Final = re.compile(r"(?:[^\\]|\\[\\,$|])*", re.DOTALL)
_UNIT: Final = re.compile(r"\\.|[^\\]", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def is_well_formed(text: str) -> bool:
    """Whether every backslash stands before a separator or another backslash."""
    return _WELL_FORMED.fullmatch(text) is not None


def split(text: str, separator: str) -> list[str]:
    """The parts between unescaped separators, escapes kept."""
    if "\\" not in text:
        return text.split(separator)
    parts = [""]
    for unit in _UNIT.findall(text):
        if unit == separator:
            parts.append("")
        else:
            parts[-1] += unit
    return parts


def unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """The text as one value: unescape(escape(x)) = x, and no separator in it splits."""
    return re.sub(r"([\\,$|])", r"\\\1", text)


def prefixed(value: str) -> tuple[str, str]:
    """The prefix of a search value, "" for none, and what it stands before. https://hl7.org/fhir/R4/search.html#prefix"""
    text = value.strip().replace(" ", "+")  # a plus sign that was not encoded has become a space
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("", text)
