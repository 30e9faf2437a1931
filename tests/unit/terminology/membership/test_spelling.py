"""Codes that are known without their case are found however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import TooCostly
from search.parameters import string
from terminology import resources
from terminology.grammars import ucum
from terminology.index.system import Indexed
from terminology.membership import spelling
from terminology.membership.spelling import LONGEST, Spellings, mixed

CODES = st.text(alphabet="aAbBßſ1-", min_size=1, max_size=6)


def system(*codes: str, case_sensitive: bool = True) -> Indexed:
    concepts = [{"code": code} for code in codes]
    return resources.code_system(
        {"url": "http://s", "content": "complete", "caseSensitive": case_sensitive, "concept": concepts}
    )


@given(st.lists(CODES, unique=True, max_size=8), st.lists(CODES, max_size=4), st.booleans())
def test_every_code_is_found_without_its_case(codes: list[str], loose: list[str], case_sensitive: bool) -> None:
    ours = system(*codes, case_sensitive=case_sensitive)
    found = Spellings([ours], loose)
    for code in (*codes, *loose):
        spelled = set(found.of(code.casefold()))
        if case_sensitive:
            alike = {one for one in (*codes, *loose) if one.casefold() == code.casefold()}
            assert alike <= spelled
            assert {one.casefold() for one in spelled} == {code.casefold()}
        else:
            assert any(ours.find(one) is not None for one in spelled) or code in loose


def test_only_codes_of_both_cases_are_remembered_and_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = system("8480-6", "A00.0", "abc", "Cat", "cAT", "x" * 600)
    assert mixed(ours) == {"cat": ("Cat", "cAT"), "x" * LONGEST: ("x" * 600,)}
    assert mixed(ours) is mixed(ours)
    monkeypatch.setattr(spelling, "MIXED", 1)
    with pytest.raises(TooCostly):
        mixed(system("Cat", "Dog"))


def test_what_nobody_knows_is_itself_and_guesses_come_from_a_grammar() -> None:
    assert tuple(Spellings([], []).of("x")) == ("x", "X")
    assert list(Spellings([], ["Red"]).of("red")) == ["Red"]
    assert "mm[Hg]" in Spellings([], [], ucum.spelled).of("mm[hg]")


def test_as_much_of_a_code_is_kept_as_the_index_of_searches_has() -> None:
    assert string.LONGEST == LONGEST


@pytest.mark.parametrize(
    "unit", ["mg/dL", "mm[Hg]", "10*3/uL", "kg.m2", "[in_i'H2O]", "U/(24.h)", "Cel", "%", "{score}"]
)
def test_units_are_spelled_from_their_parts(unit: str) -> None:
    found = list(ucum.spelled(unit.casefold()))
    assert unit in found
    assert all(one.casefold() == unit.casefold() for one in found)
    assert all(map(ucum.is_unit, found))
    assert list(ucum.spelled("no unit")) == []
