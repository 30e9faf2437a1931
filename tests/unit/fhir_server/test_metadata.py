"""The capabilities interaction: CA-1."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from fhir_server.exchange import Request, Response
from fhir_server.metadata import capabilities, installed, release
from resources.definitions import load
from resources.hashing import Hash
from resources.outcome import BadRequest
from search.indexer import Indexer

SESSION: Any = None
INDEXER = Indexer(load(), Hash(b"of this test alone, and no secret"))


async def asked(query: str = "", update_create: bool = True, explain: bool = False, **headers: str) -> Response:
    settings = {"update_create": update_create, "explain": explain, "conditional_delete_max": 1}
    tenant: Any = SimpleNamespace(definitions=load(), indexer=INDEXER, settings=settings)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await capabilities(SESSION, Request("GET", ("metadata",), tenant, "http://a.example/fhir/t", query, named))


async def test_ca_1_the_statement_is_that_of_the_tenant() -> None:
    said = orjson.loads((await asked()).body)
    assert said["resourceType"] == "CapabilityStatement"
    assert said["implementation"]["url"] == "http://a.example/fhir/t"
    assert said["software"]["version"] == release()
    assert said["date"] == installed().isoformat()


async def test_ca_1_the_etag_is_that_of_the_content() -> None:
    first, again, other = await asked(), await asked(), await asked(update_create=False)
    assert first.headers["ETag"] == again.headers["ETag"] != other.headers["ETag"]
    same = await asked(if_none_match=first.headers["ETag"])
    assert (same.status, same.headers["ETag"]) == (304, first.headers["ETag"])
    assert (await asked(if_none_match=other.headers["ETag"])).status == 200


@pytest.mark.parametrize("mode", ["full", "normative"])
async def test_ca_1_modes(mode: str) -> None:
    assert (await asked(f"mode={mode}")).status == 200


@pytest.mark.parametrize("query", ["mode=x", "mode=terminology&mode=x", "_summary=count", "_summary=abc", "_elements="])
async def test_ca_1_what_is_not_done_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        await asked(query)


async def test_su_4_a_part_of_the_statement() -> None:
    part = await asked("_elements=software")
    said = orjson.loads(part.body)
    assert "software" in said
    assert "rest" not in said
    assert said["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert (await asked("_elements=software", if_none_match=part.headers["ETag"])).status == 304
    assert (await asked(if_none_match=part.headers["ETag"])).status == 200


async def test_ca_2_explain_is_stated_where_the_tenant_has_it() -> None:
    for explain in (True, False):
        rest = orjson.loads((await asked(explain=explain)).body)["rest"][0]
        assert ("_explain" in {one["name"] for one in rest["searchParam"]}) is explain
