"""Systems without end: codes that were asked for have ordinals; what nobody can list is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from resources.outcome import BadRequest, NotSupported
from terminology.filters import Filter
from terminology.grammars import grammar
from terminology.grammars.grammatical import BCP_13, BCP_47, GRAMMARS, URI, Grammatical, tag_case

UCUM = "http://unitsofmeasure.org"


def found(url: str, code: str) -> tuple[Grammatical, int]:
    system = Grammatical(url)
    ordinal = system.find(code)
    assert ordinal is not None, code
    return system, ordinal


@given(st.lists(st.sampled_from(["mg", "kg", "mg/dL", "nonsense", "[pH]", "Cel", ""])))
def test_a_code_keeps_its_ordinal(codes: list[str]) -> None:
    system = Grammatical(UCUM)
    ordinals = {code: system.find(code) for code in codes}
    for code, ordinal in ordinals.items():
        assert (ordinal is None) == (code in ("nonsense", ""))
        if ordinal is not None:
            assert system.code(ordinal) == code
            assert system.find(code) == ordinal
    assert len(system) == len({code for code, ordinal in ordinals.items() if ordinal is not None})


@pytest.mark.parametrize("url", GRAMMARS)
def test_all_codes_that_the_grammar_denies_are_unknown(url: str) -> None:
    for code in ("", "no such code", "mg", "de", "a/b", "urn:x:y"):
        said = grammar.GRAMMARS[url].verdict(code).verdict == "yes"
        assert (Grammatical(url).find(code) is not None) == said
    assert Grammatical(url).infinite
    assert Grammatical(url).about.url == url
    assert Grammatical(url).about.content == "complete"


def test_a_unit() -> None:
    system, ordinal = found(UCUM, "mg/dL{fasting}")
    assert (system.about.name, system.about.version) == ("UCUM", "2.2")
    assert system.display(ordinal) == "mg/dL{fasting}"
    assert [one.value for one in system.designations(ordinal)] == ["(milligram) / (deciliter) * 1"]
    assert [(one.name, one.value) for one in system.properties(ordinal)] == [
        ("canonical", "g.m-3"),
        ("property", "mass concentration"),
    ]
    system, ordinal = found(UCUM, "[pH]")
    assert [(one.name, one.value) for one in system.properties(ordinal)] == [("property", "acidity")]


@pytest.mark.parametrize(
    ("tag", "display"),
    [
        ("de", "German"),
        ("de-CH", "German (Switzerland)"),
        ("aa", "Afar"),
        ("de-LI", "German (Region=LI)"),
        ("sr-Latn-RS", "Serbian (Script=Latn, Region=RS)"),
        ("qqq", "qqq"),
        ("x-own", "x-own"),
    ],
)
def test_languages_are_named_as_far_as_hl7_names_them(tag: str, display: str) -> None:
    system, ordinal = found(BCP_47, tag)
    assert system.display(ordinal) == display


def test_names_of_a_language_in_languages() -> None:
    system, ordinal = found(BCP_47, "de")
    assert {one.language: one.value for one in system.designations(ordinal)}["nl"] == "Duits"
    system, ordinal = found(BCP_47, "de-CH")
    assert [(one.name, one.value) for one in system.properties(ordinal)] == [("language", "de"), ("region", "ch")]


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("EN-us", "en-US"),
        ("zh-HANT-tw", "zh-Hant-TW"),
        ("de-ch-x-PHONEBK", "de-CH-x-phonebk"),
        ("en-a-BB", "en-a-bb"),
        ("sl-ROZAJ", "sl-rozaj"),
    ],
)
def test_language_tags_are_written_in_the_case_that_is_recommended(tag: str, written: str) -> None:
    assert tag_case(tag) == tag_case(written) == written
    system = Grammatical(BCP_47)
    assert system.find(tag) is None
    assert system.find(written) == 0
    assert system.normalized(tag) == written
    assert system.normalized("no tag") == ""


@pytest.mark.parametrize(
    ("url", "code", "wanted", "holds"),
    [
        (UCUM, "mg", Filter("canonical", "=", "kg"), True),
        (UCUM, "mL", Filter("canonical", "=", "g"), False),
        (UCUM, "mg", Filter("property", "=", "mass"), True),
        (UCUM, "mg", Filter("property", "in", "length, volume"), False),
        (BCP_47, "de-CH", Filter("region", "exists", "true"), True),
        (BCP_47, "de", Filter("language", "=", "fr"), False),
    ],
)
def test_tx61_filters(url: str, code: str, wanted: Filter, holds: bool) -> None:
    system, ordinal = found(url, code)
    assert system.meets(ordinal, wanted) == holds


@pytest.mark.parametrize(
    ("url", "code", "wanted"),
    [
        (UCUM, "mg", Filter("property", "=", "beauty")),
        (UCUM, "mg", Filter("colour", "=", "red")),
        (BCP_13, "text/plain", Filter("code", "regex", ".*")),
    ],
)
def test_tx23_a_filter_that_is_not_understood_is_an_error(url: str, code: str, wanted: Filter) -> None:
    system, ordinal = found(url, code)
    with pytest.raises(BadRequest, match="not supported"):
        system.meets(ordinal, wanted)


def test_what_is_wrong_with_a_unit_and_where() -> None:
    system = Grammatical(UCUM)
    assert system.fault("kgXX") == "Error processing unit 'kgXX': The unit 'kgXX' is unknown at character 1"
    assert system.fault("kg") == ""
    assert Grammatical(BCP_47).fault("no tag") == ""


def test_why_a_unit_does_not_meet_a_filter() -> None:
    system, ordinal = found(UCUM, "mL")
    assert system.unmet(ordinal, Filter("canonical", "=", "g")) == "Code mL has canonical form m3, not g as required"
    assert system.unmet(ordinal, Filter("property", "=", "mass")) == ""


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.all,
        lambda one: one.leaves,
        lambda one: one.roots,
        lambda one: one.with_property("canonical"),
        lambda one: one.having("canonical", "g"),
        lambda one: one.values("canonical"),
        lambda one: one.sources("canonical", BitMap()),
        lambda one: one.targets("canonical"),
        lambda one: one.search("gram"),
    ],
)
def test_tx24_what_would_need_all_codes_is_refused(ask: Callable[[Grammatical], Any]) -> None:
    with pytest.raises(NotSupported, match="nobody can list"):
        ask(Grammatical(URI))


def test_there_is_no_hierarchy_and_nothing_inactive() -> None:
    system, ordinal = found(URI, "urn:oid:1.2.3")
    assert not system.is_inactive(ordinal)
    assert not system.is_abstract(ordinal)
    assert system.subsumes(ordinal, ordinal)
    sets = (system.inactive, system.abstract, system.ancestors(ordinal), system.descendants(ordinal))
    assert not any((*sets, system.ancestors_of(BitMap([0])), system.descendants_of(BitMap([0])), system.sets()))
    said = (system.definition(ordinal), system.status(ordinal), system.parents(ordinal), system.children(ordinal))
    assert not any((*said, system.extension(ordinal), system.designations(ordinal), system.properties(ordinal)))
    assert system.members("any") is None
    assert list(system.member_rows("any")) == []
    assert list(system.property_names()) == []
    assert list(Grammatical(UCUM).property_names()) == ["canonical", "property"]
