"""The tokens of a FHIRPath text. https://hl7.org/fhirpath/N1/#lexical-elements"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..outcome import BadRequest

LONGEST = 10_000  # characters of an expression


class Token(NamedTuple):
    kind: str  # name | quoted | string | number | moment | variable | symbol | end
    text: str  # what it says: quotation marks and escapes are resolved
    position: int  # in the text, from 0


_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n\f\ufeff\u00a0]+|//[^\r\n]*|/\*.*?\*/)
    |(?P<moment>@(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?
        |\d{4}(?:-\d\d(?:-\d\d)?)?(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?))
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<quoted>`(?:[^`\\]|\\.)*`)
    |(?P<variable>%(?:[A-Za-z_][A-Za-z0-9_\-]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))
    |(?P<symbol>\$[a-z]+|!=|!~|<=|>=|[.,()\[\]{}=~<>+\-*/&|])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERAL = frozenset("'\"`/\\")


def tokens(text: str) -> list[Token]:
    """The tokens of the text, the last one of kind `end`; raises BadRequest with the position."""
    if len(text) > LONGEST:
        raise BadRequest(f"The FHIRPath expression has more than {LONGEST} characters.", code="value")
    found, position = [], 0
    while position < len(text):
        read = _TOKEN.match(text, position)
        if read is None:
            raise refusal(text, position, "nothing in FHIRPath begins like this")
        kind = read.lastgroup or ""
        if kind != "blank":
            found.append(Token(kind, _said(text, kind, read[0], position), position))
        position = read.end()
    return [*found, Token("end", "", position)]


def refusal(text: str, position: int, reason: str) -> BadRequest:
    """The error of a text that is no FHIRPath, with the place where it stops being so."""
    place = f"position {position + 1}"
    shown = text[position : position + 20]
    near = f" near {shown!r}" if shown else ", the end"
    return BadRequest(f"The FHIRPath expression cannot be read at {place}{near}: {reason}.", code="value")


def _said(text: str, kind: str, written: str, position: int) -> str:
    if kind == "moment":
        return written[1:]
    if kind == "variable":
        written = written[1:]
    if written[0] not in "'`":
        return written

    def resolve(escape: re.Match[str]) -> str:
        if escape[1] == "0000":
            raise refusal(text, position, "NUL is no character")
        if escape[1]:
            return chr(int(escape[1], 16))
        if escape[2] in _ESCAPED:
            return _ESCAPED[escape[2]]
        if escape[2] in _LITERAL:
            return escape[2]
        raise refusal(text, position, f"no such escape: \\{escape[2]}")

    try:
        return paired(_ESCAPE.sub(resolve, written[1:-1]))
    except UnicodeDecodeError:
        raise refusal(text, position, "half a surrogate pair is no character") from None


def paired(text: str) -> str:
    """The text with two escapes that are the halves of one character joined; raises UnicodeDecodeError on half a pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")
