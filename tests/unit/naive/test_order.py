"""The oracle's order against the words of the specification."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.naive import World, is_ordered

TREES: dict[str, Any] = {
    "a": {"name": [{"family": "Zoë"}, {"family": "émile"}], "birthDate": "2000-01-02"},
    "b": {"name": [{"family": "Frank"}], "birthDate": "2000", "gender": "male"},
    "c": {"birthDate": "1999", "gender": "female"},
    "d": {"name": [{"family": "FRANK"}]},
}
for logical_id, tree in TREES.items():
    tree |= {"resourceType": "Patient", "id": logical_id}


@pytest.mark.parametrize(
    ("sort", "orders"),
    [
        # SO-2: the value that comes first in that direction; ties in any order
        ("family", "abdc adbc"),
        ("-family", "abdc adbc"),
        # SO-3: without a value last in both directions
        ("birthdate", "cbad"),
        ("-birthdate", "abcd"),
        ("gender", "cbad cbda"),
        # SO-1: several keys
        ("family,-birthdate", "abdc"),
        ("family,-_id", "adbc"),
    ],
)
def test_so1_to_so3(sort: str, orders: str) -> None:
    found = ["".join(one) for one in permutations("abcd") if is_ordered([TREES[n] for n in one], sort, World([]))]
    assert found == orders.split()


def test_so3_quantities_by_canonical_value() -> None:
    def of(value: int, code: str) -> dict[str, Any]:
        quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": code}
        return {"resourceType": "Observation", "valueQuantity": quantity}

    small, large, length = of(900, "mg"), of(1, "g"), of(5, "m")
    assert is_ordered([small, large, length], "value-quantity", World([]))
    assert is_ordered([length, small, large], "value-quantity", World([]))
    assert not is_ordered([small, length, large], "value-quantity", World([]))
    assert not is_ordered([large, small, length], "value-quantity", World([]))
    assert is_ordered([large, small, length], "-value-quantity", World([]))
