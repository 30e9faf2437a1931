"""The SQL of atoms: which values become arguments, and that the text tells nothing of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search.conditions import (
    Amounts,
    Atom,
    Dates,
    Endings,
    Fragments,
    Ids,
    Inside,
    Keys,
    Near,
    Numbers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from search.intervals import EARLIEST, LATEST
from search.parameters.tables import TABLES, Arguments, found, probe, rows

ATOMS: list[Atom] = [
    Keys(((1, 2),)),
    Inside(((1, 2),)),
    Uris(((1, 2, "u"),)),
    UriRanges(((1, 2, "u", "v"),)),
    Strings(((1, 2, "a", "b"),)),
    Fragments(((1, 2, "a"),)),
    Endings(((1, 2, "a"),)),
    Dates(((1, 2, 1, 2, 3, 4),)),
    Numbers(((1, 2, 0, "a", "b", "", "~", None, None, None, None, None, None, None),)),
    Amounts(((1, 2, 0, 5, "a", "b", "", "~", None),)),
    Near(((1, 2, 1.0, 2.0, 3.0),)),
    Updated(((1, 0, 1_000_000),)),
    Ids(((1, 5, "i"),)),
]


def test_every_kind_is_here() -> None:
    assert {type(one) for one in ATOMS} == set(TABLES)


@pytest.mark.parametrize("one", ATOMS, ids=lambda one: type(one).__name__)
def test_the_text_depends_on_the_kind_only(one: Atom) -> None:
    """An OR list is one array an argument, however long it is."""
    many = replace(one, rows=one.rows * 3)
    for make in (found, lambda atom, arguments: probe(atom, "p", arguments)):
        first, second = Arguments(), Arguments()
        assert make(one, first) == make(many, second)
        assert len(first.values) == len(second.values)
        assert make(one, first).count("g.t") >= 1


@pytest.mark.parametrize("one", ATOMS, ids=lambda one: type(one).__name__)
def test_every_placeholder_has_its_argument(one: Atom) -> None:
    arguments = Arguments()
    text = found(one, arguments) + probe(one, "p", arguments)
    assert all(f"${n}::" in text for n in range(2, len(arguments.values) + 2))
    assert f"${len(arguments.values) + 2}" not in text
    assert "{" not in text


@pytest.mark.parametrize("one", ATOMS, ids=lambda one: type(one).__name__)
def test_a_probe_is_of_the_candidate_named(one: Atom) -> None:
    text = probe(one, "p7", Arguments())
    assert "t.rid = p7.rid" in text
    assert " p." not in text


def test_dates_are_found_by_the_index_of_the_bound_that_is_there() -> None:
    arguments = Arguments()
    text = found(Dates(((1, 2, EARLIEST, LATEST, 5, LATEST), (1, 2, 1, 2, EARLIEST, 9))), arguments)
    first, second = text.split(" union all ")
    assert "t.hi >= v.c and t.hi <= v.d" in first
    assert "t.lo" not in first
    assert "t.lo >= v.a" in second


def number(a: str, b: str, c: str, d: str) -> Numbers:
    return Numbers(((1, 2, 0, a, b, c, d, None, None, None, None, None, None, None),))


@pytest.mark.parametrize(
    ("box", "ways"),
    [
        (("b", "d", "", "d"), ["t.lo >= v.a and t.lo < v.b and (v.q", "t.hi || '' > v.c"]),  # eq
        (("", "~", "c!", "~"), ["t.lo >= v.a and t.lo < v.b and (v.q", "t.lo || '' >= v.a"]),  # gt
    ],
)
def test_a_number_is_found_by_itself_and_a_range_by_the_end_that_is_bounded(
    box: tuple[str, ...], ways: list[str]
) -> None:
    arguments = Arguments()
    parts = found(number(*box), arguments).split(" union all ")  # type: ignore[arg-type]
    assert len(parts) == len(ways)
    for part, way in zip(parts, ways, strict=True):
        assert way in part
    a, b = arguments.values[3][0], arguments.values[4][0]
    assert (a, b) == (max(box[0], box[2]), min(box[1], box[3]))


def test_times_no_clock_has_shown_are_cut_off() -> None:
    [(_, low, high)] = rows(Updated(((1, EARLIEST, LATEST),)))
    assert low.year == 1
    assert high.year == 9999
