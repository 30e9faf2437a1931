"""Media types: CT-1 to CT-6, PA-1."""

import pytest

from fhir_server.media import (
    FORMATS,
    PATCH_FORMATS,
    check_content_type,
    check_form,
    check_patch,
    is_xml,
    names_fhir,
    negotiate,
)
from resources.outcome import NotAcceptable, UnsupportedMediaType

FHIR = "application/fhir+json"
XML = "application/fhir+xml"


@pytest.mark.parametrize(
    "content_type",
    [
        FHIR,
        "application/json",
        "text/json",
        "application/json+fhir",
        "Application/FHIR+JSON; charset=UTF-8",
        "application/fhir+json;fhirVersion=4.0",
        XML,
        "application/xml",
        "text/xml",
        "application/xml+fhir",
        'Text/XML;charset="utf-8"',
        "application/fhir+xml; fhirVersion=4.0.1",
    ],
)
def test_ct_1_ct_4_names_of_json_and_xml_are_read(content_type: str) -> None:
    check_content_type(content_type)
    check_patch(content_type)
    assert is_xml(content_type) is ("xml" in content_type.lower())


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/html",
        "application/xhtml+xml",
        "application/x-www-form-urlencoded",
        "application/fhir+turtle",
        "text/turtle",
        "application/json-patch+json",
        "application/json; charset=latin-1",
        "text/xml; charset=utf-16",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+xml; fhirVersion=3.0",
    ],
)
def test_ct_1_ct_5_anything_else_is_415(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(content_type)


@pytest.mark.parametrize("content_type", [*PATCH_FORMATS, "application/json-patch+json; charset=utf-8"])
def test_pa_1_kinds_of_patch_are_read(content_type: str) -> None:
    check_patch(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/xml-patch+xml",
        "text/plain",
        "application/json-patch+json; charset=latin-1",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_pa_1_other_patches_are_415(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_patch(content_type)


def test_pa_1_a_refused_patch_is_told_which_there_are() -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        check_patch("application/xml-patch+xml")
    assert caught.value.headers["Accept-Patch"].split(", ") == list(PATCH_FORMATS)


@pytest.mark.parametrize("media_type", ["application/json", FHIR, "application/xhtml+xml", "image/svg+xml", "", "xml"])
def test_other_types_are_no_fhir_xml(media_type: str) -> None:
    assert not is_xml(media_type)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", FHIR),
        ("*/*", FHIR),
        ("application/*", FHIR),
        (FHIR, FHIR),
        ("application/json+fhir", FHIR),
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        (XML, XML),
        ("application/xml+fhir", XML),
        ("application/xml", "application/xml"),
        ("text/xml", "text/xml"),
        # A browser likes application/xml better than whatever there is.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/xml"),
        ("text/html,*/*;q=0.8", FHIR),
        ("application/fhir+xml;q=0.9, application/json;q=0.5", XML),
        ("application/fhir+xml;q=0.5, application/json;q=0.9", "application/json"),
        ("application/fhir+xml, application/fhir+json", XML),
        ("application/fhir+json, application/fhir+xml", FHIR),
        ("text/turtle, application/fhir+xml;q=0.1", XML),
        ("application/json;q=0.2, application/fhir+json;q=0.7", FHIR),
        ("application/fhir+json; fhirVersion=4.0", FHIR),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+xml; fhirVersion=4.0; q=0.5", XML),
        ("application/fhir+json;q=0, */*", "application/json"),
        ("*/*, application/fhir+json;q=0", "application/json"),
        ("application/*;q=0, */*", "text/json"),
        ("application/*;q=0.5, text/*", "text/json"),
        ("application/json, application/fhir+json", "application/json"),
        ("application/fhir+json, */*;q=0.8", FHIR),
        ("application/fhir+xml, */*;q=0.8", XML),
        ("application/fhir+json;q=0, application/json;q=0, text/json;q=0, */*", XML),
    ],
)
def test_ct_2_accept(accept: str, answered: str) -> None:
    assert negotiate(accept) == answered


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "application/fhir+turtle",
        "text/html",
        "image/png",
        "application/fhir+json;q=0",
        "application/json;q=0, text/json;q=0, */*;q=0",
        "application/fhir+json;q=0, application/json;q=0, text/*;q=0, application/fhir+xml;q=0, application/xml;q=0, */*",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+xml; fhirVersion=5.0",
        "*/*;q=x",
        "*/*;q=nan",
        "*/*;q=-1",
    ],
)
def test_ct_2_ct_5_nothing_acceptable_is_406(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("json", FHIR),
        ("JSON", FHIR),
        ("application/fhir+json", FHIR),
        ("application/fhir json", FHIR),
        ("application/json", "application/json"),
        ("text/json", "text/json"),
        ("xml", XML),
        ("application/fhir+xml", XML),
        ("application/fhir xml; fhirVersion=4.0", XML),
        ("application/xml", "application/xml"),
        ("text/xml", "text/xml"),
    ],
)
def test_ct_3_format_overrides_accept(given: str, answered: str) -> None:
    assert negotiate("image/png", given) == answered


@pytest.mark.parametrize(
    "given",
    [
        "ttl",
        "text/turtle",
        "application/fhir+turtle",
        "html",
        "nonsense",
        "*/*",
        "application/fhir+xml;fhirVersion=5.0",
    ],
)
def test_ct_3_ct_5_an_unknown_format_is_406(given: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate("*/*", given)


def test_ct_5_two_versions_of_fhir_in_one_interaction_are_an_error() -> None:
    """Of two at least one is not 4.0, and that one is refused wherever it stands."""
    for one, other in (("4.0", "3.0"), ("5.0", "4.0"), ("4.3", "4.3")):
        with pytest.raises((NotAcceptable, UnsupportedMediaType)):  # noqa: PT012
            check_content_type(f"{FHIR}; fhirVersion={one}")
            negotiate(f"{XML}; fhirVersion={other}")


def test_every_stated_format_can_be_asked_for() -> None:
    assert [negotiate("", name) for name in FORMATS] == [FHIR, XML, FHIR, XML]


@pytest.mark.parametrize(
    ("accept", "format_", "named"),
    [
        ("", "", False),
        ("*/*", "", False),
        ("application/pdf, */*", "", False),
        ("application/json", "", False),  # also the type of what a Binary may hold
        ("text/xml, application/xml", "", False),
        (FHIR, "", True),
        ("application/pdf, application/fhir+xml;q=0.1", "", True),
        ("application/json+fhir", "", True),
        ("application/fhir+json;q=0, */*", "", False),
        ("*/*", "json", True),
        ("application/pdf", "application/fhir xml", True),
        ("*/*", "application/xml", True),
        (FHIR, "application/pdf", False),
    ],
)
def test_ct_10_whether_fhir_is_named(accept: str, format_: str, named: bool) -> None:
    assert names_fhir(accept, format_) is named


def test_se_1_a_search_by_post_is_a_form() -> None:
    check_form("application/x-www-form-urlencoded")
    check_form("application/x-www-form-urlencoded; charset=utf-8")
    for other in ("", FHIR, "text/plain", "application/x-www-form-urlencoded; charset=latin-1"):
        with pytest.raises(UnsupportedMediaType):
            check_form(other)
