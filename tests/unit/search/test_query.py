"""Query strings read: SE-3, SE-9 … SE-12, SE-14 … SE-16, CH, HA, IN, SO-1, TO-1, PG-1, SU-1, MI-1, CM-2, SY-1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions
from resources.definitions import SearchParameter
from resources.outcome import BadRequest, NotSupported
from search.criteria import Chain, Clause, Criterion, Filter, Has, Include, SortKey, read
from search.escapes import escape
from search.query import CLAUSES, SORT_KEYS, VALUES, Query, parse

R4 = definitions.load()


def parsed(query: str, *resource_types: str, strict: bool = True, **settings: Any) -> Query:
    return parse(R4, resource_types or ("Observation",), query, strict, **settings)


def everywhere(query: str, **settings: Any) -> Query:
    return parse(R4, (), query, **settings)


def test_clauses() -> None:
    query = parsed("code=http%3A%2F%2Floinc.org%7C1,b&code=c&subject:Patient=1&date=ge2020&status:missing=false&_id=a")
    assert query.criteria == (
        Clause("code", None, ("http://loinc.org|1", "b")),
        Clause("code", None, ("c",)),
        Clause("subject", "Patient", ("1",)),
        Clause("date", None, ("ge2020",)),
        Clause("status", "missing", ("false",)),
        Clause("_id", None, ("a",)),
    )
    assert query.resource_types == query.scope == ("Observation",)
    assert query.path == "Observation"


def test_se15_an_encoded_comma_separates_and_an_escaped_one_does_not() -> None:
    assert parsed(r"code=a%2Cb").criteria == (Clause("code", None, ("a", "b")),)
    assert parsed(r"code=a\,b").criteria == (Clause("code", None, (r"a\,b",)),)


def test_se3_empty_parameters_and_values_are_ignored() -> None:
    assert parsed("code=&date&&_count=&_type=&_sort=&_include=").criteria == ()
    assert parsed("code=,a,,").criteria == (Clause("code", None, ("a",)),)


@pytest.mark.parametrize("query", ["_id=,", "code=,,", "_sort=,", "_elements=,", "subject.name=,", "_list=,"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_value_of_commas_only_must_not_find_everybody(query: str, strict: bool) -> None:
    with pytest.raises(BadRequest, match=query.split("=")[0]):
        parsed(query, strict=strict)


def test_result_parameters() -> None:
    query = parsed(
        "_count=5&_sort=-date,code&_total=accurate&_summary=count&_format=json&_pretty=true&_elements=id,code"
        "&_contained=both&_containedType=contained&_explain=true"
    )
    assert query.sort == (SortKey("date", True), SortKey("code", False))
    assert (query.count, query.total, query.summary, query.explain) == (5, "accurate", "count", True)
    assert (query.elements, query.contained, query.contained_type) == (("id", "code"), "both", "contained")
    assert query.format == (("_format", "json"), ("_pretty", "true"))
    assert query.counts_only
    assert query.wants_total


def test_su1_all_summaries() -> None:
    for summary in ("true", "text", "data", "count"):
        assert parsed(f"_summary={summary}").summary == summary
    assert parsed("_summary=false").summary is None
    assert parsed("_count=0").counts_only
    assert not parsed("_summary=true").counts_only


def test_pg1_counts_are_bounded() -> None:
    """A cap per tenant; `self` shows the value used."""
    assert parsed("").count == 20
    assert parsed("", default_count=50).count == 50
    assert parsed("_count=99999", max_count=100).count == 100
    assert "_count=100" in parsed("_count=99999", max_count=100).text()


REFUSED = {
    "_count=-1": "_count=-1",
    "_count=a": "_count=a",
    "_count=1.0": "_count=1.0",
    "_count=٣": "_count=٣",
    "_count=1&_count=2": "_count is given twice",
    "_total=some": "_total=some",
    "_summary=all": "_summary=all",
    "_contained=yes": "_contained=yes",
    "_containedType=both": "_containedType=both",
    "_explain=1": "_explain=1",
    r"code=a\b": r"code=a\\b",
    r"subject.name=a\b": r"subject\.name=a\\b",
    "code=%00": "code",
    "%00=a": "NUL",
    "code=%ff": "UTF-8",
    "status:missing=maybe": "status:missing=maybe",
    "status:missing=true,false": "status:missing",
    "subject.name:missing=maybe": "subject.name:missing=maybe",
    "_list=a b": "_list=a b",
    "_filter=code eq": "_filter: at character 8",
    "_filter=nonsense eq a": "_filter: at character 1: .*nonsense",
    "_filter=code gt a": "_filter: at character 1: gt is not defined for code",
    "_query=a&_query=a": "_query is given twice",
    "_has:Observation:patient=x": "_has:Observation:patient",
    "_has:=x": "_has:",
    "subject.=x": "subject",
    ".name=x": r"\.name",
    "code:=x": "code:",
    "&".join(["code=a"] * (CLAUSES + 1)): f"at most {CLAUSES}",
    "&".join(["subject.name=a"] * (CLAUSES // 2 + 1)): f"at most {CLAUSES}",
    "code=" + ",".join(["a"] * (VALUES + 1)): f"{VALUES + 1} values",
    "_has:Observation:focus:code=" + ",".join(["a"] * (VALUES + 1)): f"{VALUES + 1} values",
    "a." * 100 + "b=c": "too long",
    "_sort=" + ",".join(["code", "date", "status", "subject", "value-date", "category", "focus", "method", "_id"]): (
        f"{SORT_KEYS} keys"
    ),
    "&" * 10_000 + "&".join(["code=a"] * 500): "too many parameters",
}


@pytest.mark.parametrize("query", REFUSED)
@pytest.mark.parametrize("strict", [True, False])
def test_se11_errors_name_parameter_and_value(query: str, strict: bool) -> None:
    """SE-11, PG-1, SU-1, FI-4: also under lenient."""
    with pytest.raises(BadRequest, match=REFUSED[query]):
        parsed(query, strict=strict)


@pytest.mark.parametrize(
    "name",
    [
        "nonsense", "Code", "subject.nonsense", "code.text", "subject:Patient.nonsense", "_has:Nonsense:patient:code",
        "_has:Observation:nonsense:code", "_has:Observation:code:code", "_has:Encounter:subject:status",
        "_has:Provenance:target:nonsense", "_include=Nonsense:subject", "_include=Observation", "_has",
        "_include=Observation:nonsense", "_include=Observation:code", "_revinclude=Provenance:target:Nonsense",
        "_include=Observation:subject:Practitioner", "_sort=nonsense", "_sort=-date,nonsense", "_sort=code-value-quantity",
        "_sort=_content", "_sort=_list", "_type=Patient", "_score",
    ],
)  # fmt: skip
def test_se9_what_is_unknown_is_refused_or_ignored_with_a_warning(name: str) -> None:
    """SE-9, SE-16, CH-2, HA-3, IN-1, SO-1."""
    text = name if "=" in name else f"{name}=x"
    with pytest.raises(NotSupported, match=text.split("=")[1 if "=" in name else 0].split(":")[0].split(",")[0]):
        parsed(text)
    query = parsed(f"{text}&code=a", strict=False)
    assert query.criteria == (Clause("code", None, ("a",)),)
    assert (query.sort, query.includes) == ((), ())
    [warning] = query.warnings
    assert warning.severity == "warning"
    assert warning.diagnostics.endswith("It was ignored.")
    assert query.text() == "code=a&_count=20"


def test_se9_an_unknown_parameter_is_told_the_valid_ones_and_the_likeliest() -> None:
    with pytest.raises(NotSupported, match=r"birthdat\. Is birthdate meant\? Valid are: .*birthdate.*family.*phonetic"):
        parsed("birthdat=2020", "Patient")
    with pytest.raises(NotSupported) as refused:
        parsed("x=1", "Patient")
    assert "_query" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "code:nonsense", "value-string:below", "subject:Nothing", "subject:Practitioner", "date:exact", "_id:text",
        "_lastUpdated:not", "code:not:missing", "subject:Patient:missing", "code-value-quantity:missing",
        "code-value-quantity:not", "subject:Practitioner.name", "subject:identifier.value", "subject.name:nonsense",
        "_has:Provenance:target:agent:nonsense", "_include:nonsense", "_list:missing", "_content:exact",
        "_sort:missing", "_count:exact", "_summary:not",
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_se10_an_unsupported_modifier_is_refused_always(name: str, strict: bool) -> None:
    """SE-10, CP-2, RF-3."""
    with pytest.raises(NotSupported, match=name.split(".")[-1].split(":")[0]):
        parsed(f"{name}={'Observation:subject' if name.startswith('_include') else 'true'}", strict=strict)


@pytest.mark.parametrize(
    "name",
    [
        "code:not", "code:text", "code:in", "code:not-in", "code:below", "code:above", "value-string:contains",
        "value-string:exact", "subject:identifier", "subject:Patient", "_profile:below", "_id:not", "_id:missing",
        "value-quantity:missing", "code:missing", "_lastUpdated:missing", "identifier:of-type", "identifier:ofType",
    ],
)  # fmt: skip
def test_modifiers(name: str) -> None:
    code, modifier = name.split(":")
    assert parsed(f"{name}=true").criteria == (Clause(code, modifier, ("true",)),)


@pytest.mark.parametrize("name", ["code-value-quantity", "value-quantity", "_content", "_list", "near", "phonetic"])
def test_all_types_of_parameters_are_searched(name: str) -> None:
    where = {"near": "Location", "phonetic": "Patient"}.get(name, "Observation")
    assert parsed(f"{name}=1", where).criteria == (Clause(name, None, ("1",)),)


def test_li1_functional_lists_are_refused() -> None:
    with pytest.raises(NotSupported, match=r"_list=\$current-allergies"):
        parsed("_list=$current-allergies", strict=False)


def test_in1_includes() -> None:
    query = parsed(
        "_include=Observation:subject&_include=Observation:subject:Patient&_include:iterate=Patient:organization"
        "&_include:recurse=Organization:partof&_revinclude=Provenance:target&_include=Observation:*&_revinclude=*"
        "&_include=Observation:subject"
    )
    assert query.includes == (
        Include(True, False, "Observation", "subject"),
        Include(True, False, "Observation", "subject", "Patient"),
        Include(True, True, "Patient", "organization"),
        Include(True, True, "Organization", "partof"),
        Include(False, False, "Provenance", "target"),
        Include(True, False, "Observation", "*"),
        Include(False, False, "*", "*"),
    )


@pytest.mark.parametrize("name", ["_include", "_revinclude"])
def test_in7_includes_are_not_mixed_with_summaries_of_text(name: str) -> None:
    with pytest.raises(BadRequest, match="_summary=text"):
        parsed(f"_summary=text&{name}=Observation:subject", strict=False)
    assert parsed(f"_summary=data&{name}=Observation:subject").includes


def test_named_queries_keep_their_parameters() -> None:
    """QY-1: what they mean is said by a definition; what begins with _ is the search's own."""
    query = parsed("_query=recent&nonsense:x=1&code=a&_id=b&nonsense:x=2&_count=3")
    assert query.named == ("recent", (("nonsense:x", "1"), ("code", "a"), ("nonsense:x", "2")))
    assert query.criteria == (Clause("_id", None, ("b",)),)
    assert query.warnings == ()


