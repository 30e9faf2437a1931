"""https://hl7.org/fhirpath/N1/#tree-navigation, https://hl7.org/fhirpath/N1/#utility-functions"""

from __future__ import annotations

from ..asking import ask


def test_children_and_descendants() -> None:
    assert ask("name.children().count()") == [7]
    assert ask("birthDate.descendants().count()") == [4]
    assert ask("descendants().where($this is Coding).code") == ["c"]
    assert ask("1.children() | 'a'.descendants()") == []


def test_clock_and_types() -> None:
    assert ask("today() <= now()") in ([], [True])
    assert ask("timeOfDay() is Time and today() is Date and now() is DateTime") == [True]
    assert ask("(1 | 'a').type().name") == ["Integer", "String"]
