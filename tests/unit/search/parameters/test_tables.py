"""The SQL of conditions: which values become arguments, and that the text tells nothing of them."""

from __future__ import annotations

import pytest

from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Nothing, Strings, Updated, Uris
from search.intervals import EARLIEST, LATEST
from search.parameters.tables import TABLES, Arguments, found, probe, rows

ONE: dict[type, Condition] = {
    Keys: Keys(((1, 2),)),
    Exact: Exact(1, 2, (("v", 3),)),
    Uris: Uris(1, 2, ("u",)),
    Strings: Strings(1, 2, (("a", "b"),)),
    Dates: Dates(1, 2, ((1, 2, 3, 4),)),
    Updated: Updated(1, ((0, 1_000_000),)),
    Ids: Ids(1, ((5, "i"),)),
}


@pytest.mark.parametrize("kind", TABLES)
def test_the_text_depends_on_the_kind_only(kind: type) -> None:
    """An OR list is one array an argument, however long it is."""
    one = ONE[kind]
    field = next(name for name in ("keys", "values", "ranges", "boxes", "intervals", "ids") if hasattr(one, name))
    many = type(one)(**{n: getattr(one, n) for n in one.__dataclass_fields__} | {field: getattr(one, field) * 3})
    for make in (found, probe):
        first, second = Arguments(), Arguments()
        assert make(one, first) == make(many, second)
        assert len(first.values) == len(second.values)
        assert make(one, first).count("g.t") == 1


@pytest.mark.parametrize("kind", TABLES)
def test_every_placeholder_has_its_argument(kind: type) -> None:
    arguments = Arguments()
    text = found(ONE[kind], arguments) + probe(ONE[kind], arguments)
    assert all(f"${n}::" in text for n in range(2, len(arguments.values) + 2))
    assert f"${len(arguments.values) + 2}" not in text
    assert "{" not in text


def test_dates_are_found_by_the_index_of_the_bound_that_is_there() -> None:
    arguments = Arguments()
    text = found(Dates(1, 2, ((EARLIEST, LATEST, 5, LATEST), (1, 2, EARLIEST, 9))), arguments)
    first, second = text.split(" union all ")
    assert "t.hi >= v.c and t.hi <= v.d" in first
    assert "t.lo" not in first
    assert "t.lo >= v.a" in second


def test_missing_is_the_absence_of_a_posting() -> None:
    assert probe(Missing((1, 2)), Arguments()).startswith("not exists")


def test_times_no_clock_has_shown_are_cut_off() -> None:
    [(low, high)] = rows(Updated(1, ((EARLIEST, LATEST),)))
    assert low.year == 1
    assert high.year == 9999


def test_nothing_has_no_values() -> None:
    with pytest.raises(TypeError, match="Nothing"):
        rows(Nothing())
