"""$packages, $package-install, $package-preview and $package-uninstall: FHIR packages of a tenant.

    GET  [base]/$packages                       which are installed
    POST [base]/$package-preview                what an installation would do; the body is the .tgz
    POST [base]/$package-install                installs it
    POST [base]/$package-uninstall?name=…       takes it away again

The operations are the server's own. https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import asyncio
import binascii
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from resources.database import Session
from resources.operation import Parameters, Value, answer, defined
from resources.outcome import BadRequest
from resources.package import Package, read

from ..exchange import Request, Response
from ..packages import store
from ..packages.install import install
from ..packages.preview import preview
from ..packages.report import Report, values
from ..packages.uninstall import uninstall

_DOCUMENTATION: Final = (
    "The .tgz of the package, as it is published: as a Binary, or, without Parameters, as the body of the request with "
    "Content-Type application/gzip."
)


def _parameter(name: str, kind: str, max: str = "1", *, min: int = 0, says: str, use: str = "out") -> dict[str, Any]:
    return {"name": name, "use": use, "min": min, "max": max, "documentation": says, "type": kind}


def _parts(name: str, says: str, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "use": "out", "min": 0, "max": "*", "documentation": says, "part": list(parts)}


_PACKAGE: Final = _parameter("package", "Binary", min=1, says=_DOCUMENTATION, use="in")
_NAME: Final = _parameter("name", "string", min=1, says="Name of the package.")
_VERSION: Final = _parameter("version", "string", min=1, says="Version of the package.")
_REPORT: Final = (
    _NAME,
    _VERSION,
    _parameter(
        "outcome", "code", min=1, says="installed, unchanged (it was installed before), uninstalled or preview."
    ),
    _parameter("created", "integer", says="Resources that were not there before."),
    _parameter("replaced", "integer", says="Resources with the same canonical URL and version and other content."),
    _parameter("unchanged", "integer", says="Resources that were there already."),
    _parameter("deleted", "integer", says="Resources that were taken away."),
    _parameter("reindexed", "integer", says="Stored resources of the types that have new search parameters."),
    _parts(
        "missing",
        "A dependency that no installed package meets.",
        (
            _parameter("name", "string", min=1, says="Name of that package."),
            _parameter("version", "string", min=1, says="The version that is asked for."),
            _parameter("installed", "string", "*", says="Other versions of it that are installed."),
        ),
    ),
    _parts(
        "searchParameter",
        "What becomes of a search parameter.",
        (
            _parameter("url", "uri", min=1, says="Its canonical URL."),
            _parameter("code", "code", min=1, says="Its code."),
            _parameter("type", "code", "*", says="The resource types it is on."),
            _parameter("state", "code", min=1, says="indexed; repeats (R4 has it); inactive; unusable."),
            _parameter("reason", "string", says="Why it cannot be used."),
        ),
    ),
    _parts(
        "resource",
        "A definition that is not simply there or not there.",
        (
            _parameter("what", "string", min=1, says="Type and id of the resource, name of the file, or a package."),
            _parameter(
                "state",
                "code",
                min=1,
                says="replaced, renamed, left-out, passed-over, kept; of a package dependent, not-judged.",
            ),
            _parameter("reason", "string", says="Why."),
        ),
    ),
    _parts(
        "validation",
        "What a profile of the package says of stored resources that claim it, or have to conform to it.",
        (
            _parameter("profile", "uri", min=1, says="The profile."),
            _parameter("type", "code", min=1, says="The resource type it is on."),
            _parameter("total", "integer", min=1, says="Stored resources that it is about."),
            _parameter("examined", "integer", min=1, says="Those of them that were judged, the newest."),
            _parameter("invalid", "integer", min=1, says="Those of these that would become invalid."),
            _parameter("sample", "string", "*", says="Type and id of some that would."),
            _parts(
                "issue",
                "Why they would.",
                (
                    _parameter("text", "string", min=1, says="The rule that is broken, and where."),
                    _parameter("count", "integer", min=1, says="Resources that break it."),
                ),
            ),
        ),
    ),
)


def _definition(
    code: str, title: str, says: str, affects: bool, parameters: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "resourceType": "OperationDefinition",
        "id": code,
        "name": "".join(part.capitalize() for part in code.split("-")),
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": affects,
        "description": says,
        "code": code,
        "system": True,
        "type": False,
        "instance": False,
        "parameter": list(parameters),
    }


DEFINITIONS: Final[dict[str, dict[str, Any]]] = {
    tree["id"]: tree
    for tree in (
        _definition(
            "packages",
            "The packages that are installed",
            "Lists the FHIR packages of the tenant.",
            False,
            [
                _parts(
                    "package",
                    "A package that is installed.",
                    (
                        _NAME,
                        _VERSION,
                        _parameter("title", "string", says="What it calls itself."),
                        _parameter("installed", "instant", min=1, says="When it was installed."),
                        _parts(
                            "content",
                            "How many resources of a type it has.",
                            (
                                _parameter("type", "code", min=1, says="The resource type."),
                                _parameter("count", "integer", min=1, says="Their number."),
                            ),
                        ),
                    ),
                )
            ],
        ),
        _definition(
            "package-install",
            "Install a package",
            "Stores the definitions of a FHIR package as resources of the tenant, all of them or none; its search parameters "
            "become active. What is installed already is left as it is.",
            True,
            [
                _PACKAGE,
                _parameter(
                    "skipInvalid",
                    "boolean",
                    says="Leaves out definitions that break the base rules of R4, instead of refusing the package.",
                    use="in",
                ),
                *_REPORT,
            ],
        ),
        _definition(
            "package-preview",
            "What installing a package would do",
            "Says without writing anything which search parameters would be indexed, what would be replaced, and how many "
            "stored resources would become invalid.",
            False,
            [_PACKAGE, *_REPORT],
        ),
        _definition(
            "package-uninstall",
            "Uninstall a package",
            "Deletes what a package brought, unless it was changed since or another package has it, too.",
            True,
            [
                _parameter("name", "string", min=1, says="Name of the package.", use="in"),
                _parameter("version", "string", says="Its version; needed where several are installed.", use="in"),
                *_REPORT,
            ],
        ),
    )
}


async def package_install(session: Session, request: Request, parameters: Parameters) -> Response:
    """Installs a package: 200 with what was done. Raises what reading and installing it raise."""
    package = await _read(request, parameters)
    skip = parameters.one("skipInvalid", False)
    return _answer(request, await install(session, request.tenant, package, request.base, skip_invalid=skip))


async def package_preview(session: Session, request: Request, parameters: Parameters) -> Response:
    """What installing a package would do: 200. Raises what reading it raises."""
    package = await _read(request, parameters)
    return _answer(request, await preview(session, request.tenant, package))


async def package_uninstall(session: Session, request: Request, parameters: Parameters) -> Response:
    """Takes a package away: 200 with what was done. Raises NotFound (404), BadRequest (400: several versions)."""
    name, version = parameters.one("name"), parameters.one("version", "")
    return _answer(request, await uninstall(session, request.tenant, name, version, request.base))


async def packages(session: Session, request: Request, parameters: Parameters) -> Response:
    """The packages that are installed: 200."""
    found = []
    for one in await store.installed(session):
        assert one.installed
        parts = [Value("name", one.name), Value("version", one.version)]
        if title := store.title(one):
            parts.append(Value("title", title))
        parts.append(Value("installed", one.installed.isoformat(timespec="milliseconds").replace("+00:00", "Z")))
        for resource_type, count in sorted(Counter(content.resource_type for content in one.contents).items()):
            inner = (Value("type", resource_type), Value("count", count))
            parts.append(Value("content", part=Parameters(inner)))
        found.append(Value("package", part=Parameters(tuple(parts))))
    return _answered(request, found)


async def _read(request: Request, parameters: Parameters) -> Package:
    """The package that was sent, read beside the event loop. Raises BadRequest (400) and what reading raises."""
    data = parameters.one("package").get("data")
    if data is None:
        raise BadRequest("The Binary has no data.", code="required", expression=["Binary.data"])

    def work() -> Package:
        return read(request.tenant.definitions, binascii.a2b_base64(data))

    return await asyncio.to_thread(work)


def _answer(request: Request, report: Report) -> Response:
    return _answered(request, values(report))


def _answered(request: Request, found: Iterable[Value]) -> Response:
    operation = defined({"url": "", **DEFINITIONS[request.path[-1].removeprefix("$")]})
    return Response(200, answer(operation, request.tenant.definitions, found))
