"""XML in: what is read, and what is refused and where (CT-7, CT-9)."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact, fhir_xml
from resources.fhir_xml import decoding
from resources.outcome import Invalid, Malformed
from resources.validation.validator import Validator

from .trees import R4, exactly

NS = 'xmlns="http://hl7.org/fhir"'
XHTML = "http://www.w3.org/1999/xhtml"


def patient(inside: str) -> bytes:
    return f"<Patient {NS}>{inside}</Patient>".encode()


def decode(inside: str) -> dict[str, Any]:
    tree = fhir_xml.decode(R4, patient(inside))
    assert tree.pop("resourceType") == "Patient"
    return tree


def quantity(value: str) -> Any:
    text = f'<Observation {NS}><valueQuantity><value value="{value}"/></valueQuantity></Observation>'
    return fhir_xml.decode(R4, text.encode())["valueQuantity"]["value"]


READ = [  # XML, JSON
    ("", "{}"),
    ('<id value="a"/>', '{"id":"a"}'),
    ('<active value="true"/><gender value="male"/>', '{"active":true,"gender":"male"}'),
    ('<name id="n"><given value="A"/><given value="B"/></name>', '{"name":[{"id":"n","given":["A","B"]}]}'),
    ('<name><given id="x"/></name>', '{"name":[{"_given":[{"id":"x"}]}]}'),
    ('<birthDate id="b" value="2000"/>', '{"birthDate":"2000","_birthDate":{"id":"b"}}'),
    (
        '<birthDate value="2000"><extension url="u"><valueInteger value="1"/></extension></birthDate>',
        '{"birthDate":"2000","_birthDate":{"extension":[{"url":"u","valueInteger":1}]}}',
    ),
    (
        '<name><given value="A"/><given><extension url="u"/></given><given value="C"/></name>',
        '{"name":[{"given":["A",null,"C"],"_given":[null,{"extension":[{"url":"u"}]},null]}]}',
    ),
    (
        '<name><given><extension url="u"/></given><given id="i"><extension url="v"/></given></name>',
        '{"name":[{"_given":[{"extension":[{"url":"u"}]},{"id":"i","extension":[{"url":"v"}]}]}]}',
    ),
    (
        '<extension id="e" url="u"><extension url="v"><valueUri id="w" value="x"/></extension></extension>',
        '{"extension":[{"id":"e","url":"u","extension":[{"url":"v","valueUri":"x","_valueUri":{"id":"w"}}]}]}',
    ),
    ('<deceasedBoolean value="false"/>', '{"deceasedBoolean":false}'),
    ('<multipleBirthInteger value="-0"/>', '{"multipleBirthInteger":0}'),
    (
        '<contained><Medication><id value="m"/></Medication></contained><contained><Basic/></contained>',
        '{"contained":[{"resourceType":"Medication","id":"m"},{"resourceType":"Basic"}]}',
    ),
    ('<!-- a --><?b c?><active value="true"/>\n\t<!-- > text < -->', '{"active":true}'),
    ('<gender value="a&#10;b&#9;c&amp;&lt;&quot;&#x1F600;"/>', '{"gender":"a\\nb\\tc&<\\"😀"}'),
    ('<gender value="a\nb\tc\r\nd  e "/>', '{"gender":"a b c d  e "}'),  # as XML reads attributes (3.3.3)
    ("<gender value='\"'></gender>", '{"gender":"\\""}'),
    (f'<f:active xmlns:f="http://hl7.org/fhir" value="true"/><photo {NS}><url value="u"/></photo>',
     '{"active":true,"photo":[{"url":"u"}]}'),
]  # fmt: skip


@pytest.mark.parametrize(("xml", "json"), READ)
def test_ct_9_is_the_tree_of_the_same_json(xml: str, json: str) -> None:
    assert exactly(decode(xml)) == exactly(exact.decode(json.encode()))


def test_ct_9_resources_stand_in_bundles_and_parameters() -> None:
    inner = "<Patient><active value='true'/></Patient>"
    text = f"<Bundle {NS}><entry><resource>{inner}</resource></entry><entry><response><status value='200'/>"
    text += f"<outcome>{inner}</outcome></response></entry></Bundle>"
    tree = fhir_xml.decode(R4, text.encode())
    one = {"resourceType": "Patient", "active": True}
    assert tree["entry"] == [{"resource": one}, {"response": {"status": "200", "outcome": one}}]
    text = f"<Parameters {NS}><parameter><name value='a'/><part><name value='b'/><resource>{inner}</resource></part>"
    tree = fhir_xml.decode(R4, f"{text}</parameter></Parameters>".encode())
    assert tree["parameter"] == [{"name": "a", "part": [{"name": "b", "resource": one}]}]


@pytest.mark.parametrize(
    "number", ["1.00", "0.0", "-0.0", "100", "0.1234567890123456789012345", "1e3", "1.50E-7", "-1E+2", "0", "9" * 400]
)
def test_ct_7_decimals_are_what_json_makes_of_them(number: str) -> None:
    assert exactly(quantity(number)) == exactly(exact.decode(b'{"v":%s}' % number.encode())["v"])


@pytest.mark.parametrize(
    ("xml", "element"),
    [
        ('<active value="maybe"/>', "Patient.active"),
        ('<active value="1"/>', "Patient.active"),
        ('<active value=" true"/>', "Patient.active"),
        ('<active value=""/>', "Patient.active"),
        ('<multipleBirthInteger value="1.5"/>', "Patient.multipleBirth"),
        ('<multipleBirthInteger value="007"/>', "Patient.multipleBirth"),
        ('<multipleBirthInteger value="+1"/>', "Patient.multipleBirth"),
        ('<multipleBirthInteger value="٣"/>', "Patient.multipleBirth"),
        ('<multipleBirthInteger value="2147483648"/>', "Patient.multipleBirth"),
        ('<extension url="http://x.org"><valueDecimal value="abc"/></extension>', "Patient.extension[0].value"),
        ('<extension url="http://x.org"><valueDecimal value="NaN"/></extension>', "Patient.extension[0].value"),
        ('<extension url="http://x.org"><valueDecimal value=".5"/></extension>', "Patient.extension[0].value"),
        ('<telecom><rank value="0"/></telecom>', "Patient.telecom[0].rank"),
        ('<birthDate value="2001-02-30"/>', "Patient.birthDate"),
        ('<deceasedBoolean value="true"/><deceasedDateTime value="2001"/>', "Patient.deceased"),
        (f'<text><status value="generated"/><div xmlns="{XHTML}"><script/></div></text>', "Patient.text.`div`"),
        (f'<text><status value="generated"/><div xmlns="{XHTML}" title=">"/></text>', "Patient.text.`div`"),
    ],
)
def test_values_that_are_not_of_their_type_are_left_to_validation(xml: str, element: str) -> None:
    with pytest.raises(Invalid) as caught:
        Validator(R4).check("Patient", {"resourceType": "Patient", **decode(xml)})
    assert caught.value.issues[0].expression[0] == element


def test_a_positive_integer_may_have_a_plus_as_its_official_pattern_says() -> None:
    assert decode('<telecom><rank value="+7"/></telecom>') == {"telecom": [{"rank": 7}]}


# -- the narrative ------------------------------------------------------------------------------------------------


def narrative(div: str, around: str = "") -> str:
    text = f"<Patient {NS} {around}><text><status value='generated'/>{div}</text></Patient>"
    div_text: str = fhir_xml.decode(R4, text.encode())["text"]["div"]
    return div_text


@pytest.mark.parametrize(
    "inside",
    [
        "x",
        " é&#160;&amp;\n<br/><br />\r\n<div><div>y</div ></div>",
        "<!-- > --><a title='>' href=\"b\">c</a>",
        "<![CDATA[<]]>",
    ],
)
def test_ct_9_a_narrative_is_kept_byte_for_byte(inside: str) -> None:
    div = f'<div   xmlns="{XHTML}">{inside}</div  >'
    assert narrative(div) == div


@pytest.mark.parametrize(
    ("div", "around", "kept"),
    [
        ("<h:div><h:b>x</h:b></h:div>", f'xmlns:h="{XHTML}"', f'<h:div xmlns:h="{XHTML}"><h:b>x</h:b></h:div>'),
        ("<h:div title='a'>x</h:div>", f'xmlns:h="{XHTML}"', f"<h:div xmlns:h=\"{XHTML}\" title='a'>x</h:div>"),
        (f'<div xmlns="{XHTML}">x: y</div>', 'xmlns:y="http://y.org"', f'<div xmlns="{XHTML}">x: y</div>'),
        (f'<h:div xmlns:h="{XHTML}">x</h:div>', f'xmlns:h="{XHTML}"', f'<h:div xmlns:h="{XHTML}">x</h:div>'),
    ],
)
def test_a_narrative_takes_the_namespaces_around_it_along(div: str, around: str, kept: str) -> None:
    found = narrative(div, around)
    assert found == kept
    tree = {"resourceType": "Patient", "text": {"status": "generated", "div": found}}
    assert Validator(R4).check("Patient", tree) == ()
    assert fhir_xml.decode(R4, fhir_xml.encode(R4, tree)) == tree


def test_a_narrative_takes_the_default_namespace_along() -> None:
    text = f"""<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="{XHTML}"><f:text><f:status value="empty"/>
        <div><b title="a:b">x</b></div></f:text></f:Patient>"""
    assert fhir_xml.decode(R4, text.encode())["text"]["div"] == f'<div xmlns="{XHTML}"><b title="a:b">x</b></div>'


# -- what is refused, and where -----------------------------------------------------------------------------------

REFUSED = [  # text, line, column, part of the reason
    (b"", 1, 1, "no element found"),
    (b"x", 1, 1, "syntax error"),
    (b"{}", 1, 1, "not well-formed"),
    (patient("<active"), 1, 45, "not well-formed"),
    (b"<Patient " + NS.encode() + b">\n<active value='true'>", 2, 22, "no element found"),
    (patient("</x>"), 1, 40, "mismatched tag"),
    (patient("") + b"<a/>", 1, 48, "junk"),
    (b"\xef\xbb\xbf" + patient(""), 1, 1, "byte order mark"),
    (patient("").decode().encode("utf-16"), 1, 4, "UTF-8"),
    (patient("").decode().encode("utf-16-le"), 1, 2, "UTF-8"),
    (patient("").decode().encode("utf-16-be"), 1, 1, "UTF-8"),
    (patient("").decode().encode("utf-32"), 1, 3, "UTF-8"),
    (patient('\n<gender value="é\xff"/>'.replace("\xff", "@")).replace(b"@", b"\xff"), 2, 17, "UTF-8"),
    (patient('<gender value="\x00"/>'), 1, 53, "NUL"),
    (patient('<gender value="&#0;"/>'), 1, 53, "invalid character number"),
    (patient('<gender value="&#xD800;"/>'), 1, 53, "invalid character number"),
    (patient('<gender value="&nbsp;"/>'), 1, 38, "undefined entity"),
    (patient('<gender value="a" value="b"/>'), 1, 56, "duplicate attribute"),
    (patient("<x:active value='true'/>"), 1, 38, "unbound prefix"),
    (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + patient(""), 1, 1, "declared as ISO-8859-1"),
    (b'<?xml version="1.0" encoding="UTF-16"?>' + patient(""), 1, 1, "declared as UTF-16"),
    (b'<?xml version="1.1"?>' + patient(""), 1, 1, "XML 1.1"),
    (b"<!DOCTYPE Patient>" + patient(""), 1, 18, "document type declaration"),
    (b"<Patient/>", 1, 1, "in no namespace, not in the namespace http://hl7.org/fhir"),
    (b'<Patient xmlns="http://hl7.org/fhir/"/>', 1, 1, "http://hl7.org/fhir/, not in the namespace http://hl7.org/fhir"),
    (f'<Pateint {NS}/>'.encode(), 1, 1, "is not a resource type of R4; did you mean Patient?"),
    (f'<HumanName {NS}/>'.encode(), 1, 1, "is not a resource type"),
    (f'<Resource {NS}/>'.encode(), 1, 1, "is not a resource type"),
    (f'<Patient {NS} id="a"/>'.encode(), 1, 1, "the attribute id may not stand here; the id of a resource is an element"),
    (patient("x"), 1, 38, "text stands between elements"),
    (patient("\n <name>\n  <family value='a'/> b</name>"), 3, 22, "text stands between elements"),
    (patient("<gender value='a'>b</gender>"), 1, 56, "text stands between elements"),
    (patient("<gender value='a'><![CDATA[ b ]]></gender>"), 1, 65, "text stands between elements"),
    (patient("\u00a0"), 1, 38, "text stands between elements"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "reason"), REFUSED, ids=lambda value: str(value)[:50])
def test_ct_9_refused(text: bytes, line: int, column: int, reason: str) -> None:
    refusal = refused(text)
    [issue] = refusal.issues
    assert issue.location == (f"line {line}, column {column}",)
    assert f"line {line}, column {column}: " in issue.diagnostics
    assert reason in issue.diagnostics
    assert (refusal.status, issue.code) == (400, "structure")


def refused(text: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        fhir_xml.decode(R4, text)
    assert len(str(caught.value)) < 400
    return caught.value


def test_schema_locations_are_passed_over_and_nothing_is_fetched() -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir http://x.org/a.xsd"'
    assert fhir_xml.decode(R4, f"<Patient {NS} {xsi}/>".encode()) == {"resourceType": "Patient"}
    assert "attribute" in str(refused(patient(f"<name {xsi}><given value='a'/></name>")))


fragments = st.sampled_from(
    ["<active value='true'/>", "<name>", "</name>", "<given value='a'/>", "<given>", "</given>", "<extension url='u'>",
     "</extension>", "<x/>", "x", " ", "<!--", "-->", "<![CDATA[", "]]>", "<text>", "</text>", f"<div xmlns='{XHTML}'>",
     "<div>", "</div>", "<contained>", "</contained>", "<Basic>", "</Basic>", "&amp;", "&x;", "<?a b?>", "<id value='a'/>"]
)  # fmt: skip


@given(st.lists(fragments, max_size=10).map("".join))
def test_what_is_decoded_is_encoded_to_the_same(inside: str) -> None:
    try:
        tree = fhir_xml.decode(R4, patient(inside))
    except Malformed:
        return
    assert fhir_xml.decode(R4, fhir_xml.encode(R4, tree)) == tree


def test_nothing_is_kept_once_a_text_is_read_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Seen(decoding._Reader):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(weakref.ref(self))

    monkeypatch.setattr(decoding, "_Reader", Seen)
    gc.disable()
    try:
        fhir_xml.decode(R4, patient("<active value='true'/>"))
        assert made[0]() is None
    finally:
        gc.enable()
