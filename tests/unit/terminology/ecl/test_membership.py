"""Members of reference sets and history supplements, as 6.10 and 6.11 of the guide have it. TX-70"""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest, NotSupported
from terminology.budget import Budget
from terminology.ecl import select

from .world import EMPTY, OLD, OLDER, SAME_AS, SET, WAS_A, WORLD, A, B, C, D, selected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 6.10
        (f"^ {SET}", {A, OLD}),
        (f"^ {EMPTY}", set()),
        (f'^ {SET} {{{{ M mapTarget = "J45" }}}}', {A}),
        (f"^ {SET} {{{{ M mapGroup > #1, active = 1 }}}}", {OLD}),
        (f"^ {SET} {{{{ M active = 0 }}}}", set()),
        (f"^ [targetComponentId] {SAME_AS} {{{{ M referencedComponentId = {OLD} }}}}", {B}),
        # 6.11
        (f"<< {A} {{{{ + HISTORY-MIN }}}}", {A, B, C, OLD}),
        (f"<< {A} {{{{ + HISTORY-MOD }}}}", {A, B, C, OLD, OLDER}),
        (f"{D} {{{{ + HISTORY-MOD }}}}", {D}),
        (f"{D} {{{{ + HISTORY }}}}", {D, OLDER}),
        (f"{D} {{{{ + HISTORY (*) }}}}", {D, OLDER}),
        (f"{B} {{{{ + HISTORY ({WAS_A}) }}}}", {B, OLDER}),
    ],
)
def test_guide(text: str, expected: set[str]) -> None:
    assert selected(text) == expected


def test_fields_of_sets() -> None:
    for text in (f"^ [foo] {SET}", f"^ {SET} {{{{ M foo = #1 }}}}"):
        with pytest.raises(BadRequest, match="the field foo"):
            select(WORLD, text, Budget())
    for text in (f"^ [mapTarget, mapGroup] {SET}", f"^ [*] {SET}"):
        with pytest.raises(NotSupported, match="several fields"):
            select(WORLD, text, Budget())
    assert not select(WORLD, f"^ [foo] {EMPTY}", Budget())
