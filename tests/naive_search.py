"""Search in plain Python over a few parameters, word for word as the specification says it: what the index must agree with.

Nothing here is shared with the code under test: values are read by hand, dates are ranges of Fractions of a second.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

Tree = dict[str, Any]
Range = tuple[Fraction | float, Fraction | float]  # [t, T) in seconds since 1970; infinite where open

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = Fraction(1, 1_000_000)  # the width of what has none: less than any search value, more than nothing


def seconds(moment: datetime) -> Fraction:
    delta = moment - EPOCH
    return Fraction(delta.days * 86400 + delta.seconds) + Fraction(delta.microseconds, 1_000_000)


def date_range(text: str) -> Range:
    """The range a date of any precision stands for. https://hl7.org/fhir/R4/search.html#date"""
    day, _, time = text.partition("T")
    numbers = [int(part) for part in day.split("-")]
    if len(numbers) == 1:
        return seconds(datetime(numbers[0], 1, 1, tzinfo=UTC)), seconds(datetime(numbers[0] + 1, 1, 1, tzinfo=UTC))
    if len(numbers) == 2:
        first = datetime(*numbers, 1, tzinfo=UTC)
        return seconds(first), seconds(first + timedelta(days=calendar.monthrange(*numbers)[1]))
    first = datetime(*numbers, tzinfo=UTC)
    if not time:
        return seconds(first), seconds(first + timedelta(days=1))
    clock, zone = re.fullmatch(r"([\d:.]+)(Z|[+-]\d\d:\d\d)?", time).groups()
    parts = clock.split(":")
    at = seconds(first) + int(parts[0]) * 3600 + int(parts[1]) * 60
    width = Fraction(60)
    if len(parts) == 3:
        whole, _, fraction = parts[2].partition(".")
        at += int(whole) + (Fraction(int(fraction), 10 ** len(fraction)) if fraction else 0)
        width = Fraction(1, 10 ** len(fraction))
    if zone and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[4:])
        at -= (minutes if zone[0] == "+" else -minutes) * 60
    return at, at + width


def meets(prefix: str, search: Range, stored: Range) -> bool:
    """The table of prefixes: the words of R4, with [s, S) the search value and [t, T) the stored one."""
    (s, S), (t, T) = search, stored
    contained = s <= t and T <= S
    return {
        "eq": contained,
        "ne": not contained,
        "gt": T > S,
        "lt": t < s,
        "ge": T > S or contained,
        "le": t < s or contained,
        "sa": t >= S,
        "eb": s >= T,
    }[prefix]


def dates(value: Any) -> Iterator[Range]:
    if isinstance(value, str):
        yield date_range(value)
    elif value and ("start" in value or "end" in value):
        start, end = value.get("start"), value.get("end")
        yield (date_range(start)[0] if start else float("-inf"), date_range(end)[1] if end else float("inf"))


def instants(value: str | None) -> Iterator[Range]:
    if value:
        at = date_range(value)[0]
        yield at, at + INSTANT


def codings(*concepts: Tree | None) -> Iterator[tuple[str | None, str | None]]:
    for concept in concepts:
        for coding in (concept or {}).get("coding", ()):
            yield coding.get("system"), coding.get("code")


def token(values: list[tuple[str | None, str | None]], wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    return any(
        (not code or (has_code or "").lower() == code.lower())
        and (not bar or (has_system == system if system else not has_system))
        for has_system, has_code in values
        if has_code or not code
    )


def plain(text: str) -> str:
    marks = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn")
    return " ".join(re.sub(r"[-,;:()/%]", " ", marks.casefold().replace("'", "").replace(".", "")).split())


def begins(texts: list[str], wanted: str) -> bool:
    return bool(plain(wanted)) and any(plain(text).startswith(plain(wanted)) for text in texts)


def references(value: Tree | None) -> list[str]:
    return [value["reference"]] if value and "reference" in value else []


def refers(found: list[str], wanted: str, base: str) -> bool:
    wanted = wanted.removeprefix(base + "/")
    short = [one.removeprefix(base + "/") for one in found]
    return any(
        one == wanted or ("/" not in wanted and re.fullmatch(rf"[A-Za-z]+/{re.escape(wanted)}", one)) for one in short
    )


# Parameters of Observation: type and values.
PARAMETERS: dict[str, tuple[str, Callable[[Tree], list[Any]]]] = {
    "code": ("token", lambda o: list(codings(o["code"]))),
    "category": ("token", lambda o: list(codings(*o.get("category", ())))),
    "status": ("token", lambda o: [("http://hl7.org/fhir/observation-status", o["status"])]),
    "subject": ("reference", lambda o: references(o.get("subject"))),
    "encounter": ("reference", lambda o: references(o.get("encounter"))),
    "date": (
        "date",
        lambda o: [
            *dates(o.get("effectiveDateTime")),
            *dates(o.get("effectivePeriod")),
            *instants(o.get("effectiveInstant")),
        ],
    ),
    "value-date": ("date", lambda o: [*dates(o.get("valueDateTime")), *dates(o.get("valuePeriod"))]),
    "value-string": ("string", lambda o: [o["valueString"]] if "valueString" in o else []),
    "_tag": ("token", lambda o: list(codings({"coding": o.get("meta", {}).get("tag", ())}))),
    "_profile": ("uri", lambda o: o.get("meta", {}).get("profile", [])),
}


def matches(resource: Tree, name: str, value: str, base: str) -> bool:
    """Whether the resource meets one clause, given as it stands in a query string."""
    code, _, modifier = name.partition(":")
    if code == "_id":
        return resource["id"] in value.split(",")
    kind, read = PARAMETERS[code]
    found = read(resource)
    if modifier == "missing":
        return (not found) is (value == "true")
    return any(_has(kind, found, modifier, one, base) for one in value.split(","))


def _has(kind: str, found: list[Any], modifier: str, wanted: str, base: str) -> bool:
    if kind == "token":
        return token(found, wanted)
    if kind == "string":
        return wanted.strip() in found if modifier == "exact" else begins(found, wanted)
    if kind == "uri":
        return wanted in found
    if kind == "reference":
        return refers(found, wanted if not modifier or "/" in wanted else f"{modifier}/{wanted}", base)
    prefix, text = re.fullmatch("(eq|ne|gt|lt|ge|le|sa|eb)?(.*)", wanted).groups()
    return any(meets(prefix or "eq", date_range(text), one) for one in found)


def sort_key(resource: Tree) -> float | Fraction | None:
    """The beginning of its date, -inf where that is open; None without a date."""
    return min((t for t, _ in PARAMETERS["date"][1](resource)), default=None)
