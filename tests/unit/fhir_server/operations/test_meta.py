"""$meta-add and $meta-delete as functions of metas: sets of labels, told apart by system and code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.operations.meta import added, removed

A, B = "http://example.org/a", "http://example.org/b"


def tag(code: str, system: str = A, **more: Any) -> dict[str, Any]:
    return {"system": system, "code": code, **more}


ADDED = [
    ({}, {"tag": [tag("x")]}, {"tag": [tag("x")]}),
    (
        {"tag": [tag("x", display="old")]},
        {"tag": [tag("x", display="new", version="2")]},
        {"tag": [tag("x", display="old")]},
    ),
    ({"tag": [tag("x")]}, {"tag": [tag("x", B), {"code": "x"}]}, {"tag": [tag("x"), tag("x", B), {"code": "x"}]}),
    ({}, {"tag": [tag("x", display="1"), tag("x", display="2")]}, {"tag": [tag("x", display="1")]}),
    ({"profile": ["p"]}, {"profile": ["q", "p", "q"]}, {"profile": ["p", "q"]}),
    ({"profile": ["p"]}, {"profile": ["p|1"]}, {"profile": ["p", "p|1"]}),
    (
        {"profile": ["p"], "_profile": [{"id": "a"}]},
        {"profile": ["q"]},
        {"profile": ["p", "q"], "_profile": [{"id": "a"}, None]},
    ),
    (
        {"_profile": [{"id": "a"}]},  # its only profile has no value
        {"profile": ["q"]},
        {"profile": [None, "q"], "_profile": [{"id": "a"}, None]},
    ),
    (
        {"source": "s", "versionId": "1"},
        {"source": "t", "versionId": "9", "lastUpdated": "x"},
        {"source": "s", "versionId": "1"},
    ),
]
REMOVED = [
    ({"tag": [tag("x", display="old", version="1")]}, {"tag": [tag("x")]}, {}),
    ({"tag": [tag("x"), tag("y")]}, {"tag": [tag("x", B), tag("y")]}, {"tag": [tag("x")]}),
    ({"tag": [tag("x")], "security": [tag("x")]}, {"security": [tag("x")]}, {"tag": [tag("x")]}),
    ({"profile": ["p", "p|1"]}, {"profile": ["p"]}, {"profile": ["p|1"]}),
    (
        {"profile": ["p", "q"], "_profile": [None, {"id": "a"}]},
        {"profile": ["p"]},
        {"profile": ["q"], "_profile": [{"id": "a"}]},
    ),
    ({"profile": ["p", "q"], "_profile": [None, {"id": "a"}]}, {"profile": ["q"]}, {"profile": ["p"]}),
    ({"_profile": [{"id": "a"}]}, {"profile": ["q"]}, {"_profile": [{"id": "a"}]}),
    ({"source": "s"}, {"source": "s", "tag": [tag("x")]}, {"source": "s"}),
]


@pytest.mark.parametrize(("before", "sent", "after"), ADDED)
def test_adding(before: dict[str, Any], sent: dict[str, Any], after: dict[str, Any]) -> None:
    assert added(sent, before) == after


@pytest.mark.parametrize(("before", "sent", "after"), REMOVED)
def test_removing(before: dict[str, Any], sent: dict[str, Any], after: dict[str, Any]) -> None:
    assert removed(sent, before) == after


CODINGS = st.lists(
    st.builds(tag, st.sampled_from("xyz"), st.sampled_from([A, B])), min_size=1, max_size=4, unique_by=repr
)
METAS = st.fixed_dictionaries(
    {},
    optional={
        "tag": CODINGS,
        "security": CODINGS,
        "profile": st.lists(st.sampled_from("pqr"), min_size=1, max_size=3, unique=True),
    },
)


@given(METAS, METAS)
def test_laws_of_sets(before: dict[str, Any], sent: dict[str, Any]) -> None:
    """Doing it twice is doing it once; what was added is taken off again, except what was there before."""
    more, less = added(sent, before), removed(sent, before)
    assert added(sent, more) == more
    assert removed(sent, less) == less
    assert removed(sent, more) == less
    assert added({}, before) == removed({}, before) == before
    assert all(value in more.get(name, ()) for name, values in before.items() for value in values)
    assert not any(value in less.get(name, ()) for name, values in sent.items() for value in values)
