"""ECL on an edition of 350,000 concepts: what brute force over its records finds, and fast. TX-70, TX-71"""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from functools import cache
from random import Random

import pytest

from resources.outcome import TooCostly
from terminology.budget import Budget
from terminology.ecl import evaluate, parse
from terminology.index.system import Indexed, open_file
from terminology.records import Concept, Member, Parent, Property
from tests import editions
from tests.naive.ecl import Edition

SIZE = 350_000
NAMES = [editions.code(1 + len(editions.BRANCHES) + number) for number in range(editions.ATTRIBUTES)]
BRANCHES = [editions.code(1 + number) for number in range(len(editions.BRANCHES))]


@cache
def edition() -> Indexed:
    return open_file(editions.built(SIZE))


def broad(system: Indexed, random: Random, least: int, most: int = SIZE) -> str:
    """A concept with so many below it."""
    while True:
        at = random.randrange(len(system))
        if least <= len(system.descendants(at)) <= most:
            return system.code(at)


def refinements(system: Indexed, random: Random, times: int) -> list[str]:
    found = []
    for _ in range(times):
        first, second = (NAMES[int(random.random() ** 2 * len(NAMES))] for _ in range(2))
        focus = random.choice(BRANCHES[:2]) if random.random() < 0.5 else broad(system, random, 50)
        values = [
            random.choice(BRANCHES[2:7]) if random.random() < 0.3 else broad(system, random, 20) for _ in range(2)
        ]
        found.append(f"<< {focus} : {first} = << {values[0]}, {second} = << {values[1]}")
    return found


def test_equals_brute_force() -> None:
    system, random = edition(), Random(5)
    wanted = (Concept, Parent, Property, Member)
    naive = Edition(one for one in editions.records(SIZE) if isinstance(one, wanted))
    top, small, few = BRANCHES[0], broad(system, random, 200, 2_000), broad(system, random, 2, 4)
    texts = [
        *refinements(system, random, 6),
        f"<< {top}",
        f"> (<< {small})",
        f"!!> (<< {small} AND ^ 700000001)",
        f"<< {small} : {{ {NAMES[0]} = *, {NAMES[1]} = * }}",
        f"<< {small} : [2..*] * = *",
        f"<< {small} : [0..0] {NAMES[0]} = << {BRANCHES[2]}",
        f"<< {small} : {NAMES[0]} != << {BRANCHES[2]}",
        f"<< {small} . {NAMES[0]}",
        f"<< {few} : [0..3] R {NAMES[0]} = << {top}",
        f'^ {editions.MAP} {{{{ M mapTarget = wild:"M00*" }}}} AND << {top}',
        "(* {{ C active = 0 }}) AND ^ 700000001",
    ]
    found = {text: {system.code(one) for one in evaluate(system, parse(text), Budget())} for text in texts}
    for text in texts:
        assert found[text] == naive.select(parse(text)), text
    assert sum(map(bool, found.values())) > len(texts) // 2


def test_speed_of_two_refinements() -> None:
    """Wide bounds, for a machine that is busy; alone it takes a quarter of a millisecond and at most 30."""
    system = edition()
    took = []
    for text in refinements(system, Random(9), 200):
        expression = parse(text)
        start = time.perf_counter()
        evaluate(system, expression, Budget())
        took.append(time.perf_counter() - start)
    assert statistics.median(took) < 0.01
    assert max(took) < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "* : [1..1] * = *",
        "* : { [0..1] * = * }",
        "* : [2..2] { * = * }",
        f"<< {BRANCHES[0]} : [2..3] R {NAMES[0]} = *",
        '* {{ term = wild:"*a*b*c*" }}',
        '* {{ term != "x" }}',
        f"<! (<< {BRANCHES[0]}) . *",
    ],
)
def test_what_looks_at_everything_ends(text: str) -> None:
    """TX-71"""
    start = time.process_time()
    with suppress(TooCostly):
        evaluate(edition(), parse(text), Budget())
    assert time.process_time() - start < 6
