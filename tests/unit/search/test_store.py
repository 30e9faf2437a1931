"""What is read of a tenant's own search parameters, as a search says it."""

from __future__ import annotations

from typing import Any

import pytest

from search.store import _comparison, _own

ROW = {
    "number": 10_001,
    "definition": '{"url":"u","code":"c","type":"token","base":["Patient"],"expression":"Patient.gender",'
    '"description":"","component":[{"definition":"d|1","expression":"e"}]}',
    "rtypes": [103],
    "stale": [7, 103],
    "since": 4,
    "state": "indexing",
    "job": "due",
    "report": "",
    "done": None,
    "total": None,
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "is about to be indexed"),
        ({"done": "1200", "total": "5000"}, "is being indexed: 1,200 of 5,000 resources are done"),
        ({"job": "failed", "report": "No."}, "could not be indexed: No. `fhir-server reindex` tries again"),
        ({"state": "ready", "done": "5", "total": "5"}, ""),
    ],
)
def test_xp_4_a_parameter_says_how_far_it_is(changes: dict[str, Any], says: str) -> None:
    own = _own({**ROW, **changes})
    assert own.parameter.unready == says
    assert own.is_pending is bool(says)
    assert (own.number, own.types, own.since) == (10_001, (7, 103), 4)
    assert own.parameter.components == (("d", "e"),)


def test_the_comparison_looks_at_every_table() -> None:
    text = _comparison()
    for table in ("posting", "str", "dat", "qty", "uri", "geo", "compartment", "contained", "code"):
        assert f"'{table}' as name" in text
