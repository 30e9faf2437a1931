"""Names as FHIRPath writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import definitions, fhirpath
from resources.paths import step


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("name", "name"),
        ("_name", "_name"),
        ("a1", "a1"),
        ("contains", "contains"),
        ("div", "`div`"),
        ("", "``"),
        ("1a", "`1a`"),
        ("a b", "`a b`"),
        ("é", "`é`"),
        ("a`b", "`a\\`b`"),
        ("a\\b", "`a\\\\b`"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "`" + "x" * 80 + "`"),
    ],
)
def test_step(name: str, written: str) -> None:
    assert step(name) == written


@given(st.text(min_size=1))
def test_every_step_can_be_read(name: str) -> None:
    fhirpath.compile(f"Patient.{step(name)}")


def test_the_elements_of_r4_are_plain_but_one() -> None:
    names = {
        element.name for structure in definitions.load().structures.values() for element in structure.elements.values()
    }
    assert {name for name in names if step(name) != name} == {"div"}
