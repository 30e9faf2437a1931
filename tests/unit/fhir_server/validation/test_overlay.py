"""Definitions that are not stored are found besides those that are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fhir_server.validation.overlay import Laid
from terminology.stored import Found, Wanted

SOME = {"resourceType": "ValueSet", "url": "http://some"}
ALL = {"resourceType": "CodeSystem", "url": "http://all", "valueSet": "http://some"}
STORED = Found("x", 1, {"resourceType": "ValueSet", "url": "http://some", "version": "1"})


class Below:
    """A tenant in which one value set is stored."""

    tenant_id = 7

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        return [[STORED] if one == ("ValueSet", "http://some") else [] for one in wanted]

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        return {"http://other": "http://stored"}


LAID = Laid(Below(), {"http://some": SOME, "http://all": ALL})


async def test_both_are_found() -> None:
    wanted = [("ValueSet", "http://some"), ("CodeSystem", "http://all"), ("ValueSet", "http://all"), ("ValueSet", "x")]
    some, everything, wrong, unknown = await LAID.find(wanted, lambda *_: False)
    assert [one.tree for one in some] == [STORED.tree, SOME]
    assert [one.tree for one in everything] == [ALL]
    assert (list(wrong), list(unknown)) == ([], [])
    assert LAID.tenant_id == 7


async def test_what_is_remembered_is_never_taken_for_other_content() -> None:
    asked: list[str] = []
    for tree in (SOME, {**SOME, "title": "x"}):
        [[_, found]] = await Laid(Below(), {"http://some": tree}).find([("ValueSet", "http://some")], lambda *_: True)
        assert found.tree is None  # whoever asks knows it by this id
        assert not found.logical_id.replace("-", "").replace(".", "").isalnum()  # which no resource can have
        asked.append(found.logical_id)
    assert asked[0] != asked[1]


async def test_a_code_system_says_whose_codes_it_has() -> None:
    assert await LAID.systems_of(["http://some", "http://other"]) == {
        "http://some": "http://all",
        "http://other": "http://stored",
    }
