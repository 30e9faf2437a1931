"""Plans of writes: what is to be written, judged and indexed, before anything is. Pure.

https://hl7.org/fhir/R4/http.html#create, #update, #patch, #delete and their conditional forms
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct

from resources import exact, patch
from resources.outcome import (
    BadRequest,
    Invalid,
    Issue,
    Malformed,
    MethodNotAllowed,
    MultipleMatches,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)
from resources.store import Change, Version, body_parts
from search import own

from . import binary
from .exchange import Request, Response, location, outcome_text
from .links import may_be_conditional, refuse_unresolvable
from .media import is_xml
from .preferences import if_match, if_none_match_any, preferences
from .reading import is_logical_id, present
from .tenancy import Tenant
from .validation.book import Book

# Types whose resources change the definitions of the tenant, and what makes the rows that go with their writes.
REGISTERED: Final = {"SearchParameter": own}
_ALLOWED: Final = {"Allow": "GET, HEAD, DELETE"}


class Match(Struct, frozen=True):
    """A resource that meets a condition."""

    logical_id: str
    version_id: int


class Write(Struct, frozen=True):
    """A write as it is asked for."""

    interaction: str  # create | update | patch | delete
    request: Request
    resource_type: str
    logical_id: str  # of the URL, of the server for a create, "" where a condition decides
    condition: str | None = None  # criteria of a conditional interaction, as a query string
    full_urls: Collection[str] = ()  # of a patch in a Bundle: what its result may not refer to any more
    unresolved: bool = False  # of a patch in a Bundle: it has conditional references, which are to be filled in yet
    book: Book | None = None  # what its resource is judged by, beyond the base rules
    unused: bool = False  # of what else would change the definitions of the tenant: it is stored, but not in force


class Plan(Struct, frozen=True):
    """A write that may be done; nothing has been written yet."""

    changes: tuple[Change, ...]  # one; none where there is nothing to do, several for a conditional delete of several
    warnings: tuple[Issue, ...] = ()  # of its validation
    found: Version | None = None  # what is answered instead of a create: the resource that is there
    rests_on_read: bool = False  # made of a version that was read, and good only as long as that is current
    must_be_new: bool = False  # its condition found nothing, so that its id may not be there

    @property
    def identities(self) -> list[tuple[str, str]]:
        """Type and id of all that it writes."""
        return [(change.resource_type, change.logical_id) for change in self.changes]


class Raced(Exception):
    """Others changed what a plan rests on; nothing was written. The whole of it is done anew."""


def new_logical_id() -> str:
    """A logical id of the server's own: a UUIDv7, so that what is made together lies together. RFC 9562, 5.7"""
    random = int.from_bytes(os.urandom(10), "big")
    number = (
        time.time_ns() // 1_000_000 << 80 | 7 << 76 | (random >> 64 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    )
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def write_of(
    request: Request, interaction: str, logical_id: str = "", identity: tuple[str, str] | None = None
) -> Write:
    """The write that a request asks for. logical_id: of a create where it was assigned before, as a Bundle does for its
    links. identity: the type and id that are written, where the path says more than these.

    Raises NotFound (404), BadRequest (400: an id that is none)."""
    if identity:
        return Write(interaction, request, *identity)
    resource_type, *rest = request.path
    if interaction == "create":
        condition = request.headers.get("if-none-exist")
        if condition is None and request.query and _is_condition(request, resource_type):
            condition = request.query
        return Write(interaction, request, resource_type, logical_id or new_logical_id(), condition)
    if not rest:
        return Write(interaction, request, resource_type, "", request.query)
    [given] = rest
    if not is_logical_id(given):
        if interaction == "update":
            message = f"{given[:100]!r} is not a logical id: 1 to 64 letters, digits, - and ."
            raise BadRequest(message, code="value")
        raise NotFound(f"{resource_type}/{given} does not exist.")
    return Write(interaction, request, resource_type, given)


def _is_condition(request: Request, resource_type: str) -> bool:
    """Whether the query of a create names a search parameter: R4 has no criteria there, and clients that send them all
    the same, as fhirpy does, mean a conditional create. To ignore them would make a second resource in silence."""
    codes = request.tenant.indexer.parameters(resource_type)
    return any(re.split("[:.]", name)[0] in codes for name, _ in parse_qsl(request.query, keep_blank_values=True))


def needs(write: Write, found: Sequence[Match]) -> tuple[str, str] | None:
    """The resource (type, id) whose current version must be read before the write is planned; None for none."""
    logical_id = found[0].logical_id if len(found) == 1 else write.logical_id
    settings = write.request.tenant.settings
    wanted = {
        "create": len(found) == 1,
        "update": not settings["update_create"] or (settings["require_if_match"] and not found),
        "patch": True,
        "delete": False,
    }[write.interaction]
    return (write.resource_type, logical_id) if wanted and logical_id else None


def needs_nothing(write: Write) -> bool:
    """Whether a write can be planned as it is: it has no condition, and nothing must be read for it."""
    return write.condition is None and needs(write, ()) is None


def plan(write: Write, found: Sequence[Match], current: Version | None) -> Plan:
    """The plan of a write. found: what its condition finds; current: the version that it needs.

    Raises BadRequest (400), NotFound (404), Gone (410), MethodNotAllowed (405), MultipleMatches (412),
    PreconditionFailed (412), Unprocessable (422), Unprepared if the write's book has to look something up before."""
    return _PLANS[write.interaction](write, found, current)


def _plan_create(write: Write, found: Sequence[Match], current: Version | None) -> Plan:
    _one_at_most(write, found)
    tree = _resource(write)
    if found:
        if current is None or current.body is None:  # deleted in this moment
            raise Raced
        return Plan((), found=current)
    return _plan(write, "create", write.logical_id, tree)


def _plan_update(write: Write, found: Sequence[Match], current: Version | None) -> Plan:
    _one_at_most(write, found)
    tree = _resource(write)
    match = found[0] if found else None
    given = tree.get("id")
    if write.condition is not None and match is None and if_match(write.request.headers) is not None:
        raise PreconditionFailed(
            f"No {write.resource_type} meets the condition, and so none is at a version of If-Match."
        )
    if write.condition is None:
        _require_id(write, tree, write.logical_id)
    elif match is not None:
        if "id" in tree:
            _require_id(write, tree, match.logical_id)
    elif "id" not in tree:
        return _plan(write, "create", write.logical_id or new_logical_id(), tree)
    logical_id = match.logical_id if match else write.logical_id or str(given)
    if not is_logical_id(logical_id):
        _require_id(write, tree, "")
    expect, rests = _expected(write, match)
    absent = if_none_match_any(write.request.headers)
    if match and absent:
        what = f"{write.resource_type}/{logical_id}"
        raise PreconditionFailed(f"{what} meets the condition already.", code="duplicate")
    if not write.request.tenant.settings["update_create"] and current is None:
        message = f"{write.resource_type}/{logical_id} does not exist, and clients may not choose ids here; use POST."
        raise MethodNotAllowed(message, headers=_ALLOWED)
    if match or (current is not None and current.body is not None):
        _require_match(write)
    must_be_new = write.condition is not None and not match
    return _plan(write, "update", logical_id, tree, expect, absent or must_be_new, rests, must_be_new)


def _plan_patch(write: Write, found: Sequence[Match], current: Version | None) -> Plan:
    binary.refuse_patch(write.resource_type)
    _one_at_most(write, found)
    request = write.request
    if request.resource is not None:
        kind, operations = patch.read_entry(request.resource)
    elif not request.body:
        raise Malformed("The request has no body; a patch was expected.", code="required")
    else:
        kind, operations = patch.read(request.tenant.definitions, request.headers.get("content-type", ""), request.body)
    what = f"{write.resource_type}/{found[0].logical_id}" if found else f"{write.resource_type}/{write.logical_id}"
    if write.condition is not None and not found:
        raise NotFound(f"No {write.resource_type} meets the condition.")
    if found and current and found[0].version_id != current.version_id:  # it may not meet the condition any more
        raise Raced
    version = present(current, what)
    _require_match(write)
    before = exact.decode((version.body or "").encode())
    after = patch.apply(kind, request.tenant.definitions, before, operations)
    return plan_changed(write, version, patch.with_safe_narrative(before, after))


def plan_changed(write: Write, current: Version, tree: dict[str, Any]) -> Plan:
    """The plan of a changed tree of a resource, good as long as the version it was made of is the current one.

    Raises BadRequest (400), PreconditionFailed (412: If-Match), Unprocessable (422), Unprepared as plan does."""
    match = Match(current.logical_id, current.version_id)
    expect, rests = _expected(write, match)
    return _plan(write, "update", current.logical_id, tree, expect or (current.version_id,), False, rests)


def _plan_delete(write: Write, found: Sequence[Match], current: Version | None) -> Plan:
    most = write.request.tenant.settings["conditional_delete_max"]
    if len(found) > most:
        many = "more than one resource" if most == 1 else f"more than {most} resources"
        raise MultipleMatches(f"The condition is met by {many}; nothing was deleted.")
    if write.condition is None:
        _require_match(write)
        return Plan((_deletion(write, write.logical_id, if_match(write.request.headers)),))
    if found:
        _require_match(write)
    expected = [_expected(write, match)[0] for match in found]
    changes = tuple(_deletion(write, one.logical_id, expect) for one, expect in zip(found, expected, strict=True))
    return Plan(changes, rests_on_read=True)


_PLANS: Final = {"create": _plan_create, "update": _plan_update, "patch": _plan_patch, "delete": _plan_delete}


def _deletion(write: Write, logical_id: str, expect: tuple[int, ...] | None) -> Change:
    rows = {}
    if registry := REGISTERED.get(write.resource_type):
        rows["parameter"] = [registry.withdrawn(write.request.tenant.definitions_number, write.request.base)]
    return Change("delete", write.resource_type, logical_id, rows=rows, expect=expect)


def _one_at_most(write: Write, found: Sequence[Match]) -> None:
    if len(found) > 1:
        raise MultipleMatches(f"The condition is met by more than one {write.resource_type}; nothing was written.")


def _expected(write: Write, match: Match | None) -> tuple[tuple[int, ...] | None, bool]:
    """Which versions may be replaced, and whether that rests on what was read. Raises PreconditionFailed (412)."""
    given = if_match(write.request.headers)
    if match is None:
        return given, False
    if given and match.version_id not in given:
        wanted = " or ".join(str(one) for one in given if one) or "what If-Match names"
        what = f"{write.resource_type}/{match.logical_id}"
        raise PreconditionFailed(f"{what} is at version {match.version_id}, not at {wanted}.")
    return (match.version_id,), True


def _require_match(write: Write) -> None:
    """Raises BadRequest (400) where the tenant wants an If-Match and there is none."""
    if write.request.tenant.settings["require_if_match"] and "if-match" not in write.request.headers:
        message = f'A {write.interaction} says which version it means, as in If-Match: W/"3".'
        raise BadRequest(message, code="required")


def _require_id(write: Write, tree: Mapping[str, Any], logical_id: str) -> None:
    """Raises BadRequest (400) where the id of the resource is not the one that is to be written."""
    found = tree.get("id")
    if found == logical_id:
        return
    there = f"is {found[:100]!r}" if isinstance(found, str) else "is no string" if "id" in tree else "is missing"
    said = "the condition finds" if write.condition is not None else "the URL says"
    message = f"The id of the resource {there}; {said} {logical_id!r}."
    if not logical_id:
        message = f"The id of the resource {there}, which is no logical id: 1 to 64 letters, digits, - and ."
    code = "value" if "id" in tree else "required"
    raise BadRequest(message, code=code, expression=[f"{write.resource_type}.id"])


def _resource(write: Write) -> dict[str, Any]:
    """The resource in the body, which must be of the type the URL names."""
    resource_type = write.resource_type
    tree = binary.sent(write.request) if resource_type == "Binary" else write.request.decode()
    found = tree.get("resourceType")
    if found != resource_type:
        given = "resourceType" in tree
        there = f"says {found[:100]!r}" if isinstance(found, str) else "is no string" if given else "is missing"
        code = "value" if given else "required"
        message = f"resourceType {there}; the URL says {resource_type!r}."
        raise Invalid(message, code=code, expression=[resource_type])
    return tree


def _plan(
    write: Write,
    interaction: str,
    logical_id: str,
    tree: dict[str, Any],
    expect: tuple[int, ...] | None = None,
    absent: bool = False,
    rests_on_read: bool = False,
    must_be_new: bool = False,
) -> Plan:
    request, resource_type = write.request, write.resource_type
    tenant: Tenant = request.tenant
    warnings = tenant.validator.check(resource_type, tree)
    if write.book is not None and tenant.policy.judges(resource_type):
        tree, more = tenant.policy.judged(tree, tenant.rules, write.book)
        warnings = (*warnings, *more)
    for number, tag in enumerate(tree.get("meta", {}).get("tag", ())):
        if tag.get("code") == "SUBSETTED":
            message = "A resource that was cut to a part of it cannot be stored; read it whole and send that."
            raise Unprocessable(message, expression=[f"{resource_type}.meta.tag[{number}]"])
    # The text of a JSON resource tells quickly that there is nothing to look for. The entries of a Bundle have no text of
    # their own; the Bundle looks after their references.
    suspect = write.interaction == "patch" or is_xml(request.content_type) or may_be_conditional(request.body)
    if suspect and not write.unresolved:
        refuse_unresolvable(resource_type, tree, write.full_urls)
    indexed = tenant.indexer.index(resource_type, logical_id, tree, request.base)
    head, tail = body_parts(tree, logical_id)
    sort_key, keys, rows = indexed.sort_key, indexed.keys, indexed.rows
    if registry := REGISTERED.get(resource_type):
        number = tenant.definitions_number
        in_force = None if write.unused else registry.row_of(tenant.definitions, number, tree, request.base)
        rows["parameter"] = [in_force or registry.withdrawn(number, request.base)]
    change = Change(interaction, resource_type, logical_id, head, tail, sort_key, keys, rows, expect, absent)
    return Plan((change,), warnings, None, rests_on_read, must_be_new)


def answer(write: Write, plan: Plan, versions: Sequence[Version]) -> Response:
    """The answer to a write that was done, by Prefer: the resource unless something else was asked for."""
    return (_deleted if write.interaction == "delete" else _stored)(write, plan, versions)


def _stored(write: Write, plan: Plan, versions: Sequence[Version]) -> Response:
    preferred = preferences(write.request.headers)
    version = plan.found or versions[0]
    what = f"{version.resource_type}/{version.logical_id}"
    said = f"was {version.outcome}"
    if plan.found:
        said = "meets the condition; it was left as it is"
    elif version.outcome == "unchanged":
        said = f"has this very content already, as version {version.version_id}"
    body = "" if preferred.returns == "minimal" else version.body or ""
    if preferred.wants_outcome:
        body = outcome_text(Issue("information", "informational", f"{what} {said}."), *plan.warnings)
    return Response(
        201 if version.outcome == "created" and not plan.found else 200,
        body,
        version.version_id,
        version.last_updated,
        location(write.request, version),
        preferred.applied("return"),
    )


def _deleted(write: Write, plan: Plan, versions: Sequence[Version]) -> Response:
    preferred = preferences(write.request.headers)
    one = versions[0] if len(versions) == 1 else None
    several = write.condition is not None and write.request.tenant.settings["conditional_delete_max"] > 1
    body = ""
    if preferred.wants_outcome or (several and preferred.returns != "minimal"):
        if several:
            said = f"{len(versions)} resource{'s were' if len(versions) != 1 else ' was'} deleted."
        elif one is None:
            said = f"No {write.resource_type} meets the condition; nothing was deleted."
        else:
            state = "did not exist any more" if one.outcome == "unchanged" else "was deleted"
            said = f"{one.resource_type}/{one.logical_id} {state}."
        body = outcome_text(Issue("information", "informational", said))
    status = 200 if body else 204
    if one is None or not one.version_id:
        return Response(status, body, headers=preferred.applied("return"))
    return Response(status, body, one.version_id, one.last_updated, headers=preferred.applied("return"))
