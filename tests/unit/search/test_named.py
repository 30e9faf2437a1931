"""Named queries: QY-1."""

from __future__ import annotations

from typing import Any

import pytest

from resources import definitions
from resources.outcome import BadRequest, NotSupported
from search.criteria import Clause, Include, SortKey
from search.named import CRITERIA, expand, expanded
from search.query import Query, parse

R4 = definitions.load()


def definition(criteria: str, *parameters: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "resourceType": "OperationDefinition",
        "code": "recent",
        "kind": "query",
        "extension": [{"url": "http://other", "valueString": "x"}, {"url": CRITERIA, "valueString": criteria}],
        "parameter": [{"use": "in", "min": 0, "max": "1", "type": "string", **one} for one in parameters],
    } | other


OF = {"name": "of"}
SINCE = {"name": "since", "min": 1}
SEVERAL = {"name": "code", "max": "*"}


def test_values_are_filled_in_encoded() -> None:
    defined = definition("subject={of}&date=ge{since}&status=final", OF, SINCE)
    assert expand(defined, {"of": ["Patient/1"], "since": ["2020"]}) == "subject=Patient%2F1&date=ge2020&status=final"
    assert expand(defined, {"since": ["2020&_id=x"]}) == "date=ge2020%26_id%3Dx&status=final"
    assert expand(definition("a={of}|{of}", OF), {"of": ["{of}"]}) == "a=%7Bof%7D|%7Bof%7D"


def test_several_values_are_several_criteria() -> None:
    defined = definition("code={code}&subject={of}", SEVERAL, OF)
    assert expand(defined, {"code": ["a", "b,c"]}) == "code=a&code=b%2Cc"


def test_other_parameters_come_after_it() -> None:
    assert expand(definition("status=final"), {"code": ["a b", "c"]}) == "status=final&code=a+b&code=c"


@pytest.mark.parametrize(
    ("defined", "parameters", "message"),
    [
        (definition("date={since}", SINCE), {}, "since is required"),
        (definition("date={since}", SINCE), {"since": [""]}, "since is required"),
        (definition("subject={of}", OF), {"of": ["a", "b"]}, "of is given 2 times; 1 is the most"),
        (definition("subject={nobody}", OF), {}, "nobody in its criteria"),
        (definition("subject={of}", {**OF, "use": "out"}), {"of": ["a"]}, "of in its criteria"),
        (definition("a=b", kind="operation"), {}, "_query=recent"),
        (definition("a=b", extension=[]), {}, "_query=recent"),
    ],
)
def test_what_does_not_fit_the_definition_is_refused(
    defined: dict[str, Any], parameters: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        expand(defined, parameters)


def asked(text: str, *resource_types: str, defined: dict[str, Any], **settings: Any) -> Query:
    return expanded(R4, parse(R4, resource_types, text, **settings), defined)


def test_the_search_a_named_query_stands_for() -> None:
    defined = definition("subject={of}&_sort=-date&_include=Observation:subject", OF)
    query = asked("_query=recent&of=Patient/1&status=final&_id=a&_count=3", "Observation", defined=defined)
    assert query.criteria == (
        Clause("_id", None, ("a",)),
        Clause("subject", None, ("Patient/1",)),
        Clause("status", None, ("final",)),
    )
    assert (query.sort, query.count, query.named) == ((SortKey("date", True),), 3, None)
    assert query.includes == (Include(True, False, "Observation", "subject"),)
    assert parse(R4, query.scope, query.text()) == query
    assert asked("_query=recent&_sort=code", "Observation", defined=defined).sort == (SortKey("code", False),)


def test_the_scope_of_the_search_is_kept() -> None:
    query = asked("_query=recent&of=a&_type=Observation,Condition", defined=definition("code={of}", OF))
    assert query.types == ("Observation", "Condition")
    assert query.criteria == (Clause("code", None, ("a",)),)
    inside = asked(
        "_query=recent&of=a", "Observation", defined=definition("code={of}", OF), compartment=("Patient", "1")
    )
    assert inside.compartment == ("Patient", "1")


def test_what_is_unknown_to_both_is_refused() -> None:
    with pytest.raises(NotSupported, match="nonsense"):
        asked("_query=recent&nonsense=1", "Observation", defined=definition("code=a"))
    with pytest.raises(NotSupported, match="another one"):
        asked("_query=recent", "Observation", defined=definition("_query=recent"))
