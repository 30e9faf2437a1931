"""An invented edition of any size, shaped like a large release: the same records for the same size, made as they are asked for.

Codes, words and terms mean nothing. About 1.5 parents a concept, up to 23 levels, three terms a concept of 11,500 words, 2.5
attributes a concept in role groups, four reference sets and a simple map.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Final

from terminology.index.building import build_file
from terminology.records import About, Concept, Member, Parent, Property, PropertyDefinition, Record, Term

URL: Final = "http://edition.example.org"
VOCABULARY: Final = 11_500
LEVELS: Final = 23
BRANCHES: Final = ("finding", "procedure", "site", "agent", "event", "object", "quality", "attribute")
ATTRIBUTES: Final = 24  # concepts that stand for attributes: the first ones below the last branch
DIALECTS: Final = ("900000001", "900000002")
MODULES: Final = ("800000001", "800000002")
MAP: Final = "700000004"
SETS: Final = {"700000001": 0.2, "700000002": 0.05, "700000003": 0.001, MAP: 0.1}  # share of the concepts in each

_FIRST: Final = 1 + len(BRANCHES) + ATTRIBUTES  # concepts that are there in every edition
_SHARE: Final = (0.35, 0.6, 0.75, 0.85, 0.9, 0.97, 1.0)  # up to which a concept is in each branch but the last one


def about(size: int, kind: str = "") -> About:
    """What the edition says of itself."""
    properties = tuple(PropertyDefinition(code(1 + len(BRANCHES) + at), "code") for at in range(ATTRIBUTES))
    return About(URL, version=f"{size}", name="Edition", kind=kind, properties=properties)


def code(at: int) -> str:
    """The code of the concept at a place in the release; numbers that need no check digit."""
    return str(10_000_000 + at * 7)


def term(at: int, number: int) -> str:
    return f"{at * 3 + number + 1}011"


@cache
def vocabulary() -> tuple[str, ...]:
    """Invented words, the frequent ones first."""
    random = Random(11)
    syllables = [a + b for a, b in product(("b", "br", "c", "d", "f", "g", "gr", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v"),
                                           ("a", "e", "i", "o", "u", "ó", "än", "er", "is", "on"))]  # fmt: skip
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words[
            "".join(syllables[int(random.random() * len(syllables))] for _ in range(2 + int(random.random() * 3)))
        ] = None
    return tuple(words)


def records(size: int) -> Iterator[Record]:
    """The records of an edition: of each concept all, one after the other. size: of concepts, at least 33."""
    random = Random(size)
    tree = _Tree(size)
    for at in range(size):
        parents = tree.add(random, at)
        yield from _described(random, at, BRANCHES[tree.branch_of[at]])
        for parent in parents:
            yield Parent(code(at), code(parent))
        if at >= _FIRST and tree.branch_of[at] < 2:
            yield from _attributes(random, at, tree.members)
        for refset, portion in SETS.items():
            if random.random() < portion:
                fields = {"mapTarget": f"M{int(random.random() * 2000):04}"} if refset == MAP else {}
                yield Member(refset, code(at), {"moduleId": MODULES[at % 2], "active": "1"} | fields)


class _Tree:
    """What is known of the concepts so far, in a few bytes each."""

    def __init__(self, size: int) -> None:
        self.levels, self.branch_of = bytearray(size), bytearray(size)
        self.first, self.latest = array("I", bytes(4 * size)), array("I", bytes(4 * size))  # parent; child of each
        self.members: list[array[int]] = [array("I") for _ in BRANCHES]  # places of the concepts in each branch

    def add(self, random: Random, at: int) -> list[int]:
        """Puts a concept somewhere, and gives its parents: others are relatives of the first one."""
        if not at:
            return []
        branch = at - 1 if at <= len(BRANCHES) else len(BRANCHES) - 1
        if at >= _FIRST:
            share = random.random()
            branch = next(number for number, most in enumerate(_SHARE) if share < most)
        some = self.members[branch]
        parent = some[int(random.random() * len(some))] if some else 0
        while self.levels[parent] >= LEVELS:
            parent = self.first[parent]
        found = [parent]
        for chance in (0.45, 0.3):
            older = self.first[parent] if random.random() < 0.7 else self.first[self.first[parent]]
            other = self.latest[older]
            if random.random() < chance and other not in found and self.levels[other] < LEVELS and other:
                found.append(other)
        self.branch_of[at] = branch
        self.levels[at] = 1 + max(self.levels[one] for one in found)
        self.first[at], self.latest[parent] = parent, at
        some.append(at)
        return found


def _words(random: Random, most: int) -> list[str]:
    known = vocabulary()
    return [known[int(random.random() ** 2.5 * len(known))] for _ in range(2 + int(random.random() * (most - 1)))]


def _described(random: Random, at: int, branch: str) -> Iterator[Record]:
    words = _words(random, 5)
    display = " ".join(words).capitalize()
    synonym = "-".join(words[:2]) + ", " + " ".join([*words[2:], *_words(random, 2)])
    fields = {"moduleId": MODULES[at % 2], "effectiveTime": f"20{10 + at % 15}0131"}
    yield Concept(code(at), display, inactive=random.random() < 0.01 and at >= _FIRST)
    for number, (text, use) in enumerate(
        ((f"{display} ({branch})", "fsn"), (display, "synonym"), (synonym, "synonym"))
    ):
        dialects = DIALECTS if number < 2 else ()
        acceptable = () if number < 2 else DIALECTS[:1]
        yield Term(code(at), text, "en", (URL, use, use), dialects, acceptable, id=term(at, number), fields=fields)


def _attributes(random: Random, at: int, members: list[array[int]]) -> Iterator[Record]:
    """Four on the average, of those that have any: two groups, and one outside of groups."""
    for group in range(3):
        for _ in range(1 + int(random.random() * 2)):
            some = members[2 + int(random.random() * 5)]
            target = some[int(random.random() ** 2 * len(some))] if some else 0
            name = code(1 + len(BRANCHES) + int(random.random() ** 2 * ATTRIBUTES))
            yield Property(code(at), name, code(target), "concept", group=group)


def built(size: int) -> Path:
    """The index file of an edition, made once for each state of the generator and of the index."""
    here = Path(__file__)
    sources = [here, *sorted((here.parent.parent / "terminology/index").glob("*.py"))]
    state = hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=8).hexdigest()
    path = Path(tempfile.gettempdir()) / f"fhir-editions-{os.getuid()}" / f"{size}-{state}.index"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for old in path.parent.glob(f"{size}-*.index"):
            old.unlink(missing_ok=True)
        build_file(about(size), records(size), path)
    return path


class Oracle:
    """The same questions answered from plain dictionaries and sets, by looking at everything."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.concepts: dict[str, Concept] = {}
        self.above_of: dict[str, list[str]] = {}
        self.below_of: dict[str, list[str]] = {}
        self.terms: dict[str, list[Term]] = {}
        self.properties: dict[str, list[Property]] = {}
        self.members: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
        edges: dict[tuple[str, str], None] = {}
        for one in records:
            if isinstance(one, Concept):
                self.concepts[one.code] = one
            elif isinstance(one, Parent):
                edges[one.code, one.parent] = None
            elif isinstance(one, Term):
                self.terms.setdefault(one.code, []).append(one)
            elif isinstance(one, Property):
                self.properties.setdefault(one.code, []).append(one)
            elif isinstance(one, Member):
                self.members.setdefault(one.set, []).append((one.code, one.fields))
        for child, parent in edges:
            if child in self.concepts and parent in self.concepts:
                self.above_of.setdefault(child, []).append(parent)
                self.below_of.setdefault(parent, []).append(child)

    def above(self, code: str) -> set[str]:
        return _reached(code, self.above_of)

    def below(self, code: str) -> set[str]:
        return _reached(code, self.below_of)

    def having(self, name: str, values: set[str]) -> set[str]:
        """Those of which a property has one of the values."""
        return {
            code
            for code, some in self.properties.items()
            if code in self.concepts and any(one.name == name and one.value in values for one in some)
        }

    def found(self, text: str, among: Iterable[str] | None = None) -> list[str]:
        """Those with a word for every word of the text, active ones first, then short displays, then by code."""
        wanted = naive_words(text)
        hits = []
        for code in self.concepts if among is None else among:
            one = self.concepts[code]
            texts = [one.display, *(term.value for term in self.terms.get(code, ()) if not term.inactive)]
            if not one.display and code not in self.terms:
                texts = [code]
            has = {word for text in texts for word in naive_words(text)}
            if all(any(word.startswith(prefix) for word in has) for prefix in wanted):
                hits.append(one)
        return [
            one.code for one in sorted(hits, key=lambda one: (one.inactive, len(one.display or one.code), one.code))
        ]


def _reached(code: str, following: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [code]
    while ahead:
        new = {*following.get(ahead.pop(), ())} - found
        found |= new
        ahead += new
    return found


def naive_words(text: str) -> set[str]:
    """Words of text in Latin letters."""
    kept = [one for one in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(one) != "Mn"]
    return set("".join(one if one.isalnum() else " " for one in kept).split())
