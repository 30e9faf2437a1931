"""The rules of the primitive types, one by one, in time that grows with the length and never faster."""

from __future__ import annotations

import base64
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.validation.primitives import kind_of, primitive, quoted

STRUCTURES = definitions.load().structures
PRIMITIVES = {s.name: primitive(s.name, s.pattern) for s in STRUCTURES.values() if s.kind == "primitive-type"}


def test_all_primitive_types_are_there() -> None:
    assert len(PRIMITIVES) == 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("boolean", value) for value in (True, False)],
        *[("integer", value) for value in (0, -(2**31), 2**31 - 1)],
        *[("unsignedInt", value) for value in (0, 2**31 - 1)],
        *[("positiveInt", value) for value in (1, 2**31 - 1)],
        *[("decimal", value) for value in (1, Decimal("1.00"), Decimal("-1E-7"), 10**30)],
        *[("string", value) for value in ("a", " a\t\r\n", "\u00a0", "\x7f", "x" * 1_048_576)],
        ("markdown", "# a\n\nb"),
        *[("code", value) for value in ("a", "a b", "a\u00a0")],
        *[("uri", value) for value in ("http://example.org", "urn:oid:1.2", "#a", "a")],
        *[("id", value) for value in ("a", "A-b.1", "x" * 64)],
        *[("oid", value) for value in ("urn:oid:1.2.3", "urn:oid:2.16.840.1.113883.6.1")],
        ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        *[("date", value) for value in ("0001", "9999-12-31", "2000-02-29", "2020-02")],
        *[("dateTime", value) for value in ("2020", "2020-02-29T23:59:60.123456789-14:00", "2020-01-01T00:00:00Z")],
        ("instant", "2015-02-07T13:28:17.239+02:00"),
        *[("time", value) for value in ("00:00:00", "23:59:60.5")],
        *[("base64Binary", value) for value in ("aGk=", "aGkh", "aA==", " aG\r\nkh\n", "AAAA" * 400_000)],
        ("xhtml", "anything: judged as a narrative"),
    ],
)
def test_valid(name: str, value: Any) -> None:
    assert PRIMITIVES[name](value) is None


@pytest.mark.parametrize("name", PRIMITIVES)
def test_no_primitive_takes_another_json_type(name: str) -> None:
    fits = {"boolean": (bool,), "decimal": (int, Decimal)}.get(
        name, (int,) if "nt" in name and name != "instant" else (str,)
    )
    for value in (True, 1, Decimal("1.5"), "a", None, [], {}):
        found = PRIMITIVES[name](value)
        if type(value) in fits:
            assert found is None or found[0] == "value"
        else:
            assert found
            assert found[0] == "structure"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("date", "2020-02-31", "is '2020-02-31', which is not a valid date: send YYYY, YYYY-MM or YYYY-MM-DD"),
        ("integer", "5", "must be a whole number of 32 bits (integer), not a string '5'"),
        ("boolean", 1, "must be true or false (boolean), not a number 1"),
        ("string", True, "must be a JSON string (string), not a boolean"),
        ("decimal", [1], "must be a JSON number (decimal), not an array"),
        ("code", None, "must be a JSON string (code), not null"),
        ("id", "", "is empty; leave it out, or send 1 to 64 letters"),
        ("string", "\x00", "contains a control character"),
        ("positiveInt", 0, "is 0, which is not a valid positiveInt: send a whole number from 1"),
    ],
)
def test_a_sender_is_told_what_to_send(name: str, value: Any, said: str) -> None:
    found = PRIMITIVES[name](value)
    assert found
    assert found[1].startswith(said)


@given(st.dates())
def test_every_day_that_exists_is_a_date(day: date) -> None:
    assert PRIMITIVES["date"](day.isoformat()) is None
    assert PRIMITIVES["dateTime"](f"{day.isoformat()}T00:00:00Z") is None


@given(st.integers(1, 9999), st.integers(1, 12), st.integers(1, 31))
def test_no_other_day_is(year: int, month: int, day: int) -> None:
    try:
        exists = bool(date(year, month, day))
    except ValueError:
        exists = False
    assert (PRIMITIVES["date"](f"{year:04}-{month:02}-{day:02}") is None) == exists


@given(st.binary(min_size=1))
def test_what_is_base64_is_accepted(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert PRIMITIVES["base64Binary"](text) is None
    assert PRIMITIVES["base64Binary"](text + "=")
    assert PRIMITIVES["base64Binary"](text[:-1])


@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name != "xhtml"])
@pytest.mark.parametrize("unit", ["A", "a ", "0", "1.", "=", " ", "-0", "+A=", "\t", "é"])
def test_hostile_text_takes_linear_time(name: str, unit: str) -> None:
    """The official expression of base64Binary takes minutes for 120 wrong characters."""
    text = unit * (1_000_000 // len(unit)) + "!"
    start = time.perf_counter()
    PRIMITIVES[name](text)
    assert time.perf_counter() - start < 0.5


def test_values_are_shown_short() -> None:
    assert quoted("x" * 1000) == "'" + "x" * 77 + "…'"
    assert quoted("x" * 80) == "'" + "x" * 80 + "'"
    assert quoted(True) == "true"
    assert quoted(Decimal("1.50")) == "1.50"
    assert [kind_of(value) for value in ({}, [], "", 1, Decimal(1), True, None)] == [
        "an object",
        "an array",
        "a string",
        "a number",
        "a number",
        "a boolean",
        "null",
    ]
