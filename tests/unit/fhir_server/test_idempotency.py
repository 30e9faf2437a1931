"""The key that Idempotency-Key names, and what makes two requests the same."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.exchange import Request
from fhir_server.idempotency import _fingerprint, key_of
from resources.outcome import BadRequest

TENANT: Any = SimpleNamespace()
POST = Request("POST", ("Patient",), TENANT, "http://a.example/fhir/default", "a=1", {"content-type": "x"}, b"{}")


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (' "a b, c" ', "a b, c"),
        (r'"a \"b\" \\"', r'a "b" \ '.strip()),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_key_is_a_string_of_structured_fields_or_bare(header: str, key: str) -> None:
    assert key_of(header) == key


@pytest.mark.parametrize(
    "header", ["", '""', "a, b", "a b", '"a', 'a"', r'"\a"', "x" * 256, '"' + "x" * 256 + '"', "schl\xfcssel", '"\x7f"', '"a" "b"']
)  # fmt: skip
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(BadRequest) as refused:
        key_of(header)
    assert refused.value.issues[0].code == "value"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_printable_key_comes_back_out_of_its_quotes(key: str) -> None:
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    assert key_of(f'"{quoted}"') == key


@pytest.mark.parametrize(
    "change",
    [
        {"path": ("Observation",)},
        {"query": "a=2"},
        {"body": b"{ }"},
        {"headers": {"content-type": "y"}},
        {"headers": {"content-type": "x", "if-none-exist": "identifier=1"}},
    ],
)
def test_what_makes_another_request(change: dict[str, Any]) -> None:
    assert _fingerprint(msgspec.structs.replace(POST, **change)) != _fingerprint(POST)


@pytest.mark.parametrize("header", ["accept", "prefer", "user-agent", "x-request-id"])
def test_what_does_not(header: str) -> None:
    again = msgspec.structs.replace(POST, headers={**POST.headers, header: "anything"})
    assert _fingerprint(again) == _fingerprint(POST)
