"""Bundles that the server answers with, put together from stored text: no resource is ever parsed to be answered. Pure.

https://hl7.org/fhir/R4/bundle.html
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import orjson

from resources.outcome import Issue
from resources.store import Version

from .exchange import Response, instant, outcome_text

_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def bundle(
    bundle_type: str, entries: Iterable[str], *, total: int | None = None, links: Iterable[tuple[str, str]] = ()
) -> str:
    """The text of a Bundle. entries: JSON texts; links: (relation, URL)."""
    parts = [f'{{"resourceType":"Bundle","type":"{bundle_type}"']
    if total is not None:
        parts.append(f',"total":{total}')
    named = [{"relation": relation, "url": url} for relation, url in links]
    if named:
        parts.append(',"link":' + orjson.dumps(named).decode())
    joined = ",".join(entries)
    if joined:
        parts.append(f',"entry":[{joined}]')
    parts.append("}")
    return "".join(parts)


def match_entry(base: str, version: Version, body: str | None = None, mode: str = "match", inner: str = "") -> str:
    """An entry of a searchset. https://hl7.org/fhir/R4/search.html#return

    body: if it is not the whole version. inner: id of the contained resource that is answered instead of it."""
    url = f"{base}/{version.resource_type}/{version.logical_id}"
    if inner:
        url += f"#{inner}"
    return f'{{"fullUrl":"{url}","resource":{version.body if body is None else body},"search":{{"mode":"{mode}"}}}}'


def history_entry(base: str, version: Version) -> str:
    """An entry of a history: what was asked then, and what came of it. https://hl7.org/fhir/R4/http.html#history"""
    place = f"{version.resource_type}/{version.logical_id}"
    resource = f'"resource":{version.body},' if version.body else ""
    url = version.resource_type if version.method == "POST" else place
    status = 204 if version.body is None else 201 if version.outcome == "created" else 200
    return (
        f'{{"fullUrl":"{base}/{place}",{resource}"request":{{"method":"{version.method}","url":"{url}"}},'
        f'"response":{{"status":"{_STATUS[status]}","etag":"W/\\"{version.version_id}\\"",'
        f'"lastModified":"{instant(version.last_updated)}"}}}}'
    )


def response_entry(response: Response, *, outcome: bool = False) -> str:
    """An entry of the answer to a batch or transaction. outcome: the body is an OperationOutcome, not the resource."""
    said = [f'"status":"{_STATUS[response.status]}"']
    if location := response.location or response.headers.get(
        "Content-Location"
    ):  # the latter of what is answered later
        said.append(f'"location":"{location}"')
    if etag := response.etag or response.headers.get("ETag"):
        said.append(f'"etag":{orjson.dumps(etag).decode()}')
    if response.last_updated:
        said.append(f'"lastModified":"{instant(response.last_updated)}"')
    if outcome and response.body:
        said.append(f'"outcome":{response.body}')
    resource = f'"resource":{response.body},' if response.body and not outcome else ""
    return f'{{{resource}"response":{{{",".join(said)}}}}}'


def outcome_entry(*issues: Issue) -> str:
    """What a searchset says besides its matches. https://hl7.org/fhir/R4/search.html#modes"""
    return f'{{"resource":{outcome_text(*issues)},"search":{{"mode":"outcome"}}}}'
