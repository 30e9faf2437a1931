"""Code systems that are a grammar: units, languages, MIME types, URIs, and lists of which only the form is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.filters import Filter
from terminology.grammars.grammar import GRAMMARS, Unanswerable

UCUM, BCP47, BCP13 = "http://unitsofmeasure.org", "urn:ietf:bcp:47", "urn:ietf:bcp:13"

# System → texts that are codes of it, texts that are none.
CASES = {
    UCUM: (
        [
            "mg/dL",
            "mm[Hg]",
            "%",
            "1",
            "{score}",
            "10*3/uL",
            "Cel",
            "[pH]",
            "dB[SPL]",
            "[degF]",
            "[iU]/mL",
            "/min",
            "Np",
        ],
        ["mg/dl/", "MG/DL", "foo", "", "mg per dL", "kg kg", "m" * 300, "mm[HG]", "°C"],
    ),
    BCP47: (
        [
            "en",
            "EN",
            "en-US",
            "de-CH-1996",
            "zh-Hant-TW",
            "es-419",
            "sl-rozaj-biske",
            "i-klingon",
            "x-own",
            "zh-yue-HK",
        ],
        ["english", "e", "", "en_US", "en-", "en-US-", "de-1996-1996", "en-a-bb-a-cc", "en US", "e" * 2000, "de-DE\n"],
    ),
    BCP13: (["text/plain", "application/fhir+json", "text/plain; charset=utf-8"], ["plain", "", "text/", "a b/c"]),
    "urn:ietf:rfc:3986": (["http://test/a", "urn:oid:1.2.3", "mailto:a@b"], ["", "a", "http://a b", "://x"]),
}


@pytest.mark.parametrize("system", CASES)
def test_what_is_a_code_and_what_is_none(system: str) -> None:
    right, wrong = CASES[system]
    verdict = GRAMMARS[system].verdict
    assert [code for code in right if verdict(code).verdict != "yes"] == []
    assert [code for code in wrong if verdict(code).verdict != "no"] == []


@pytest.mark.parametrize(
    ("system", "maybe", "wrong"),
    [
        ("urn:iso:std:iso:4217", "EUR", "euro"),
        ("urn:iso:std:iso:3166", "CH", "Switzerland"),
        ("urn:iso:std:iso:3166:-2", "CH-ZH", "CH"),
        ("http://unstats.un.org/unsd/methods/m49/m49.htm", "150", "Europe"),
    ],
)
def test_of_a_list_that_is_not_here_only_the_form_is_known(system: str, maybe: str, wrong: str) -> None:
    found = GRAMMARS[system].verdict(maybe)
    assert found.verdict == "unknown"
    assert "is not known here" in found.why
    assert GRAMMARS[system].verdict(wrong).verdict == "no"


@pytest.mark.parametrize(
    ("system", "wanted", "yes", "no"),
    [
        (BCP47, Filter("region", "exists", "true"), ["en-US", "es-419"], ["en", "zh-Hant"]),
        (BCP47, Filter("script", "exists", "false"), ["en"], ["zh-Hant"]),
        (BCP47, Filter("private-use", "exists", "true"), ["x-own", "en-x-a"], ["en"]),
        (BCP47, Filter("ext-lang", "exists", "true"), ["zh-yue"], ["zh"]),
        (BCP47, Filter("variant", "exists", "true"), ["de-1996"], ["de"]),
        (BCP47, Filter("extension", "exists", "true"), ["en-u-ca-gregory"], ["en"]),
        (BCP47, Filter("language", "=", "DE"), ["de", "de-CH"], ["en"]),
        (BCP47, Filter("language", "in", "de, fr"), ["de", "fr-FR"], ["en"]),
        (UCUM, Filter("canonical", "=", "s"), ["min", "h", "ms", "s"], ["m", "foo"]),
        (UCUM, Filter("canonical", "in", "g,K"), ["kg", "Cel"], ["m"]),
        (UCUM, Filter("property", "=", "mass"), ["kg", "[lb_av]"], ["m", "mg/dL", "foo"]),
        (UCUM, Filter("property", "in", "pressure, mass"), ["kg", "mm[Hg]", "N/m2"], ["m"]),
    ],
)
def test_filters(system: str, wanted: Filter, yes: list[str], no: list[str]) -> None:
    having = GRAMMARS[system].having(wanted)
    assert {code: having(code).verdict for code in (*yes, *no)} == {
        **dict.fromkeys(yes, "yes"),
        **dict.fromkeys(no, "no"),
    }


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        (BCP13, Filter("code", "=", "x")),
        (BCP47, Filter("colour", "exists", "true")),
        (BCP47, Filter("region", "exists", "maybe")),
        (UCUM, Filter("property", "=", "beauty")),
        (UCUM, Filter("property", "regex", "mass.*")),
        (UCUM, Filter("canonical", "=", "nothing such")),
    ],
)
def test_a_filter_that_is_not_understood(system: str, wanted: Filter) -> None:
    with pytest.raises(Unanswerable, match="filter"):
        GRAMMARS[system].having(wanted)


@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=50))
def test_any_text_has_a_verdict(system: str, code: str) -> None:
    found = GRAMMARS[system].verdict(code)
    assert found.verdict in ("yes", "no", "unknown")
    assert bool(found.why) == (found.verdict == "unknown")
