"""What is pending is replaced wherever it stands, by what a database says; here by what it is told to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from resources.database import Session
from resources.outcome import BadRequest, TooCostly
from search import pending
from search.conditions import (
    And,
    Codes,
    Condition,
    Hierarchy,
    Ids,
    Keys,
    Listed,
    Not,
    Nothing,
    Or,
    Referred,
    Refers,
    Texts,
)
from search.indexer import Indexer
from search.parameter import ANY, TEXT, Key
from search.pending import settle
from terminology.membership.questions import Terminology

from .parameter_of import INDEXER, R4, parameter_of

Row = Mapping[str, Any]


@dataclass
class Asked:
    """A session that gives the same rows to every statement, but has no resources of the terminology."""

    rows: Sequence[Row] = ()
    tenant_id: int = 1
    statements: int = 0
    last: str = ""

    async def select(self, query: str, *args: Any) -> Sequence[Row]:
        self.statements += 1
        self.last = query
        return () if "from uri t" in query or "r.lu desc" in query or "valueSet" in query else self.rows


@dataclass
class Searching:
    indexer: Indexer
    terminology: Terminology
    versions: Mapping[str, str] = field(default_factory=dict)


SEARCH = Searching(INDEXER, Terminology.alone(R4))
PLAIN = Keys(((1, 2),))
CODED = ("code", "combo-code")
TEXTS = Texts(((1, 2, "a", "b"),))


async def settled(asked: Asked, *conditions: Condition) -> list[Condition]:
    return await settle(cast(Session, asked), SEARCH, conditions)


def codes(relation: str, value: str, code: str = "code") -> Codes:
    parameter = parameter_of("Observation", code)

    def keys(system: str | None, one: str) -> tuple[Key, ...]:
        return ((parameter.key(one), parameter.system(system) if system else ANY),)

    return Codes(relation, value, f"{code}:{relation}", "Observation", code, keys)


async def test_what_is_not_pending_costs_nothing() -> None:
    asked = Asked()
    assert await settled(asked, PLAIN, And((PLAIN, Not(PLAIN)))) == [PLAIN, And((PLAIN, Not(PLAIN)))]
    assert asked.statements == 0


async def test_it_is_replaced_at_any_depth_and_asked_for_once() -> None:
    asked, known = Asked([{"n": 0, "h": 7, "code": "ab"}]), Keys(((7, TEXT),))
    conditions: list[Condition] = [
        TEXTS, And((PLAIN, TEXTS)), Or((TEXTS, PLAIN)), Not(TEXTS), Refers((-1,), (((1,), TEXTS), ((2,), PLAIN))),
        Referred((-1,), 3, And((Not(TEXTS),))),
    ]  # fmt: skip
    assert await settled(asked, *conditions) == [
        known, And((PLAIN, known)), Or((known, PLAIN)), Not(known), Refers((-1,), (((1,), known), ((2,), PLAIN))),
        Referred((-1,), 3, And((Not(known),))),
    ]  # fmt: skip
    assert asked.statements == 1


@pytest.mark.parametrize("condition", [TEXTS, Listed("1", (1,)), codes("below", "x")])
async def test_what_leads_to_nothing_is_nothing(condition: Condition) -> None:
    assert await settled(Asked(), condition) == [Nothing()]


async def test_too_many_texts_are_refused() -> None:
    rows = [{"n": 0, "h": h, "code": "x"} for h in range(pending.TEXTS)]
    assert await settled(Asked(rows), TEXTS) == [Keys(tuple((h, TEXT) for h in range(pending.TEXTS)))]
    with pytest.raises(TooCostly, match="be more specific"):
        await settled(Asked([*rows, {"n": 0, "h": -1, "code": "x"}]), TEXTS)


async def test_rf4_a_hierarchy_is_the_references_to_all_of_it() -> None:
    condition = Hierarchy("below", "Location", "1", -5, (-6, -7))
    rows = [{"n": 0, "k": 10}, {"n": 0, "k": 11}]
    assert await settled(Asked(rows), condition) == [Keys(((10, -6), (10, -7), (11, -6), (11, -7)))]
    with pytest.raises(TooCostly, match="Location/1:below"):
        await settled(Asked([{"n": 0, "k": k} for k in range(pending.MOST + 1)]), condition)


async def test_li1_entries_that_are_deleted_or_not_ours_are_left_out() -> None:
    body = (
        b'{"entry":[{"item":{"reference":"Patient/1"}},{"item":{"reference":"http://here/fhir/t/Patient/2"}},'
        b'{"item":{"reference":"Patient/3"},"deleted":true},{"item":{"reference":"http://else/Patient/4"}},'
        b'{"item":{"reference":"Device/5"}},{"item":{"display":"x"}}]}'
    ).decode()
    pointed = [
        INDEXER.hash(kind, one) for kind, one in (("Patient", "1"), ("Patient", "2"), ("Patient", "3"), ("Device", "5"))
    ]
    patient = R4.type_number("Patient")
    found = await settled(Asked([{"n": 0, "body": body, "pointed": pointed}]), Listed("9", (patient,)))
    assert found == [Ids(tuple((patient, INDEXER.hash("Patient", one), one) for one in ("1", "2")))]


async def test_tk5_few_codes_are_looked_up_as_they_are() -> None:
    wanted = codes("in", "http://hl7.org/fhir/ValueSet/observation-status", "status")
    [found] = await settled(Asked(), wanted)
    assert isinstance(found, Keys)
    statuses = R4.codes("http://hl7.org/fhir/ValueSet/observation-status") or {}
    system = "http://hl7.org/fhir/observation-status"
    assert set(found.rows) == {key for code in statuses[system] for key in wanted.keys(system, code)}


async def test_tk5_of_a_whole_system_those_in_use() -> None:
    parameter = parameter_of("Observation", "code")
    [found] = await settled(Asked([{"n": 0, "h": 7, "code": "8480-6"}]), codes("in", "http://loinc.org/vs"))
    assert found == Keys(((7, parameter.system("http://loinc.org")),))
    rows = [{"n": 0, "h": h, "code": "x"} for h in range(pending.MOST + 1)]
    with pytest.raises(TooCostly, match=r"code:in=http://loinc\.org/vs"):
        await settled(Asked(rows), codes("in", "http://loinc.org/vs"))


async def test_all_that_is_looked_through_is_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "TOGETHER", 5)
    rows = [{"n": n, "h": h, "code": "x"} for n in range(2) for h in range(3)]
    more = (TEXTS, Texts(((1, 2, "c", "d"),))), tuple(codes("in", "http://loinc.org/vs", one) for one in CODED)
    for conditions in more:
        asked = Asked(rows[:-1])
        await settled(asked, *conditions)
        assert asked.last.endswith(" limit 6")
        with pytest.raises(TooCostly):
            await settled(Asked(rows), *conditions)


async def test_tk5_many_codes_are_looked_for_among_those_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "DIRECT", 2)
    parameter = parameter_of("Observation", "code")
    status = "http://hl7.org/fhir/observation-status"
    rows = [{"n": 0, "h": 7, "code": "final"}, {"n": 0, "h": 8, "code": "unheard"}]
    [found] = await settled(Asked(rows), codes("in", "http://hl7.org/fhir/ValueSet/observation-status"))
    assert found == Keys(((7, parameter.system(status)),))


@pytest.mark.parametrize("value", ["a|b|c", "http://x|", ""])
async def test_tk7_a_value_that_is_no_code(value: str) -> None:
    with pytest.raises(BadRequest, match="code:below="):
        await settled(Asked(), codes("below", value))


async def test_tk7_escapes_are_resolved() -> None:
    with pytest.raises(BadRequest, match=r"code:below=http://x\\\|y\|c: .* http://x\|y "):
        await settled(Asked(), codes("below", r"http://x\|y|c"))
