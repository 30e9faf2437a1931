"""https://hl7.org/fhir/R4/fhirpath.html#functions"""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import Outside, Unevaluable

from ..asking import ask

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("birthDate.extension('http://x/time').value.exists()", [True]), ("birthDate.extension('x')", []),
        ("birthDate.extension({})", []),
        ("gender.extension('u').value", ["asked"]), ("extension('u')", []), ("birthDate.hasValue()", [True]),
        ("gender.hasValue()", [False]),
        ("name.hasValue()", [False]), ("name[0].hasValue()", [False]), ("{}.hasValue()", [False]),
        ("1.hasValue()", [True]), ("active.getValue()", [True]),
        ("gender.getValue()", []), ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient|4.0.1')", [True]),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Person')", [False]), ("{}.conformsTo('x')", []),
        ("id.memberOf('x')", []), ("id.subsumes('x')", []),
    ],
)  # fmt: skip
def test_additions(text: str, values: list[Any]) -> None:
    assert ask(text) == values


@pytest.mark.parametrize(("inside", "safe"), [("x", True), ("<script>x</script>", False), ("<br", False)])
def test_narratives_are_checked(inside: str, safe: bool) -> None:
    tree = {"resourceType": "Patient", "text": {"status": "generated", "div": DIV.format(inside)}}
    assert ask("text.`div`.htmlChecks()", tree) == [safe]
    assert ask("nothing.htmlChecks()", tree) == []


def test_who_knows_more_is_asked() -> None:
    outside = Outside(
        member_of=lambda coded, url: url == "v" and coded == {"system": "s", "code": "c"},
        subsumes=lambda one, other: one == "p" and other == "x",
        conforms_to=lambda tree, url: None if url == "unknown" else tree["id"] == "p",
    )
    assert ask("contained.code.coding.memberOf('v')", outside=outside) == [True]
    assert ask("contained.code.coding.memberOf('w')", outside=outside) == [False]
    assert ask("id.subsumes('x')", outside=outside) == [True]
    assert ask("'x'.subsumedBy(id)", outside=outside) == [True]
    assert ask("conformsTo('http://x')", outside=outside) == [True]
    with pytest.raises(Unevaluable, match="unknown"):
        ask("conformsTo('unknown')", outside=outside)


def test_one_item_is_judged() -> None:
    for text in ("name.conformsTo('http://hl7.org/fhir/StructureDefinition/HumanName')", "(1 | 2).memberOf('x')"):
        with pytest.raises(Unevaluable):
            ask(text, outside=Outside(member_of=lambda coded, url: True))
