"""Special parameters: `near`, positions no further from a place than a distance.

A position has a posting for the cell of the globe it lies in, on each of several grids; a circle is looked for in the
cells it touches, and the distance along the great circle then checked. https://hl7.org/fhir/R4/location.html#search
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import asin, cos, degrees, floor, pi, radians, sin
from typing import Any, Final

from resources.outcome import BadRequest
from terminology.grammars import ucum

from ..conditions import And, Condition, Keys, Near, Or
from ..escapes import split, unescape
from ..parameter import CELL, Index, Parameter, Rows
from ..trie import Place
from . import decimals

MODIFIERS: Final[frozenset[str]] = frozenset()
RADIUS: Final = 6_371_008.8  # metres, the mean of WGS 84
DISTANCE: Final = "50"  # of a search that gives none, in the unit below
UNIT: Final = "km"
CELLS: Final = 16  # that a search looks into at most
SIZES: Final = tuple(180 / 4**level for level in range(8))  # degrees of a cell: from half the globe to 1.2 km


def indexed(place: Place) -> Index | None:
    """What reads the values at that place: what has a latitude and a longitude."""
    return _position if place.type == "BackboneElement" and place.path.endswith(".position") else None


def _position(parameter: Parameter, rows: Rows, value: Any) -> None:
    latitude, longitude = value.get("latitude"), value.get("longitude")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 360:
        return
    lat, lon = float(latitude), float(longitude)
    rows.geo[parameter.number, lat, lon] = None
    rows.keys[parameter.present] = None
    for level, size in enumerate(SIZES):
        rows.keys[_cell(parameter, level, _column(lon, size), _line(lat, size))] = None


def _column(longitude: float, size: float) -> int:
    return floor((longitude + 180) / size) % round(360 / size)


def _line(latitude: float, size: float) -> int:
    return min(max(floor((latitude + 90) / size), 0), round(180 / size) - 1)


def _cell(parameter: Parameter, level: int, column: int, line: int) -> tuple[int, int]:
    return parameter.key(f"{level}/{column}/{line}"), CELL


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Positions in the circle that one of the values describes."""
    found: list[Condition] = []
    for value in values:
        lat, lon, metres = _circle(parameter, value)
        near = Near(((parameter.type_number, parameter.number, lat, lon, metres),))
        found.append(And((Keys(tuple(_cells(parameter, lat, lon, metres)), 1), near)))
    return Or(tuple(found))


def _circle(parameter: Parameter, value: str) -> tuple[float, float, float]:
    """Latitude, longitude and metres of `latitude|longitude[|distance[|unit]]`."""
    latitude, longitude, *rest = [*(unescape(part).strip() for part in split(value, "|")), ""]
    distance, unit = (rest[0] or DISTANCE if rest else DISTANCE), (rest[1] if len(rest) > 1 else "") or UNIT
    try:
        numbers = [_number(part) for part in (latitude, longitude, distance)]
    except ValueError:
        raise _wrong(parameter, value, "a value is latitude|longitude|distance|unit") from None
    if len(rest) > 3 or (len(rest) == 3 and rest[2]):
        raise _wrong(parameter, value, "a value has four parts at most")
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180 or numbers[2] < 0:
        raise _wrong(parameter, value, "latitude is up to 90, longitude up to 180 degrees, and a distance not negative")
    length = ucum.canonical(unit)
    if length is None or length[1] != "m":
        raise _wrong(parameter, value, f"{unit} is not a unit of length in UCUM")
    metres = min(float(numbers[2]) * float(length[0]), pi * RADIUS)
    return float(numbers[0]), float(numbers[1]), metres


def _number(part: str) -> Decimal:
    prefix, number = decimals.read(part)
    if prefix:
        raise ValueError(part)
    return number


def _wrong(parameter: Parameter, value: str, reason: str) -> BadRequest:
    return BadRequest(f"{parameter.code}={value}: {reason}.", code="value")


def _cells(parameter: Parameter, lat: float, lon: float, metres: float) -> Iterator[tuple[int, int]]:
    """The cells that the circle touches, of the finest grid on which they are few."""
    angle = (metres + 1) * (1 + 1e-9) / RADIUS  # a metre more than asked for: what is rounded is inside
    south, north = lat - degrees(angle), lat + degrees(angle)
    wide = 360.0  # a circle with a pole in it has all longitudes
    if south > -90 and north < 90:
        wide = 2 * degrees(asin(min(1.0, sin(angle) / cos(radians(lat)))))
    for level in range(len(SIZES) - 1, -1, -1):
        size = SIZES[level]
        lines = range(_line(south, size), _line(north, size) + 1)
        if wide >= 360 - size:
            columns = range(round(360 / size))
        else:
            first = floor((lon - wide / 2 + 180) / size)
            columns = range(first, floor((lon + wide / 2 + 180) / size) + 1)
        if len(lines) * len(columns) <= CELLS or level == 0:
            around = round(360 / size)
            for line in lines:
                for column in dict.fromkeys(column % around for column in columns):
                    yield _cell(parameter, level, column, line)
            return
