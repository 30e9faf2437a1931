"""Query strings read: SE-3, SE-9 … SE-12, SE-14 … SE-16, SO-1, TO-1, PG-1, SU-1, MI-1, law 1."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.outcome import BadRequest, NotSupported
from search.escapes import escape
from search.query import CLAUSES, VALUES, Clause, Query, parse

R4 = definitions.load()


def read(query: str, resource_type: str | None = "Observation", strict: bool = True, **settings: Any) -> Query:
    return parse(R4, resource_type, query, strict, **settings)


def test_clauses() -> None:
    query = read("code=http%3A%2F%2Floinc.org%7C1,b&code=c&subject:Patient=1&date=ge2020&status:missing=false&_id=a")
    assert query.clauses == (
        Clause("code", None, ("http://loinc.org|1", "b")),
        Clause("code", None, ("c",)),
        Clause("subject", "Patient", ("1",)),
        Clause("date", None, ("ge2020",)),
        Clause("status", "missing", ("false",)),
        Clause("_id", None, ("a",)),
    )


def test_an_encoded_comma_separates_and_an_escaped_one_does_not() -> None:
    """SE-15."""
    assert read(r"code=a%2Cb").clauses[0].values == ("a", "b")
    assert read(r"code=a\,b").clauses[0].values == (r"a\,b",)


def test_empty_parameters_and_values_are_ignored() -> None:
    """SE-3."""
    assert read("code=&date&&_count=").clauses == ()
    assert read("code=,a,,").clauses == (Clause("code", None, ("a",)),)
    assert read("code=,").clauses == ()


def test_result_parameters() -> None:
    query = read("_count=5&_sort=-date&_total=accurate&_summary=count&_format=json&_pretty=true")
    assert (query.count, query.sort, query.ascending, query.total, query.summary) == (
        5,
        "-date",
        False,
        "accurate",
        "count",
    )
    assert query.format == (("_format", "json"), ("_pretty", "true"))
    assert query.counts_only
    assert read("_sort=date").ascending
    assert read("_sort=birthdate", "Patient").ascending
    assert not read("").ascending
    assert read("_count=0").counts_only
    assert read("_summary=false").summary is None


def test_counts_are_bounded() -> None:
    """PG-1: a cap per tenant; `self` shows the value used."""
    assert read("").count == 20
    assert read("", default_count=50).count == 50
    assert read("_count=99999", max_count=100).count == 100
    assert "_count=100" in read("_count=99999", max_count=100).text()


REFUSED = {
    "_count=-1": "_count=-1",
    "_count=a": "_count=a",
    "_count=1.0": "_count=1.0",
    "_count=٣": "_count=٣",
    "_count=1&_count=2": "_count is given twice",
    "_total=some": "_total=some",
    "_summary=all": "_summary=all",
    r"code=a\b": r"code=a\\b",
    "code=%00": "code",
    "code=%ff": "UTF-8",
    "status:missing=maybe": "status:missing=maybe",
    "status:missing=true,false": "status:missing",
    "&".join(["code=a"] * (CLAUSES + 1)): f"at most {CLAUSES}",
    "code=" + ",".join(["a"] * (VALUES + 1)): f"{VALUES + 1} values",
    "&" * 10_000 + "&".join(["code=a"] * 500): "too many parameters",
}


@pytest.mark.parametrize("query", REFUSED)
@pytest.mark.parametrize("strict", [True, False])
def test_errors_name_parameter_and_value(query: str, strict: bool) -> None:
    """SE-11, PG-1, SU-1: also under lenient."""
    with pytest.raises(BadRequest, match=REFUSED[query]):
        read(query, strict=strict)


@pytest.mark.parametrize(
    "name",
    [
        "nonsense", "Code", "patient.name", "subject:Patient.name", "_has:Provenance:target:agent", "_filter", "_include",
        "_elements", "_list", "code-value-quantity", "value-quantity", "_text", "_content", "_query", "_sort", "_summary",
    ],
)  # fmt: skip
def test_what_is_unknown_or_not_done_is_refused_or_ignored_with_a_warning(name: str) -> None:
    """SE-9, SE-16."""
    value = {"_sort": "status", "_summary": "true"}.get(name, "x")
    with pytest.raises(NotSupported, match=name):
        read(f"{name}={value}")
    query = read(f"{name}={value}&code=a", strict=False)
    assert query.clauses == (Clause("code", None, ("a",)),)
    [warning] = query.warnings
    assert warning.severity == "warning"
    assert name in warning.diagnostics
    assert name not in query.text()


def test_an_unknown_parameter_is_told_the_valid_ones() -> None:
    with pytest.raises(NotSupported, match=r"birthdat\. Valid are: .*birthdate.*family") as refused:
        read("birthdat=2020", "Patient")
    assert "phonetic" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["code:not", "code:text", "value-string:contains", "subject:Nothing", "date:exact", "_id:not"]
)
@pytest.mark.parametrize("strict", [True, False])
def test_an_unsupported_modifier_is_refused_always(name: str, strict: bool) -> None:
    """SE-10."""
    with pytest.raises(NotSupported, match=name):
        read(f"{name}=x", strict=strict)


@pytest.mark.parametrize("query", ["_sort=nonsense", "_sort=-date,nonsense", "_sort=date,code", "_sort=_lastUpdated"])
def test_sort_is_by_the_primary_date_only(query: str) -> None:
    """SO-1."""
    with pytest.raises(NotSupported, match="_sort="):
        read(query)
    assert read(query, strict=False).sort is None


def test_types_without_a_primary_date_are_not_sorted() -> None:
    with pytest.raises(NotSupported, match="Organization has no primary date"):
        read("_sort=name", "Organization")


def test_missing_is_known_of_what_cannot_be_searched_by_value() -> None:
    assert read("value-quantity:missing=true").clauses == (Clause("value-quantity", "missing", ("true",)),)


def test_a_search_over_all_types_is_refused() -> None:
    with pytest.raises(NotSupported, match="all resource types"):
        read("_id=1", None)


values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).map(escape)
clauses = st.builds(
    Clause,
    st.sampled_from(["code", "status", "subject", "value-string", "_tag", "_profile"]),
    st.none(),
    st.lists(values, min_size=1, max_size=3).map(tuple),
)
queries = st.builds(
    Query,
    st.just("Observation"),
    st.lists(clauses, max_size=4).map(tuple),
    st.sampled_from([None, "date", "-date"]),
    st.integers(0, 1_000),
    st.sampled_from([None, "none", "accurate"]),
    st.sampled_from([None, "count"]),
    st.sampled_from([(), (("_format", "application/fhir+json"),)]),
)


@given(queries)
def test_what_is_written_is_read_again(query: Query) -> None:
    """Law 1."""
    assert read(query.text()) == query


def test_a_page_link_is_kept_apart() -> None:
    query = read(f"_page={quote('a-_b')}&_pretty=true")
    assert query.page == "a-_b"
    assert query.clauses == ()
