"""Whether an answer is what a test of the terminology ecosystem expects: its files are templates.

Order in arrays and of properties does not count. https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/testing.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

_OPTIONAL: Final = "$optional$"
_OPTIONAL_PROPERTIES: Final = "$optional-properties$"
_COUNTED: Final = "$count-arrays$"
# OperationOutcome.issue.location, which R4 gives up for `expression`: optional wherever it is expected since tests 1.9.3.
_NEVER_NEEDED: Final = frozenset({"location"})
_MARKS: Final = frozenset({_OPTIONAL, _OPTIONAL_PROPERTIES, _COUNTED})
_KINDS: Final = {  # kind → pattern of a whole value
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "uuid": r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "instant": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)",
    "date": r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T.*)?)?)?",
    "url": r"[a-z]+:\S+",
    "token": r"[A-Za-z0-9_.\-|]+",
    "string": r"[\s\S]+",
    "version": r"[0-9][0-9A-Za-z.\-]*",
    "semver": r"[0-9]+\.[0-9]+(\.[0-9]+)?(-[0-9A-Za-z.\-]+)?",
}


def differences(expected: Any, found: Any, *, least: bool = False) -> list[str]:
    """What of an answer is not as expected; empty if it is. least: it may say more than what is expected."""
    return list(_compared(expected, found, "$", least))


def _compared(expected: Any, found: Any, path: str, least: bool) -> Iterator[str]:
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            yield f"{path}: expected an object, found {_short(found)}"
        else:
            yield from _objects(expected, found, path, least)
    elif isinstance(expected, list):
        if not isinstance(found, list):
            yield f"{path}: expected an array, found {_short(found)}"
        else:
            yield from _arrays(expected, found, path, least)
    elif isinstance(expected, str) and isinstance(found, str):
        if not _text(expected, found):
            yield f"{path}: expected {expected!r}, found {found!r}"
    elif isinstance(expected, bool) or isinstance(found, bool):
        if expected is not found:
            yield f"{path}: expected {expected!r}, found {found!r}"
    elif isinstance(expected, int | float | Decimal) and isinstance(found, int | float | Decimal):
        if Decimal(str(expected)) != Decimal(str(found)):
            yield f"{path}: expected {expected!r}, found {found!r}"
    elif expected != found:
        yield f"{path}: expected {_short(expected)}, found {_short(found)}"


def _objects(expected: dict[str, Any], found: dict[str, Any], path: str, least: bool) -> Iterator[str]:
    optional = set(expected.get(_OPTIONAL_PROPERTIES, ()))
    counted = set(expected.get(_COUNTED, ()))
    for name, value in expected.items():
        if name in _MARKS or (name in _NEVER_NEEDED and name not in found):
            continue
        here = f"{path}.{name}"
        if name not in found:
            if (
                name not in optional
                and not (isinstance(value, dict) and value.get(_OPTIONAL))
                and not _all_optional(value)
            ):
                yield f"{here}: missing, expected {_short(value)}"
        elif name in counted:
            if len(value) != len(found[name]):
                yield f"{here}: expected {len(value)} entries, found {len(found[name])}"
        else:
            yield from _compared(value, found[name], here, least)
    for name in () if least else found:
        if name not in expected and name not in optional:
            yield f"{path}.{name}: unexpected {_short(found[name])}"


def _all_optional(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and _OPTIONAL in one for one in value)


def _arrays(expected: list[Any], found: list[Any], path: str, least: bool) -> Iterator[str]:
    """Each entry that must be there is matched with one of those found; the likeliest pair is told if none fits."""
    left = list(found)
    missing = []
    for one in sorted(expected, key=lambda one: isinstance(one, dict) and _OPTIONAL in one):
        index = next((n for n, other in enumerate(left) if not any(_compared(one, other, path, least))), None)
        if index is not None:
            del left[index]
        elif not (isinstance(one, dict) and _OPTIONAL in one):
            missing.append(one)
    for one in missing:
        nearest = min(left, key=lambda other: _distance(one, other, path, least), default=None)
        if nearest is not None and _likeness(one) == _likeness(nearest):
            left.remove(nearest)
            yield from _compared(one, nearest, f"{path}[{_likeness(one)}]", least)
        else:
            yield f"{path}: missing {_short(one)}"
    for one in () if least else left:
        yield f"{path}: unexpected {_short(one)}"


def _distance(expected: Any, found: Any, path: str, least: bool) -> tuple[bool, int]:
    return _likeness(expected) != _likeness(found), sum(1 for _ in _compared(expected, found, path, least))


def _likeness(value: Any) -> Any:
    """What tells entries of an array apart for a reader."""
    if not isinstance(value, dict):
        return type(value).__name__
    return value.get("name") or value.get("code") or value.get("url") or value.get("severity") or ""


def _text(expected: str, found: str) -> bool:
    if expected == found:
        return True
    if not (expected.startswith("$") and expected.endswith("$") and len(expected) > 1):
        return _MARKED.search(expected) is not None and re.fullmatch(_pattern(expected), found) is not None
    kind, _, rest = expected[1:-1].partition(":")
    if kind == "external":  # number, and what the text contains at least
        return rest.partition(":")[2] in found
    if kind == "choice":
        return found in rest.split("|")
    if kind == "fragments":
        return all(one in found for one in rest.split("|"))
    if expected == "$$":
        return True
    return re.fullmatch(_KINDS[kind], found) is not None


_MARKED: Final = re.compile(rf"\$({'|'.join(_KINDS)})\$")  # a kind in the middle of a text


def _pattern(expected: str) -> str:
    parts = _MARKED.split(expected)
    return "".join(_KINDS[part] if n % 2 else re.escape(part) for n, part in enumerate(parts))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 300 else f"{text[:300]}…"
