"""What may stand around an interaction: Idempotency-Key, and Prefer: respond-async."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fhir_server import asynchronous, idempotency
from fhir_server.dispatch import Dispatcher
from fhir_server.exchange import Request, Response
from resources.definitions import load

TENANT: Any = SimpleNamespace(definitions=load())
ASYNC = {"prefer": "respond-async"}
KEY = {"idempotency-key": "k"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was called, in order."""
    calls: list[str] = []

    async def begin(session: Any, request: Request) -> Response:
        calls.append("begin")
        return Response(202)

    async def once(session: Any, request: Request, act: Any) -> Response:
        calls.append("once")
        answer: Response = await act(session)
        return answer

    monkeypatch.setattr(asynchronous, "begin", begin)
    monkeypatch.setattr(idempotency, "once", once)
    return calls


def dispatcher(calls: list[str]) -> Dispatcher:
    async def act(session: Any, request: Request) -> Response:
        calls.append("act")
        return Response(200)

    return Dispatcher(dict.fromkeys(("create", "read", "capabilities", "async-status", "batch"), act))


@pytest.mark.parametrize(
    ("method", "path", "interaction", "headers", "calls"),
    [
        ("POST", ("Patient",), "create", {}, ["act"]),
        ("POST", ("Patient",), "create", KEY, ["once", "act"]),
        ("POST", (), "batch", KEY, ["once", "act"]),
        ("GET", ("Patient", "1"), "read", KEY, ["once", "act"]),
        ("GET", ("Patient", "1"), "read", ASYNC, ["begin"]),
        ("POST", ("Patient",), "create", {**ASYNC, **KEY}, ["once", "begin"]),
        ("GET", ("metadata",), "capabilities", ASYNC, ["act"]),
        ("GET", ("_async", "1"), "async-status", ASYNC, ["act"]),
    ],
)
async def test_as_1_what_is_done_of_a_request(
    done: list[str], method: str, path: tuple[str, ...], interaction: str, headers: dict[str, str], calls: list[str]
) -> None:
    request = Request(method, path, TENANT, "http://a.example/fhir/default", headers=headers)
    session: Any = None
    await dispatcher(done).answer(session, request, interaction)
    assert done == calls


@pytest.mark.parametrize(("headers", "calls"), [(ASYNC, ["act"]), ({**ASYNC, **KEY}, ["act"])])
async def test_as_2_what_was_put_aside_is_done_and_not_put_aside_again(
    done: list[str], headers: dict[str, str], calls: list[str]
) -> None:
    request = Request("POST", ("Patient",), TENANT, "http://a.example/fhir/default", headers=headers)
    session: Any = None
    await dispatcher(done).act(session, request)
    assert done == calls
