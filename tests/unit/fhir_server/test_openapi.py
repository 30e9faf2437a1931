"""The document and the page as answers: what is kept, when it is sent again, and what may run in it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from fhir_server import openapi
from fhir_server.exchange import Response
from resources.definitions import load
from resources.hashing import Hash
from resources.outcome import NotFound
from search.indexer import Indexer

INDEXER = Indexer(load(), Hash(b"of this test alone, and no secret"))
PAGES = Path(openapi.__file__).parent / "pages"


async def document(base: str = "http://a.example/fhir/t", explain: bool = False, **headers: str) -> Response:
    tenant: Any = SimpleNamespace(indexer=INDEXER, settings={"explain": explain})
    return await openapi.document(tenant, base, {name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_document_is_that_of_the_base_it_was_asked_at() -> None:
    first, other = await document(), await document("https://b.example/fhir/t")
    assert orjson.loads(first.content)["servers"] == [{"url": "http://a.example/fhir/t"}]
    assert orjson.loads(other.content)["servers"] == [{"url": "https://b.example/fhir/t"}]
    assert b"base.invalid" not in first.content
    assert first.headers["ETag"] != other.headers["ETag"]
    assert len(first.content) < 5_000_000


async def test_the_document_is_not_sent_to_who_has_it() -> None:
    first = await document()
    assert (await document(if_none_match=first.headers["ETag"])).status == 304
    explaining = await document(explain=True, if_none_match=first.headers["ETag"])
    assert explaining.status == 200
    named = orjson.loads(explaining.content)["components"]["parameters"]
    refers = b"#/components/parameters/_explain"
    assert "_explain" in named
    assert (refers in explaining.content, refers in first.content) == (True, False)


def test_the_page_is_sent_with_what_it_consists_of() -> None:
    assert openapi.page("", {}).content_type == "text/html;charset=utf-8"
    for path in PAGES.iterdir():
        answer = openapi.page(path.name, {})
        assert (answer.status, answer.content) == (200, path.read_bytes())
        assert openapi.page(path.name, {"if-none-match": answer.headers["ETag"]}).status == 304


@pytest.mark.parametrize("name", ["x.js", "../openapi.py", "__init__.py", "..", "/etc/passwd", "try"])
def test_nothing_else_is_sent(name: str) -> None:
    with pytest.raises(NotFound):
        openapi.page(name, {})


def test_nothing_runs_that_does_not_lie_here() -> None:
    policy = openapi.page("", {}).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = (PAGES / "try.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\bstyle=|<style", html)
    for place in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert (PAGES / place.removeprefix("../pages/")).is_file(), place
    for path in PAGES.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", path.read_text()
        )


def test_what_is_asked_of_a_person_has_a_label() -> None:
    html = (PAGES / "try.html").read_text()
    ids = re.findall(r'<(?:select|input|textarea) id="(\w+)"', html)
    assert len(ids) > 5
    for one in ids:
        assert f'<label for="{one}"' in html, one
