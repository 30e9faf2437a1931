"""Numbers: NU-1 … NU-4; stored numbers are points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import BadRequest

from ..parameter_of import finds


def risk(**prediction: Any) -> dict[str, Any]:
    return {"prediction": [prediction]}


@pytest.mark.parametrize(
    ("stored", "value", "found"),
    [
        ("99.5", "100", True), ("99.49", "100", False), ("100.4999", "100", True), ("100.5", "100", False),
        ("99.995", "100.00", True), ("100.005", "100.00", False), ("0.005405", "5.40e-3", False),
        ("0.005395", "5.40e-3", True), ("50", "1e2", True), ("149", "1E+2", True), ("150", "1e2", False),
        ("0.1", "00.10", True), ("-0.1", "-0.1", True), ("0.1", ".1", True), ("100.4", "ne100", False),
        ("100.5", "ne100", True), ("100.4", "gt100", True), ("100", "gt100", False), ("100", "ge100", True),
        ("100", "sa100", False), ("100", "eb100", False), ("99.9", "eb100", True), ("0", "ap0", True),
        ("90", "ap100", True), ("89", "ap100", False), ("1", "+1", True), ("0.30000000000000000000000001", "sa0.3", True),
    ],
)  # fmt: skip
def test_nu1_nu2_nu4_precision_as_written(stored: str, value: str, found: bool) -> None:
    assert finds("RiskAssessment", risk(probabilityDecimal=Decimal(stored)), f"probability={value}") is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("100", True),
        ("100.0", True),
        ("100.2", False),
        ("ne100.2", True),
        ("99", False),
        ("1e2", True),
        ("gt99.5", True),
    ],
)
def test_nu3_stored_integers(value: str, found: bool) -> None:
    assert finds("MolecularSequence", {"variant": [{"start": 100}]}, f"variant-start={value}") is found


def test_ranges() -> None:
    stored = risk(probabilityRange={"high": {"value": 1}})
    assert finds("RiskAssessment", stored, "probability=lt-1000")
    assert not finds("RiskAssessment", stored, "probability=gt1")
    assert not finds("RiskAssessment", risk(probabilityRange={}), "probability=ne0")


@pytest.mark.parametrize("value", ["abc", "1|x", "", "1e", "1.", "0x1"])
def test_se11_what_is_no_number(value: str) -> None:
    with pytest.raises(BadRequest, match=r"probability="):
        finds("RiskAssessment", {}, f"probability={value}")
