"""Probes of candidates: fenced, by date and resource, each inner candidate with a name of its own."""

from __future__ import annotations

import re

import pytest

from search import compiler
from search.candidates import Plan
from search.conditions import And, Condition, Keys, Not, Nothing, Or, Referred, Refers
from search.parameters.tables import Arguments
from search.probes import probed

CODE = Keys(((1, 10), (2, 20)))
ABSENT = Not(Keys(((3, 3),)))


def page(plan: Plan) -> tuple[str, list[object]]:
    arguments = Arguments()
    return compiler.page(plan, arguments), arguments.values


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (And(()), "(true)"),
        (Or(()), "(false)"),
        (Nothing(), "false"),
        (Not(Nothing()), "not false"),
        (Or((Nothing(), And((Nothing(), Not(Nothing()))))), "(false or (false and not false))"),
        (Refers((-1,), ()), "(false)"),
    ],
)
def test_joints(condition: Condition, text: str) -> None:
    assert probed(condition, "p", Arguments()) == text


def test_probes_of_postings_know_the_date() -> None:
    text, _ = page(Plan((1,), (CODE, Keys(((3, 3),)), ABSENT), 0))
    probes = re.findall(r"from posting t where (.*?) offset 0", text)
    assert len(probes) == 2
    assert all("t.s = p.s and t.rid = p.rid" in probe for probe in probes)


def test_every_candidate_inside_another_has_a_name_of_its_own() -> None:
    deep: Condition = CODE
    for n in range(3):
        deep = Refers((-n,), (((n,), deep),)) if n % 2 else Referred((-n,), n, deep)
    text, _ = page(Plan((1,), (deep,)))
    names = re.findall(r"offset 0\) (p\d+) where", text)
    assert len(names) == len(set(names)) == 3
    assert "t.s = p3.s and t.rid = p3.rid" in text
