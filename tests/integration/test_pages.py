"""The page to try a tenant, and its document, over HTTP and in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from fhir_server.edge import Edge

from .. import chromium
from ..conftest import FreshTenant

needs_chromium = pytest.mark.skipif(not chromium.PROGRAM, reason="chromium is not installed")
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "<img src=x onerror=alert(1)>"}]}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"text": "a"},
    "subject": {"reference": "Patient/p"},
}


def site(http: httpx.AsyncClient, path: str) -> str:
    return str(http.base_url.join("/")) + path


async def test_the_document_and_the_page_are_beside_fhir(http: httpx.AsyncClient, tenant: FreshTenant) -> None:
    await http.get("/metadata")  # the tenant is known then
    document = await http.get(site(http, f"openapi/{tenant.name}"), headers={"Accept-Encoding": "gzip"})
    assert document.status_code == 200
    assert document.headers["content-encoding"] == "gzip"
    assert document.json()["servers"] == [{"url": str(http.base_url).rstrip("/")}]
    same = await http.get(site(http, f"openapi/{tenant.name}"), headers={"If-None-Match": document.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    page = await http.get(site(http, f"try/{tenant.name}"))
    assert page.headers["content-type"] == "text/html;charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for place in re.findall(r'(?:src|href)="\.\./(pages/[^"]+)"', page.text):
        assert (await http.get(site(http, place))).status_code == 200


@pytest.mark.parametrize("path", ["openapi/nobody", "try/nobody", "pages/nothing", "pages/../openapi.py"])
async def test_what_is_not_there_is_404(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(site(http, path))
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_pages_are_only_read(http: httpx.AsyncClient) -> None:
    assert (await http.head(site(http, "pages/try.js"))).status_code == 200
    refused = await http.post(site(http, "pages/try.js"))
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@asynccontextmanager
async def listening(edge: Edge) -> AsyncIterator[str]:
    """The application on a port of its own: http://127.0.0.1:40123."""
    server = uvicorn.Server(uvicorn.Config(edge, port=0, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def page(edge: Edge, tenant: FreshTenant, http: httpx.AsyncClient) -> AsyncIterator[chromium.Page]:
    """The page of the tenant in a browser, ready."""
    for resource in (PATIENT, OBSERVATION):
        assert (await http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)).status_code == 201
    async with listening(edge) as url, chromium.browser() as page:
        await page.open(f"{url}/try/{tenant.name}")
        await page.until("document.querySelectorAll('#type option').length > 100")
        yield page


async def choose(page: chromium.Page, operation_id: str) -> None:
    await page.run(f"document.querySelector('input[value=\"{operation_id}\"]').click()")


async def add(page: chromium.Page, parameter: str, value: str) -> None:
    """A parameter as "query name" or "header Prefer", with a value."""
    await page.run(f"""(() => {{
      const add = document.getElementById('add');
      add.value = '{parameter}';
      add.dispatchEvent(new Event('change', {{bubbles: true}}));
      const input = document.getElementById('given').lastChild.input;
      input.value = '{value}';
      input.dispatchEvent(new Event('input', {{bubbles: true}}));
    }})()""")


async def answered(page: chromium.Page, number: int) -> str:
    """The status line, once so many requests were made."""
    await page.until(f"document.querySelectorAll('#made li').length === {number}")
    line: str = await page.run("document.getElementById('status').textContent")
    return line


@needs_chromium
async def test_a_request_is_put_together_sent_and_its_links_are_followed(page: chromium.Page) -> None:
    await choose(page, "search-type.Patient")
    await add(page, "query family", "<img")
    await page.run("document.querySelector('.modifier').value = 'contains'")
    await page.run("document.querySelector('.modifier').dispatchEvent(new Event('change', {bubbles: true}))")
    assert await page.run("document.getElementById('url').value") == "Patient?family:contains=%3Cimg"
    await page.run("document.getElementById('send').click()")
    assert (await answered(page, 1)).startswith("200")
    text = await page.run("document.getElementById('text').textContent")
    assert "<img src=x onerror=alert(1)>" in text
    assert await page.run("document.querySelectorAll('main img').length") == 0

    # A link in the answer: the page's own bar shows what was got.
    await page.run(
        "[...document.querySelectorAll('#text a')].find((a) => a.textContent.endsWith('/Patient/p')).click()"
    )
    assert (await answered(page, 2)).startswith("200")
    assert await page.run("document.getElementById('url').value") == "Patient/p"
    assert page.complaints == []


@needs_chromium
async def test_a_resource_is_created_from_the_example_and_read_in_xml(page: chromium.Page) -> None:
    await choose(page, "create.Patient")
    await add(page, "header Prefer", "return=minimal")
    await page.run("document.getElementById('send').click()")
    assert (await answered(page, 1)).startswith("201")
    assert await page.run("document.getElementById('text').hidden")
    await page.run("document.querySelector('input[value=\"application/fhir+xml\"]').click()")
    await page.run("document.querySelector('#headers a').click()")  # Location
    assert (await answered(page, 2)).startswith("200")
    assert "<Patient xmlns=" in await page.run("document.getElementById('text').textContent")
    # The example in XML is one that is taken.
    await page.run("document.getElementById('method').value = 'POST'")
    await page.run("document.getElementById('url').value = 'Patient'")
    assert "xml" in await page.run("document.getElementById('kind').value")
    await page.run("document.getElementById('send').click()")
    assert (await answered(page, 3)).startswith("201")
    assert page.complaints == []


@needs_chromium
async def test_what_is_missing_is_said_and_an_error_is_shown(page: chromium.Page) -> None:
    await choose(page, "read.Patient")
    await page.run("document.getElementById('send').click()")
    assert "id" in await page.until("document.querySelector('#status .warn')?.textContent")
    assert await page.run("document.activeElement.closest('.row').parameter.name") == "id"
    await page.run("document.activeElement.value = 'nobody'")
    await page.run("document.activeElement.dispatchEvent(new Event('input', {bubbles: true}))")
    await page.run("document.getElementById('send').click()")
    assert (await answered(page, 1)).startswith("404")
    assert "OperationOutcome" in await page.run("document.getElementById('text').textContent")
    await page.run("document.getElementById('curl').click()")
    command = await page.until("document.getElementById('status').textContent.match(/curl .*/)?.[0]")
    assert re.fullmatch(r"curl -X GET 'http://\S+/Patient/nobody' -H 'Accept: application/fhir\+json'", command)
    assert page.complaints == []


@needs_chromium
async def test_digits_stay_as_they_were_sent(page: chromium.Page, http: httpx.AsyncClient) -> None:
    body = (
        b'{"resourceType":"Observation","id":"d","status":"final","code":{"text":"a"},"valueQuantity":{"value":1.00}}'
    )
    assert (await http.put("/Observation/d", content=body)).status_code == 201
    await page.run("location.hash = 'Observation/d'")
    await answered(page, 1)
    assert '"value": 1.00\n' in await page.run("document.getElementById('text').textContent")


@needs_chromium
async def test_every_control_can_be_reached_and_has_a_name(page: chromium.Page) -> None:
    tree = await page.call("Accessibility.getFullAXTree")
    asking = {"button", "combobox", "textbox", "radio", "link", "listbox"}
    nameless = [
        node["role"]["value"]
        for node in tree["nodes"]
        if not node.get("ignored") and node["role"]["value"] in asking and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    named = {node["name"]["value"] for node in tree["nodes"] if node.get("role", {}).get("value") == "button"}
    assert {"Send", "Copy as curl"} <= named
