"""The rules of the primitive types: what a single string, number or boolean of a resource may look like.

The regular expressions are the official ones of the definitions; what they leave open is judged here: days that do not
exist, base64, control characters, 32 bits, 1 MB. https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

LONGEST_STRING = 1024 * 1024  # characters
NUMBERS: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "unsignedInt": (int,),
    "positiveInt": (int,),
    "decimal": (int, Decimal),
}
LOWEST = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
HIGHEST = 2**31 - 1
SHAPES = {  # what a sender is told
    "boolean": "true or false",
    "integer": "a whole number of 32 bits",
    "unsignedInt": "a whole number from 0 to 2147483647",
    "positiveInt": "a whole number from 1 to 2147483647",
    "decimal": "a JSON number",
    "base64Binary": "base64 with padding",
    "canonical": "a canonical URL without spaces",
    "code": "a code without spaces at its ends or two in a row",
    "date": "YYYY, YYYY-MM or YYYY-MM-DD, a day that exists",
    "dateTime": "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone, a day that exists",
    "id": "1 to 64 letters, digits, hyphens and dots",
    "instant": "YYYY-MM-DDThh:mm:ss with a time zone, a day that exists",
    "oid": "urn:oid: and an OID",
    "time": "hh:mm:ss",
    "uri": "a URI without spaces",
    "url": "a URL without spaces",
    "uuid": "urn:uuid: and a UUID in lower case",
}
UNLIMITED = {"base64Binary", "xhtml"}  # may be longer than a string

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_SPACE = str.maketrans("", "", " \t\r\n\f\v")
_JSON = {bool: "a boolean", int: "a number", Decimal: "a number", str: "a string", list: "an array", dict: "an object"}

Fault = tuple[str, str]  # issue code, and what is wrong: "'2020-02-31' is not a date: …"


def primitive(name: str, pattern: str | None) -> Callable[[Any], Fault | None]:
    """The check of one primitive type: takes a decoded JSON value and returns what is wrong with it, or None.

    pattern: the official regular expression of the type; None for xhtml, whose text is judged as a narrative.
    """
    if name in NUMBERS:
        return _number(name)
    # Always the whole value, and ASCII's idea of a space: the official files contain no-break spaces inside codes.
    fits = _is_base64 if name == "base64Binary" else re.compile(pattern or r"(?s).+", re.ASCII).fullmatch
    dated = name in ("date", "dateTime", "instant")

    def check(value: Any) -> Fault | None:
        if type(value) is not str:
            return "structure", f"must be a JSON string ({name}), not {kind_of(value)}"
        if name not in UNLIMITED and len(value) > LONGEST_STRING:
            return "too-long", f"has {len(value)} characters; {LONGEST_STRING} are the most"
        if not value:
            return "value", f"is empty; leave it out, or send {SHAPES.get(name, 'some text')}"
        if _CONTROL.search(value):
            return "value", "contains a control character; only tab, line feed and carriage return may be sent"
        if not fits(value) or (dated and not _is_on_the_calendar(value)):
            return "value", f"is {quoted(value)}, which is not a valid {name}: send {SHAPES.get(name, 'some text')}"
        return None

    return check


def _number(name: str) -> Callable[[Any], Fault | None]:
    accepted = NUMBERS[name]
    lowest = LOWEST.get(name)

    def check(value: Any) -> Fault | None:
        if type(value) not in accepted:
            shown = f" {quoted(value)}" if isinstance(value, (str, int, Decimal)) else ""
            return "structure", f"must be {SHAPES[name]} ({name}), not {kind_of(value)}{shown}"
        if lowest is not None and not lowest <= value <= HIGHEST:
            return "value", f"is {quoted(value)}, which is not a valid {name}: send {SHAPES[name]}"
        return None

    return check


def kind_of(value: Any) -> str:
    """What a JSON value is, in a sender's words: "an array"."""
    return _JSON.get(type(value), "null")


def quoted(value: Any) -> str:
    """A value as it is shown in a message, cut to a length one can read."""
    text = str(value) if not isinstance(value, bool) else str(value).lower()
    text = text if len(text) <= 80 else text[:77] + "…"
    return repr(text) if isinstance(value, str) else text


def _is_base64(value: str) -> bool:
    # The official expression takes exponential time on wrong input, so the groups of four are counted instead.
    text = value.translate(_SPACE)
    return len(text) % 4 == 0 and _BASE64.fullmatch(text) is not None


def _is_on_the_calendar(value: str) -> bool:
    if len(value) < 10:
        return True
    try:
        date(int(value[:4]), int(value[5:7]), int(value[8:10]))
    except ValueError:
        return False
    return True
