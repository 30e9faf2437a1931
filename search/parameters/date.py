"""Date parameters: ranges of time against ranges of time.

Every date is a half-open range in µs since 1970 UTC, as wide as it is precise: 2024-02 is a month. An instant is one
microsecond, a Period reaches from the beginning of its start to the end of its end, and an open bound is as far away as
an int8 can be. A time without a zone is UTC. https://hl7.org/fhir/R4/search.html#date
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from resources.outcome import BadRequest
from resources.store import NO_DATE

from ..conditions import Box, Condition, Dates, Updated
from ..escapes import prefixed, unescape
from ..intervals import DAY, width_class
from ..intervals import EARLIEST as FIRST
from ..intervals import LATEST as LAST
from ..parameter import WIDE, Index, Parameter, Rows
from ..trie import Place

MODIFIERS: Final[frozenset[str]] = frozenset()
SECOND: Final = 1_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_FORM: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


def bounds(text: str) -> tuple[int, int]:
    """The range [first µs, first µs after it) of a date, dateTime or instant of any precision.

    Raises ValueError for what is none: 30 February, hours without minutes, a time without a day."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, zone = form.groups()
    first = (date(int(year), int(month or 1), int(day or 1)).toordinal() - _EPOCH_DAY) * DAY
    if month is None:
        following = date(int(year) + 1, 1, 1) if year != "9999" else None
    elif day is None:
        following = (
            date(int(year) + int(month) // 12, int(month) % 12 + 1, 1) if (year, month) != ("9999", "12") else None
        )
    else:
        if hour is None:
            return first, first + DAY
        return _time(first, hour, minute, second, fraction, zone)
    # The year after 9999 has no date of its own; it begins 31 days after its last month does.
    after = (following.toordinal() if following else date(9999, 12, 31).toordinal() + 1) - _EPOCH_DAY
    return first, after * DAY


def _time(
    day: int, hour: str, minute: str, second: str | None, fraction: str | None, zone: str | None
) -> tuple[int, int]:
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        raise ValueError("no time of day")
    first = day + (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * SECOND
    if zone and zone != "Z":
        offset = int(zone[1:3]) * 60 + int(zone[4:6])
        if offset > 14 * 60 or int(zone[4:6]) > 59:
            raise ValueError("no offset")
        first -= offset * 60 * SECOND * (-1 if zone[0] == "-" else 1)
    if second is None:
        return first, first + 60 * SECOND
    if fraction is None:
        return first, first + SECOND
    # Of more than six digits the microseconds touched.
    width = 10 ** max(6 - len(fraction), 0)
    first += int(fraction[:6].ljust(6, "0"))
    return first, first + width


def stored(text: str) -> tuple[int, int]:
    """The range of a valid date in a resource; the common forms without taking them apart."""
    if len(text) in (20, 25) and text[16] == ":" and text[17] != "6" and text[19] != ".":
        first = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
        return first, first + SECOND
    return bounds(text)


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a date parameter does not."""
    return _INDEX.get(place.type)


def _put(parameter: Parameter, rows: Rows, first: int, after: int) -> None:
    rows.dat[parameter.row_number, first, after] = None
    rows.keys[parameter.present] = None
    if parameter.primary:
        rows.sort_key = max(rows.sort_key, first, NO_DATE + 1)  # an open beginning is the earliest of all
        if after - first > DAY:
            rows.keys[parameter.key(""), WIDE + width_class(first, after)] = None


def _date(parameter: Parameter, rows: Rows, value: Any) -> None:
    _put(parameter, rows, *stored(value))


def _instant(parameter: Parameter, rows: Rows, value: Any) -> None:
    first = stored(value)[0]
    _put(parameter, rows, first, first + 1)


def _period(parameter: Parameter, rows: Rows, value: Any) -> None:
    start, end = value.get("start"), value.get("end")
    if start or end:
        _put(parameter, rows, stored(start)[0] if start else FIRST, stored(end)[1] if end else LAST)


def _timing(parameter: Parameter, rows: Rows, value: Any) -> None:
    """The outer limits of event and bounds; bounds as Duration or Range lie open."""
    ranges = [stored(event) for event in value.get("event", ()) if event]
    repeat = value.get("repeat", {})
    period = repeat.get("boundsPeriod")
    if period:
        start, end = period.get("start"), period.get("end")
        ranges.append((stored(start)[0] if start else FIRST, stored(end)[1] if end else LAST))
    if "boundsDuration" in repeat or "boundsRange" in repeat:
        ranges.append((min((first for first, _ in ranges), default=FIRST), LAST))
    if ranges:
        _put(parameter, rows, min(first for first, _ in ranges), max(after for _, after in ranges))


_INDEX: Final[dict[str, Index]] = {
    "date": _date,
    "dateTime": _date,
    "instant": _instant,
    "Period": _period,
    "Timing": _timing,
}


def boxes(prefix: str, first: int, after: int, now: int) -> Iterator[Box]:
    """Where beginning and end of a stored range must lie for the prefix: one box or two, of which one must hold it.

    The search value is [first, after); now (µs) is what `ap` measures its distance from."""
    if prefix in ("eq", "ge", "le"):
        yield first, after - 1, FIRST, after
    if prefix in ("gt", "ge", "ne"):
        yield FIRST, LAST, after + 1, LAST
    if prefix in ("lt", "le", "ne"):
        yield FIRST, first - 1, FIRST, LAST
    if prefix == "sa":
        yield after, LAST, FIRST, LAST
    if prefix == "eb":
        yield FIRST, LAST, FIRST, first
    if prefix == "ap":
        widened = abs(now - (first + after) // 2) // 10
        yield FIRST, after + widened - 1, first - widened + 1, LAST


def ranges(parameter: Parameter, values: tuple[str, ...]) -> tuple[Box, ...]:
    """Where beginning and end of a stored range must lie for one of the values."""
    found: dict[Box, None] = {}
    now = time.time_ns() // 1000
    for value in values:
        prefix, text = prefixed(unescape(value))
        try:
            first, after = bounds(text)
        except ValueError:
            raise BadRequest(f"{parameter.code}={value}: this is not a date.", code="value") from None
        found.update(dict.fromkeys(boxes(prefix or "eq", first, after, now)))
    return tuple(found)


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Dates whose range stands to that of one of the values as its prefix says."""
    return within(parameter, ranges(parameter, values))


def within(parameter: Parameter, found: tuple[Box, ...]) -> Condition:
    """Dates in one of the boxes."""
    kind = parameter.type_number
    if parameter.code == "_lastUpdated":
        # An instant t is [t, t + 1): both of its bounds in one.
        intervals = {(max(a, c - 1), min(b, d - 1)) for a, b, c, d in found}
        return Updated(tuple((kind, *interval) for interval in sorted(intervals) if interval[0] <= interval[1]))
    primary = parameter.key("") if parameter.primary else None
    return Dates(tuple((kind, parameter.row_number, *box) for box in found), primary)
