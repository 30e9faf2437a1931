"""XML out: order, escapes, layout."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from resources import exact, fhir_xml
from resources.outcome import Issue, operation_outcome

from .trees import R4

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def encoded(tree: dict[str, Any]) -> str:
    text = fhir_xml.encode(R4, tree).decode()
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


def test_elements_come_in_the_order_of_the_definitions_whatever_the_order_of_the_keys() -> None:
    tree = {
        "gender": "male", "name": [{"given": ["A", None], "family": "B", "_given": [None, {"id": "g"}]}],
        "_birthDate": {"extension": [{"valueCode": "c", "url": "u", "id": "e"}], "id": "b"}, "id": "1",
        "deceasedBoolean": False, "resourceType": "Patient", "meta": {"tag": [{"code": "t", "system": "s"}]},
        "multipleBirthInteger": 2, "birthDate": "2000",
    }  # fmt: skip
    expected = (
        '<Patient xmlns="http://hl7.org/fhir"><id value="1"/><meta><tag><system value="s"/><code value="t"/></tag></meta>'
        '<name><family value="B"/><given value="A"/><given id="g"/></name><gender value="male"/>'
        '<birthDate id="b" value="2000"><extension id="e" url="u"><valueCode value="c"/></extension></birthDate>'
        '<deceasedBoolean value="false"/><multipleBirthInteger value="2"/></Patient>'
    )
    assert encoded(tree) == expected
    assert encoded(dict(reversed(tree.items()))) == expected


def test_pretty_is_one_element_on_a_line_and_a_narrative_as_it_is() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"> a\n<b>c</b></div>'
    tree = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Basic", "text": {"status": "empty", "div": div}}},
                  {"resource": {"resourceType": "Basic"}}],
    }  # fmt: skip
    assert (
        fhir_xml.encode(R4, tree, pretty=True).decode()
        == f"""{HEAD}
<Bundle xmlns="http://hl7.org/fhir">
  <entry>
    <resource>
      <Basic>
        <text>
          <status value="empty"/>
          {div}
        </text>
      </Basic>
    </resource>
  </entry>
  <entry>
    <resource>
      <Basic/>
    </resource>
  </entry>
</Bundle>
"""
    )


@pytest.mark.parametrize("text", ["a&b<c>\"d'", " a\nb\r\nc\td ", "]]>", "é\u00a0😀\u0085\u2028", "&amp;", "x='y\""])
def test_ct_9_text_comes_back_from_any_parser(text: str) -> None:
    tree = {"resourceType": "Basic", "extension": [{"url": text, "id": text, "valueString": text}]}
    [extension] = etree.fromstring(fhir_xml.encode(R4, tree))
    assert (extension.get("url"), extension.get("id"), extension[0].get("value")) == (text, text, text)
    assert fhir_xml.decode(R4, fhir_xml.encode(R4, tree)) == tree


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_replaced_and_breaks_nothing(character: str) -> None:
    tree = {"resourceType": "Patient", "gender": f"a{character}b", "birthDate": "é\n"}
    read = fhir_xml.decode(R4, fhir_xml.encode(R4, tree))
    assert read == {**tree, "gender": "a\ufffdb"}


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    assert encoded({"resourceType": "Patient", "gender": "a\ud83db"}).count('value="a?b"') == 1


@pytest.mark.parametrize(
    "number", ["1.00", "-0.0", "1E+2", "100", "0.1234567890123456789012345", "0.0000000010", "1.50E+30"]
)
def test_ct_7_decimals_are_written_with_every_digit(number: str) -> None:
    tree = {"resourceType": "Observation", "valueQuantity": {"value": Decimal(number)}}
    assert f'<value value="{number}"/>' in encoded(tree)


def test_an_element_with_attributes_only_is_closed_at_once() -> None:
    tree = {"resourceType": "Basic", "extension": [{"url": 'a="'}, {"url": 'u="', "extension": [{"url": "="}]}]}
    assert fhir_xml.decode(R4, fhir_xml.encode(R4, tree)) == tree
    assert '<extension url="a=&quot;"/>' in encoded(tree)


def test_an_outcome_is_written() -> None:
    outcome = operation_outcome([Issue("error", "value", "<b> & 'c'", ("Patient.name[0]",), ("line 1, column 2",))])
    assert fhir_xml.decode(R4, fhir_xml.encode(R4, outcome)) == outcome


def test_a_name_that_the_definitions_do_not_have_is_an_error_and_not_xml() -> None:
    for tree in ({"resourceType": "Patient", "x": 1}, {"resourceType": "Patient", "value": "a"}):
        with pytest.raises(KeyError):
            fhir_xml.encode(R4, tree)


def test_ct_9_digits_and_padding_survive_all_the_way() -> None:
    text = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.500},'
        b'"contained":[{"resourceType":"Patient","id":"c","name":[{"given":["A",null],"_given":[null,{"id":"i"}]}]}]}'
    )
    tree = exact.decode(text)
    again = fhir_xml.decode(R4, fhir_xml.encode(R4, tree))
    assert again == tree
    assert exact.encode(again["valueQuantity"]) == b'{"value":1.500}'
