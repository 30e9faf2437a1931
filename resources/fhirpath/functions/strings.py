"""Strings. https://hl7.org/fhirpath/N1/#string-manipulation; the last seven are of later versions."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..evaluation import EMPTY, LONGEST, Code, Collection, Evaluation, described, giving_items, plain, text, whole
from ..faults import Unevaluable
from ..lexer import paired
from ..patterns import pattern
from .calls import Arguments, Function, on_text


def _string(value: Any, what: str) -> str:
    if type(value) is not str:
        raise Unevaluable(f"{what}() needs a string and was given {described(value)}.")
    return value


def _substring(call: Arguments) -> Code:
    source, start = call.of.items, call.codes[0].items
    length = call.codes[1].items if len(call.codes) > 1 else None

    def substring(env: Evaluation, this: Collection) -> Collection:
        said, at = text(source(env, this), "substring()"), whole(start(env, this), "substring()")
        if said is None or at is None or not 0 <= at < len(said):
            return EMPTY
        env.spend(len(said) >> 5)
        count = whole(length(env, this), "substring()") if length is not None else None
        return [said[at:] if count is None else said[at : at + max(count, 0)]]

    return giving_items(substring, "substring()")


def _replace(env: Evaluation, said: str, old: Any, new: Any) -> str:
    old, new = _string(old, "replace"), _string(new, "replace")
    length = len(said) + len(new) * (said.count(old) if old else len(said) + 1)
    env.spend(length >> 4)
    if length > LONGEST:
        raise Unevaluable(f"replace() makes strings of up to {LONGEST} characters only.")
    return said.replace(old, new)


def _matches(env: Evaluation, said: str, expression: Any) -> bool:
    return pattern(_string(expression, "matches")).occurs_in(said, env.spend)


def _matches_full(env: Evaluation, said: str, expression: Any) -> bool:
    return pattern(_string(expression, "matchesFull")).is_all_of(said, env.spend)


def _replace_matches(env: Evaluation, said: str, expression: Any, new: Any) -> str:
    expression = _string(expression, "replaceMatches")
    if not expression:
        return said
    return pattern(expression).replaced(said, _string(new, "replaceMatches"), env.spend)


def _split(env: Evaluation, said: str, separator: Any) -> Collection:
    separator = _string(separator, "split")
    parts = said.split(separator) if separator else list(said)
    env.spend(len(parts))
    return list(parts)


def _join(call: Arguments) -> Code:
    source, separator = call.of.items, call.codes[0].items if call.codes else None

    def join(env: Evaluation, this: Collection) -> Collection:
        said = [plain(item) for item in source(env, this)]
        between = text(separator(env, this), "join()") if separator is not None else ""
        if between is None:
            return EMPTY
        strings = [_string(one, "join") for one in said if one is not None]
        length = sum(map(len, strings)) + len(between) * len(strings)
        env.spend(length >> 4)
        if length > LONGEST:
            raise Unevaluable(f"join() makes strings of up to {LONGEST} characters only.")
        return [between.join(strings)] if strings else EMPTY

    return giving_items(join, "join()")


def _encode(env: Evaluation, said: str, form: Any) -> str | None:
    data = said.encode()
    match form:
        case "hex":
            return data.hex()
        case "base64":
            return base64.b64encode(data).decode()
        case "urlbase64":
            return base64.urlsafe_b64encode(data).decode()
    return None


def _decode(env: Evaluation, said: str, form: Any) -> str | None:
    try:
        match form:
            case "hex":
                return bytes.fromhex(said).decode()
            case "base64":
                return base64.b64decode(said, validate=True).decode()
            case "urlbase64":
                return base64.b64decode(said, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        return None
    return None


def _escape(env: Evaluation, said: str, form: Any) -> str | None:
    match form:
        case "html":
            return html.escape(said, quote=True)
        case "json":
            return msgspec.json.encode(said).decode()[1:-1]
    return None


def _unescape(env: Evaluation, said: str, form: Any) -> str | None:
    match form:
        case "html":
            return html.unescape(said)
        case "json":
            try:
                return paired(_JSON_ESCAPE.sub(_unescaped, said))
            except UnicodeDecodeError:
                return None
    return None


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[2])


_JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _asking(name: str, ask: Callable[[str, str], Any]) -> Function:
    return on_text(lambda env, said, other: ask(said, _string(other, name)), 1)


def _characters(env: Evaluation, said: str) -> Collection:
    env.spend(len(said))
    return list(said)


FUNCTIONS = {
    "indexOf": _asking("indexOf", str.find),
    "lastIndexOf": _asking("lastIndexOf", str.rfind),
    "substring": Function(_substring, 1, 2),
    "startsWith": _asking("startsWith", str.startswith),
    "endsWith": _asking("endsWith", str.endswith),
    "contains": _asking("contains", str.__contains__),
    "upper": on_text(lambda env, said: said.upper()),
    "lower": on_text(lambda env, said: said.lower()),
    "replace": on_text(_replace, 2),
    "matches": on_text(_matches, 1),
    "matchesFull": on_text(_matches_full, 1),
    "replaceMatches": on_text(_replace_matches, 2),
    "length": on_text(lambda env, said: len(said)),
    "toChars": on_text(_characters),
    "trim": on_text(lambda env, said: said.strip()),
    "split": on_text(_split, 1),
    "join": Function(_join, 0, 1),
    "encode": on_text(_encode, 1),
    "decode": on_text(_decode, 1),
    "escape": on_text(_escape, 1),
    "unescape": on_text(_unescape, 1),
}
