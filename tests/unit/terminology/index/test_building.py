"""An edition of 350,000 concepts, built and asked: the answers are those of dictionaries and sets. TX-143, TX-145"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter

import pytest
from pyroaring import BitMap

from terminology.index.building import build
from terminology.index.system import Indexed, open_file
from terminology.records import Concept, Member, Parent, Property, Record, Term
from tests.editions import LEVELS, MAP, URL, Oracle, about, built, code, naive_words, records, vocabulary

SIZE = 350_000
SOUGHT = 12  # searches that are compared


def test_the_same_records_give_the_same_bytes() -> None:
    assert build(about(200), records(200)) == build(about(200), records(200))
    assert [*records(150)] == [*records(150)]


def test_a_small_edition_is_what_it_says_it_is() -> None:
    some = [*records(20_000)]
    assert sum(isinstance(one, Term) for one in some) == 60_000
    assert 1.4 < sum(isinstance(one, Parent) for one in some) / 20_000 < 1.6
    assert 2 < sum(isinstance(one, Property) for one in some) / 20_000 < 3
    oracle = Oracle(some)
    assert 12 < max(_level(oracle, f"{code(at)}") for at in range(19_000, 20_000)) <= LEVELS + 1
    assert (
        5_000 < len({word for one in some if isinstance(one, Concept) for word in naive_words(one.display)}) <= 11_500
    )


def _level(oracle: Oracle, one: str) -> int:
    return 1 + max((_level(oracle, parent) for parent in oracle.above_of.get(one, ())), default=0)


@pytest.fixture(scope="module")
def building() -> Iterator[Future[Path]]:
    """The file is made by another process, while the test looks at the records itself."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool.submit(built, SIZE)


class Sample:
    """What one pass over the records tells of some concepts and some words."""

    def __init__(self, wanted: set[str], sought: set[str]) -> None:
        self.concepts: dict[str, Concept] = {}
        self.terms: dict[str, list[Term]] = {}
        self.properties: dict[str, list[Property]] = {}
        self.links: dict[tuple[str, str], set[str]] = {}  # attribute and target → sources
        self.parents: dict[str, list[str]] = {}
        self.members: dict[str, set[str]] = {}
        self.words: dict[str, set[str]] = {prefix: set() for prefix in sought}
        self.relevance: dict[str, tuple[bool, int, str]] = {}
        self._wanted = wanted
        self._pieces: dict[str, list[str]] = {}  # prefixes of the words in what stands between spaces

    def look(self, some: Iterator[Record]) -> None:
        for one in some:
            if isinstance(one, Concept):
                self.relevance[one.code] = (one.inactive, len(one.display), one.code)
                self._words(one.code, one.display)
                if one.code in self._wanted:
                    self.concepts[one.code] = one
            elif isinstance(one, Parent):
                self.parents.setdefault(one.code, []).append(one.parent)
            elif isinstance(one, Term):
                self._words(one.code, one.value)
                if one.code in self._wanted:
                    self.terms.setdefault(one.code, []).append(one)
            elif isinstance(one, Property):
                if one.code in self._wanted:
                    self.properties.setdefault(one.code, []).append(one)
                if one.value in self._wanted:
                    self.links.setdefault((one.name, one.value), set()).add(one.code)
            elif isinstance(one, Member):
                self.members.setdefault(one.set, set()).add(one.code)

    def _words(self, code: str, text: str) -> None:
        for piece in text.split():
            if piece not in self._pieces:
                words = naive_words(piece)
                self._pieces[piece] = [one for one in self.words if any(word.startswith(one) for word in words)]
            for prefix in self._pieces[piece]:
                self.words[prefix].add(code)


def test_tx143_a_large_edition_answers_as_its_records_say(building: Future[Path]) -> None:
    random = Random(5)
    wanted = {code(random.randrange(SIZE)) for _ in range(300)} | {code(at) for at in range(60)}
    plain = [word for word in vocabulary() if word.isascii()]
    some = [plain[int(random.random() ** 3 * len(plain))] for _ in range(2 * SOUGHT)]
    prefixes = [word[: random.randrange(2, 6)] for word in some]
    sample = Sample(wanted, {*prefixes})
    sample.look(records(SIZE))
    edition = open_file(building.result())
    assert len(edition) == SIZE
    _concepts_are_alike(edition, sample)
    _hierarchies_are_alike(edition, sample, random)
    for (name, target), sources in sample.links.items():
        at = edition.find(target)
        assert at is not None
        assert {edition.code(one) for one in edition.sources(name, BitMap([at]))} == sources
        assert {edition.code(one) for one in edition.having(name, target)} == sources
    for name, members in sample.members.items():
        found = edition.members(name)
        assert found is not None
        assert {edition.code(one) for one in found} == members
    for one, other in zip(prefixes[::2], prefixes[1::2], strict=True):
        hits = sample.words[one] & sample.words[other]
        ranked = edition.search(f"{one} {other}")
        assert ranked.total == len(hits)
        assert [edition.code(at) for at in ranked.ordinals] == sorted(hits, key=sample.relevance.__getitem__)[:20]
    assert any(
        sample.words[one] & sample.words[other] for one, other in zip(prefixes[::2], prefixes[1::2], strict=True)
    )


def _concepts_are_alike(edition: Indexed, sample: Sample) -> None:
    for one, concept in sample.concepts.items():
        at = edition.find(one)
        assert at is not None
        assert (edition.code(at), edition.display(at), edition.is_inactive(at)) == (
            one,
            concept.display,
            concept.inactive,
        )
        assert [(term.value, term.id, term.use) for term in edition.designations(at)] == [
            (term.value, term.id, term.use) for term in sample.terms[one]
        ]
        assert [(some.name, some.value, some.group) for some in edition.properties(at)] == [
            (some.name, some.value, some.group) for some in sample.properties.get(one, ())
        ]
        for _, fields in edition.member_rows(MAP, at):
            assert fields["mapTarget"].startswith("M")
    assert edition.find(f"{code(SIZE)}") is None
    assert edition.about.url == URL


def _hierarchies_are_alike(edition: Indexed, sample: Sample, random: Random) -> None:
    below: dict[str, list[str]] = {}
    for child, parents in sample.parents.items():
        for parent in parents:
            below.setdefault(parent, []).append(child)
    for one in sample.concepts:
        at = edition.find(one)
        assert at is not None
        above = _closure(one, sample.parents)
        assert {edition.code(other) for other in edition.ancestors(at)} == above
        assert {edition.code(other) for other in edition.descendants(at)} == _closure(one, below)
        assert [edition.code(other) for other in edition.parents(at)] == sample.parents.get(one, [])
        for other in [*above][:5] + random.sample([*sample.concepts], 20):
            assert edition.subsumes(edition.find(other), at) is (other in above or other == one)  # type: ignore[arg-type]


def _closure(one: str, following: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [one]
    while ahead:
        new = {*following.get(ahead.pop(), ())} - found
        found |= new
        ahead += new
    return found


def test_tx146_a_large_edition_is_ready_at_once(building: Future[Path]) -> None:
    path, times = building.result(), []
    for _ in range(5):
        start = perf_counter()
        open_file(path)
        times.append(perf_counter() - start)
    assert min(times) < 0.02
