"""Numbers as given; stored numbers are points."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from ..parameter_of import index_of, parameter_of


def test_numbers() -> None:
    number = parameter_of("RiskAssessment", "probability").number
    decimal = index_of("RiskAssessment", {"prediction": [{"probabilityDecimal": Decimal("0.50")}]})
    assert list(decimal.qty) == [(number, 0.5, 0.5, 0, 0, 0)]
    interval = index_of("RiskAssessment", {"prediction": [{"probabilityRange": {"high": {"value": 1}}}]})
    assert list(interval.qty) == [(number, -inf, 1.0, 0, 0, 0)]


def test_integers() -> None:
    rows = index_of("MolecularSequence", {"variant": [{"start": 5, "end": 7}]})
    assert sorted(row[1] for row in rows.qty) == [5.0, 7.0]
