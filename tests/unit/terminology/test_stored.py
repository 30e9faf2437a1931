"""Which of several versions is the later one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology.stored import version_order


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_versions_are_ordered_as_numbers(one: list[int], other: list[int]) -> None:
    a, b = (version_order(".".join(map(str, some))) for some in (one, other))
    assert (a < b) == (one < other)
