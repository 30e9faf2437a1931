"""URIs: UI-1."""

from __future__ import annotations

import pytest

from search.conditions import Uris
from search.parameters.uri import condition

from ..parameter_of import index_of, parameter_of


@pytest.mark.parametrize(
    ("value", "found"),
    [("http://x/A%20b", True), ("http://x/a%20b", False), ("http://x/", False), ("http://x/A b", False)],
)
def test_the_whole_uri_as_it_is(value: str, found: bool) -> None:
    parameter = parameter_of("ValueSet", "url")
    rows = index_of("ValueSet", {"url": "http://x/A%20b"}).uri
    assert [row for row in rows if row[0] == parameter.number] == [(parameter.number, "http://x/A%20b")]
    condition_ = condition(parameter, None, (value,), "")
    assert isinstance(condition_, Uris)
    assert ((parameter.number, condition_.values[0]) in rows) is found


def test_profiles_of_every_type() -> None:
    """CG-1: _profile and _source are uri parameters."""
    rows = index_of("Basic", {"meta": {"profile": ["http://p|1"], "source": "urn:s"}})
    assert set(rows.uri) == {
        (parameter_of("Basic", "_profile").number, "http://p|1"),
        (parameter_of("Basic", "_source").number, "urn:s"),
    }


def test_long_uris_fit_an_index_row() -> None:
    parameter = parameter_of("ValueSet", "url")
    [(_, value)] = [row for row in index_of("ValueSet", {"url": "u" * 5_000}).uri if row[0] == parameter.number]
    assert len(value) < 600
    assert condition(parameter, None, ("u" * 5_000,), "").values == (value,)  # type: ignore[union-attr]
    assert condition(parameter, None, ("u" * 5_001,), "").values != (value,)  # type: ignore[union-attr]
