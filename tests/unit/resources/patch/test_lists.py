"""Values and what stands beside them under _name are kept in step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from resources.patch import lists
from resources.patch.lists import Pair

pairs = st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.sampled_from([{"id": "x"}, {"id": "y"}])).map(
    lambda pair: Pair(*pair) if pair != (None, None) else Pair("z", None)
)


def written(items: list[Pair]) -> dict[str, Any]:
    """The member as JSON has it: an array that says nothing is left out."""
    arrays = {"given": [pair.value for pair in items], "_given": [pair.extra for pair in items]}
    return {name: array for name, array in arrays.items() if any(one is not None for one in array)}


@given(st.lists(pairs, max_size=5), st.data())
def test_every_change_is_that_of_a_list_of_pairs(items: list[Pair], data: st.DataObject) -> None:
    owner = written(items)
    assert lists.pairs_of(owner, "given", True) == items
    assert lists.length_of(owner, "given") == len(items)
    for _ in range(3):
        at, pair = data.draw(st.integers(0, len(items))), data.draw(pairs)
        match data.draw(st.sampled_from(["insert", "append", "replace", "delete"])):
            case "insert":
                lists.insert(owner, "given", at, pair)
                items.insert(at, pair)
            case "append":
                lists.append(owner, "given", pair)
                items.append(pair)
            case "replace" if at < len(items):
                lists.replace(owner, "given", at, pair)
                items[at] = pair
            case "delete" if at < len(items):
                lists.delete(owner, "given", at)
                del items[at]
        assert owner == written(items)
        assert [lists.item(owner, "given", n) for n in range(len(items))] == items


def test_a_single_element() -> None:
    owner: dict[str, Any] = {"birthDate": "1970", "_birthDate": {"id": "x"}}
    assert lists.pairs_of(owner, "birthDate", False) == [Pair("1970", {"id": "x"})]
    Pair("1971", None).put(owner, "birthDate")
    assert owner == {"birthDate": "1971"}
    Pair(None, {"id": "y"}).put(owner, "birthDate")
    assert owner == {"_birthDate": {"id": "y"}}
    Pair(None, None).put(owner, "birthDate")
    assert owner == {}
    assert lists.pairs_of(owner, "birthDate", False) == []


@pytest.mark.parametrize("owner", [{"given": "a"}, {"given": {}}, {"_given": {}}, {"given": ["a"], "_given": 5}])
def test_what_is_no_array_is_refused(owner: dict[str, Any]) -> None:
    for act in (lambda: lists.pairs_of(owner, "given", True), lambda: lists.append(owner, "given", Pair("a", None))):
        with pytest.raises(BadRequest):
            act()
