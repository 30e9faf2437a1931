"""Binary content in and out, without HTTP."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.binary import as_content, check_content_type, refuse_patch, sent, wants_content
from fhir_server.exchange import Request, Response
from resources import exact
from resources.definitions import load
from resources.outcome import BadRequest, FhirError, Malformed, MethodNotAllowed, UnsupportedMediaType
from resources.validation.validator import Validator

DEFINED = load()
VALIDATOR = Validator(DEFINED)
TENANT = cast(Any, SimpleNamespace(definitions=DEFINED))


def request(
    body: bytes, content_type: str = "application/pdf", path: tuple[str, ...] = ("Binary",), **more: str
) -> Request:
    headers = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in more.items()}}
    return Request("POST" if len(path) == 1 else "PUT", path, TENANT, "http://b", "", headers, body)


def encoded(tree: Any) -> bytes:
    return exact.encode(tree)


def test_ct_10_content_becomes_a_binary() -> None:
    made = sent(request(b"%PDF\x00\xff", x_security_context="Patient/23"))
    assert made == {
        "resourceType": "Binary",
        "contentType": "application/pdf",
        "securityContext": {"reference": "Patient/23"},
        "data": base64.b64encode(b"%PDF\x00\xff").decode(),
    }
    assert VALIDATOR.check("Binary", made) == ()
    assert sent(request(b"x", path=("Binary", "1")))["id"] == "1"


@pytest.mark.parametrize(
    ("content_type", "stored"),
    [
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("text/plain  ;\tcharset=utf-8 ;", "text/plain ; charset=utf-8"),
        ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ('multipart/mixed; boundary="a b"', 'multipart/mixed; boundary="a b"'),
        ("application/vnd.x+json", "application/vnd.x+json"),
        ("application/json; charset=latin-1", "application/json; charset=latin-1"),
    ],
)
def test_the_content_type_is_kept_with_its_parameters(content_type: str, stored: str) -> None:
    made = sent(request(b"a=1", content_type))
    assert made["contentType"] == stored
    assert VALIDATOR.check("Binary", made) == ()


BINARY = {"resourceType": "Binary", "contentType": "a/b", "data": "AAAA"}


@pytest.mark.parametrize("content_type", ["application/fhir+json", "application/json", "text/json; charset=utf-8"])
def test_a_binary_sent_as_fhir_stays_a_resource(content_type: str) -> None:
    assert sent(request(encoded(BINARY), content_type)) == BINARY
    entry = msgspec.structs.replace(request(b"", "application/pdf"), resource={"resourceType": "Patient"})
    assert sent(entry) == {"resourceType": "Patient"}  # in a Bundle, where it is judged as ever


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (encoded({"resourceType": "Patient"}), "application/fhir+json"),
        (encoded({"resourceType": "Patient", "id": "Binary"}), "application/json"),
        (b'{"Binary": [1, 2', "application/json"),
        (b'["Binary"]', "application/json"),
        (b"<Binary/>", "application/xml"),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3">Binary</ClinicalDocument>', "text/xml"),
    ],
)
def test_what_is_no_binary_is_content_whatever_its_type(body: bytes, content_type: str) -> None:
    made = sent(request(body, content_type))
    assert made["contentType"] == content_type
    assert base64.b64decode(made["data"]) == body


@pytest.mark.parametrize("body", [b"{", b'{"resourceType":"Binary",}'])
def test_fhir_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        sent(request(body, "application/fhir+json"))


@pytest.mark.parametrize("tree", [{"contentType": "a/b"}, {"resourceType": "Binray"}, {"resourceType": 7}])
def test_fhir_that_is_no_resource_is_left_to_the_checks_of_resources(tree: dict[str, Any]) -> None:
    assert sent(request(encoded(tree), "application/fhir+json")) == tree


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(b""), Malformed),
        (request(b"x", ""), UnsupportedMediaType),
        (request(b"x", "pdf"), UnsupportedMediaType),
        (request(b"x", "a/b\u00e4"), UnsupportedMediaType),
        *(
            (request(b"x", x_security_context=context), BadRequest)
            for context in (
                "Patient", "Patient/", "Nonsense/1", "patient/1", "Patient?name=x", "#a", "Patient/1, Patient/2", "Patient/1 x",
                "javascript:alert(1)", "http:///x", "http://h/" + "x" * 2000,
            )
        ),
    ],
)  # fmt: skip
def test_bad_content_is_refused(asked: Request, error: type[FhirError]) -> None:
    with pytest.raises(error):
        sent(asked)


@pytest.mark.parametrize(
    "context", ["Patient/1", "Patient/1/_history/2", "https://h.example/fhir/Patient/1", "urn:uuid:0-1", " Group/g "]
)
def test_references_are_taken_as_security_contexts(context: str) -> None:
    made = sent(request(b"x", x_security_context=context))
    assert made["securityContext"] == {"reference": context.strip()}
    assert VALIDATOR.check("Binary", made) == ()


@given(st.binary(min_size=1))
def test_what_goes_in_comes_out(content: bytes) -> None:
    made = sent(request(content, "image/x-any"))
    assert VALIDATOR.check("Binary", made) == ()
    answer = as_content(Response(200, encoded(made).decode(), 3))
    assert (answer.content, answer.content_type, answer.body, answer.version_id) == (content, "image/x-any", "", 3)


def answered(**elements: Any) -> Response:
    return as_content(Response(200, encoded({"resourceType": "Binary", **elements}).decode(), headers={"A": "b"}))


def test_content_is_answered_with_what_protects_it() -> None:
    html = answered(contentType="text/html; charset=utf-8", data="PGI+", securityContext={"reference": "Patient/1"})
    assert (html.content, html.content_type) == (b"<b>", "text/html; charset=utf-8")
    assert html.headers == {
        "A": "b",
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Security-Context": "Patient/1",
    }


@pytest.mark.parametrize(
    ("content_type", "answered_as", "downloaded"),
    [
        ("image/png", "image/png", False),
        ("application/pdf", "application/pdf", False),
        ("TEXT/PLAIN", "TEXT/PLAIN", False),
        ("text/html", "text/html", True),
        ("TEXT/HTML", "TEXT/HTML", True),
        ("image/svg+xml", "image/svg+xml", True),
        ("application/xhtml+xml", "application/xhtml+xml", True),
        ("text/xml", "text/xml", True),
        ("application/javascript", "application/javascript", True),
        ("text/cda+x;x=y", "text/cda+x;x=y", True),
        ("xml", "application/fhir+xml", True),
        ("json", "application/fhir+json", False),
        ("a/b\r\nSet-Cookie: x", "application/octet-stream", False),
        ("a/b;ä", "application/octet-stream", False),
        ('a/b;c="é"', "application/octet-stream", False),
        ('a/b;c="😀"', "application/octet-stream", False),
        ("a/b" + ";c=d" * 1000, "application/octet-stream", False),
    ],
)
def test_active_content_is_downloaded_and_headers_stay_whole(
    content_type: str, answered_as: str, downloaded: bool
) -> None:
    answer = answered(contentType=content_type, data="AAAA")
    assert answer.content_type == answered_as
    assert ("Content-Disposition" in answer.headers) == downloaded


def test_a_security_context_cannot_break_a_header() -> None:
    answer = answered(contentType="a/b", securityContext={"reference": "Patient/ä\r\nSet-Cookie: x"})
    assert answer.headers["X-Security-Context"] == "Patient/%C3%A4%0D%0ASet-Cookie:%20x"
    for context in ({"display": "x"}, {"reference": "http://h.example/" + "x" * 2000}):
        assert "X-Security-Context" not in answered(contentType="a/b", securityContext=context).headers


def test_lines_of_base64_and_no_data_are_read() -> None:
    assert answered(contentType="a/b", data="AAAA\r\n AAAA\n").content == bytes(6)
    assert answered(contentType="a/b").content == b""
    unchanged = Response(304, "", 3)
    assert as_content(unchanged) is unchanged


BOTH = ("Binary", "1")


@pytest.mark.parametrize(
    ("method", "path", "query", "accept", "wanted"),
    [
        ("GET", BOTH, "", "", True),
        ("GET", BOTH, "", "*/*", True),
        ("GET", BOTH, "", "application/pdf", True),
        ("GET", BOTH, "", "text/html,application/xml;q=0.9,*/*;q=0.8", True),
        ("GET", (*BOTH, "_history", "2"), "", "", True),
        ("GET", BOTH, "", "application/fhir+json", False),
        ("GET", BOTH, "", "application/fhir+xml;q=0.5, */*", False),
        ("GET", BOTH, "_format=json", "", False),
        ("GET", BOTH, "_format=xml", "application/pdf", False),
        ("GET", BOTH, "_elements=contentType", "", False),
        ("GET", BOTH, "_summary=true", "", False),
        ("GET", (*BOTH, "_history"), "", "", False),
        ("GET", (*BOTH, "$meta"), "", "", False),
        ("GET", ("Binary", "$meta"), "", "", False),
        ("GET", ("Binary",), "", "", False),
        ("GET", ("Binary", "_history"), "", "", False),
        ("GET", (*BOTH, "_history", "2", "$meta"), "", "", False),
        ("GET", ("Patient", "1"), "", "", False),
        ("PUT", BOTH, "", "", False),
        ("DELETE", BOTH, "", "", False),
    ],
)
def test_ct_10_content_is_wanted_where_nobody_names_fhir(
    method: str, path: tuple[str, ...], query: str, accept: str, wanted: bool
) -> None:
    assert wants_content(method, path, query, {"accept": accept} if accept else {}) == wanted


def test_ct_10_a_patch_is_not_defined() -> None:
    with pytest.raises(MethodNotAllowed) as error:
        refuse_patch("Binary")
    assert "PUT" in error.value.headers["Allow"]
    refuse_patch("Patient")


def test_a_content_type_is_needed() -> None:
    check_content_type("image/png")
    with pytest.raises(UnsupportedMediaType):
        check_content_type("")