def test_sy1_a_search_over_all_types_has_the_parameters_of_resource() -> None:
    query = everywhere("_id=1&_tag=a&_lastUpdated=gt2020&_has:Provenance:target:agent=x&_list=1&_sort=-_lastUpdated")
    assert (query.resource_types, query.types, query.scope, query.path) == ((), (), (), "")
    assert len(query.criteria) == 5
    for text in ("code=a", "identifier=a", "_text=a", "subject.name=a"):
        with pytest.raises(NotSupported, match="All resource types have no common search parameter"):
            everywhere(text)


def test_sy1_of_several_types_all_must_have_the_parameter() -> None:
    query = everywhere("_type=Observation,Condition&subject.name=a&code=b")
    assert query.resource_types == query.types == ("Observation", "Condition")
    assert query.scope == ()
    assert everywhere("_type=Observation&value-quantity=5").criteria
    with pytest.raises(NotSupported, match="Observation, Patient have no common search parameter gender"):
        everywhere("_type=Observation,Patient&gender=male")
    with pytest.raises(NotSupported, match="parameter context"):  # a reference of one, a token of the other
        everywhere("_type=ChargeItem,StructureDefinition&context=x")
    with pytest.raises(BadRequest, match="_type=Observation,Nothing"):
        everywhere("_type=Observation,Nothing")
    with pytest.raises(BadRequest, match="_type is given twice"):
        everywhere("_type=Observation&_type=Patient")


