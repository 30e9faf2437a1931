"""Hashes: keyed, of the right size, and the same in every process that has the key."""

from __future__ import annotations

import sys
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.hashing import LONGEST, Hash, remembered

KEY = b"k" * 32


@given(st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), min_size=1))
def test_a_hash_is_a_keyed_blake2b_of_the_parts_in_an_int8(parts: list[str]) -> None:
    expected = blake2b("\x1f".join(parts).encode(), digest_size=8, key=KEY).digest()
    assert Hash(KEY).of(*parts) == int.from_bytes(expected, "big", signed=True)
    assert -(2**63) <= Hash(KEY).of(*parts) < 2**63


def test_another_key_gives_other_hashes() -> None:
    """Nobody without the key can look for values that collide."""
    assert Hash(KEY).of("Patient", "1") != Hash(b"other").of("Patient", "1")


@pytest.mark.parametrize("one", [("a", "bc"), ("ab", "c"), ("abc",), ("abc", "")])
def test_where_parts_end_matters(one: tuple[str, ...]) -> None:
    others = {("a", "bc"), ("ab", "c"), ("abc",), ("abc", "")} - {one}
    assert Hash(KEY).of(*one) not in {Hash(KEY).of(*other) for other in others}


@given(st.text(min_size=1))
def test_a_system_is_a_positive_int4(system: str) -> None:
    assert 0 < Hash(KEY).system(system) < 2**31


def test_no_system_is_zero() -> None:
    assert Hash(KEY).system(None) == Hash(KEY).system("") == 0


def test_results_for_long_texts_are_not_kept() -> None:
    """A worker's memory does not grow with what it is sent."""
    calls = []

    @remembered(2)
    def joined(*texts: str) -> str:
        calls.append(texts)
        return "".join(texts)

    for long, times in (("x" * (LONGEST - 1), 1), ("x" * LONGEST, 2)):
        calls.clear()
        assert [joined("a", long), joined("a", long)] == [f"a{long}"] * 2
        assert len(calls) == times


def test_a_long_system_is_not_kept() -> None:
    system, hash_ = "http://x/" + "s" * 10_000, Hash(KEY)
    before = sys.getrefcount(system)
    numbers = {hash_.system(system), hash_.system(system)}
    after = sys.getrefcount(system)
    assert len(numbers) == 1
    assert before == after
