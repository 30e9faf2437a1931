"""Objects of the quick form: asked as dicts are, and judged as a whole when they are read."""

from __future__ import annotations

import itertools
import re
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from resources.validation.invariants import INVARIANTS
from resources.validation.objects import NO_WORD, QUICKER, Object, Refused, defined, of_judge

FIELDS = [
    ("name", str, UNSET),
    ("_name", str, UNSET),
    ("system", str, NO_WORD),
    ("code", str, NO_WORD),
    ("valueA", str, UNSET),
    ("valueB", int, UNSET),
]


def is_read(kind: type[Object], **given: Any) -> bool:
    try:
        msgspec.convert(given, kind)
    except msgspec.ValidationError:
        return False
    return True


def test_it_is_asked_as_a_dict_is() -> None:
    read = msgspec.convert({"name": "x", "system": "s", "valueB": 0}, defined("A", FIELDS))
    assert [name in read for name in ("name", "_name", "system", "code", "valueB", "other")] == [
        *(True, False, True, False, True, False),
    ]
    assert (read.get("name"), read.get("code"), read.get("code", "d"), read.get("valueA", {})) == ("x", None, "d", {})
    assert (read["name"], list(read)) == ("x", ["name", "system", "valueB"])
    assert "_name" in msgspec.convert({"_name": "x"}, defined("A", FIELDS))


WORD, WORDS_APART = re.compile(r"\S*").fullmatch, re.compile(r"\S+( \S+)*").fullmatch


@pytest.mark.parametrize("words", [{"system": WORD}, {"system": WORD, "code": WORD}])
def test_words_have_no_white_space(words: Any) -> None:
    kind = defined("A", FIELDS, words)
    assert is_read(kind)
    assert is_read(kind, system="urn:x", name="a b")
    for text in ("a b", " a", "a ", "a\tb", "a\n", "\ra"):
        assert not is_read(kind, system=text)
    assert is_read(kind, code="a b") == ("code" not in words)


def test_white_space_is_for_the_pattern_to_judge() -> None:
    kind = defined("A", FIELDS, {"system": WORD, "code": WORDS_APART})
    assert is_read(kind, code="a b", system="s")
    assert is_read(kind, code="a b")
    assert not is_read(kind, code="a  b", system="s")
    assert not is_read(kind, code="a b", system="s s")


def test_choices_are_counted() -> None:
    some, one = (
        defined("A", FIELDS, choices=[(("valueA", "valueB"), 0)]),
        defined("A", FIELDS, choices=[(("valueA", "valueB"), 1)]),
    )
    assert [is_read(kind) for kind in (some, one)] == [True, False]
    assert [is_read(kind, valueA="x") for kind in (some, one)] == [True, True]
    assert [is_read(kind, valueA="x", valueB=0) for kind in (some, one)] == [False, False]
    alone = defined("A", FIELDS, choices=[(("valueA",), 1)])
    assert (is_read(alone), is_read(alone, valueA="x")) == (False, True)


def test_rules_hold_and_words_are_judged_with_them() -> None:
    kind = defined("A", FIELDS, {"system": WORD}, (), [lambda it: "name" in it, lambda it: it.get("name") != "no"])
    assert is_read(kind, name="x", system="s")
    assert not is_read(kind, name="x", system="s s")
    assert not is_read(kind, name="no")
    assert not is_read(kind, system="s")


def test_what_is_not_known_or_missing_is_refused() -> None:
    kind = defined("A", [("name", str)])
    assert is_read(kind, name="x")
    assert not is_read(kind)
    assert not is_read(kind, name="x", other=1)


@pytest.mark.parametrize("key", QUICKER)
def test_the_quicker_invariants_say_the_same(key: str) -> None:
    """Of every selection of the members that they ask for, with one period in order and one that is not."""
    members = {"code": "c", "system": "s", "value": "1", "comparator": "<", "start": "2020", "end": "2021"}
    optional = [(name, str, NO_WORD if name in ("code", "system") and key == "qty-3" else UNSET) for name in members]
    kind = defined("A", optional)
    found = set()
    for chosen in itertools.chain.from_iterable(itertools.combinations(members, n) for n in range(7)):
        for end in ("2021", "2019"):
            given = {name: members[name] for name in chosen} | ({"end": end} if "end" in chosen else {})
            holds = bool(INVARIANTS[key](given))
            assert bool(QUICKER[key](msgspec.convert(given, kind))) is holds
            found.add(holds)
    assert found == {True, False}


def test_something_else_may_judge() -> None:
    def judge(self: Any) -> None:
        if self.name == "no":
            raise Refused

    kind = of_judge("A", FIELDS, judge)
    assert (is_read(kind, name="x"), is_read(kind, name="no")) == (True, False)
