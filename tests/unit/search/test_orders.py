"""Sort keys follow from their parameters; what PostgreSQL makes of an order is tested in tests/integration/test_orders.py."""

from __future__ import annotations

import pytest

from search import orders
from search.conditions import Keys, Not, Or
from search.orders import Key
from search.parameter import EARLIER, LATER
from search.parameters.tables import Arguments

from .parameter_of import parameter_of


@pytest.mark.parametrize(
    ("resource_type", "code", "kind"),
    [
        ("Patient", "family", "string"),
        ("Patient", "birthdate", "primary"),
        ("Patient", "death-date", "date"),
        ("Observation", "date", "primary"),
        ("Observation", "value-date", "date"),
        ("Observation", "status", "token"),
        ("Observation", "identifier", "string"),
        ("Patient", "telecom", "string"),
        ("Patient", "active", "token"),
        ("Observation", "subject", "reference"),
        ("Observation", "value-quantity", "quantity"),
        ("RiskAssessment", "probability", "quantity"),
        ("ValueSet", "url", "uri"),
        ("Patient", "_id", "id"),
        ("Patient", "_lastUpdated", "updated"),
    ],
)
def test_kinds(resource_type: str, code: str, kind: str) -> None:
    assert orders.key([parameter_of(resource_type, code)], False).kind == kind


def test_what_lacks_a_value_is_told_by_presence() -> None:
    family, status = parameter_of("Patient", "family"), parameter_of("Observation", "status")
    assert orders.key([family], False).absent == Not(Keys((family.present,)))
    assert orders.key([status], False).absent == Or((Not(Keys((status.present,))), Keys(((status.key(""), LATER),), 0)))
    assert orders.key([parameter_of("Patient", "_id")], False).absent is None


def test_ties_stand_as_the_index_of_the_first_key_does() -> None:
    string, token = Key("string", ((1, 2, 0),), False), Key("token", ((1, 2, 0),), False)
    assert orders.by((string,)).ascending
    assert not orders.by((Key("string", ((1, 2, 0),), True),)).ascending
    assert not orders.by((token, string)).ascending


def test_the_other_codes_of_a_resource_are_those_behind_or_before_the_one_that_counts() -> None:
    assert orders.other_end(Key("token", (), False)) == LATER
    assert orders.other_end(Key("token", (), True)) == EARLIER


def test_a_candidate_without_a_value_has_null() -> None:
    text = orders.values(Key("quantity", ((1, 2, 0),), False), "p", Arguments())
    assert text.endswith("union all select null::int4 as u, null::text as clo limit 1")
