"""JSON Merge Patch: the cases of RFC 7396, appendix A, and laws."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from resources.outcome import BadRequest
from resources.patch import merge_patch

from ..test_exact import exactly, resources

# Original, patch, result; those of the appendix whose original and patch are objects.
CASES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({"a": "text"}, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}}),
    ({"a": 1}, {"a": [None, {"b": None}]}, {"a": [None, {"b": None}]}),
    ({"a": Decimal("1.0")}, {"a": Decimal("1.00")}, {"a": Decimal("1.00")}),
    ({"a": 1}, {"b": None}, {"a": 1}),
]


@pytest.mark.parametrize(("tree", "patch", "expected"), CASES, ids=str)
def test_pa_7_cases(tree: Any, patch: Any, expected: Any) -> None:
    before, sent = exactly(tree), exactly(patch)
    assert exactly(merge_patch.apply(tree, patch)) == exactly(expected)
    assert (exactly(tree), exactly(patch)) == (before, sent)


@pytest.mark.parametrize("patch", [[], "text", None, 5])
def test_pa_3_a_merge_patch_is_an_object(patch: Any) -> None:
    with pytest.raises(BadRequest):
        merge_patch.apply({"a": 1}, patch)


@given(resources, resources)
def test_merging_twice_is_merging_once(tree: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch.apply(tree, patch)
    assert merge_patch.apply(once, patch) == once


@given(resources, resources)
def test_the_result_shares_nothing(tree: dict[str, Any], patch: dict[str, Any]) -> None:
    before, sent = exactly(tree), exactly(patch)
    _spoil(merge_patch.apply(tree, patch))
    assert (exactly(tree), exactly(patch)) == (before, sent)


def _spoil(value: Any) -> None:
    for below in value.values() if isinstance(value, dict) else value:
        if isinstance(below, (dict, list)):
            _spoil(below)
    value.clear()
