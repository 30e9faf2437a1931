"""Request and Response, and the instants and dates they are written with."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.exchange import Request, Response, failure, http_date, instant
from resources.outcome import Gone, Malformed, NotFound

TENANT: Any = SimpleNamespace()
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(MOMENTS)
def test_hd_1_an_http_date_is_the_moment_in_whole_seconds(moment: datetime) -> None:
    assert parsedate_to_datetime(http_date(moment)) == moment.replace(microsecond=0)


@given(MOMENTS)
def test_an_instant_is_the_moment_in_milliseconds(moment: datetime) -> None:
    text = instant(moment)
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_body_is_decoded_unless_it_was_before() -> None:
    assert Request("POST", ("Patient",), TENANT, "", body=b'{"resourceType":"Patient"}').decode() == {
        "resourceType": "Patient"
    }
    decoded = {"resourceType": "Patient"}
    assert Request("POST", ("Patient",), TENANT, "", resource=decoded).decode() is decoded


def test_cr_3_no_body_is_refused() -> None:
    with pytest.raises(Malformed, match="no body"):
        Request("POST", ("Patient",), TENANT, "").decode()


def test_the_etag_is_weak_and_only_of_a_version() -> None:
    assert Response(200, "{}", 3).etag == 'W/"3"'
    assert Response(200, "{}").etag == ""


def test_a_failure_has_status_headers_and_outcome() -> None:
    answer = failure(NotFound("Patient/1 does not exist.", headers={"X": "y"}))
    assert (answer.status, answer.headers) == (404, {"X": "y"})
    assert orjson.loads(answer.body)["issue"][0]["code"] == "not-found"


def test_rd_2_the_failure_of_what_is_deleted_has_the_version_of_the_deletion() -> None:
    gone = Gone("Patient/1 was deleted.")
    assert failure(gone).etag == ""
    gone.version_id, gone.last_updated = 3, datetime(2026, 3, 1, tzinfo=UTC)
    answer = failure(gone)
    assert (answer.status, answer.etag, answer.last_updated) == (410, 'W/"3"', gone.last_updated)
