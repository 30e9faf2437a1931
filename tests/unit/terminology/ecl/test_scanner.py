"""Places of faults, and bounds. TX-72"""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest
from terminology.ecl import parse
from terminology.ecl.parser import SHORT
from terminology.ecl.scanner import DEEPEST, LONGEST


def test_line_and_column() -> None:
    """TX-72"""
    with pytest.raises(BadRequest) as caught:
        parse("<< 1234567 :\n  2345678 = *,\n  3456789 == *")
    assert caught.value.issues[0].location == ("line 3, column 12",)
    assert "(character 40)" in str(caught.value)


def test_depth_is_bounded() -> None:
    parse("(" * (DEEPEST - 1) + "*" + ")" * (DEEPEST - 1))
    nested = (
        "(" * 10_000 + "*" + ")" * 10_000,
        "*:" + "(" * 10_000 + "*=*",
        "* {{ C moduleId = " * 10_000,
        "* : * = (" * 10_000,
        "* {{ + HISTORY (" * 10_000,
        "* : { (* = (" * 10_000,
    )
    for text in nested:
        with pytest.raises(BadRequest, match=f"at most {DEEPEST} expressions"):
            parse(text)


def test_length_is_bounded() -> None:
    long = "*" + " OR *" * (SHORT // 5)
    assert len(parse(long).operands) == SHORT // 5 + 1  # type: ignore[union-attr]
    with pytest.raises(BadRequest, match="at most 200000 characters"):
        parse("*" + " " * LONGEST)
