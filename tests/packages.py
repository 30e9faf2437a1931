"""Packages made for the tests, and those that were published."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from .suites import DATA

US_CORE = DATA / "packages/hl7.fhir.us.core-6.1.0.tgz"
IPS = DATA / "packages/hl7.fhir.uv.ips-1.1.0.tgz"
BASE = "http://example.org/guide/"


def manifest(**changes: Any) -> dict[str, Any]:
    made = {"name": "org.example.guide", "version": "1.0.0", "fhirVersions": ["4.0.1"], "dependencies": {}, **changes}
    return {key: value for key, value in made.items() if value is not None}


def definition(resource_type: str, logical_id: str, **changes: Any) -> dict[str, Any]:
    """A definition of a package that is valid as far as its type asks no more than the following."""
    kind: dict[str, dict[str, Any]] = {
        "CodeSystem": {"content": "complete", "concept": [{"code": "red"}, {"code": "blue"}]},
        "StructureDefinition": {
            "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "name": "Guided",
            "differential": {"element": [{"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]},
        },
        "SearchParameter": {
            "name": "Shade", "code": logical_id, "base": ["Patient"], "type": "token", "description": "The shade",
            "expression": f"Patient.extension('{BASE}shade').value.as(code)",
        },
        "OperationDefinition": {
            "name": "Paint", "kind": "operation", "code": "paint", "system": True, "type": False, "instance": False,
        },
    }  # fmt: skip
    made = {
        "resourceType": resource_type, "id": logical_id, "url": f"{BASE}{resource_type}/{logical_id}", "version": "1.0.0",
        "status": "active", **kind.get(resource_type, {}), **changes,
    }  # fmt: skip
    return {key: value for key, value in made.items() if value is not None}


def packed(
    *definitions: Mapping[str, Any], files: Mapping[str, bytes | None] | None = None, **of_manifest: Any
) -> bytes:
    """The .tgz of a package. files: others, by their names; None for a folder."""
    content: dict[str, bytes | None] = {"package/package.json": orjson.dumps(manifest(**of_manifest))}
    content |= {f"package/{one['resourceType']}-{one['id']}.json": orjson.dumps(one) for one in definitions}
    return tgz(content | dict(files or {}))


def tgz(content: Mapping[str, bytes | None], **changes: Any) -> bytes:
    """A gzipped tar. changes: attributes of the last member."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, (name, text) in enumerate(content.items(), 1):
            member = tarfile.TarInfo(name)
            member.size = len(text or b"")
            member.type = tarfile.REGTYPE if text is not None else tarfile.DIRTYPE
            if number == len(content):
                for key, value in changes.items():
                    setattr(member, key, value)
            archive.addfile(member, io.BytesIO(text or b""))
    return gzip.compress(made.getvalue(), 1)


TGZ = {"content-type": "application/gzip"}
COLOURS = definition("CodeSystem", "colours")
SHADE = definition("SearchParameter", "shade")
PROFILE = definition("StructureDefinition", "guided")
PAINT = definition("OperationDefinition", "paint")


def said(answer: httpx.Response) -> dict[str, Any]:
    """The parameters of an answer; those that have parts as a list of what they consist of."""
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {}
    for one in answer.json().get("parameter", []):
        if "part" in one:
            parts: dict[str, Any] = {}
            for part in one["part"]:
                value = next((v for k, v in part.items() if k.startswith("value")), part.get("part"))
                parts.setdefault(part["name"], []).append(value)
            found.setdefault(one["name"], []).append({k: v[0] if len(v) == 1 else v for k, v in parts.items()})
        else:
            found[one["name"]] = next(v for k, v in one.items() if k.startswith("value"))
    return found


async def install(http: httpx.AsyncClient, package: bytes) -> dict[str, Any]:
    return said(await http.post("/$package-install", content=package, headers=TGZ))


async def everything_ready(http: httpx.AsyncClient, query: str) -> None:
    """Waits until a search works that uses parameters of a package."""
    deadline = time.monotonic() + 20
    while (await http.get(query)).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
