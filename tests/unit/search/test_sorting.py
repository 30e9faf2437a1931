"""Statements of sorted pages: few candidates are looked up, many are read in order."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from search import sorting
from search.candidates import Plan
from search.conditions import Keys, Not
from search.orders import WALKS, Key, by
from search.parameters.tables import Arguments

CODE, ABSENT = Keys(((1, 10),)), Not(Keys(((3, 3),)))
NAME = Key("string", ((1, 7, 0),), False, ABSENT)


def selected(plan: Plan) -> tuple[str, list[object]]:
    arguments = Arguments()
    return sorting.selected(plan, arguments), arguments.values


def test_few_are_gathered_and_looked_up() -> None:
    text, _ = selected(Plan((1,), (CODE,), 0, order=by((NAME,))))
    assert "from posting p" in text
    assert "t.rid = m.rid" in text
    assert "from str k" not in text


@pytest.mark.parametrize("kind", WALKS)
def test_many_are_read_by_the_index_of_their_key(kind: str) -> None:
    walk = WALKS[kind]
    plan = Plan((1,), (CODE,), 0, sorted=True, order=by((Key(kind, ((1, 7, -8),), False),)))
    text, _ = selected(plan)
    assert text.count(f"from {walk.table} k where k.tenant_id = g.t") == len(walk.branches)
    tables = re.findall(r"\bfrom (posting|str|dat|qty|uri|code|resource) (\w+)\b", text)
    assert len(re.findall(r"tenant_id = g\.t", text)) == len(tables)


def test_those_without_a_value_come_after_the_others_and_before_them_backward() -> None:
    plan = Plan((1,), sorted=True, order=by((NAME,)))
    with_value, without = "from str k", "null::text as k1"
    text, _ = selected(plan)
    assert text.index(with_value) < text.index(without)
    back, _ = selected(replace(plan, backward=True, after=(None, 5, 6)))
    assert back.index(without) < back.index(with_value)
    assert with_value not in selected(replace(plan, after=(None, 5, 6)))[0]
    assert without not in selected(replace(plan, backward=True, after=("a", 5, 6)))[0]


def test_of_two_keys_all_with_the_last_value_are_looked_at() -> None:
    plan = Plan((1,), sorted=True, order=by((NAME, Key("date", ((1, 8, 0),), True))))
    text, _ = selected(plan)
    assert text.count("from str k") == 2
    assert "and (k.v) <= (select b.k1" in text
    assert "from dat t" in text


def test_values_are_arguments() -> None:
    plan = Plan((1,), (CODE,), 0, sorted=True, order=by((NAME,)), after=("secret", 5, 6))
    text, values = selected(plan)
    assert "secret" not in text
    assert "secret" in values
    assert text == selected(replace(plan, after=("other", 7, 8)))[0]
