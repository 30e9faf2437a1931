"""How two value sets relate. TX-08."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest, NotFound
from terminology.operations.related import related

from ..valuesets.test_compose import BIRDS, SYSTEM, is_a, listed, value_set, whole
from .asked import asked, scope

Tree = dict[str, Any]
SAMPLE = listed("duck", "tree")


def answered(this: Tree, other: Tree, **named: Any) -> Tree:
    parameters = asked(("thisValueSet", this), ("otherValueSet", other), **{"diagnostics": True, **named})
    answer = related(scope(SYSTEM, BIRDS), parameters)
    return {
        one["name"]: next(value for key, value in one.items() if key != "name" and value is not None)
        for one in answer["parameter"]
    }


@pytest.mark.parametrize(
    ("this", "other", "result", "performed"),
    [
        ([whole()], [whole()], "same", False),
        ([listed("duck", "tree")], [listed("tree", "duck")], "same", False),
        ([listed("duck", "dodo", "bird")], [is_a("bird")], "same", True),
        ([whole()], [whole(version="1")], "same", False),
        ([listed("duck", "tree")], [listed("duck")], "superset", False),
        ([is_a("bird")], [whole()], "subset", True),
        ([listed("duck", "tree")], [is_a("bird")], "overlapping", True),
        ([is_a("plant")], [is_a("bird")], "disjoint", True),
        ([whole(), {"system": "urn:a"}], [{"system": "urn:a"}], "superset", False),
        ([{"system": "urn:a"}], [{"system": "urn:b"}], "disjoint", False),
        ([listed("unicorn")], [listed("gryphon")], "empty", False),
        ([{"valueSet": ["urn:birds"]}], [is_a("bird")], "same", True),
    ],
)
def test_tx_08_how_two_value_sets_relate(this: list[Tree], other: list[Tree], result: str, performed: bool) -> None:
    found = answered(value_set("one", *this), value_set("two", *other))
    assert (found["result"], found["performed-expansion"]) == (result, performed)
    assert "urn:one|1" in found["message"]


def test_tx_08_diagnostics_name_the_codes() -> None:
    found = answered(value_set("one", SAMPLE), value_set("two", is_a("bird")))
    names = ("common-codes", "missing-codes", "extra-codes")
    assert [found[name] for name in names] == ["duck", "tree", "bird,dodo"]
    assert not set(names) & answered(value_set("one", SAMPLE), value_set("two", is_a("bird")), diagnostics=False).keys()


def test_tx_08_inactive_codes_can_be_left_out() -> None:
    one, two = value_set("one", listed("duck", "bird")), value_set("two", is_a("bird"))
    assert answered(one, two)["result"] == "subset"
    assert answered(one, two, activeOnly=True)["result"] == "same"


def test_tx_08_a_grammar_cannot_be_compared() -> None:
    languages = value_set("one", {"system": "urn:ietf:bcp:47"}, whole())
    assert answered(languages, value_set("two", is_a("bird")))["result"] == "indeterminate"


def test_tx_08_value_sets_by_url() -> None:
    some = scope(SYSTEM, BIRDS)
    answer = related(some, asked(("thisUrl", "urn:birds"), ("otherUrl", "urn:birds|1")))
    assert {"name": "result", "valueCode": "same"} in answer["parameter"]
    with pytest.raises(NotFound, match="urn:none"):
        related(some, asked(("thisUrl", "urn:birds"), ("otherUrl", "urn:none")))
    for pairs in ((("thisUrl", "urn:birds"),), (("thisUrl", "urn:birds"), ("thisValueSet", BIRDS), ("otherUrl", "x"))):
        with pytest.raises(BadRequest, match="One of"):
            related(some, asked(*pairs))