def test_a_reverse_chain_may_come_from_one_of_the_types() -> None:
    """HA-3: of several types one can be pointed to."""
    assert everywhere("_type=Patient,Medication&_has:Observation:patient:code=x").criteria
    with pytest.raises(NotSupported, match="does not point to"):
        everywhere("_type=Medication,Substance&_has:Observation:patient:code=x")


def test_cm2_compartments() -> None:
    query = parsed("code=a", compartment=("Patient", "1"))
    assert (query.compartment, query.path, query.resource_types) == (
        ("Patient", "1"),
        "Patient/1/Observation",
        ("Observation",),
    )
    every = everywhere("_lastUpdated=gt2020", compartment=("Encounter", "e"))
    assert every.path == "Encounter/e/*"
    assert set(every.resource_types) == set(R4.compartments["Encounter"])
    assert everywhere("_type=Observation", compartment=("Encounter", "e")).resource_types == ("Observation",)
    for types, text in ((("Medication",), ""), ((), "_type=Medication,Observation")):
        with pytest.raises(BadRequest, match="Medication is not in the compartment Patient"):
            parse(R4, types, text, compartment=("Patient", "1"))
    with pytest.raises(BadRequest, match="Location"):
        everywhere("", compartment=("Location", "1"))


OWN = SearchParameter(
    "http://example.org/shade", "shade", "token", ("Patient",), "Patient.gender", (), (), (), "", 10_001,
    "is being indexed: 20 of 300 resources are done",
)  # fmt: skip


