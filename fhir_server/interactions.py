"""The interactions with one resource: read, vread, create, update, delete.

A write is planned first (plan_*: may read, never writes) and then applied, so that a Bundle plans many and applies
once: a create is a transaction of one. https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from resources.database import Session
from resources.outcome import (
    BadRequest,
    Conflict,
    FhirError,
    Gone,
    Invalid,
    Issue,
    MethodNotAllowed,
    NotFound,
    NotSupported,
    PreconditionFailed,
    Unprocessable,
)
from resources.store import Change, StaleDefinitions, Version, body_parts
from search import own

from .exchange import Request, Response, location, outcome_text
from .links import may_be_conditional, refuse_unresolvable
from .preferences import if_match, if_none_match_any, preferences, unchanged
from .shaping import asked, cut
from .tenancy import Tenant

# Types whose resources change the definitions of the tenant, and what makes the rows that go with their writes.
REGISTERED: Final = {"SearchParameter": own}

is_logical_id: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
is_version_id: Final = re.compile(r"[1-9][0-9]{0,8}").fullmatch


class Plan(Struct, frozen=True):
    """A write that may be done; nothing has been written yet."""

    change: Change
    warnings: tuple[Issue, ...] = ()  # of its validation


def new_logical_id() -> str:
    """A logical id of the server's own: a UUIDv7, so that what is made together lies together. RFC 9562, 5.7"""
    random = int.from_bytes(os.urandom(10), "big")
    number = (
        time.time_ns() // 1_000_000 << 80 | 7 << 76 | (random >> 64 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    )
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def read(session: Session, request: Request) -> Response:
    """The current version: 200, or 304 where the client has it already. Raises NotFound (404), Gone (410).

    https://hl7.org/fhir/R4/http.html#read"""
    resource_type, logical_id = request.path
    shape = asked(request.tenant.definitions, (resource_type,), request.query)
    version = await request.tenant.store.read(session, resource_type, logical_id) if is_logical_id(logical_id) else None
    found = _present(version, request.path)
    if unchanged(request.headers, str(found.version_id), found.last_updated):
        return Response(304, "", found.version_id, found.last_updated)
    body = cut(request.tenant.definitions, shape, found.body or "")
    return Response(200, body, found.version_id, found.last_updated)


async def vread(session: Session, request: Request) -> Response:
    """One version, current or past: 200. Raises NotFound (404), Gone (410: this version is the deletion).

    https://hl7.org/fhir/R4/http.html#vread"""
    resource_type, logical_id, _, version_id = request.path
    shape = asked(request.tenant.definitions, (resource_type,), request.query)
    version = None
    if is_logical_id(logical_id) and is_version_id(version_id):
        version = await request.tenant.store.read_version(session, resource_type, logical_id, int(version_id))
    found = _present(version, request.path)
    body = cut(request.tenant.definitions, shape, found.body or "")
    return Response(200, body, found.version_id, found.last_updated)


def _present(version: Version | None, path: tuple[str, ...]) -> Version:
    if version is None:
        raise NotFound(f"{'/'.join(path)} does not exist.")
    if version.body is None:
        # The ETag of the deletion lets the client bring the resource back under If-Match.
        gone = Gone(f"{'/'.join(path)} was deleted.")
        gone.version_id, gone.last_updated = version.version_id, version.last_updated
        raise gone
    return version


async def create(session: Session, request: Request) -> Response:
    """Stores a resource under an id of the server's: 201. https://hl7.org/fhir/R4/http.html#create"""
    return await _write(session, request, await plan_create(session, request))


async def update(session: Session, request: Request) -> Response:
    """Stores a resource under the id of the URL: 200, or 201 if it was not there. https://hl7.org/fhir/R4/http.html#update"""
    return await _write(session, request, await plan_update(session, request))


async def delete(session: Session, request: Request) -> Response:
    """Deletes a resource: 204, also if it was not there. https://hl7.org/fhir/R4/http.html#delete"""
    return await _write(session, request, await plan_delete(session, request))


async def apply_each(session: Session, tenant: Tenant, plans: Sequence[Plan]) -> list[Version | FhirError]:
    """Writes many plans that do not depend on each other: together if that works, else one by one to tell which fail.

    Raises Unavailable (503), and StaleDefinitions as long as nothing was written."""
    identities = {(plan.change.resource_type, plan.change.logical_id) for plan in plans}
    if len(identities) == len(plans):
        with contextlib.suppress(PreconditionFailed, Conflict):
            return list(await tenant.store.apply(session, tenant.definitions_number, [plan.change for plan in plans]))
    results: list[Version | FhirError] = []
    for plan in plans:
        try:
            results += await tenant.store.apply(session, tenant.definitions_number, [plan.change])
        except (PreconditionFailed, Conflict) as error:
            results.append(error)
        except StaleDefinitions:
            if not results:
                raise
            results.append(Conflict("The settings of the tenant have just changed; send the request again."))
    return results


async def _write(session: Session, request: Request, plan: Plan) -> Response:
    tenant = request.tenant
    [version] = await tenant.store.apply(session, tenant.definitions_number, [plan.change])
    return written(request, plan, version)


async def plan_create(session: Session, request: Request, logical_id: str = "") -> Plan:
    """The create of the resource in the body. logical_id: where it was assigned before, as a Bundle does for its links.

    Raises BadRequest (400), Unprocessable (422)."""
    if "if-none-exist" in request.headers:
        raise NotSupported("Conditional create (If-None-Exist) is not supported.")
    [resource_type] = request.path
    return _plan(request, "create", resource_type, logical_id or new_logical_id(), _resource(request, resource_type))


async def plan_update(session: Session, request: Request) -> Plan:
    """The update of the resource that the URL names with the one in the body.

    Raises BadRequest (400), MethodNotAllowed (405: clients may not create)."""
    resource_type, logical_id = request.path
    if not is_logical_id(logical_id):
        raise BadRequest(f"{logical_id[:100]!r} is not a logical id: 1 to 64 letters, digits, - and .", code="value")
    tree = _resource(request, resource_type)
    if tree.get("id") != logical_id:
        found, given = tree.get("id"), "id" in tree
        there = f"is {found[:100]!r}" if isinstance(found, str) else "is no string" if given else "is missing"
        code = "value" if given else "required"
        message = f"The id of the resource {there}; the URL says {logical_id!r}."
        raise BadRequest(message, code=code, expression=[f"{resource_type}.id"])
    expect, absent = if_match(request.headers), if_none_match_any(request.headers)
    if not request.tenant.settings["update_create"]:
        current = await request.tenant.store.read(session, resource_type, logical_id)
        if current is None:
            message = f"{resource_type}/{logical_id} does not exist, and clients may not choose ids here; use POST."
            raise MethodNotAllowed(message, headers={"Allow": "GET, HEAD, DELETE"})
    return _plan(request, "update", resource_type, logical_id, tree, expect, absent)


async def plan_delete(session: Session, request: Request) -> Plan:
    """The deletion of the resource that the URL names. Raises NotFound (404: no id), BadRequest (400: If-Match)."""
    resource_type, logical_id = request.path
    if not is_logical_id(logical_id):
        raise NotFound(f"{resource_type}/{logical_id} does not exist.")
    rows = {}
    if registry := REGISTERED.get(resource_type):
        rows["parameter"] = [registry.withdrawn(request.tenant.definitions_number, request.base)]
    return Plan(Change("delete", resource_type, logical_id, rows=rows, expect=if_match(request.headers)))


def _resource(request: Request, resource_type: str) -> dict[str, Any]:
    """The resource in the body, which must be of the type the URL names."""
    tree = request.decode()
    found = tree.get("resourceType")
    if found != resource_type:
        given = "resourceType" in tree
        there = f"says {found[:100]!r}" if isinstance(found, str) else "is no string" if given else "is missing"
        code = "value" if given else "required"
        message = f"resourceType {there}; the URL says {resource_type!r}."
        raise Invalid(message, code=code, expression=[resource_type])
    return tree


def _plan(
    request: Request,
    interaction: str,
    resource_type: str,
    logical_id: str,
    tree: dict[str, Any],
    expect: tuple[int, ...] | None = None,
    absent: bool = False,
) -> Plan:
    tenant = request.tenant
    warnings = tenant.validator.check(resource_type, tree)
    for number, tag in enumerate(tree.get("meta", {}).get("tag", ())):
        if tag.get("code") == "SUBSETTED":
            message = "A resource that was cut to a part of it cannot be stored; read it whole and send that."
            raise Unprocessable(message, expression=[f"{resource_type}.meta.tag[{number}]"])
    # The entries of a Bundle have no text of their own; the Bundle looks after their references.
    if may_be_conditional(request.body):
        refuse_unresolvable(resource_type, tree)
    indexed = tenant.indexer.index(resource_type, logical_id, tree, request.base)
    head, tail = body_parts(tree, logical_id)
    sort_key, keys, rows = indexed.sort_key, indexed.keys, indexed.rows
    if registry := REGISTERED.get(resource_type):
        rows["parameter"] = [registry.row_of(tenant.definitions, tenant.definitions_number, tree, request.base)]
    change = Change(interaction, resource_type, logical_id, head, tail, sort_key, keys, rows, expect, absent)
    return Plan(change, warnings)


def written(request: Request, plan: Plan, version: Version) -> Response:
    """The answer to a write that was done, by Prefer: the resource unless something else was asked for."""
    preferred = preferences(request.headers)
    deleted = plan.change.interaction == "delete"
    status = 204 if deleted else 201 if version.outcome == "created" else 200
    body = "" if deleted or preferred.returns == "minimal" else version.body or ""
    if preferred.wants_outcome:
        what = f"{version.resource_type}/{version.logical_id}"
        said = f"was {version.outcome}"
        if version.outcome == "unchanged":
            same = f"has this very content already, as version {version.version_id}"
            said = "did not exist any more" if deleted else same
        body = outcome_text(Issue("information", "informational", f"{what} {said}."), *plan.warnings)
        status = 200 if deleted else status
    return Response(
        status,
        body,
        version.version_id,
        version.last_updated if version.version_id else None,
        "" if deleted else location(request, version),
        preferred.applied("return"),
    )
