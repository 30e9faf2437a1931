"""The order in which a package is written: what changes the definitions of the tenant comes last, in one call."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.packages import plans
from fhir_server.packages.arrangement import NEW, Place
from fhir_server.packages.plans import Planning
from fhir_server.packages.store import Content
from resources.definitions import load
from resources.package import read

from ....packages import definition, packed


class Named(Planning):
    """Plans that are nothing but the names of what they would write."""

    def __init__(self) -> None:
        pass

    def plan(self, place: Place, *, unused: bool = False) -> Any:
        return f"{place.reference}{' unused' if unused else ''}"

    def _deletion(self, content: Content) -> Any:
        return content.reference


def places(*trees: dict[str, Any]) -> list[Place]:
    return [Place(one, one.logical_id, NEW) for one in read(load(), packed(*trees)).resources]


async def chunks(some: list[Place], *unused: str) -> list[Any]:
    return [chunk async for chunk in Named().chunks(some, {*unused})]


A, B = definition("CodeSystem", "a"), definition("ValueSet", "b")
ONE, TWO = definition("SearchParameter", "one"), definition("SearchParameter", "two")


async def test_search_parameters_come_last_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_TOGETHER", 1)
    assert await chunks(places(ONE, A, TWO, B), TWO["url"]) == [
        ["CodeSystem/a"], ["ValueSet/b"], ["SearchParameter/one", "SearchParameter/two unused"],
    ]  # fmt: skip
    monkeypatch.setattr(plans, "_TOGETHER", 200)
    assert [len(chunk) for chunk in await chunks(places(ONE, A, TWO, B))] == [2, 2]


async def test_a_call_has_a_bound_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_LARGEST", 1)
    assert [len(chunk) for chunk in await chunks(places(A, B))] == [1, 1]


async def test_nothing_is_no_call() -> None:
    assert await chunks([]) == []
    assert list(Named().deletions([])) == []


def test_deletions_are_ordered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_TOGETHER", 2)
    contents = [Content("SearchParameter", "s", 1, "", True), *(Content("X", str(n), 1, "", True) for n in range(3))]
    found: list[Any] = list(Named().deletions(contents))
    assert found == [["X/0", "X/1"], ["X/2"], ["SearchParameter/s"]]
