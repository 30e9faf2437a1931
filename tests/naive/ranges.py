"""Ranges, and the table of prefixes over them.

A bound is (number, side): side 0 is just before the number, side 1 just after it. So every range is half-open, [t, T),
and a point x is [(x, 0), (x, 1)). https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from .values import Refused, Value

Bound = tuple[Fraction | float, int]
Range = tuple[Bound, Bound]

FIRST: Bound = (float("-inf"), 0)
LAST: Bound = (float("inf"), 0)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_NUMBER = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?", re.ASCII)


def prefixed(text: str) -> tuple[str, str]:
    """The prefix of a value and what follows; no prefix means eq."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def meets(prefix: str, search: Range, stored: Range, exact: Range | None = None, widened: Range | None = None) -> bool:
    """The table of prefixes, with [s, S) the search value and [t, T) the stored one.

    exact: of a number, the value without its precision, for all but eq, ne and ap (PF-4); widened: for ap."""
    t, T = stored
    s, S = search
    contained = s <= t and T <= S
    if exact and prefix not in ("eq", "ne", "ap"):
        s, S = exact
        contained = s <= t and T <= S
    match prefix:
        case "eq":
            return contained
        case "ne":
            return not contained
        case "gt":
            return T > S
        case "lt":
            return t < s
        case "ge":
            return T > S or contained
        case "le":
            return t < s or contained
        case "sa":
            return t >= S
        case "eb":
            return s >= T
    assert widened  # ap
    return t < widened[1] and widened[0] < T


# --- dates


def date_range(text: str) -> Range:
    """The range that a date of any precision stands for (DT-2)."""
    form = _DATE.fullmatch(text)
    if form is None:
        raise Refused(f"{text} is no date")
    year, month, day, hour, minute, second, fraction, zone = form.groups()
    try:
        first = _seconds(datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC))
    except ValueError:
        raise Refused(f"{text} is no date") from None
    if hour is None:
        days = 1
        if day is None:
            days = calendar.monthrange(int(year), int(month))[1] if month else 365 + calendar.isleap(int(year))
        return (first, 0), (first + days * 86400, 0)
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        raise Refused(f"{text} is no time of day")
    first += int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if zone and zone != "Z":  # without one it is the tenant's, UTC
        first -= int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[4:])) * 60
    width = Fraction(60 if second is None else 1)
    if fraction:
        first += Fraction(int(fraction), 10 ** len(fraction))
        width = Fraction(1, 10 ** len(fraction))
    return (first, 0), (first + width, 0)


def _seconds(moment: datetime) -> Fraction:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Fraction(delta.days * 86400 + delta.seconds)


def dates(value: Value) -> Iterator[Range]:
    """The range of a stored value (DT-3); what is no date, dateTime, instant, Period or Timing has none (DT-5)."""
    match value.type:
        case "date" | "dateTime":
            yield date_range(value.data)
        case "instant":
            (at, _), _ = date_range(value.data)
            yield (at, 0), (at, 1)
        case "Period":
            yield from _period(value.data)
        case "Timing":
            ranges = [date_range(event) for event in value.data.get("event", ()) if event]
            repeat = value.data.get("repeat", {})
            ranges += _period(repeat.get("boundsPeriod", {}))
            if "boundsDuration" in repeat or "boundsRange" in repeat:  # cannot be placed: open
                ranges.append((min((t for t, _ in ranges), default=FIRST), LAST))
            if ranges:
                yield min(t for t, _ in ranges), max(T for _, T in ranges)


def _period(period: Any) -> list[Range]:
    start, end = period.get("start"), period.get("end")
    if not start and not end:
        return []
    return [(date_range(start)[0] if start else FIRST, date_range(end)[1] if end else LAST)]


def date_matches(value: Value, wanted: str, now: Fraction) -> bool:
    prefix, text = prefixed(wanted.strip())
    search = (s, S) = date_range(text.replace(" ", "+"))
    around = abs(now - (Fraction(s[0]) + Fraction(S[0])) / 2) / 10
    widened = ((Fraction(s[0]) - around, 0), (Fraction(S[0]) + around, 0))
    return any(meets(prefix, search, stored, widened=widened) for stored in dates(value))


# --- numbers


def number_of(text: str) -> tuple[Fraction, Fraction]:
    """A number as written and half a unit of its last written digit (NU-1)."""
    form = _NUMBER.fullmatch(text)
    if form is None:
        raise Refused(f"{text} is no number")
    sign, whole, decimals, exponent = form.groups()
    scale = Fraction(10) ** (int(exponent or 0) - len(decimals or ""))
    return Fraction(int(sign + whole + (decimals or ""))) * scale, scale / 2


def point(number: Any) -> Range:
    return (Fraction(number), 0), (Fraction(number), 1)


def number_meets(prefix: str, text: str, stored: Range, integer: bool = False, factor: Fraction = Fraction(1)) -> bool:
    """integer: the stored value is one (NU-3); factor: from the unit of the search to the unit of the stored range."""
    number, half = number_of(text)
    written = re.fullmatch(r"[+-]?\d+(\.0*)?", text)  # no exponent, no decimals but zeros
    if integer and written:
        half = Fraction(0)
    elif integer and not re.search("[eE]", text) and prefix in ("eq", "ne"):
        return prefix == "ne"
    exact = _scaled(point(number), factor)
    search = exact if not half else _scaled(((number - half, 0), (number + half, 0)), factor)
    margin = abs(number) / 10
    widened = _scaled(((number - half - margin, 0), (number + half + margin, 0 if half else 1)), factor)
    return meets(prefix, search, stored, exact, widened)


def _scaled(one: Range, factor: Fraction) -> Range:
    (s, before), (S, after) = one
    return (s * factor, before), (S * factor, after)


def number_matches(value: Value, wanted: str) -> bool:
    prefix, text = prefixed(wanted.strip())
    number_of(text)
    match value.type:
        case "decimal":
            return number_meets(prefix, text, point(value.data))
        case "integer" | "positiveInt" | "unsignedInt":
            return number_meets(prefix, text, point(value.data), integer=True)
        case "Range":
            low, high = value.data.get("low", {}).get("value"), value.data.get("high", {}).get("value")
            if low is not None or high is not None:
                return number_meets(prefix, text, (_low(low), _high(high)))
    return False


def _low(number: Any) -> Bound:
    return FIRST if number is None else (Fraction(number), 0)


def _high(number: Any) -> Bound:
    return LAST if number is None else (Fraction(number), 1)
