"""URIs: UI-1, UI-2."""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest
from search.conditions import Uris
from search.parameters.uri import condition

from ..parameter_of import finds, index_of, parameter_of


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
    assert (condition_.rows[0][1:] in rows) is found


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
    assert condition(parameter, None, ("u" * 5_000,), "").rows[0][2] == value  # type: ignore[union-attr]
    assert condition(parameter, None, ("u" * 5_001,), "").rows[0][2] != value  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("criterion", "found"),
    [
        ("url:below=http://x/", True), ("url:below=http://x/A", True), ("url:below=http://x/AB", False),
        ("url:above=http://x/A/1", True), ("url:above=http://x/A", True), ("url:above=http://x/", False),
        ("url:above=http://y/A/1", False), ("url:below=HTTP://x/", False),
    ],
)  # fmt: skip
def test_ui2_below_and_above(criterion: str, found: bool) -> None:
    assert finds("ValueSet", {"url": "http://x/A"}, criterion) is found


@pytest.mark.parametrize("criterion", ["url:below=urn:oid:1", "url:above=URN:uuid:1", "url:above=" + "u" * 5_000])
def test_ui2_what_has_no_hierarchy(criterion: str) -> None:
    with pytest.raises(BadRequest, match="url:"):
        finds("ValueSet", {"url": "urn:oid:1"}, criterion)


@pytest.mark.parametrize(
    ("value", "found"),
    [("http://x/A|1.0", True), ("http://x/A|1", False), ("http://x/B|1.0", False), ("http://x/A", True)],
)
def test_ui1_a_version_is_split_off(value: str, found: bool) -> None:
    assert finds("ValueSet", {"url": "http://x/A", "version": "1.0"}, f"url={value}") is found
    assert not finds("ValueSet", {"url": "http://x/A"}, "url=http://x/A|1.0")
