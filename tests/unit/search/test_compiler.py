"""Whole statements: pages with the total beside them, counts, ids, and look-ups of many references at once."""

from __future__ import annotations

from search import compiler
from search.candidates import CAP, Plan
from search.conditions import Keys, Refers, Strings
from search.orders import Key, Order
from search.parameters.tables import Arguments

CODE = Keys(((1, 10),))
NAME = Strings(((1, 1, "a", "b"),))


def test_a_total_counts_all_pages() -> None:
    plan = Plan((1,), (CODE, NAME), 0, after=(5, 6), limit=21, total=True)
    arguments = Arguments()
    text = compiler.page(plan, arguments)
    assert "select count(*) as total" in text
    counted = Arguments()
    compiler.count(plan, counted)
    assert 21 not in counted.values
    assert not any(isinstance(value, list) and 5 in value for value in counted.values)


def test_pages_bring_the_values_they_are_sorted_by() -> None:
    order = Order((Key("string", ((1, 7, 0),), False), Key("quantity", ((1, 8, 0),), True)))
    text = compiler.page(Plan((1,), (CODE,), 0, order=order), Arguments())
    assert text.startswith("select r.rtype, r.id, r.ver, r.lu, r.op, x.s, x.rid, r.body, x.k1, x.k2, x.k3 from")


def test_contained_matches_come_with_their_container() -> None:
    text = compiler.page(Plan((-1,), (CODE,), 0), Arguments())
    assert "x.inner, x.kind" in text
    assert "r.rid = x.container" in text


def test_a_container_comes_once_with_the_match_that_is_read_first() -> None:
    for backward, direction in ((False, " desc"), (True, "")):
        text = compiler.page(Plan((-1,), (CODE,), 0, backward=backward), Arguments())
        assert f"over (partition by c.container order by x.s{direction}, x.rid{direction})" in text
        assert "case when x.nth = 1 then r.resource::text end as body" in text
    assert "case" not in compiler.page(Plan((1,), (CODE,), 0), Arguments())


def test_a_count_ends_at_the_cap() -> None:
    for condition, inner in ((NAME, ()), (Refers((-1,), (((2,), CODE),)), (Plan((2,), (CODE,), 0, limit=None),))):
        assert compiler.density(condition, (1,), inner, Arguments()).endswith(f"limit {CAP}) d")


def test_look_ups_of_one_criterion_are_one_statement() -> None:
    arguments = Arguments()
    text = compiler.first_ids([(0, ((1, 2), (3, 4))), (5, ((6, 7),))], arguments, 2)
    assert arguments.values == [[0, 0, 5], [1, 3, 6], [2, 4, 7]]
    assert "limit 2" in text
