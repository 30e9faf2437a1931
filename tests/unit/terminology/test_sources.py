"""Where definitions come from: what is sent along, HL7's and R4's own, grammars; what is kept of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from resources import exact
from resources.definitions import load
from resources.outcome import NotSupported
from terminology import sources
from terminology.scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET
from terminology.sources import Built, Grammars, Official, Sent, all_of, best_first, scope

URL = "http://example.org/colours"
GENDER = "http://hl7.org/fhir/administrative-gender"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
UCUM = "http://unitsofmeasure.org"


def system(version: str = "1", status: str = "active", **more: Any) -> dict[str, Any]:
    stated = {"url": URL, "version": version, "status": status, "content": "complete", "concept": [{"code": "red"}]}
    return {"resourceType": "CodeSystem", **stated, **more}


@pytest.fixture(scope="module")
def official() -> Official:
    return Official(load())


# What was made


def test_what_was_made_is_kept() -> None:
    built = Built()
    assert built.get("a", lambda: ("first", 10)) == "first"
    assert built.get("a", lambda: ("second", 10)) == "first"
    assert built.peek("a") == "first"
    assert built.peek("b") is None


def test_the_least_recently_used_goes_first() -> None:
    built = Built(heaviest=30)
    for key in "abc":
        built.get(key, lambda: ("made", 10))
    built.get("a", lambda: ("anew", 10))
    built.get("d", lambda: ("made", 10))
    assert [built.peek(key) is not None for key in "abcd"] == [True, False, True, True]


def test_what_is_too_heavy_is_not_kept_and_drops_nothing() -> None:
    built = Built(heaviest=30)
    built.get("a", lambda: ("made", 10))
    assert built.get("b", lambda: ("heavy", 16)) == "heavy"
    assert built.peek("b") is None
    assert built.peek("a") == "made"


def test_what_takes_long_is_told_until_it_is_there() -> None:
    built = Built()
    assert built.steps("a", lambda: 1_000) == 500
    assert built.steps("a", lambda: 10**9) == 200_000, "what was accepted can be opened"
    built.get("a", lambda: ("made", 10))
    assert built.steps("a", lambda: 1_000) == 0


def test_several_threads_may_use_it() -> None:
    """What a request asks beside the event loop meets what others ask on it."""
    built = Built(heaviest=40)

    def use(number: int) -> None:
        for at in range(3_000):
            key = (at * number) % 11
            assert built.get(key, partial(lambda one: (one, 10), key)) == key

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(1, 9)))
    weight = sum(weight for _, weight in built._all.values())
    assert weight == built._weight <= 40


# What is sent along


def test_of_what_is_sent_an_active_and_late_version_is_best() -> None:
    sent = Sent([system("1.9"), system("1.10"), system("2", "draft")], Built())
    assert [one.version for one in sent.find(CODE_SYSTEM, URL)] == ["1.10", "1.9", "2"]
    assert [one.version for one in sent.all(CODE_SYSTEM)] == ["1.10", "1.9", "2"]
    assert sent.find(VALUE_SET, URL) == []


def test_what_is_sent_again_is_not_indexed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Mock(wraps=sources.opened)
    monkeypatch.setattr(sources, "opened", made)
    built = Built()
    first, again, other = (Sent([tree], built).find(CODE_SYSTEM, URL)[0] for tree in (system(), system(), system("2")))
    assert first.steps() > 0
    assert first.open() is again.open() is first.open()
    assert again.steps() == 0
    assert other.open() is not first.open()
    assert made.call_count == 2


def test_a_large_one_is_read_once_for_its_request_though_it_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Mock(wraps=exact.encode)
    monkeypatch.setattr(exact, "encode", encode)
    [one] = Sent([system()], Built(heaviest=1)).find(CODE_SYSTEM, URL)
    assert one.steps()
    assert one.open() is one.open()
    assert encode.call_count == 1


def test_the_value_set_that_a_sent_code_system_names() -> None:
    sent = Sent([system(valueSet="http://example.org/all|1")], Built())
    [one] = sent.find(VALUE_SET, "http://example.org/all")
    assert one.tree is not None
    assert one.tree["compose"]["include"] == [{"system": URL, "version": "1"}]
    assert one.tree["version"] == one.version == "1"
    stated = {"resourceType": "ValueSet", "url": "http://example.org/all", "status": "active"}
    assert (
        Sent([system(valueSet="http://example.org/all"), stated], Built()).find(VALUE_SET, stated["url"])[0].tree
        == stated
    )


def test_a_value_set_of_all_codes_has_no_empty_version() -> None:
    """It is shown as a resource, in which there is no empty string."""
    tree = all_of("http://example.org/all", URL, "").tree
    assert tree is not None
    assert "version" not in tree
    assert tree["compose"]["include"] == [{"system": URL}]


def test_an_active_version_comes_before_a_later_draft() -> None:
    found = best_first(Sent([system("3", "draft"), system("2")], Built()).all(CODE_SYSTEM))
    assert [one.version for one in found] == ["2", "3"]


# What comes with the server


def test_tx_125_hl7s_version_comes_before_r4s(official: Official) -> None:
    found = official.find(CODE_SYSTEM, CONFIDENTIALITY)
    assert len(found) == 2
    assert found[0].version != found[1].version
    assert found[0].open().find("N") is not None
    assert official.find(CODE_SYSTEM, GENDER)[0].open().display(0) == "Male"


def test_what_is_not_there_is_not_kept(official: Official) -> None:
    """A client may ask for as many URLs as it likes."""
    before = dict(official._built._all)
    assert official.find(CODE_SYSTEM, f"http://example.org/{'x' * 1000}") == []
    assert official.find(CONCEPT_MAP, "http://example.org/none") == []
    assert official._built._all == before


def test_value_sets_that_only_a_code_system_names(official: Official) -> None:
    [found] = official.find(VALUE_SET, "http://terminology.hl7.org/ValueSet/surface")
    assert found.tree is not None
    assert found.tree["compose"]["include"][0]["system"] == "http://terminology.hl7.org/CodeSystem/FDI-surface"


def test_all_code_systems_are_named_without_being_read(official: Official) -> None:
    fresh = Official(load())
    named = [(one.url, one.version) for one in fresh.all(CODE_SYSTEM)]
    assert len(named) == len(set(named)) > 1_000
    assert not any(str(key).startswith("('hl7'") for key in fresh._built._all)
    with pytest.raises(NotSupported):
        fresh.all(VALUE_SET)
    assert {one.resource_type for one in fresh.all(CONCEPT_MAP)} == {CONCEPT_MAP}


def test_every_index_of_the_official_ones_can_be_made(official: Official) -> None:
    for number, one in enumerate(official.all(CODE_SYSTEM)):
        if number % 60 == 0:
            for found in official.find(CODE_SYSTEM, one.url):
                assert found.open().about.url == one.url


def test_grammars_number_codes_for_one_request() -> None:
    one, other = Grammars(), Grammars()
    assert one.find(CODE_SYSTEM, UCUM)[0].open() is one.find(CODE_SYSTEM, UCUM)[0].open()
    assert one.find(CODE_SYSTEM, UCUM)[0].open() is not other.find(CODE_SYSTEM, UCUM)[0].open()
    assert one.find(VALUE_SET, UCUM) == ()
    assert UCUM in {found.url for found in one.all(CODE_SYSTEM)}
    assert one.find(CODE_SYSTEM, URL) == ()


# All together


def test_what_is_sent_comes_before_everything(official: Official) -> None:
    mine = system(url=GENDER)
    asked = scope((), official, Sent([mine], Built()))
    found = asked.code_system(GENDER)
    assert found is not None
    assert found.find("red") is not None
    assert scope((), official).code_system(GENDER) is not found


def test_implicit_value_sets_come_after_a_resource_with_their_url_but_those_of_snomed_ct(official: Official) -> None:
    urls = "http://loinc.org/vs/LL1-9", "http://snomed.info/sct?fhir_vs=isa/1"
    stored = [{"resourceType": "ValueSet", "url": url, "status": "draft"} for url in urls]
    tenant = Sent(stored, Built())  # as a source of the tenant
    asked = scope((tenant,), official)
    assert [(asked.value_set(url) or {})["status"] for url in urls] == ["draft", "active"]
    assert [(scope((), official).value_set(url) or {})["status"] for url in urls] == ["active", "active"]
