"""Media types: CT-1 to CT-5."""

import pytest

from fhir_server.media import check_content_type, check_form, negotiate
from resources.outcome import NotAcceptable, UnsupportedMediaType

FHIR = "application/fhir+json"


@pytest.mark.parametrize(
    "content_type",
    [
        FHIR,
        "application/json",
        "text/json",
        "application/json+fhir",
        "Application/FHIR+JSON; charset=UTF-8",
        "application/fhir+json;fhirVersion=4.0",
    ],
)
def test_ct_1_ct_4_names_of_json_are_read(content_type: str) -> None:
    check_content_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/fhir+xml",
        "application/xml",
        "application/json; charset=latin-1",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_ct_1_ct_5_anything_else_is_415(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(content_type)


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
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FHIR),
        ("application/fhir+xml;q=0.9, application/json;q=0.5", "application/json"),
        ("application/json;q=0.2, application/fhir+json;q=0.7", FHIR),
        ("application/fhir+json; fhirVersion=4.0", FHIR),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+json; fhirVersion=4.0; q=0.5", FHIR),
        ("application/fhir+json;q=0, */*", "application/json"),
        ("*/*, application/fhir+json;q=0", "application/json"),
        ("application/*;q=0, */*", "text/json"),
        ("application/*;q=0.5, text/*", "text/json"),
        ("application/json, application/fhir+json", "application/json"),
        ("application/fhir+json, */*;q=0.8", FHIR),
    ],
)
def test_ct_2_accept(accept: str, answered: str) -> None:
    assert negotiate(accept) == answered


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+xml",
        "image/png",
        "application/fhir+json;q=0",
        "application/json;q=0, text/json;q=0, */*;q=0",
        "application/fhir+xml, application/fhir+json;q=0, application/json;q=0, text/*;q=0, */*",
        "application/fhir+json; fhirVersion=3.0",
        "*/*;q=x",
    ],
)
def test_ct_2_ct_5_nothing_acceptable_is_406(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)


@pytest.mark.parametrize(
    "given", ["json", "application/json", "application/fhir+json", "application/fhir json", "JSON"]
)
def test_ct_3_format_overrides_accept(given: str) -> None:
    assert negotiate("image/png", given) in (FHIR, "application/json")


@pytest.mark.parametrize("given", ["xml", "ttl", "text/turtle", "application/fhir+xml", "html", "nonsense"])
def test_ct_3_an_unknown_format_is_406(given: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate("*/*", given)


def test_se_1_a_search_by_post_is_a_form() -> None:
    check_form("application/x-www-form-urlencoded")
    check_form("application/x-www-form-urlencoded; charset=utf-8")
    for other in ("", FHIR, "text/plain", "application/x-www-form-urlencoded; charset=latin-1"):
        with pytest.raises(UnsupportedMediaType):
            check_form(other)
