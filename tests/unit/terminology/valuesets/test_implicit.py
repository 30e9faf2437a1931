"""Value sets that a URL alone defines."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import NotSupported
from terminology.scope import CODE_SYSTEM, VALUE_SET
from terminology.valuesets.implicit import Implicit, others, snomed, whole

SCT = "http://snomed.info/sct"
DATED = f"{SCT}/11000000106/version/20250101"  # an invented edition


def include(tree: Any) -> dict[str, Any]:
    assert tree is not None
    [one] = tree["compose"]["include"]
    found: dict[str, Any] = one
    return found


@pytest.mark.parametrize(
    ("url", "version", "condition"),
    [
        (f"{SCT}?fhir_vs", None, None),
        (f"{SCT}/11000000106?fhir_vs", f"{SCT}/11000000106", None),
        (f"{DATED}?fhir_vs", DATED, None),
        (f"{SCT}?fhir_vs=isa/138875005", None, ("concept", "is-a", "138875005")),
        (f"{DATED}?fhir_vs=isa/138875005", DATED, ("concept", "is-a", "138875005")),
        (f"{SCT}?fhir_vs=refset", None, ("refset", "exists", "true")),
        (f"{SCT}?fhir_vs=refset/900000000000497000", None, ("concept", "in", "900000000000497000")),
        (f"{SCT}?fhir_vs=ecl/%3C%3C%20138875005", None, ("constraint", "=", "<< 138875005")),
        (f"{SCT}?fhir_vs=ecl/<< 1 |a/b|", None, ("constraint", "=", "<< 1 |a/b|")),
        ("http://snomed.info/xsct?fhir_vs=isa/1", None, ("concept", "is-a", "1")),
    ],
)  # fmt: skip
def test_tx_22_those_of_snomed_ct(url: str, version: str | None, condition: tuple[str, str, str] | None) -> None:
    """https://hl7.org/fhir/R4/snomedct.html#implicit"""
    found = include(snomed(url))
    assert found["system"] == url.partition("?")[0].removesuffix("/11000000106").partition("/1100")[0]
    assert found.get("version") == version
    filters = [{"property": name, "op": op, "value": value} for name, op, value in ([condition] if condition else [])]
    assert found.get("filter", []) == filters


@pytest.mark.parametrize("what", ["isa/", "isa", "refset/", "ecl/", "", "nonsense/1", "ISA/1", "ecl%2F"])
def test_a_form_that_is_none_is_refused(what: str) -> None:
    if what == "refset/":  # no more than its kind
        assert include(snomed(f"{SCT}?fhir_vs={what}"))["filter"][0]["op"] == "exists"
        return
    with pytest.raises(NotSupported, match="implicit value sets of SNOMED CT"):
        snomed(f"{SCT}?fhir_vs={what}")


@pytest.mark.parametrize(
    "url",
    [SCT, f"{SCT}?x", f"{SCT}/abc?fhir_vs", f"{DATED}0?fhir_vs", "http://example.org/sct?fhir_vs", f"{SCT}?fhir_vsx"],
)
def test_other_urls_are_none(url: str) -> None:
    assert snomed(url) is None


@pytest.mark.parametrize(
    ("url", "system", "condition"),
    [
        ("http://loinc.org/vs", "http://loinc.org", None),
        ("http://loinc.org/vs/LL1-9", "http://loinc.org", ("LIST", "=", "LL1-9")),
        ("http://loinc.org/vs/LG2-8", "http://loinc.org", ("concept", "in", "LG2-8")),
        ("http://loinc.org/vs/LP3-7", "http://loinc.org", ("concept", "is-a", "LP3-7")),
        ("http://unitsofmeasure.org/vs", "http://unitsofmeasure.org", None),
        ("http://unitsofmeasure.org/vs/m%2Fs", "http://unitsofmeasure.org", ("canonical", "=", "m/s")),
        ("http://id.who.int/icd/release/11/mms?fhir_vs", "http://id.who.int/icd/release/11/mms", None),
    ],
)
def test_tx_23_those_of_loinc_ucum_and_icd_11(url: str, system: str, condition: tuple[str, str, str] | None) -> None:
    found = include(others(url))
    assert found["system"] == system
    assert [tuple(one.values()) for one in found.get("filter", [])] == ([condition] if condition else [])


@pytest.mark.parametrize(
    "url",
    [
        "http://loinc.org/vs/", "http://loinc.org/vs/LL1", "http://loinc.org/vs/1-8", "http://loinc.org/vsx",
        "http://unitsofmeasure.org/vs/", "http://loinc.org", "",
    ],
)  # fmt: skip
def test_what_is_none_of_them_is_none(url: str) -> None:
    assert others(url) is None


def test_as_a_source() -> None:
    source = Implicit(snomed, others)
    [found] = source.find(VALUE_SET, "http://loinc.org/vs")
    assert (found.resource_type, found.url, found.version) == (VALUE_SET, "http://loinc.org/vs", "")
    assert found.tree == whole("http://loinc.org/vs", "http://loinc.org")
    assert source.find(CODE_SYSTEM, "http://loinc.org/vs") == ()
    assert source.all(VALUE_SET) == ()


def test_an_endless_url_is_not_read() -> None:
    assert Implicit(snomed).find(VALUE_SET, f"{SCT}?fhir_vs=ecl/{'<' * 30_000}") == ()