def test_xp4_a_parameter_that_is_not_ready_says_how_far_it_is() -> None:
    for own in (R4.with_parameters([OWN]), R4.with_parameters([with_state(OWN, "")])):
        ready = not own.parameters_of("Patient")["shade"].unready
        for text in ("shade=a", "_sort=shade", "_has:Patient:link:shade=a", "link.shade=a"):
            if ready:
                assert parse(own, ("Patient",), text).warnings == ()
                continue
            with pytest.raises(NotSupported, match="20 of 300"):
                parse(own, ("Patient",), text)
            query = parse(own, ("Patient",), text, False)
            assert (query.criteria, query.sort) == ((), ())
            assert "20 of 300" in query.warnings[0].diagnostics


def with_state(parameter: SearchParameter, unready: str) -> SearchParameter:
    return msgspec.structs.replace(parameter, unready=unready)


def test_criteria_cannot_be_added_to_a_page_link() -> None:
    with pytest.raises(BadRequest, match="status"):
        parsed("_page=x&status=final")
    assert parsed("_page=x&_format=json").page == "x"


values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).map(escape)
lists = st.lists(values, min_size=1, max_size=3).map(tuple)
codes = [
    "code", "status", "subject", "value-string", "value-quantity", "_tag", "_profile", "code-value-quantity",
    "date",
]  # fmt: skip
clauses = st.builds(Clause, st.sampled_from(codes), st.none(), lists)
clauses |= st.builds(Clause, st.just("code"), st.sampled_from(["not", "text", "in", "below"]), lists)
clauses |= st.builds(
    Clause, st.sampled_from(["subject", "_id"]), st.just("missing"), st.sampled_from([("true",), ("false",)])
)
of_patient: st.SearchStrategy[Criterion] = st.builds(
    Clause, st.sampled_from(["name", "gender", "_id"]), st.sampled_from([None, "missing"]), st.just(("true",))
)
of_observation: st.SearchStrategy[Criterion] = clauses
for _ in range(3):  # steps through references, forth and back
    behind = st.builds(Chain, st.sampled_from(["subject", "patient"]), st.just("Patient"), of_patient)
    beside = st.builds(Chain, st.sampled_from(["has-member", "derived-from"]), st.just("Observation"), of_observation)
    of_patient |= st.builds(Has, st.just("Observation"), st.just("patient"), of_observation)
    of_patient |= st.builds(Chain, st.just("link"), st.just("Patient"), of_patient)
    of_observation |= behind | beside
