"""Codes are found by hash and compared as they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology.index.container import Container, pack, texts
from terminology.index.lookup import Lookup, lookup

some_codes = st.lists(st.text(max_size=4), unique=True, max_size=30)


def made(codes: list[str], folded: bool) -> Lookup:
    container = Container(pack("x", b"", texts("codes", codes) | {"lookup": lookup(codes, folded)}))
    return Lookup(container, container.texts("codes"), folded)


@given(some_codes, st.text(max_size=4))
def test_every_code_is_found_and_no_other(codes: list[str], other: str) -> None:
    find = made(codes, folded=False)
    assert [find(code) for code in codes] == [*range(len(codes))]
    assert find(other) == (codes.index(other) if other in codes else None)


@given(some_codes, st.text(max_size=4))
def test_tx34_folded_the_very_code_comes_first_and_then_the_first_alike(codes: list[str], other: str) -> None:
    find = made(codes, folded=True)
    assert [find(code) for code in codes] == [*range(len(codes))]
    alike = [at for at, code in enumerate(codes) if code.casefold() == other.casefold()]
    assert find(other) == (codes.index(other) if other in codes else next(iter(alike), None))


def test_a_code_that_is_no_unicode_is_not_found() -> None:
    assert made(["a"], folded=False)("\ud800") is None
    assert made(["a"], folded=True)("\ud800") is None
