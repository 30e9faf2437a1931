"""Text search in several code systems at once. TX-27."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.budget import Budget
from terminology.resources import code_system
from terminology.valuesets.parts import Part
from terminology.valuesets.ranking import ranked

WORDS = st.sampled_from(["acute", "asthma", "as", "ácut", "wheeze"])
TERMS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)


def part(url: str, terms: list[str], given: dict[int, str], loose: list[str]) -> Part:
    tree = {"resourceType": "CodeSystem", "url": url, "status": "active", "content": "complete"}
    system = code_system({**tree, "concept": [{"code": f"c{n}", "display": term} for n, term in enumerate(terms)]})
    own = {n: {"code": f"c{n}", "display": text} for n, text in given.items() if n < len(terms)}
    extra: dict[str, Any] = {f"l{n}": {"code": f"l{n}", "display": text} for n, text in enumerate(loose)}
    return Part(url, "", system, system.all, None, own, extra)


def fits(text: str, term: str) -> bool:
    """What is searched for, as one would say it: accents are only in one word of these."""
    there = term.replace("á", "a").split()
    return all(any(one.startswith(word) for one in there) for word in text.replace("á", "a").split())


PARTS = st.lists(
    st.tuples(
        st.lists(TERMS, min_size=1, max_size=5), st.dictionaries(st.integers(0, 4), TERMS), st.lists(TERMS, max_size=3)
    ),
    max_size=3,
)


@given(PARTS, TERMS, st.integers(0, 4), st.integers(0, 6))
def test_tx_27_all_that_fits_and_nothing_else(content: list[Any], text: str, offset: int, most: int) -> None:
    parts = [part(f"urn:{n}", *one) for n, one in enumerate(content)]
    wanted = set()
    for n, (terms, own, loose) in enumerate(content):
        for place, term in enumerate(terms):
            if fits(text, term) or (place in own and fits(text, own[place])):
                wanted.add((f"urn:{n}", f"c{place}"))
        wanted |= {(f"urn:{n}", f"l{place}") for place, term in enumerate(loose) if fits(text, term)}
    total, everything = ranked(parts, text, 0, 100, Budget())
    assert {(one.url, one.code(each)) for one, each in everything} == wanted
    assert total == len(everything) == len(wanted)
    assert ranked(parts, text, offset, most, Budget()) == (total, everything[offset : offset + most])


def test_tx_27_short_terms_first() -> None:
    parts = [part("urn:1", ["acute asthma", "asthma"], {}, []), part("urn:2", ["asthmatic"], {}, ["asthma as such"])]
    _, found = ranked(parts, "asth", 0, 10, Budget())
    where = [(one.url, one.code(each)) for one, each in found]
    assert where == [("urn:1", "c1"), ("urn:2", "c0"), ("urn:1", "c0"), ("urn:2", "l0")]


def test_a_part_without_members_is_passed_over() -> None:
    assert ranked([Part("urn:x", "", None, BitMap())], "a", 0, 5, Budget()) == (0, [])