filters = st.sampled_from(
    ['code eq "a b" and not (date ge 2010)', "subject.name co x or (status ne final and code in http://x/vs)"]
).map(lambda text: read("_filter", text))
has = st.builds(Has, st.just("Provenance"), st.just("target"), st.builds(Clause, st.just("agent"), st.none(), lists))
criteria: st.SearchStrategy[Criterion] = of_observation | has | filters
includes = st.builds(Include, st.booleans(), st.booleans(), st.just("Observation"), st.sampled_from(["subject", "*"]))
includes |= st.builds(Include, st.booleans(), st.booleans(), st.just("*"), st.just("*"))
queries = st.builds(
    Query,
    st.just(("Observation",)),
    st.lists(criteria, max_size=4).map(tuple),
    st.sampled_from([(), (SortKey("date", True),), (SortKey("status", False), SortKey("_id", True))]),
    st.integers(0, 1_000),
    st.sampled_from([None, "none", "accurate"]),
    st.sampled_from([None, "count", "data"]),
    st.sampled_from([(), ("id", "code")]),
    st.lists(includes, max_size=3, unique=True).map(tuple),
    st.sampled_from(["false", "true", "both"]),
    st.sampled_from(["container", "contained"]),
    st.booleans(),
    st.none(),
    st.sampled_from([(), (("_format", "application/fhir+json"),)]),
    compartment=st.sampled_from([None, ("Patient", "1")]),
)
queries |= queries.map(lambda query: replace(query, criteria=(), named=("recent", (("of", "a&b="), ("of", "é")))))
# The types of the path or those of `_type`, which the parameters above are all on.
queries |= queries.map(lambda query: replace(query, types=("Observation",)))


@given(queries)
def test_what_is_written_is_read_again(query: Query) -> None:
    assert parse(R4, query.scope, query.text(), compartment=query.compartment) == query


def test_what_is_written_over_all_types_is_read_again() -> None:
    for query in (everywhere("_id=a"), everywhere("_tag=a", compartment=("Patient", "1"))):
        assert parse(R4, query.scope, query.text(), compartment=query.compartment) == query


def test_a_filter_keeps_its_text() -> None:
    [found] = parsed("_filter=code%20eq%20%22a%20b%22").criteria
    assert isinstance(found, Filter)
    assert found.text == 'code eq "a b"'


def test_a_page_link_is_kept_apart() -> None:
    query = parsed(f"_page={quote('a-_b')}&_pretty=true")
    assert query.page == "a-_b"
    assert query.criteria == ()
