"""Expressions as values."""

from __future__ import annotations

from itertools import combinations

import pytest

from terminology.ecl import parse
from terminology.ecl.syntax import OPERATORS


def test_longer_operators_come_first() -> None:
    """So that they may be tried in their order."""
    assert not any(second.startswith(first) for first, second in combinations(OPERATORS, 2))


def test_values() -> None:
    first, second = parse("<< 1234567: {* = #5}"), parse("<<1234567 : { * = #5 } /* the same */")
    assert first == second
    assert hash(first) == hash(second)
    with pytest.raises(AttributeError):
        first.refinement = None  # type: ignore[misc, union-attr]
