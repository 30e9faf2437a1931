"""Dates, times and instants of any precision. https://hl7.org/fhirpath/N1/#date, https://hl7.org/fhirpath/N1/#datetime"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

_WRITTEN = re.compile(
    r"(?:(\d{4})(?:-(\d\d)(?:-(\d\d))?)?)?"
    r"(?:(T)(?:(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:\d\d)?)?)?",
    re.ASCII,
)
_LONGEST = 60  # characters of a date and time; digits beyond a second's billionths mean nothing
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LATEST = date.max.toordinal()
_SHIFTS = 24 * 60  # minutes that a zone may move a moment, generously


class Moment(NamedTuple):
    """A Date, DateTime or Time as precise as it was written."""

    kind: str  # Date | DateTime | Time
    parts: tuple[int | Decimal, ...]  # year, month, day, hour, minute, second (a Decimal); a Time begins with the hour
    zone: int | None = None  # minutes east of UTC

    def __str__(self) -> str:
        days, clock = (self.parts[:3], self.parts[3:]) if self.kind != "Time" else ((), self.parts)
        text = "-".join(f"{part:0{width}d}" for part, width in zip(days, (4, 2, 2), strict=False))
        if clock and days:
            text += "T"
        text += ":".join(f"{part:02d}" for part in clock[:2])
        if len(clock) == 3:
            whole, point, rest = f"{clock[2]:f}".partition(".")
            text += f":{whole:0>2}{point}{rest}"
        if self.zone is None:
            return text
        if self.zone == 0:
            return text + "Z"
        return f"{text}{'+' if self.zone > 0 else '-'}{abs(self.zone) // 60:02d}:{abs(self.zone) % 60:02d}"

    @property
    def in_utc(self) -> tuple[int | Decimal, ...]:
        """The parts at Greenwich, as many as there are."""
        if not self.zone or len(self.parts) < 4:
            return self.parts
        moved = _from_seconds(_seconds(self.parts) - self.zone * 60)
        return self.parts if moved is None else moved[: len(self.parts)]


def read(text: str) -> Moment | None:
    """A date or date and time as FHIR writes them, with or without a zone; None if there is no such day or time."""
    return _read(text, "DateTime" if "T" in text[:_LONGEST] else "Date")


def read_date_time(text: str) -> Moment | None:
    """As `read`, but a DateTime even without a time: the value of an element of that type."""
    return _read(text, "DateTime")


def read_time(text: str) -> Moment | None:
    """A time of day: `14:30:00`."""
    return _read("T" + text[:_LONGEST], "Time") if text[:1] != "T" else None


def read_literal(text: str) -> Moment | None:
    """What stands after @ in an expression: `2015T`, `T14:30`."""
    if text.startswith("T"):
        return read_time(text[1:])
    return read(text)


def _read(text: str, kind: str) -> Moment | None:
    return _parsed(text, kind) if len(text) <= _LONGEST else None  # what is longer must not fill the cache


@lru_cache(8192)
def _parsed(text: str, kind: str) -> Moment | None:
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    year, month, day, _, hour, minute, second, zone = written.groups()
    if (kind == "Time") != (year is None) or (hour and year and not day) or (kind == "Time" and not hour):
        return None
    days = tuple(int(part) for part in (year, month, day) if part)
    if len(days) > 1 and not 1 <= days[1] <= 12:
        return None
    if days and days[0] == 0:
        return None
    if len(days) > 2 and not 1 <= days[2] <= last_day(days[0], days[1]):
        return None
    clock: tuple[int | Decimal, ...] = tuple(int(part) for part in (hour, minute) if part)
    if second:
        clock = (*clock, Decimal(second))
    if any(part >= bound for part, bound in zip(clock, (24, 60, 61), strict=False)):
        return None
    minutes = None
    if zone:
        minutes = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    return Moment(kind, (*days, *clock), minutes)


def from_datetime(now: datetime) -> Moment:
    """A moment of Python's that has a zone, to the millisecond."""
    second = Decimal(now.second) + Decimal(now.microsecond // 1000).scaleb(-3)
    offset = now.utcoffset()
    zone = None if offset is None else int(offset.total_seconds()) // 60
    return Moment("DateTime", (now.year, now.month, now.day, now.hour, now.minute, second), zone)


def compare(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1; None where the precision, or an unknown zone, leaves it open. Times only with times.

    https://hl7.org/fhirpath/N1/#datetime-equality
    """
    one, other = left.parts, right.parts
    if left.zone != right.zone and len(one) > 3 and len(other) > 3:
        if left.zone is None or right.zone is None:
            apart = _seconds(one) - _seconds(other)
            return None if abs(apart) <= _SHIFTS * 60 else (1 if apart > 0 else -1)
        one, other = left.in_utc, right.in_utc
    for a, b in zip(one, other, strict=False):
        if a != b:
            return -1 if a < b else 1
    return 0 if len(one) == len(other) else None


def add(moment: Moment, amount: Decimal, unit: str) -> Moment | None:
    """The moment some calendar units later; None beyond the years 1 to 9999, or where the unit does not fit.

    A unit finer than the moment counts as far as it fills the moment's own: 24 months are two years.
    https://hl7.org/fhirpath/N1/#datetime-arithmetic
    """
    if moment.kind == "Time":
        return None if unit not in SECONDS or unit in ("day", "week") else _add_to_time(moment, SECONDS[unit] * amount)
    if unit in MONTHS:
        return _add_months(moment, MONTHS[unit] * int(amount))
    precision = len(moment.parts)
    if precision < 3:
        days = SECONDS[unit] * amount / 86400
        months = int(days / 30) if precision == 2 else int(days / 365) * 12
        return _add_months(moment, months)
    if precision == 3 and moment.kind == "Date":
        amount, unit = Decimal(int(SECONDS[unit] * amount / 86400)), "day"
    moved = _from_seconds(_seconds(moment.parts) + SECONDS[unit] * amount)
    if moved is None:
        return None
    parts = moved[:precision]
    if precision == 6:  # the digits of a second stay as many as they were, or become as many as are needed
        parts = (*parts[:5], _with_digits(moment.parts[5], parts[5]))
    return moment._replace(parts=parts)


SECONDS = {
    "week": Decimal(604800), "day": Decimal(86400), "hour": Decimal(3600), "minute": Decimal(60),
    "second": Decimal(1), "millisecond": Decimal("0.001"),
}  # fmt: skip
MONTHS = {"year": 12, "month": 1}


def _add_months(moment: Moment, months: int) -> Moment | None:
    year, month, *rest = (*moment.parts, 1)[:3] if len(moment.parts) == 1 else moment.parts
    count = int(year) * 12 + int(month) - 1 + (int(Decimal(months) / 12) * 12 if len(moment.parts) == 1 else months)
    if not 12 <= count < 120000:
        return None
    parts: tuple[int | Decimal, ...] = (count // 12, count % 12 + 1, *rest)
    if len(moment.parts) > 2:
        parts = (*parts[:2], min(int(parts[2]), last_day(count // 12, count % 12 + 1)), *parts[3:])
    return moment._replace(parts=parts[: len(moment.parts)])


def _add_to_time(moment: Moment, seconds: Decimal) -> Moment:
    whole = (_seconds((1, 1, 1, *moment.parts)) + seconds) % 86400
    parts = (_from_seconds(Decimal(86400) + whole) or ())[3:]
    parts = parts[: len(moment.parts)]
    if len(parts) == 3:
        parts = (*parts[:2], _with_digits(moment.parts[2], parts[2]))
    return moment._replace(parts=parts)


def _with_digits(before: int | Decimal, after: int | Decimal) -> Decimal:
    exponent = Decimal(before).as_tuple().exponent
    plain = Decimal(after).normalize()
    own = plain.as_tuple().exponent
    assert isinstance(exponent, int)
    assert isinstance(own, int)
    return plain.quantize(Decimal(1).scaleb(min(exponent, own, 0)))


def last_day(year: int, month: int) -> int:
    return 28 if month == 2 and (year % 4 or (year % 100 == 0 and year % 400)) else _DAYS[month - 1]


def _seconds(parts: tuple[int | Decimal, ...]) -> Decimal:
    year, month, day, hour, minute, second = (*parts, *(1, 1, 1, 0, 0, Decimal(0))[len(parts) :])
    days = date(int(year), int(month), int(day)).toordinal()
    return Decimal(days * 86400 + int(hour) * 3600 + int(minute) * 60) + second


def _from_seconds(seconds: Decimal) -> tuple[int | Decimal, ...] | None:
    days, rest = divmod(seconds, 86400)
    if not 1 <= days <= _LATEST:
        return None
    day = date.fromordinal(int(days))
    minutes, second = divmod(rest, 60)
    return (day.year, day.month, day.day, int(minutes) // 60, int(minutes) % 60, second)
