"""JSON in and out without damage: decimals keep their digits, and hostile text is stopped before anything is done.

decode gives the exact tree of a resource: dict, list, str, int, Decimal, bool, None; never a float. What it refuses
(400, with line and column): bytes that are no UTF-8, a byte order mark, malformed JSON, anything but an object, more
than 64 levels, NUL and lone surrogates (PostgreSQL stores neither), the same key twice in an object (decoders keep
the last in silence), numbers of more than 400 digits when written out (`1e99999999` would become 100 MB).
https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from .outcome import Malformed

LEVELS = 64  # of nested objects and arrays, the resource itself being the first
DIGITS = 400  # of a number written out, before and after the point

encode = msgspec.json.Encoder(decimal_format="number").encode  # any tree → compact UTF-8
canonical = msgspec.json.Encoder(decimal_format="number", order="sorted").encode  # equal for what is the same JSON


def stored(tree: Any) -> bytes:
    """The tree as JSON whose numbers are written as PostgreSQL keeps them: no exponent, no minus before zero."""
    text = encode(tree)
    # Only Decimals have an exponent, with a sign; where a string has such letters the walk is for nothing.
    return encode(_spelt(tree)) if b"E-" in text or b"E+" in text or b":-0" in text else text


def _spelt(node: Any) -> Any:
    if type(node) is dict:
        return {key: _spelt(value) for key, value in node.items()}
    if type(node) is list:
        return [_spelt(item) for item in node]
    return msgspec.Raw(format(node if node else abs(node), "f").encode()) if type(node) is Decimal else node


def decode(text: bytes) -> dict[str, Any]:
    """The tree of a JSON object; raises Malformed with line and column. The integer -0 becomes 0, as in jsonb."""
    tree = decode_any(text)
    if type(tree) is not dict:
        raise _malformed(text, len(text) - len(text.lstrip()), "a resource is a JSON object, and this is none")
    return tree


def decode_any(text: bytes) -> Any:
    """The same of any JSON value: a JSON Patch is an array."""
    try:
        tree = _decoder.decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError, TooManyDigits) as error:
        raise _why(text, error) from None
    if _is_suspicious(text, tree):
        _refuse_the_first_offence(text)
    return tree


def trusted(text: bytes | msgspec.Raw) -> dict[str, Any]:
    """The tree of a JSON object that this server has written: nothing is judged, since a Bundle of what it holds may be
    nested deeper than what it takes, and an outcome may quote what it refuses."""
    tree: dict[str, Any] = _decoder.decode(text)
    return tree


class TooManyDigits(Exception):
    """A number of more than DIGITS digits."""


def number(text: str) -> Decimal:
    """The decimal of a number with a point or an exponent, judged before anybody writes it out; may raise TooManyDigits."""
    if len(text) <= DIGITS and "e" not in text and "E" not in text:
        return Decimal(text)
    if len(text) > 2 * DIGITS:
        raise TooManyDigits
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        raise TooManyDigits from None
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # JSON has no infinity
    if max(value.adjusted() + 1, 1) + max(-exponent, 0) > DIGITS:
        raise TooManyDigits
    return value


_decoder = msgspec.json.Decoder(float_hook=number)


def _is_suspicious(text: bytes, tree: Any) -> bool:
    """Quick signs of an offence in text that could be decoded; without them there is none."""
    if b"\\" in text and b"\\u00" in text and (b"\\u0000" in text or b"\\u0022" in text):
        return True
    # A key given twice is lost, with its quotation marks, when the tree is written again; nothing makes up for them
    # but an escaped mark, \\u0022.
    again = encode(tree)
    if again != text and again.count(b'"') != text.count(b'"'):
        return True
    # Integers do not pass through number. One of more than 400 digits has a digit at four hundredth bytes in a row.
    if len(text) > DIGITS and _SAMPLED.search(text[:: DIGITS // 4]) and _LONG in text.translate(_TO_ZERO):
        return True
    return text.count(b"{") + text.count(b"[") > LEVELS and _is_too_deep(tree)


_SAMPLED = re.compile(rb"[0-9]{4}")
_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * (DIGITS + 1)


def _is_too_deep(tree: Any) -> bool:
    level = [tree]
    for _ in range(LEVELS):
        level = [
            value
            for holder in level
            for value in (holder.values() if type(holder) is dict else holder)
            if type(value) is dict or type(value) is list
        ]
        if not level:
            return False
    return True


def _why(text: bytes, error: Exception) -> Malformed:
    """The refusal of text that could not be decoded: its first offence, or where it stops being JSON."""
    if text.startswith(b"\xef\xbb\xbf"):
        return _malformed(text, 0, "the text begins with a byte order mark; send UTF-8 without it")
    try:
        characters = text.decode()
    except UnicodeDecodeError as bad:
        return _malformed(text, bad.start, f"the text is not UTF-8 ({bad.reason})")
    end, reason = len(text), str(error)
    try:  # the standard library tells places better
        json.loads(characters, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as bad:
        end = len(characters[: bad.pos].encode())
        reason = bad.msg[0].lower() + bad.msg[1:].removesuffix(" at").removesuffix(" starting")
    except RecursionError:
        pass  # the first offence is the depth
    try:
        _refuse_the_first_offence(text[:end])
    except Malformed as offence:
        return offence
    return _malformed(text, end, reason)


# A string (with the colon after it, if it is a key; perhaps cut off by the end of the text), a bracket, a number, or a
# word that Python would take for one. Nothing is tried twice: linear in any text.
_TOKEN = re.compile(
    rb'"[^"\\]*+(?:\\.?+[^"\\]*+)*+"?+(\s*+:)?+|[{}\[\]]|-?+[0-9][0-9.eE+-]*+|NaN|-?Infinity', re.DOTALL
)
# An escaped surrogate pair; NUL or half a pair; any other escape.
_ESCAPE = re.compile(rb"\\ud[89ab]..\\ud[c-f]..|\\u(0000|d[89a-f]..)|\\.", re.DOTALL | re.IGNORECASE)


def _refuse_the_first_offence(text: bytes) -> None:
    """Raises Malformed where the text first offends; slow, exact, and run only on suspicion."""
    keys: list[set[str]] = []  # of each object that is open here; an array has none
    for token in _TOKEN.finditer(text):
        found = token[0]
        match found[:1]:
            case b'"':
                _refuse_characters(text, token.start(), found)
                if token[1] is not None:
                    key: str = msgspec.json.decode(found[: -len(token[1])])
                    if key in keys[-1]:
                        raise _malformed(text, token.start(), f"the key {key[:64]!r} is given twice in one object")
                    keys[-1].add(key)
            case b"{" | b"[":
                if len(keys) == LEVELS:
                    raise _malformed(text, token.start(), f"the text is nested more than {LEVELS} levels deep")
                keys.append(set())
            case b"}" | b"]":
                keys.pop()
            case _ if found.endswith((b"N", b"y")):
                raise _malformed(text, token.start(), f"{found.decode()} is no number")
            case _:
                try:
                    number(found.decode())
                except TooManyDigits:
                    reason = f"the number has more than {DIGITS} digits when written out"
                    raise _malformed(text, token.start(), reason) from None


def _refuse_characters(text: bytes, start: int, string: bytes) -> None:
    """Raises Malformed if an escape in a string stands for NUL or for half a surrogate pair."""
    for escape in _ESCAPE.finditer(string) if b"\\u" in string else ():
        if escape[1]:
            reason = "holds the character NUL" if escape[1] == b"0000" else "holds half a surrogate pair"
            raise _malformed(text, start + escape.start(), f"a string {reason}")


def _malformed(text: bytes, offset: int, reason: str) -> Malformed:
    at = place(text, offset)
    return Malformed(f"The JSON cannot be read at {at}: {reason}.", location=(at,))


def place(text: bytes, offset: int) -> str:
    """Where a byte stands, as a sender counts: "line 3, column 14"; columns are characters."""
    before = text[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    return f"line {line}, column {column}"
