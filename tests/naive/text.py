"""Escapes of a search value, and texts compared without case and accents.

https://hl7.org/fhir/R4/search.html#escaping, https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from .values import Refused, Value

JOINED = "'’‘ʼ`´."  # O'Brien is obrien
NAME = ("text", "family", "given", "prefix", "suffix")
ADDRESS = ("text", "line", "city", "district", "state", "postalCode", "country")


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that no backslash escapes; the escapes stay (SE-15)."""
    found, position = [""], 0
    while position < len(text):
        if text[position] == "\\":
            found[-1] += text[position : position + 2]
            position += 2
        elif text[position] == separator:
            found.append("")
            position += 1
        else:
            found[-1] += text[position]
            position += 1
    return found


def unescape(text: str) -> str:
    found, position = "", 0
    while position < len(text):
        if text[position] == "\\":
            if text[position + 1 : position + 2] not in (*",$|\\",):
                raise Refused(f"{text}: an illegal backslash")
            position += 1
        found += text[position]
        position += 1
    return found


def plain(text: str) -> str:
    """SR-1: NFKD, marks and case dropped, punctuation and white space collapsed."""
    text = "".join(c for c in text if c not in JOINED)
    for _ in range(3):  # folding can yield what decomposes
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    text = "".join(c for c in text if c not in JOINED)
    return " ".join("".join(" " if unicodedata.category(c)[0] in "PS" else c for c in text).split())


def texts(value: Value) -> Iterator[str]:
    """The strings of a value: itself, or the parts of a name or address (SR-3)."""
    match value.type:
        case "string" | "markdown":
            yield value.data
        case "HumanName":
            yield from _parts(value.data, NAME)
        case "Address":
            yield from _parts(value.data, ADDRESS)


def _parts(data: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        part = data.get(name)
        yield from (one for one in (part if isinstance(part, list) else [part]) if one is not None)


def across(value: Value) -> Iterator[str]:
    """SR-3, ours: given names (all, or the first) and family name together."""
    if value.type == "HumanName":
        given, family = list(_parts(value.data, ("given",))), list(_parts(value.data, ("family",)))
        if given and family:
            yield " ".join([*given, *family])
            yield " ".join([given[0], *family])


def begins(value: Value, wanted: str) -> bool:
    """SR-1: a text begins so; of names and addresses also any word of a part."""
    sought = plain(wanted)
    if not sought:
        return False
    by_word = {"HumanName", "Address"} & {value.type, value.within}
    for text in texts(value):
        words = plain(text).split(" ")
        starts = range(len(words)) if by_word else range(1)
        if any(" ".join(words[n:]).startswith(sought) for n in starts):
            return True
    return any(plain(text).startswith(sought) for text in across(value))


def string_matches(value: Value, modifier: str, wanted: str) -> bool:
    """SR-1 … SR-3."""
    wanted = unescape(wanted)
    match modifier:
        case "exact":
            return wanted in texts(value)
        case "contains":
            sought = plain(wanted)
            return bool(sought) and any(sought in plain(text) for text in (*texts(value), *across(value)))
        case "":
            return begins(value, wanted)
    raise Refused(f":{modifier} on a string")
