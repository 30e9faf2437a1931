"""From the value part of an operation to JSON, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.definitions import load
from resources.outcome import BadRequest
from resources.patch.lists import Pair, pairs_of
from resources.patch.values import named, read, spellings, write

from .made import part

EXTENSION = {"extension": [{"url": "http://example.org/x", "valueCode": "a"}]}

READ: list[tuple[str, str, dict[str, Any], str, Any, Any]] = [  # path, name, part → JSON name, value, extra
    ("Patient", "birthDate", {"valueDate": "1970"}, "birthDate", "1970", None),
    ("Patient", "birthDate", {"valueString": "1970"}, "birthDate", "1970", None),
    ("Patient", "birthDate", {"_valueDate": EXTENSION}, "birthDate", None, EXTENSION),
    ("Patient", "birthDate", {"valueDate": "1970", "_valueDate": EXTENSION}, "birthDate", "1970", EXTENSION),
    ("Patient", "gender", {"valueCode": "male"}, "gender", "male", None),
    ("Patient", "gender", {"valueString": "male"}, "gender", "male", None),
    ("HumanName", "text", {"valueMarkdown": "x"}, "text", "x", None),
    ("Patient", "deceased", {"valueBoolean": True}, "deceasedBoolean", True, None),
    ("Patient", "deceased[x]", {"valueDateTime": "2020"}, "deceasedDateTime", "2020", None),
    ("Patient", "deceased", {"valueString": "2020"}, "deceasedDateTime", "2020", None),
    ("Patient", "deceasedDateTime", {"valueDateTime": "2020"}, "deceasedDateTime", "2020", None),
    ("Patient", "multipleBirth", {"valueInteger": 2}, "multipleBirthInteger", 2, None),
    ("Observation", "value", {"valueQuantity": {"value": Decimal("1.0")}}, "valueQuantity", {"value": Decimal("1.0")},
     None),
    ("Observation", "value", {"valueString": "x"}, "valueString", "x", None),
    ("Condition", "onset", {"valueAge": {"value": 5}}, "onsetAge", {"value": 5}, None),
    ("Extension", "value", {"valueCode": "x"}, "valueCode", "x", None),
    ("Extension", "valueCode", {"valueString": "x"}, "valueCode", "x", None),
    ("Claim", "item", {"part": [part("sequence", valuePositiveInt=1), part("factor", valueDecimal=Decimal("1.50"))]},
     "item", {"sequence": 1, "factor": Decimal("1.50")}, None),
    ("Claim", "item", {"part": [part("sequence", valueInteger=1)]}, "item", {"sequence": 1}, None),
    ("Patient", "name", {"part": [part("given", valueString="A"), part("given", _valueString=EXTENSION)]}, "name",
     {"given": ["A", None], "_given": [None, EXTENSION]}, None),
    ("Patient", "extension", {"part": [part("url", valueUri="u"), part("value", valueBoolean=False)]}, "extension",
     {"url": "u", "valueBoolean": False}, None),
    ("Patient", "text", {"part": [part("status", valueCode="generated"), part("div", valueString="<div/>")]}, "text",
     {"status": "generated", "div": "<div/>"}, None),
    ("Patient", "contact", {"part": [part("id", valueString="c"), part("name", part=[part("text", valueString="x")])]},
     "contact", {"id": "c", "name": {"text": "x"}}, None),
    ("Observation.component", "referenceRange", {"part": [part("text", valueString="x")]}, "referenceRange",
     {"text": "x"}, None),
    ("Patient", "contained", {"resource": {"resourceType": "Group"}}, "contained", {"resourceType": "Group"}, None),
    ("date", "extension", {"part": [part("url", valueUri="u")]}, "extension", {"url": "u"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name", "given", "json", "value", "extra"), READ, ids=str)
def test_pa_6_read(path: str, name: str, given: dict[str, Any], json: str, value: Any, extra: Any) -> None:
    element, stated = named(load(), path, name)
    found = read(load(), element, stated, {"name": "value", **given})
    assert found == (json, Pair(value, extra))
    assert repr(found.pair.value) == repr(value)  # digit by digit


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("Patient", "birthDate", {}),
    ("Patient", "birthDate", {"valueDate": None}),
    ("Patient", "birthDate", {"valueInteger": 1970}),
    ("Patient", "birthDate", {"valueDateTime": "1970"}),
    ("Patient", "birthDate", {"valueHumanName": {"text": "x"}}),
    ("Patient", "birthDate", {"valueDate": "1970", "valueString": "1970"}),
    ("Patient", "birthDate", {"valueDate": "1970", "part": []}),
    ("Patient", "birthDate", {"part": [part("value", valueDate="1970")]}),
    ("Patient", "birthDate", {"resource": {"resourceType": "Patient"}}),
    ("Patient", "birthDate", {"valueFoo": 1}),
    ("Patient", "active", {"valueString": "true"}),
    ("Patient", "name", {"valueCodeableConcept": {"text": "x"}}),
    ("Patient", "name", {"valueString": "x"}),
    ("Patient", "contact", {"valueHumanName": {"text": "x"}}),
    ("Patient", "deceased", {"valueInteger": 1}),
    ("Patient", "deceased", {"part": [part("id", valueString="x")]}),
    ("Patient", "deceasedBoolean", {"valueDateTime": "2020"}),
    ("Patient", "contact", {"part": {}}),
    ("Patient", "contact", {"part": ["x"]}),
    ("Patient", "contact", {"part": [{"valueString": "x"}]}),
    ("Patient", "contact", {"part": [part("foo", valueString="x")]}),
    ("Patient", "contact", {"part": [part("gender", valueCode="male"), part("gender", valueCode="female")]}),
    ("Patient", "extension", {"part": [part("value", valueCode="a"), part("value", valueString="b")]}),
    ("Observation.component", "referenceRange", {"valueRange": {}}),
]


@pytest.mark.parametrize(("path", "name", "given"), REFUSED, ids=str)
def test_pa_3_values_that_do_not_fit(path: str, name: str, given: dict[str, Any]) -> None:
    element, stated = named(load(), path, name)
    with pytest.raises(BadRequest):
        read(load(), element, stated, {"name": "value", **given})


@pytest.mark.parametrize(
    ("path", "name"), [("Patient", "foo"), ("Patient", "deceasedInteger"), ("Patient.contact", "x"), ("date", "value")]
)
def test_pa_3_unknown_elements(path: str, name: str) -> None:
    with pytest.raises(BadRequest, match="is not an element of"):
        named(load(), path, name)


@pytest.mark.parametrize(("path", "owner"), [
    ("Patient", {"name": [{"given": ["A", None], "_given": [None, EXTENSION]}]}),
    ("Patient", {"extension": [{"url": "u", "valueDecimal": Decimal("1.00")}, {"url": "v", "extension": [{"url": "w"}]}]}),
    ("Patient", {"birthDate": "1970", "_birthDate": EXTENSION, "_gender": EXTENSION}),
    ("Patient", {"text": {"status": "generated", "div": "<div/>"}, "contained": [{"resourceType": "Group", "id": "g"}]}),
    ("Timing", {"repeat": {"boundsRange": {"low": {"value": 1}}, "count": 2}, "event": ["2020"]}),
    ("Observation", {"component": [{"id": "c", "referenceRange": [{"text": "x"}], "valueTime": "10:00:00"}]}),
])  # fmt: skip
def test_what_is_written_is_read_again(path: str, owner: dict[str, Any]) -> None:
    again: dict[str, Any] = {}
    for element in load().structures[path].children[path]:
        for name, one in spellings(element):
            for pair in pairs_of(owner, name, element.many):
                found = read(load(), element, None, write(load(), element, one, pair))
                assert found == (name, pair)
                again.setdefault(name, []).append(found)
    assert again.keys() == {name.removeprefix("_") for name in owner}
