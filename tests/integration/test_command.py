"""The package command: files installed into a tenant, listed, looked at before and taken away."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest

from fhir_server import settings
from fhir_server.packages.command import run_install, run_list, run_preview, run_uninstall
from resources.outcome import NotFound, Unprocessable

from ..conftest import FreshTenant, Urls
from ..packages import BASE, COLOURS, PROFILE, SHADE, definition, packed
from .test_own_parameters import ids, store


@pytest.fixture
def known(urls: Urls) -> settings.Settings:
    return settings.read({"database_url": urls.application}, {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "guide.tgz"
    path.write_bytes(packed(COLOURS, SHADE, PROFILE))
    return path


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    path = tmp_path / "bad.tgz"
    path.write_bytes(packed(COLOURS, definition("ValueSet", "bad", status="perhaps")))
    return path


async def test_the_life_of_a_package(
    http: httpx.AsyncClient, tenant: FreshTenant, known: settings.Settings, file: Path
) -> None:
    await store(
        http, {"resourceType": "Patient", "id": "a", "extension": [{"url": f"{BASE}shade", "valueCode": "red"}]}
    )
    out = io.StringIO()
    assert await run_preview(known, file, tenant.name, out) == 0
    assert await run_list(known, tenant.name, out) == 0
    assert await run_install(known, file, tenant.name, out) == 0
    assert await ids(http, "Patient?shade=red") == ["a"]  # it is indexed when the command ends
    assert await run_install(known, file, tenant.name, out) == 0
    assert await run_list(known, tenant.name, out) == 0
    assert await run_uninstall(known, "org.example.guide#1.0.0", tenant.name, out) == 0
    shown = out.getvalue().splitlines()
    assert [line for line in shown if line.startswith(("org.example", tenant.name))] == [
        "org.example.guide#1.0.0: preview; resources: 3 created",
        "org.example.guide#1.0.0: installed; resources: 3 created",
        "org.example.guide#1.0.0: unchanged; resources: 3 unchanged",
        next(line for line in shown if line.startswith(tenant.name)),
        "org.example.guide#1.0.0: uninstalled; resources: 3 deleted",
    ]
    [listed] = [line for line in shown if line.startswith(tenant.name)]
    assert listed.endswith(": 1 CodeSystem, 1 SearchParameter, 1 StructureDefinition")


async def test_what_cannot_be_installed_is_said(
    tenant: FreshTenant, known: settings.Settings, file: Path, bad_file: Path, tmp_path: Path
) -> None:
    out = io.StringIO()
    with pytest.raises(NotFound, match=r"absent\.tgz cannot be read"):
        await run_install(known, tmp_path / "absent.tgz", tenant.name, out)
    with pytest.raises(NotFound, match="no tenant 'absent'"):
        await run_preview(known, file, "absent", out)
    with pytest.raises(NotFound, match="is not installed; installed: none"):
        await run_uninstall(known, "org.example.guide", tenant.name, out)
    with pytest.raises(Unprocessable, match=r"package/ValueSet-bad\.json"):
        await run_install(known, bad_file, tenant.name, out)
    assert out.getvalue() == ""
    assert await run_install(known, bad_file, tenant.name, out, skip_invalid=True) == 0
    assert "left-out: package/ValueSet-bad.json" in out.getvalue()
