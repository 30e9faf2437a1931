"""https://hl7.org/fhirpath/N1/#filtering-and-projection"""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import Outside

from ..asking import ask

TREE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "item": [{"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}]}, {"linkId": "2"}],
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("repeat(item).linkId", ["1", "2", "1.1", "1.1.1"]), ("item.select(linkId & 'x')", ["1x", "2x"]),
        ("item.where($index = 1).linkId", ["2"]),
        ("item.where({})", []), ("(1 | 2 | 3).aggregate($this + $total, 0)", [6]), ("(1 | 2).aggregate($total)", []),
        ("('a' | 'b' | 'c').aggregate($total & $this & $index.toString())", ["a0b1c2"]),
        ("{}.aggregate($this, 7)", [7]),
        ("(1 | 2).select($this | 3)", [1, 3, 2, 3]), ("(1 | 2).repeat(1)", [1]), ("(3 | 1 | 2).sort()", [1, 2, 3]),
        ("(3 | 1 | 2).sort(-$this)", [3, 2, 1]), ("item.sort(-linkId).linkId", ["2", "1"]),
        ("item.sort(item.count(), linkId).linkId", ["2", "1"]),
        ("item.aggregate($total | item.aggregate($total | linkId)).count()", [1]),
    ],
)  # fmt: skip
def test_filtering(text: str, values: list[Any]) -> None:
    assert ask(text, TREE) == values


def test_trace_tells_and_hands_on() -> None:
    heard: list[tuple[str, int]] = []
    outside = Outside(trace=lambda name, items: heard.append((name, len(items))))
    assert ask("item.trace('a').trace('b', item.linkId).count()", TREE, outside) == [2]
    assert heard == [("a", 2), ("b", 1)]
    assert ask("item.trace('a').count()", TREE) == [2]
