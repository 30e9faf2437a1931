"""Hostile XML: entities, depth and size. Nothing is fetched or expanded, and all is linear (CT-9)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact, fhir_xml
from resources.outcome import Malformed

from .test_decoding import NS, XHTML, patient, refused
from .trees import R4


def declared(inside: str, gender: str = "") -> bytes:
    """A document with a type declaration, and something in it that would use it."""
    return f"<!DOCTYPE x {inside}>".encode() + patient(f'<gender value="{gender}"/>')


ENTITIES = ['<!ENTITY l0 "ha">', *(f'<!ENTITY l{i} "{"".join([f"&l{i - 1};"] * 10)}">' for i in range(1, 10))]
ATTACKS = {
    "billion laughs": declared(f"[{''.join(ENTITIES)}]", "&l9;"),
    "quadratic blow-up": declared('[<!ENTITY a "%s">]' % ("a" * 50_000), "&a;" * 50_000),
    "a file": declared('[<!ENTITY a SYSTEM "file:///etc/passwd">]', "&a;"),
    "a file in text": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + patient("&a;"),
    "a host": declared('SYSTEM "http://192.0.2.1/x.dtd"'),
    "a parameter entity": declared('[<!ENTITY % a SYSTEM "http://192.0.2.1/x"> %a;]'),
    "default attributes": declared('[<!ATTLIST gender id CDATA "a">]', "male"),
    "harmless": declared("", "male"),
    "in the narrative": patient(f'<text><status value="a"/><div xmlns="{XHTML}">&a;</div></text>'),
    "without a declaration": patient('<gender value="&xxe;"/>'),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_ct_9_attacks_are_refused_at_once(attack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was fetched")

    with monkeypatch.context() as forbidden:
        forbidden.setattr("socket.create_connection", opened)
        forbidden.setattr("builtins.open", opened)
        begin = time.process_time()
        refusal = refused(ATTACKS[attack])
    assert time.process_time() - begin < 0.5
    assert refusal.status == 400
    assert ("document type declaration" in str(refusal)) is (b"DOCTYPE" in ATTACKS[attack])


def nested(levels: int, many: bool) -> tuple[bytes, bytes]:
    """The same resource in XML and JSON, with so many extensions in each other."""
    xml = "<valueString value='x'/>"
    tree: dict[str, Any] = {"url": "u", "valueString": "x"}
    for _ in range(levels - 1):
        xml, tree = f"<extension url='u'>{xml}</extension>", {"url": "u", "extension": [tree]}
    if many:
        return patient(f"<extension url='u'>{xml}</extension>"), exact.encode(
            {"resourceType": "Patient", "extension": [tree]}
        )
    whole = {"resourceType": "Patient", "birthDate": "2000", "_birthDate": {"extension": [tree]}}
    return patient(f"<birthDate value='2000'><extension url='u'>{xml}</extension></birthDate>"), exact.encode(whole)


@pytest.mark.parametrize("many", [True, False])
def test_the_same_depth_is_refused_as_in_json(many: bool) -> None:
    deepest = 0
    for levels in range(28, 35):
        xml, json = nested(levels, many)
        try:
            tree = exact.decode(json)
        except Malformed:
            assert "64 levels" in str(refused(xml))
        else:
            assert fhir_xml.decode(R4, xml) == tree
            deepest = levels
    assert 28 < deepest < 34


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<contained><Basic/></contained>",
        "<name><given value='a'/></name>",
        "<name><given id='a'/></name>",
        "<gender id='a'/>",
        "<gender><extension url='u'/></gender>",
    ],
)
def test_depth_counts_lists_and_resources_as_json_does(inside: str) -> None:
    xml, within, seen = patient(inside), depth_of(fhir_xml.decode(R4, patient(inside))), set()
    for bundles in range(17, 23):
        text = f"<Bundle {NS}>" + "<entry><resource><Bundle>" * (bundles - 1) + "<entry><resource>" + inside_of(xml)
        text += "</resource></entry></Bundle>" * bundles
        whole = 3 * bundles + within
        if whole > exact.LEVELS:
            assert "64 levels" in str(refused(text.encode()))
        else:
            assert depth_of(fhir_xml.decode(R4, text.encode())) == whole
        seen.add(whole > exact.LEVELS)
    assert seen == {True, False}


def inside_of(xml: bytes) -> str:
    return xml.decode().replace(f" {NS}", "")


def depth_of(tree: Any) -> int:
    inside = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if inside is None else 1 + max(map(depth_of, inside), default=0)


DIV = f'<text><status value="empty"/><div xmlns="{XHTML}"/></text>'
ENTRY = f"<entry><resource><Patient>{DIV}</Patient></resource></entry>"


def prefixes(count: int) -> str:
    return " ".join([f"xmlns:a{i}='u'" for i in range(count)])


HOSTILE = {
    "deep": b"<a>" * 1_000_000,
    "deep in a narrative": patient(f'<text><div xmlns="{XHTML}">{"<b>" * 500_000}'),
    "one long name": f"<Patient {NS}><{'a' * 3_000_000}/>".encode(),
    "one long number": patient(f'<multipleBirthInteger value="{"9" * 3_000_000}"/>'),
    "one long decimal": patient(f'<extension url="u"><valueDecimal value="0.{"9" * 3_000_000}"/></extension>'),
    "one long exponent": patient(f'<extension url="u"><valueDecimal value="1e{"9" * 3_000_000}"/></extension>'),
    "many attributes": f"<Patient {NS} {prefixes(100_000).replace('xmlns:', '')}/>".encode(),
    "many prefixes": f"<Patient {NS} {prefixes(100_000)}>{DIV}".encode(),
    "many narratives": f"<Bundle {NS} xmlns:a='u'>{ENTRY * 9_000}".encode(),
    "many prefixes in many narratives": f"<Bundle {NS} {prefixes(30_000)}>{ENTRY * 9_000}".encode(),
    "much text": patient("x " * 1_000_000),
    "many texts": patient("<name><given value='a'/>x</name>" * 50_000),
    "many kinds of white space": patient("".join(["\n" * i + "<name><given value='a'/></name>" for i in range(2000)]) + "<x/>"),
    "many comments": patient("<!-- -->" * 300_000 + "<x/>"),
    "a long attribute of a narrative": patient(f'<text><div xmlns="{XHTML}" title="{">" * 1_000_000}"/><x/>'),
    "repeated out of order": patient("<name><given value='a'/></name>" * 30_000 + "<id value='a'/>"),
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_costs_no_more_than_its_length(hostile: str) -> None:
    begin = time.process_time()
    refused(HOSTILE[hostile])
    assert time.process_time() - begin < 3  # a few tenths; anything quadratic would take minutes


def test_namespaces_are_not_repeated_in_every_narrative() -> None:
    """A long one would make gigabytes of a few narratives, and many of them would be copied again and again."""
    used = DIV.replace("/></text>", f">{' '.join([f'a{i}:' for i in range(60_000)])}</div></text>")
    long = f"xmlns:a='{'u' * 100_000}'"
    begin = time.process_time()
    for text in (
        f"<Patient {NS} {prefixes(60_000)}>{used}</Patient>",
        f"<Bundle {NS} {long}>{ENTRY.replace('/></text>', '>a:</div></text>') * 200}</Bundle>",
    ):
        assert len(exact.encode(fhir_xml.decode(R4, text.encode()))) < len(text)
    assert time.process_time() - begin < 3


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_decoded(text: bytes) -> None:
    refused(text)
    assert refused(patient("<x/>") + text).issues[0].location
    assert refused(patient("@<x/>").replace(b"@", text)).issues[0].location
