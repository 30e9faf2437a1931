"""What may not stand where it does, with its FHIRPath and what is meant (CT-9)."""

from __future__ import annotations

import pytest

from .test_decoding import NS, XHTML, patient, refused

MISPLACED = [  # what stands in a Patient, the element, part of the reason
    ("<nmae/>", "Patient.nmae", "<nmae> is not an element of Patient; did you mean name?"),
    ("<Active value='true'/>", "Patient.Active", "did you mean active?"),
    ("<resourceType value='Patient'/>", "Patient.resourceType", "is not an element"),
    ("<_active/>", "Patient._active", "is not an element"),
    ("<deceased value='true'/>", "Patient.deceased", "deceased[x] is written deceasedBoolean, deceasedDateTime"),
    ("<name/><name><x:y xmlns:x='u'/></name>", "Patient.name[0]", "neither a value nor children"),
    ("<name><given value='a'/></name><name><gvien/></name>", "Patient.name[1].gvien", "of HumanName; did you mean given?"),
    ("<name xmlns=''/>", "Patient.name", "<name> stands in no namespace, not in the namespace http://hl7.org/fhir"),
    ("<contact><name><id value='a'/></name></contact>", "Patient.contact[0].name.id", "id is an attribute"),
    ("<gender value='a'><family/></gender>", "Patient.gender.family", "of Element"),
    ("<gender value='a'/><active value='true'/>", "Patient.active", "<active> stands after <gender>, but comes before it"),
    ("<name><given value='a'/></name><gender value='b'/><name/>", "Patient.name[1]", "<name> stands after <gender>"),
    ("<name><given value='a'/><family value='a'/></name>", "Patient.name[0].family", "in the definition of HumanName"),
    ("<gender value='a'><extension url='b'/></gender><gender value='c'/>", "Patient.gender", "given twice in Patient"),
    ("<gender id='a'/><gender value='c'/>", "Patient.gender", "given twice"),
    ("<maritalStatus><text value='a'/></maritalStatus><maritalStatus/>", "Patient.maritalStatus", "given twice"),
    ("<active/>", "Patient.active", "neither a value nor children"),
    ("<name><given value='a'/><given/></name>", "Patient.name[0].given[1]", "neither a value nor children"),
    ("<name> <!-- a --> </name>", "Patient.name[0]", "neither a value nor children"),
    ("<contained/>", "Patient.contained[0]", "neither a value nor children"),
    ("<contained><Basic/><Basic/></contained>", "Patient.contained[0]", "second resource where one may stand"),
    ("<contained><Basic/></contained><contained><name/></contained>", "Patient.contained[1]", "not a resource type"),
    ("<contained id='a'><Basic/></contained>", "Patient.contained[0]", "that only holds a resource"),
    ("<contained><Basic><code><foo/></code></Basic></contained>", "Patient.contained[0].code.foo", "CodeableConcept"),
    ("<active valeu='true'/>", "Patient.active", "the attribute valeu may not stand here; there may be id and value"),
    ("<name value='a'/>", "Patient.name[0]", "the attribute value may not stand here; there may be id"),
    ("<name url='a'/>", "Patient.name[0]", "the attribute url"),
    ("<extension uri='a'/>", "Patient.extension[0]", "there may be id and url"),
    ("<name xml:lang='a'/>", "Patient.name[0]", "the attribute http://www.w3.org/XML/1998/namespace lang"),
    ("<text><status value='a'/><div>x</div></text>", "Patient.text.`div`", f"not in the namespace {XHTML}"),
    (f"<text><div xmlns='{XHTML}'/><div xmlns='{XHTML}'/></text>", "Patient.text.`div`", "given twice"),
    ("<multipleBirthInteger value='%s'/>" % ("1" * 401), "Patient.multipleBirth", "400 digits"),
    ("<extension url='u'><valueDecimal value='1e999'/></extension>", "Patient.extension[0].value", "400 digits"),
    ("<name>x</name>", "Patient.name[0]", "text stands between elements"),
    ("<name><given value='a'/><given value='b'>x</given></name>", "Patient.name[0].given[1]", "text stands between"),
    ("<b:\u00e9 xmlns:b='http://hl7.org/fhir'/>", "Patient.`\u00e9`", "is not an element"),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "element", "reason"), MISPLACED, ids=lambda value: str(value)[:60])
def test_ct_9_misplaced(inside: str, element: str, reason: str) -> None:
    [issue] = refused(patient(inside)).issues
    assert issue.expression == (element,)
    assert reason in issue.diagnostics
    assert issue.location


def test_what_stands_in_a_bundle_is_named_from_its_root() -> None:
    inner = "<resource><Patient><name><foo/></name></Patient></resource>"
    text = f"<Bundle {NS}><entry><fullUrl value='a'/></entry><entry>{inner}</entry></Bundle>"
    assert refused(text.encode()).issues[0].expression == ("Bundle.entry[1].resource.name[0].foo",)
    text = f"<Bundle {NS}><entry><resource><Basic/></resource><resource><Basic/></resource></entry></Bundle>"
    assert refused(text.encode()).issues[0].expression == ("Bundle.entry[0].resource",)
