"""Positions: SP-1, SP-2."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.conditions import And, Keys, Or
from search.parameters.special import CELLS, RADIUS

from ..parameter_of import condition_of, finds, index_of, meets, parameter_of


def at(latitude: float, longitude: float) -> dict[str, object]:
    return {"position": {"latitude": latitude, "longitude": longitude}}


@pytest.mark.parametrize(
    ("position", "value", "found"),
    [
        ((42.25, -83.69), "42.256500|-83.694810|11.20|km", True),
        ((42.25, -83.69), "-83.694810|42.256500|11.20|km", False),
        ((42.25, -83.69), "42.25|-83.69", True),  # the default distance
        ((42.25, -83.69), "42.65|-83.69", True),  # 44 km
        ((42.25, -83.69), "42.75|-83.69", False),  # 56 km
        ((0, 0), "0|1|111|km", False),
        ((0, 0), "0|1|112", True),
        ((0, 0), "0|1|111194|m", False),
        ((0, 0), "0|1|111196|m", True),
        ((0, 0), "0|1|69.2|[mi_i]", True),
        ((0, 0), "0|1|69.0|[mi_i]", False),
        ((0, 179.99), "0|-179.99|3|km", True),  # across the date line
        ((0, 180), "0|-180|0.001|km", True),
        ((0, -180), "0|180|0.001|km", True),
        ((89.99, 0), "89.99|180|3|km", True),  # across the pole
        ((-90, 10), "-90|-100|1|m", True),
        ((-33, 151), "33|-29|20037|km", True),  # nearly the antipodes
        ((1, 1), "1|1|0|km", True),
    ],
)
def test_sp1_sp2_the_great_circle(position: tuple[float, float], value: str, found: bool) -> None:
    assert finds("Location", at(*position), f"near={value}") is found


@given(
    st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 1), st.floats(0, 360), st.floats(0.0001, 20_000),
)  # fmt: skip
def test_sp2_the_cells_miss_nothing(lat: float, lon: float, share: float, bearing: float, km: float) -> None:
    """Any point within the distance lies in one of the cells that are looked into, and those are few."""
    angle, turn = share * km * 1000 / RADIUS, radians(bearing)
    y = asin(max(-1, min(1, sin(radians(lat)) * cos(angle) + cos(radians(lat)) * sin(angle) * cos(turn))))
    x = radians(lon) + atan2(sin(turn) * sin(angle) * cos(radians(lat)), cos(angle) - sin(radians(lat)) * sin(y))
    rows = index_of("Location", at(degrees(y), (degrees(x) + 180) % 360 - 180))
    found = condition_of("Location", f"near={lat:.12f}|{lon:.12f}|{km:.12f}")
    assert isinstance(found, Or)
    [both] = found.conditions
    assert isinstance(both, And)
    cells = both.conditions[0]
    assert isinstance(cells, Keys)
    assert len(cells.rows) <= CELLS
    assert meets(cells, rows)


def test_sp2_what_has_no_position() -> None:
    near = parameter_of("Location", "near")
    for content in ({}, {"position": {"latitude": 1}}, at(91, 0), at(0, 361), {"position": {"_latitude": {}}}):
        rows = index_of("Location", content)
        assert not rows.geo
        assert near.present not in rows.keys
    assert near.present in index_of("Location", at(0, 0)).keys


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "a|b",
        "91|0",
        "0|181",
        "0|0|-1",
        "0|0|1|kg",
        "0|0|1|mile",
        "0|0|1|km|x",
        "gt0|0",
        "0||1",
        "0|0|x",
        "1e9|0",
    ],
)
def test_sp2_bad_values(value: str) -> None:
    with pytest.raises(BadRequest, match=r"near="):
        condition_of("Location", f"near={value}")
