"""Which designation becomes the display. TX-40."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from terminology.languages import Languages, stated_by
from terminology.system import Designation

GERMAN = Designation("Hund", "de")
SWISS = Designation("Hündli", "de-CH")
FRENCH = Designation("chien", "fr")


def stating(value: str) -> dict[str, Any]:
    parameter = {
        "url": "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter",
        "extension": [{"url": "name", "valueCode": "displayLanguage"}, {"url": "value", "valueCode": value}],
    }
    return {"compose": {"extension": [parameter]}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "dog"),
        ("de", "Hund"),
        ("de-CH", "Hündli"),
        ("de-AT", "Hund"),
        ("fr;q=0.5, de", "Hund"),
        ("fr, de", "chien"),
        ("es", "dog"),
        ("es, fr;q=0.2", "chien"),
        ("es, *", "dog"),
        ("es, *;q=0", None),
        ("en, *;q=0", "dog"),
    ],
)
def test_tx_40_the_language_that_is_wanted_most(text: str, shown: str | None) -> None:
    languages = Languages.parse(text) if text else Languages.of("", None)
    chosen = languages.choose("dog", "en", [GERMAN, SWISS, FRENCH])
    assert (chosen and chosen.value) == shown


def test_tx_40_a_region_more_than_was_asked_for_fits() -> None:
    chosen = Languages.parse("de").choose("dog", "en", [FRENCH, SWISS])
    assert chosen is SWISS


def test_tx_40_between_equals_the_display_is_shown() -> None:
    chosen = Languages.parse("en").choose("dog", "en", [Designation("hound", "en")])
    assert chosen is not None
    assert chosen.value == "dog"


def test_tx_40_the_dialect_that_was_asked_for() -> None:
    american = Designation("pediatrics", "en", preferred=("900000000000509007",))
    british = Designation("paediatrics", "en", preferred=("900000000000508004",), acceptable=("900000000000509007",))
    for text in ("en-GB", "en-GB, en;q=0.9", "en-x-sctlang-90000000-00005080-04"):
        assert Languages.parse(text).choose("pediatrics", "en", [american, british]) is british
    chosen = Languages.parse("en-US").choose("pediatrics", "en", [american, british])
    assert chosen is not None
    assert chosen.value == "pediatrics"


def test_what_is_no_display_is_not_chosen() -> None:
    definition = Designation("ein Tier", "de", ("http://snomed.info/sct", "900000000000550004", ""))
    withdrawn = Designation("Köter", "de", inactive=True)
    full = Designation("Hund (Organismus)", "de", ("http://snomed.info/sct", "900000000000003001", ""))
    chosen = Languages.parse("de").choose("dog", "en", [definition, withdrawn, full])
    assert chosen is full
    assert Languages.parse("de").choose("dog", "en", [full, GERMAN]) is GERMAN


def test_tx_40_the_first_place_that_names_a_language_counts() -> None:
    stated = {**stating("it"), "language": "zh"}
    assert Languages.of("en", stated, "es").ranges == ("en",)
    assert Languages.of("", stated, "es").ranges == ("it",)
    assert Languages.of("", {"language": "zh"}, "es").ranges == ("es",)
    assert Languages.of("", {"language": "zh"}, "*").ranges == ("zh",)
    assert not Languages.of("", {}, "")


def test_a_fallback_is_an_expansion_s_and_none_is_a_validation_s() -> None:
    assert Languages.parse("de").fits("en") > 0
    assert Languages.parse("de", 0).fits("en") == 0
    assert Languages.parse("de,*;q=0.3", 0).fits("en") == pytest.approx(0.3, abs=0.001)


def test_what_a_value_set_states_of_itself() -> None:
    assert stated_by(stating("de"), "displayLanguage") == "de"
    assert stated_by(stating("de"), "activeOnly") == ""


@pytest.mark.parametrize("text", ["-", "de;q=2", "de;q=x", "de,,fr", "d€", "de;w=1", "abcdefghij"])
def test_what_is_no_language_is_an_error_in_a_parameter_and_nothing_in_a_header(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Languages.parse(text)
    [issue] = refused.value.issues
    assert issue.diagnostics == f"Invalid displayLanguage: '{text}'"
    assert Languages.parse(f"{text}, fr", lenient=True).ranges[-1] == "fr"


@pytest.mark.parametrize(
    ("text", "shown"), [("de,*; q=0", "de, *; q=0"), ("en,it,*", "en,it,*"), ("en, en-AU; q=0.4", "en, en-AU; q=0.4")]
)
def test_how_languages_are_echoed(text: str, shown: str) -> None:
    assert Languages.parse(text).text == shown


TAGS = st.sampled_from(["de", "de-CH", "en", "en-GB", "fr", ""])


@given(st.lists(st.tuples(TAGS.filter(bool), st.integers(0, 10)), min_size=1, max_size=4), st.lists(TAGS, max_size=5))
def test_nothing_that_fits_better_is_passed_over(ranges: list[tuple[str, int]], tags: list[str]) -> None:
    languages = Languages.parse(",".join(f"{tag};q={weight / 10}" for tag, weight in ranges))
    terms = [Designation(f"term {place}", tag) for place, tag in enumerate(tags)]
    chosen = languages.choose("display", "en", terms)
    best = max(languages.fits(one) for one in ["en", *tags])
    assert (chosen is None) == (best == 0)
    if chosen is not None:
        assert languages.fits(chosen.language) == best


@given(st.text(max_size=30))
def test_no_header_is_refused(text: str) -> None:
    languages = Languages.parse(text, lenient=True)
    assert 0 <= languages.fits("en") <= 1
