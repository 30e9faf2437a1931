"""What can be told from a syntax tree alone."""

from __future__ import annotations

import pytest

from resources.fhirpath.parser import parse
from resources.fhirpath.syntax import depends_on_this, parts, size, type_name


@pytest.mark.parametrize(
    ("text", "depends"),
    [
        ("a", True), ("$this", True), ("$index", True), ("exists()", True), ("1", False), ("%resource.id", False),
        ("%resource.descendants().reference | %resource.id", False), ("%resource.where($this.id = 'a')", True),
        ("now()", False), ("1 + a", True), ("%a[b]", True), ("-%a", False), ("%a is Patient", False),
    ],
)  # fmt: skip
def test_what_depends_on_this(text: str, depends: bool) -> None:
    assert depends_on_this(parse(text)) is depends


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Patient", "Patient"),
        ("FHIR.Patient", "FHIR.Patient"),
        ("System.`Boolean`", "System.Boolean"),
        ("a.b", None),
        ("1", None),
    ],
)
def test_names_of_types(text: str, name: str | None) -> None:
    assert type_name(parse(text)) == name


def test_parts_and_size() -> None:
    assert len(parts(parse("a.where(b, c)"))) == 3
    assert size(parse("a.b[0] + -1")) == 7
    assert size(parse("{}")) == 1
