"""Query parameters and headers of the OpenAPI document."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.asking import HEADERS, QUERY, Asking, search_schemas
from conformance.searchable import Searchable
from fhir_server import history
from fhir_server.preferences import PRECONDITIONS
from resources.definitions import load
from resources.operation import Parameter
from search.query import RESULT_PARAMETERS

DEFINITIONS = load()


def asking() -> Asking:
    return Asking(DEFINITIONS, PRECONDITIONS, {"_count"}, ("json",), {})


def fits(search_type: str, value: str) -> bool:
    return re.search(search_schemas()[f"search-{search_type}"]["items"].get("pattern", ""), value) is not None


@pytest.mark.parametrize(
    ("search_type", "value", "well"),
    [
        ("date", "2024", True),
        ("date", "ge2024-02-29T10:00:00+01:00,lt2024", True),
        ("date", "2024-13", False),
        ("date", "2024-02-29T10", False),
        ("date", "xx2024", False),
        ("date", "", False),
        ("number", "-0.5", True),
        ("number", "ap1e-3", True),
        ("number", "1.", False),
        ("quantity", "5.4|http://unitsofmeasure.org|mg", True),
        ("quantity", "5.4||mg", True),
        ("quantity", "5.4|mg", False),
        ("string", "anything at all", True),
    ],
)
def test_values_of_a_search_look_as_their_type_says(search_type: str, value: str, well: bool) -> None:
    assert fits(search_type, value) is well


@given(st.dates(min_value=__import__("datetime").date(1000, 1, 1)))
def test_every_date_can_be_searched(day: object) -> None:
    assert fits("date", str(day))


@given(st.decimals(-(10**20), 10**20, places=5))
def test_every_number_can_be_searched(number: Decimal) -> None:
    assert fits("number", f"{number:f}")


def test_what_is_listed_is_described() -> None:
    assert {*history.KNOWN, "_asOf", "mode"} <= set(QUERY)
    assert set(RESULT_PARAMETERS) - {"_page"} <= set(QUERY)
    heeded = {name for names in PRECONDITIONS.values() for name in names}
    assert heeded <= {name.lower() for name in HEADERS}


def test_types_share_a_parameter_that_is_the_same_for_them() -> None:
    made = asking()
    url = "http://hl7.org/fhir/SearchParameter/clinical-date"
    shared = Searchable("_id", "http://hl7.org/fhir/SearchParameter/Resource-id", "token")
    apart = Searchable("date", url, "date")
    of = {name: made.searching(name, [shared, apart]) for name in ("Observation", "Procedure")}
    first = {name: [one["$ref"].rpartition("/")[2] for one in found] for name, found in of.items()}
    assert first["Observation"] == ["Resource-id", "clinical-date", "_count"]
    assert first["Procedure"] == ["Resource-id", "Procedure.clinical-date", "_count"]
    assert (
        made.named["clinical-date"]["description"]
        == "Obtained date/time. If the obtained element is a period, a date that falls in the period (date)"
    )
    assert made.named["Procedure.clinical-date"]["description"] == "When the procedure was performed (date)"


def test_an_operation_is_asked_by_its_plain_parameters() -> None:
    parameters = (
        Parameter("date", "in", 1, "1", "date", documentation="When."),
        Parameter("code", "in", 0, "*", "code"),
        Parameter("coding", "in", 0, "1", "Coding"),
        Parameter("subject", "in", 0, "1", "string", "reference"),
    )
    made = asking()
    named = [one["$ref"].rpartition("/")[2] for one in made.sent("Patient-x", parameters)]
    assert named == ["Patient-x.date", "Patient-x.code", "Patient-x.subject"]
    date, code, subject = (made.named[name] for name in named)
    assert (date["name"], date["required"], date["description"]) == ("date", True, "When. (date)")
    assert code["schema"] == {"type": "array", "items": {"$ref": "#/components/schemas/code"}}
    assert subject["schema"] == {"$ref": "#/components/schemas/search-reference"}
