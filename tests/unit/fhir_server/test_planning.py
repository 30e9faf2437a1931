"""What of a write needs no database: ids, and the answer by Prefer."""

import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from fhir_server.exchange import Request
from fhir_server.planning import Match, Plan, Raced, Write, answer, new_logical_id, plan
from fhir_server.reading import is_logical_id
from resources.outcome import Issue
from resources.store import Change, Version

WRITTEN = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)
BODY = '{"resourceType":"Patient","id":"1"}'
BASE = "http://a.example/fhir/default"
TENANT: Any = SimpleNamespace()


def test_ids_of_the_server_are_uuids_of_version_7_in_the_order_of_time() -> None:
    ids = []
    for _ in range(5):
        ids.append(new_logical_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    for text in ids:
        read = uuid.UUID(text)
        assert (str(read), read.version, read.variant) == (text, 7, uuid.RFC_4122)
        assert abs((read.int >> 80) / 1000 - time.time()) < 60
    assert len({new_logical_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("A-.9", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a_b", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_ur_4_the_form_of_an_id(text: str, good: bool) -> None:
    assert bool(is_logical_id(text)) is good


def test_co_5_a_patch_is_not_done_to_what_may_not_meet_its_condition_any_more() -> None:
    patching = {"resourceType": "Parameters"}
    request = Request("PATCH", ("Patient",), TENANT, BASE, "identifier=1", resource=patching)
    asked = Write("patch", request, "Patient", "", "identifier=1")
    for body in (BODY, None):
        with pytest.raises(Raced):
            plan(asked, [Match("1", 1)], Version("Patient", "1", 2, WRITTEN, "PUT", body, "updated"))


def said_of(interaction: str, outcome: str, prefer: str = "", version_id: int = 2) -> Any:
    headers = {"prefer": prefer} if prefer else {}
    request = Request("PUT", ("Patient", "1"), TENANT, BASE, headers=headers)
    body = None if interaction == "delete" else BODY
    version = Version("Patient", "1", version_id, WRITTEN, "PUT", body, outcome)
    warning = Issue("warning", "code-invalid", "A code nobody knows.")
    planned = Plan((Change(interaction, "Patient", "1"),), (warning,))
    return answer(Write(interaction, request, "Patient", "1"), planned, [version])


@pytest.mark.parametrize(
    ("interaction", "outcome", "status"),
    [
        ("create", "created", 201),
        ("update", "created", 201),
        ("update", "updated", 200),
        ("update", "unchanged", 200),
        ("delete", "deleted", 204),
        ("delete", "unchanged", 204),
    ],
)
def test_cr_1_up_1_de_1_status(interaction: str, outcome: str, status: int) -> None:
    said = said_of(interaction, outcome)
    assert said.status == status
    assert said.body == ("" if interaction == "delete" else BODY)
    assert said.location == ("" if interaction == "delete" else f"{BASE}/Patient/1/_history/2")
    assert said.headers == {}


def test_hd_3_minimal_has_no_body_and_keeps_the_headers() -> None:
    said = said_of("update", "created", "return=minimal")
    assert (said.status, said.body, said.version_id) == (201, "", 2)
    assert said.headers == {"Preference-Applied": "return=minimal"}


def test_hd_3_st_3_an_outcome_on_request_holds_warnings_but_no_error() -> None:
    issues = orjson.loads(said_of("update", "updated", "return=OperationOutcome").body)["issue"]
    assert [one["severity"] for one in issues] == ["information", "warning"]
    assert issues[0]["diagnostics"] == "Patient/1 was updated."


def test_up_9_an_unchanged_resource_is_said_to_be() -> None:
    issues = orjson.loads(said_of("update", "unchanged", "return=OperationOutcome").body)["issue"]
    assert "already, as version 2" in issues[0]["diagnostics"]


def test_de_1_a_deletion_with_an_outcome_is_200() -> None:
    assert said_of("delete", "deleted", "return=OperationOutcome").status == 200
    assert said_of("delete", "deleted", "return=minimal").status == 204


def test_de_1_what_never_existed_has_no_etag() -> None:
    said = said_of("delete", "unchanged", version_id=0)
    assert (said.etag, said.last_updated) == ("", None)
