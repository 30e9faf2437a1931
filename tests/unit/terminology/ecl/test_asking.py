"""What an evaluation may cost, and what it asks of a system. TX-71"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from pyroaring import BitMap

from resources.outcome import TooCostly
from terminology.budget import Budget
from terminology.ecl import evaluate, parse
from terminology.ecl.asking import Asking
from terminology.index.building import build
from terminology.index.supplement import supplemented
from terminology.index.system import Indexed
from terminology.records import About, Concept, Member, Parent, Property, Record, Term

from . import release

SUPPLEMENT = {"resourceType": "CodeSystem", "url": "http://x.example.org", "content": "supplement", "concept": []}


def test_in_pieces_and_whole() -> None:
    """Attributes read piece by piece are those read as a whole."""
    system = release.indexed()
    pieces = Asking(system, Budget(), "empty", lambda _: BitMap())
    whole = Asking(supplemented(system, [SUPPLEMENT]), Budget(), "empty", lambda _: BitMap())
    assert pieces.pieces is system
    assert whole.pieces is None
    found = {one: sorted(pieces.pairs(one), key=repr) for one in system.all}
    assert found == {one: sorted(whole.pairs(one), key=repr) for one in system.all}
    assert sum(map(len, found.values())) == sum(
        isinstance(one, Property) and one.name.isdecimal() for one in release.records()
    )


MANY = 12_000


@pytest.fixture(scope="module")
def wide() -> Indexed:
    """A root with many children, each with attributes in groups and terms."""
    found: list[Record] = [Concept("1000000", "Root"), Concept("2000000", "Name")]
    for number in range(MANY):
        code = f"{3_000_000 + number}"
        found += [Concept(code, f"abab ab {number}"), Parent(code, "1000000"), Term(code, "a aa aaa aaaa aab", "en")]
        for group in range(3):
            found.append(
                Property(code, "2000000", f"{3_000_000 + number * (group + 7) % MANY}", "concept", group=group)
            )
        found.append(Member("5000000", code, {"mapTarget": f"a b c {number}", "targetComponentId": code}))
    return Indexed(build(About("http://wide.example.org", kind="snomed"), found))


HOSTILE = [
    "* : " + " OR ".join(["[2..*] * = *"] * 5_000),
    "* : " + " AND ".join(["{ [0..1] * = * }"] * 5_000),
    "* : " + " AND ".join(["[0..2] { [0..0] * != * OR * = * }"] * 3_000),
    "* : " + " OR ".join(["[2..2] R * = (< *)"] * 5_000),
    "* " + " ".join(['{{ term = wild:"*a*a*a*a*a*b*c" }}'] * 4_000),
    "* {{ term = (" + " ".join(['wild:"*a*a*a*b*c*"'] * 10_000) + ") }}",
    "* {{ term = (" + " ".join(['"ab"'] * 30_000) + ") }}",
    "* " + " ".join(['{{ term = "a" }}'] * 10_000),
    "* " + " ".join(["{{ D active != 0, type != def }}"] * 4_000),
    '* {{ term = "' + "a " * 90_000 + '" }}',
    '* {{ term = wild:"*' + "ä" * 90_000 + '*" }}',
    "* : * != (" + " ".join(['"a"'] * 40_000) + ")",
    " OR ".join(["(<! (<! *))"] * 10_000),
    " OR ".join(["(> (< *))"] * 10_000),
    " OR ".join(["(* . *)"] * 15_000),
    " OR ".join(['^ * {{ M mapTarget = "b" }}'] * 6_000),
    "* " + "{{ + HISTORY (5000000) }}",
    " OR ".join(["(* {{ + HISTORY (5000000) }})"] * 5_000),
    "* : (" + " OR ".join(["* = (* : * = *)"] * 8_000) + ")",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40])
def test_hostile_expressions_end(wide: Indexed, text: str) -> None:
    """TX-71: in a second or two, with an answer or a clear refusal; the bound here is for a machine that is busy."""
    expression = parse(text)
    start = time.process_time()
    with suppress(TooCostly):
        evaluate(wide, expression, Budget())
    assert time.process_time() - start < 6


def test_too_costly(wide: Indexed) -> None:
    """TX-71"""
    with pytest.raises(TooCostly):
        evaluate(wide, parse(HOSTILE[1]), Budget())
    with pytest.raises(TooCostly):
        evaluate(wide, parse("* : [2..2] * = *"), Budget(1_000))
