"""$closure: after every step the client's table is the transitive closure of all that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.outcome import Invalid, NotFound, TooCostly
from resources.validation.validator import Validator
from terminology.budget import Budget
from terminology.operations.closure import close

from .asked import code_system, scope

URL, OTHER = "http://a.test", "http://b.test"
TREE = code_system(
    URL,
    {"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}, {"code": "d"}]}, {"code": "e"}]},
    {"code": "f", "property": [{"code": "parent", "valueCode": "c"}, {"code": "parent", "valueCode": "e"}]},
    {"code": "g"},
    version="4",
)
FLAT = code_system(OTHER, {"code": "a"}, {"code": "B"}, caseSensitive=False)
ABOVE = {"b": "a", "c": "ab", "d": "ab", "e": "a", "f": "abce"}
HERE = scope(TREE, FLAT)


def coding(code: str, system: str = URL) -> dict[str, str]:
    return {"system": system, "code": code}


def rows(tree: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [
        (element["code"], target["equivalence"], target.get("code"))
        for group in tree.get("group", ())
        for element in group["element"]
        for target in element["target"]
    ]


codes = st.lists(st.sampled_from("abcdefg"), max_size=7)


@given(st.lists(codes, max_size=4))
def test_tx06_step_by_step_the_table_is_the_closure(steps: Sequence[Sequence[str]]) -> None:
    known: list[Any] = []
    table: set[tuple[str, str]] = set()  # what is above, what is below
    for version, step in enumerate(steps):
        tree, added = close(HERE, "mine", known, [coding(code) for code in step], str(version))
        known += added
        for code, relation, target in rows(tree):
            assert target is not None
            pair = (target, code) if relation == "subsumes" else (code, target)
            assert relation in ("subsumes", "specializes")
            assert pair not in table
            table.add(pair)
    sent = {code for step in steps for code in step}
    assert {one["code"] for one in known} == sent
    assert len(known) == len(sent)
    assert table == {(high, low) for low in sent for high in ABOVE.get(low, "") if high in sent}


@given(codes, codes)
def test_tx06_what_followed_a_version_is_sent_again(first: Sequence[str], then: Sequence[str]) -> None:
    before = close(HERE, "mine", [], [coding(code) for code in first], "1").added
    tree, added = close(HERE, "mine", before, [coding(code) for code in then], "2")
    again, same = close(HERE, "mine", before, added, "2")
    assert rows(again) == rows(tree)
    assert same == added


def test_tx06_the_answer_is_a_valid_map() -> None:
    tree, added = close(HERE, "problems", [coding("a")], [coding("f"), coding("a", OTHER), coding("zz")], "7")
    assert (tree["version"], tree["name"], tree["experimental"]) == ("7", "problems", True)
    assert tree["group"] == [
        {
            "source": URL,
            "target": URL,
            "sourceVersion": "4",
            "targetVersion": "4",
            "element": [
                {"code": "f", "target": [{"code": "a", "equivalence": "subsumes"}]},
                {"code": "zz", "target": [{"equivalence": "unmatched"}]},
            ],
        }
    ]
    assert [one["code"] for one in added] == ["f", "a", "zz"]
    Validator(definitions.load()).check("ConceptMap", tree)


def test_tx06_without_concepts_the_map_is_empty() -> None:
    tree, added = close(HERE, "mine", [], [], "0")
    assert "group" not in tree
    assert added == ()


def test_what_is_sent_again_adds_nothing() -> None:
    tree, added = close(HERE, "mine", [coding("a"), coding("b")], [coding("b"), coding("a"), coding("b")], "1")
    assert rows(tree) == []
    assert added == ()


def test_the_same_concept_by_another_code_is_equal() -> None:
    tree, _ = close(HERE, "mine", [coding("b", OTHER)], [coding("B", OTHER)], "1")
    assert rows(tree) == [("B", "equal", "b")]


def test_what_cannot_join_a_table() -> None:
    with pytest.raises(NotFound, match="is not known here"):
        close(HERE, "mine", [], [coding("a", "http://no.test")], "1")
    with pytest.raises(Invalid, match=r"concept\[1\] needs a system"):
        close(HERE, "mine", [], [coding("a"), {"code": "b"}], "1")
    with pytest.raises(Invalid, match="part-of"):
        close(scope(code_system(URL, {"code": "a"}, hierarchyMeaning="part-of")), "mine", [], [coding("a")], "1")


def test_what_a_table_has_is_counted() -> None:
    """A long table is not gone through where others wait."""
    here = scope(TREE)
    here.budget = Budget(20)
    with pytest.raises(TooCostly):
        close(here, "mine", [coding("a")] * 30, [coding("b")], "2")
