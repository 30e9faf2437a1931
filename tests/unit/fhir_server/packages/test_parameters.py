"""What becomes of the search parameters of a package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fhir_server.packages.parameters import INACTIVE, INDEXED, REPEATS, UNUSABLE, Verdict, verdicts
from resources import exact
from resources.definitions import load
from resources.package import read

from ....packages import BASE, US_CORE, definition


def in_state(found: Sequence[Verdict], state: str) -> list[Verdict]:
    return [one for one in found if one.state == state]


def states(*trees: dict[str, Any]) -> list[str]:
    return [one.state for one in verdicts(load(), trees)[0]]


SHADE = definition("SearchParameter", "shade")


def test_each_is_judged_with_those_before_it() -> None:
    again = definition("SearchParameter", "other", code="shade")
    assert states(SHADE, again) == [INDEXED, UNUSABLE]
    assert states(again, SHADE) == [INDEXED, UNUSABLE]
    [_, taken] = verdicts(load(), [SHADE, again])[0]
    assert f"Patient has a search parameter shade already: {SHADE['url']}" in taken.why


def test_the_same_url_is_the_same_parameter() -> None:
    _, extended = verdicts(load(), [SHADE])
    assert [one.url for one in extended.own_parameters] == [SHADE["url"]]
    found, again = verdicts(extended, [{**SHADE, "code": "tint"}])
    assert (found[0].state, [one.code for one in again.own_parameters]) == (INDEXED, ["tint"])


def test_a_composite_finds_its_components_wherever_they_stand() -> None:
    kin = definition("SearchParameter", "kin", expression="Patient.contact.relationship")
    gender = {"definition": "http://hl7.org/fhir/SearchParameter/individual-gender", "expression": "gender"}
    component = [{"definition": f"{BASE}SearchParameter/kin", "expression": "relationship"}, gender]
    pair = definition("SearchParameter", "pair", type="composite", expression="Patient.contact", component=component)
    assert states(pair, kin) == [INDEXED, INDEXED]
    assert states(pair) == [UNUSABLE]


def test_drafts_are_stored_only() -> None:
    assert states({**SHADE, "status": "draft"}, {**SHADE, "status": "retired", "expression": "?"}) == [INACTIVE] * 2


def test_the_order_of_the_answer_is_that_of_the_question() -> None:
    found, _ = verdicts(load(), [{**SHADE, "type": "composite"}, SHADE])
    assert [one.url for one in found] == [SHADE["url"]] * 2
    assert [one.state for one in found] == [UNUSABLE, INDEXED]


@pytest.mark.suite("packages")
def test_us_core_repeats_most_of_r4() -> None:
    package = read(load(), US_CORE.read_bytes())
    found, _ = verdicts(
        load(), [exact.decode(one.text) for one in package.resources if one.resource_type == "SearchParameter"]
    )
    assert sorted(one.code for one in in_state(found, INDEXED)) == [
        "asserted-date", "description", "discharge-disposition", "ethnicity", "gender-identity", "race", "role",
    ]  # fmt: skip
    assert len(in_state(found, REPEATS)) == len(found) - 7
