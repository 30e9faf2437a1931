"""Simplified conditions mean the same with fewer parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.conditions import EVERYTHING, And, Condition, Dates, Keys, Not, Nothing, Or, Referred, Refers, Strings
from search.simplify import simplified, size

A, B, C = Keys(((1, 1),)), Keys(((2, 2),), rank=3), Strings(((1, 1, "a", "b"),))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (And((A,)), A),
        (And((A, And((C, A)))), And((A, C))),
        (And((A, EVERYTHING)), A),
        (And((A, Nothing())), Nothing()),
        (Or((A, Nothing())), A),
        (Or((A, EVERYTHING)), EVERYTHING),
        (Or((A, B, C)), Or((Keys(((1, 1), (2, 2)), 3), C))),
        (Or((Or((A, C)), C)), Or((A, C))),
        (Or(()), Nothing()),
        (Not(Not(A)), A),
        (Not(Nothing()), EVERYTHING),
        (Not(EVERYTHING), Nothing()),
        (Keys(()), Nothing()),
        (Refers((-1,), (((1,), Nothing()),)), Nothing()),
        (Refers((-1,), (((1,), Nothing()), ((2,), And((A,))))), Refers((-1,), (((2,), A),))),
        (Refers((), (((1,), A),)), Nothing()),
        (Referred((-1,), 1, Or(())), Nothing()),
        (Referred((-1,), 1, And((A,))), Referred((-1,), 1, A)),
    ],
)
def test_cases(condition: Condition, expected: Condition) -> None:
    assert simplified(condition) == expected


def test_the_primary_dates_of_two_types_stay_apart() -> None:
    one, other = Dates(((1, -2, 0, 1, 0, 1),), primary=1), Dates(((3, -2, 0, 1, 0, 1),), primary=2)
    assert simplified(Or((one, other))) == Or((one, other))
    assert simplified(Or((one, Dates(((1, -2, 5, 6, 5, 6),), primary=1)))) == Dates(
        (*one.rows, (1, -2, 5, 6, 5, 6)), primary=1
    )


ATOMS = st.builds(lambda ns: Keys(tuple((n, 0) for n in ns)), st.lists(st.integers(0, 3), max_size=2))
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    ATOMS | st.just(Nothing()),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(lambda parts: And(tuple(parts)), st.lists(inner, max_size=3))
        | st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, max_size=3))
    ),
    max_leaves=8,
)


def met(condition: Condition, has: Callable[[int], bool]) -> bool:
    match condition:
        case And(conditions=parts):
            return all(met(one, has) for one in parts)
        case Or(conditions=parts):
            return any(met(one, has) for one in parts)
        case Not(condition=inner):
            return not met(inner, has)
        case Keys(rows=rows):
            return any(has(h) for h, _ in rows)
    return False


@given(CONDITIONS, st.sets(st.integers(0, 3)))
def test_the_meaning_stays(condition: Condition, there: set[int]) -> None:
    plain = simplified(condition)
    assert met(plain, there.__contains__) == met(condition, there.__contains__)
    assert simplified(plain) == plain


def test_targets_that_ask_for_the_like_are_one() -> None:
    """An untyped chain to 146 types is one probe: the rows say themselves of which type they are."""
    targets = tuple(((n,), And((Keys(((n, 7),)), Not(Keys(((n, 8),)))))) for n in range(1, 147))
    inside = tuple(((-n,), Keys(((n, 9),))) for n in range(1, 147))
    found = simplified(Refers((-1,), (*targets, *inside)))
    assert isinstance(found, Refers)
    [(types, condition), (negative, _)] = found.targets
    assert types == tuple(range(1, 147))
    assert negative == tuple(range(-1, -147, -1))
    assert isinstance(condition, And)
    assert len(condition.conditions[0].rows) == 146  # type: ignore[union-attr]
    unlike = Refers((-1,), (((1,), A), ((2,), C), ((3,), Not(A))))
    assert simplified(unlike) == unlike
    assert size(found) == 6
    assert size(unlike) == 5


def test_the_primary_dates_of_targets_stay_apart() -> None:
    dates = tuple(((n,), Dates(((n, -2, 0, 1, 0, 1),), primary=n)) for n in (1, 2))
    assert simplified(Refers((-1,), dates)) == Refers((-1,), dates)
